"""The tariff editor as a browser without scripts uses it: what is posted is kept, rearranged, priced; nothing else moves."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.tariffs.actions import drafting
from backoffice.tariffs.models import Draft, SavedExample, Tariff
from backoffice.tariffs.rules.templates import TEMPLATES, Place
from ocpi.wire import json as wire_json
from tests.tariffs.page import Page, text

pytestmark = pytest.mark.django_db

DRAFTS = "/admin/tariffs/draft/"


def begun(party: Party, key: str = "time_of_use", **changes: Any) -> Draft:
    tree = {"id": "T-1"} | TEMPLATES[key].tree(Place(party.country_code)) | changes
    return drafting.begin_draft(party, tree, by=None, now=site.now())


def page(client: Client, draft: Draft, query: str = "") -> Page:
    answer = client.get(f"{DRAFTS}{draft.pk}/change/{query}")
    assert answer.status_code == 200
    return Page(answer.content.decode())


def post(client: Client, draft: Draft, fields: dict[str, Any], where: str = "change") -> Any:
    return client.post(f"{DRAFTS}{draft.pk}/{where}/", fields)


def live(client: Client, draft: Draft, **changes: Any) -> str:
    answer = post(client, draft, page(client, draft).fields | changes, "live")
    assert answer.status_code == 200
    return str(answer.content.decode())


def stored(draft: Draft) -> dict[str, Any]:
    return Draft.objects.get(pk=draft.pk).tree()


# --- beginning --------------------------------------------------------------------------------------------------------


def test_a_tariff_from_a_template_is_published_in_four_clicks(ours: Party, manager: Client) -> None:
    """New tariff, Begin with this, Save and publish, Publish now."""
    begin = manager.get(f"{DRAFTS}add/")
    assert begin.status_code == 200
    told = text(begin.content.decode())
    for template in TEMPLATES.values():
        assert template.name in told
    assert "EUR 0.49 per kWh, 19% VAT included" in told
    answer = manager.post(f"{DRAFTS}add/", {"party": ours.pk, "template": "kwh"})
    assert answer.status_code == 302
    draft = Draft.objects.get()
    assert answer.url == f"{DRAFTS}{draft.pk}/change/"
    answer = post(manager, draft, page(manager, draft).fields | {"_publish": "1"})
    assert answer.url == f"{DRAFTS}{draft.pk}/publish/"
    assert "Nothing differs" not in manager.get(answer.url).content.decode()
    assert manager.post(answer.url).status_code == 302
    tariff = Tariff.objects.get()
    assert (tariff.object_id, tariff.currency, tariff.party) == ("KWH-1", "EUR", ours)
    texts = {each["language"]: each["text"] for each in tariff.tree()["tariff_alt_text"]}
    assert texts["nl"] == "EUR 0,49 per kWh, inclusief 19% btw"
    assert not Draft.objects.exists()


def test_the_second_of_a_template_gets_another_id(ours: Party, manager: Client) -> None:
    for _ in range(2):
        manager.post(f"{DRAFTS}add/", {"party": ours.pk, "template": "flat"})
    assert sorted(Draft.objects.values_list("object_id", flat=True)) == ["FLAT-1", "FLAT-2"]


def test_taxes_of_the_place_come_with_their_template_and_stay_with_the_owner(ours: Party, manager: Client) -> None:
    answer = manager.post(f"{DRAFTS}add/", {"party": ours.pk, "template": "taxes_on_top"})
    draft = Draft.objects.get()
    opened = manager.get(answer.url).content.decode()
    assert "Of which QST 9.975 %" in text(opened)
    post(manager, draft, Page(opened).fields | {"_recalculate": "1"})
    assert page(manager, draft).fields["p.taxes"] == ["GST 5, QST 9.975"]


def test_a_copy_has_its_own_id_and_no_texts_of_another_price(ours: Party, manager: Client) -> None:
    source = drafting.publish_draft(
        begun(ours, start_date_time="2026-01-01T00:00:00Z", x="kept"), by=None, now=site.now()
    )
    assert manager.post(f"{DRAFTS}add/", {"party": ours.pk, "copy": source.pk}).status_code == 302
    tree = Draft.objects.get().tree()
    assert (tree["id"], tree["x"]) == ("T-2", "kept")
    assert not {"tariff_alt_text", "start_date_time", "last_updated"} & tree.keys()
    assert tree["elements"] == source.tree()["elements"]


@pytest.mark.parametrize(
    ("how", "purpose"),
    [("correct", "correction of T-1"), ("follow", "future price after T-1"), ("copy", "New tariff T-2")],
)
def test_from_a_published_tariff(how: str, purpose: str, ours: Party, manager: Client) -> None:
    source = drafting.publish_draft(begun(ours), by=None, now=site.now())
    answer = manager.post(f"{DRAFTS}from/{source.pk}/", {"how": how})
    assert answer.status_code == 302
    opened = text(manager.get(answer.url).content.decode())
    assert purpose in opened
    draft = Draft.objects.get()
    assert (draft.tariff, draft.replaces) == {
        "correct": (source, None),
        "follow": (None, source),
        "copy": (None, None),
    }[how]
    assert ("id" in page(manager, draft).fields) is (how != "correct")


# --- saving -----------------------------------------------------------------------------------------------------------


def test_saving_the_form_unchanged_changes_nothing(ours: Party, manager: Client) -> None:
    """Unknown fields at every level included, and times that are shown in another zone."""
    draft = begun(
        ours,
        "reservation",
        start_date_time="2026-03-29T00:30:15Z",
        end_date_time="2027-01-01T00:00:00.000Z",
        min_price={"before_taxes": Decimal("0.50"), "x": 1},
        tariff_alt_text=[{"language": "en", "text": "Ours", "x": [1]}, {"language": "se", "text": "Vår"}],
        energy_mix={"is_green_energy": True, "energy_sources": [{"source": "WIND", "percentage": 100, "x": 2}]},
        x_vendor={"a": [1, {"b": None}]},
    )
    tree = draft.tree()
    tree["elements"][0]["x"] = "e"
    tree["elements"][1]["price_components"][0]["x"] = "p"
    tree["elements"][1]["restrictions"]["x"] = "r"
    draft = drafting.save_draft(draft, tree, lock=1, by=None, now=site.now())
    before = stored(draft)
    answer = post(manager, draft, page(manager, draft).fields | {"_save": "1"})
    assert answer.status_code == 302
    assert wire_json.encode(stored(draft)) == wire_json.encode(before)
    assert not LogEntry.objects.exists()


def test_typing_changes_that_leaf_and_is_noted(ours: Party, manager: Client) -> None:
    draft = begun(ours)
    before = draft.tree()
    fields = page(manager, draft).fields
    fields |= {
        "elements.2.price_components.0.price": "0,64",
        "start_date_time": "2026-12-01T00:00",
        "max_price.before_taxes": "30",
        "alt.de": "Nachts billiger",
        "elements.2.restrictions.day_of_week": ["FRIDAY"],
    }
    assert post(manager, draft, fields | {"_save": "1"}).status_code == 302
    tree = stored(draft)
    assert tree["elements"][2]["price_components"][0] == before["elements"][2]["price_components"][0] | {
        "price": Decimal("0.64")
    }
    assert tree["elements"][2]["restrictions"] == {"day_of_week": ["FRIDAY"]}
    assert tree["start_date_time"] == "2026-11-30T23:00:00Z"  # midnight in Berlin
    assert tree["max_price"] == {"before_taxes": 30}
    assert tree["tariff_alt_text"] == [{"language": "de", "text": "Nachts billiger"}]
    assert tree["elements"][:2] == before["elements"][:2]
    assert "0.54 -> 0.64" in LogEntry.objects.get().get_change_message()


def test_emptied_restrictions_and_limits_are_left_out(ours: Party, manager: Client) -> None:
    draft = begun(ours, "capped")
    fields = page(manager, draft).fields
    fields |= {"max_price.before_taxes": "", "max_price.after_taxes": ""}
    post(manager, draft, fields | {"_save": "1"})
    assert "max_price" not in stored(draft)
    draft = begun(ours, "time_of_use", id="T-9")
    fields = page(manager, draft).fields
    fields |= {"elements.0.restrictions.start_time": "", "elements.0.restrictions.end_time": ""}
    post(manager, draft, fields | {"_save": "1"})
    assert "restrictions" not in stored(draft)["elements"][0]


def test_what_cannot_be_priced_is_kept_with_the_reason(ours: Party, manager: Client) -> None:
    draft = begun(ours)
    fields = page(manager, draft).fields | {"elements.0.price_components.0.price": "a lot"}
    assert post(manager, draft, fields | {"_save": "1"}).status_code == 302
    draft.refresh_from_db()
    assert draft.tree()["elements"][0]["price_components"][0]["price"] == "a lot"
    assert "price" in draft.problem
    shown = page(manager, draft)
    assert shown.fields["elements.0.price_components.0.price"] == ["a lot"]
    assert "Expected a number" in shown.ids["at-f-elements-0-price_components-0-price"]
    answer = manager.post(f"{DRAFTS}{draft.pk}/publish/")
    assert answer.status_code == 422
    assert "Element 1, price 1, price" in text(answer.content.decode())
    assert not Tariff.objects.exists()


def test_somebody_else_saved_in_between(ours: Party, manager: Client) -> None:
    draft = begun(ours)
    fields = page(manager, draft).fields
    drafting.save_draft(draft, draft.tree() | {"currency": "SEK"}, lock=1, by=None, now=site.now())
    answer = post(manager, draft, fields | {"currency": "NOK", "_save": "1"})
    assert answer.status_code == 409
    assert "saved this draft in the meantime" in answer.content.decode()
    assert Page(answer.content.decode()).fields["currency"] == ["NOK"]  # what was typed is not lost
    assert stored(draft)["currency"] == "SEK"


def test_a_draft_is_thrown_away(ours: Party, manager: Client) -> None:
    draft = begun(ours)
    assert manager.get(f"{DRAFTS}{draft.pk}/discard/").status_code == 405
    assert manager.post(f"{DRAFTS}{draft.pk}/discard/").status_code == 302
    assert not Draft.objects.exists()


# --- rearranging ------------------------------------------------------------------------------------------------------


def ids_of(shown: Page) -> list[str]:
    """The prices in order, by which the elements of the template are told apart."""
    return [
        shown.fields[f"elements.{n}.price_components.0.price"][0]
        for n in range(20)
        if f"elements.{n}.price_components.0.price" in shown.fields
    ]


@pytest.mark.parametrize(
    ("button", "order", "focused"),
    [
        (("_up", "elements.2"), ["0.39", "0.54", "0.44"], 1),
        (("_down", "elements.0"), ["0.44", "0.39", "0.54"], 1),
        (("_up", "elements.0"), ["0.39", "0.44", "0.54"], 0),
        (("_move", "elements.0:2"), ["0.44", "0.54", "0.39"], 2),
        (("_copy", "elements.1"), ["0.39", "0.44", "0.44", "0.54"], 2),
        (("_remove", "elements.0"), ["0.44", "0.54"], None),
        (("_add", "elements"), ["0.39", "0.44", "0.54", "0"], 3),
        (("_move", "elements.0:9"), ["0.39", "0.44", "0.54"], None),
        (("_up", "elements.99"), ["0.39", "0.44", "0.54"], None),
        (("_up", "nonsense"), ["0.39", "0.44", "0.54"], None),
    ],
)
def test_buttons_rearrange_the_cards_and_store_nothing(
    button: tuple[str, str], order: list[str], focused: int | None, ours: Party, manager: Client
) -> None:
    draft = begun(ours)
    before = stored(draft)
    answer = post(manager, draft, page(manager, draft).fields | dict([button]))
    assert answer.status_code == 200
    shown = Page(answer.content.decode())
    assert ids_of(shown) == order
    cards = [number for number in range(len(order)) if "autofocus" in shown.attributes[f"f-elements-{number}"]]
    assert cards == ([] if focused is None else [focused])
    assert stored(draft) == before
    post(manager, draft, shown.fields | {"_save": "1"})
    assert [str(each["price_components"][0]["price"]) for each in stored(draft)["elements"]] == order


def test_a_new_price_is_of_the_next_dimension_with_the_same_vat(ours: Party, manager: Client) -> None:
    draft = begun(ours)
    answer = post(manager, draft, page(manager, draft).fields | {"_add": "elements.1.price_components"})
    shown = Page(answer.content.decode())
    below = "elements.1.price_components.1."
    assert [shown.fields[below + name][0] for name in ("type", "price", "vat", "step_size")] == ["TIME", "0", "19", "1"]
    answer = post(manager, draft, shown.fields | {"_remove": "elements.1.price_components.0"})
    shown = Page(answer.content.decode())
    assert shown.fields["elements.1.price_components.0.type"] == ["TIME"]


def test_unknown_fields_move_with_their_element(ours: Party, manager: Client) -> None:
    draft = begun(ours)
    tree = draft.tree()
    tree["elements"][2]["x"] = "third"
    draft = drafting.save_draft(draft, tree, lock=1, by=None, now=site.now())
    answer = post(manager, draft, page(manager, draft).fields | {"_move": "elements.2:0"})
    answer = post(manager, draft, Page(answer.content.decode()).fields | {"_remove": "elements.1"})
    post(manager, draft, Page(answer.content.decode()).fields | {"_save": "1"})
    assert [each.get("x") for each in stored(draft)["elements"]] == ["third", None]


# --- what it comes to -------------------------------------------------------------------------------------------------


def test_the_live_parts_tell_sentence_examples_chart_week_and_findings(ours: Party, manager: Client) -> None:
    draft = begun(ours, "kwh")
    markup = live(manager, draft, **{"elements.0.price_components.0.price": "0.60"})
    told = text(markup)
    assert "EUR 0.60 per kWh, 19% VAT included" in told
    assert "EUR 0,60 pro kWh, inkl. 19 % MwSt." in told
    assert "30 kWh DC in 20 min EUR 18.00" in told
    assert "30 kWh × 0.6 EUR/kWh" in told
    assert "DC 150 kW: 53.5 kWh in 0:40 h cost EUR 32.10 with taxes" in told
    assert "the same all week (element 1, 0.6 EUR per kWh)" in told
    assert "Nothing to remark" in told
    assert stored(draft) == draft.tree()  # nothing was saved
    unreachable = live(
        manager,
        draft,
        **{
            "elements.0.price_components.0.vat": "",
            "elements.0.restrictions.start_time": "08:00",
            "elements.0.restrictions.end_time": "18:00",
            "elements.0.restrictions.min_duration": "5400",
        },
    )
    shown = Page(unreachable)
    assert "No vat is given" in shown.ids["at-f-elements-0-price_components-0-vat"]
    assert "In some situations no element prices ENERGY" in shown.ids["at-f-elements"]
    assert "08:00 to 18:00; from 1 h 30 min of charging on" in text(unreachable)


def test_findings_do_not_stand_in_the_way_of_publication(ours: Party, manager: Client) -> None:
    draft = begun(ours, min_price={"before_taxes": 50}, max_price={"before_taxes": 40})
    shown = page(manager, draft)
    assert "every session costs the maximum" in shown.ids["at-f-min_price-before_taxes"]
    assert "published all the same" in shown.ids["findings"]
    assert manager.post(f"{DRAFTS}{draft.pk}/publish/").status_code == 302


@pytest.mark.parametrize("key", TEMPLATES)
def test_every_template_can_be_looked_at_in_every_way(key: str, ours: Party, manager: Client) -> None:
    draft = begun(ours, key)
    other = drafting.publish_draft(
        begun(ours, "idle", id="OTHER", currency=draft.tree()["currency"]), by=None, now=site.now()
    )
    for curve in ("ac11", "ac22", "dc50", "dc150", "dc300"):
        for axis in ("time", "energy"):
            shown = {"p.curve": curve, "p.axis": axis, "p.idle": "120", "p.with": str(other.pk), "p.zone": "UTC"}
            markup = live(manager, draft, **shown)
            assert "rt-other" in markup
            assert "by OTHER" in text(markup)
            assert re.search(r'points="[0-9., -]+"', markup)


def test_a_tariff_in_another_currency_is_not_compared(ours: Party, manager: Client) -> None:
    other = drafting.publish_draft(begun(ours, "idle", id="OTHER", currency="SEK"), by=None, now=site.now())
    told = text(live(manager, begun(ours), **{"p.with": str(other.pk)}))
    assert "OTHER is in SEK: amounts in different currencies are not compared." in told


def test_the_choice_of_the_reader_is_remembered(ours: Party, manager: Client) -> None:
    draft = begun(ours)
    live(manager, draft, **{"p.curve": "ac22", "p.lang": "fr"})
    shown = page(manager, begun(ours, id="T-2"))
    assert (shown.fields["p.curve"], shown.fields["p.lang"]) == (["ac22"], ["fr"])


def test_own_examples_are_kept_for_the_owner(ours: Party, manager: Client) -> None:
    draft = begun(ours, "kwh")
    fields = page(manager, draft).fields | {"e.kwh": "7", "e.minutes": "20", "e.name": "School run", "_keep": "1"}
    answer = post(manager, draft, fields)
    assert "School run EUR 3.43" in text(answer.content.decode())
    assert "School run EUR 3.43" in text(live(manager, begun(ours, "kwh", id="T-2")))
    answer = post(manager, draft, page(manager, draft).fields | {"e.kwh": "7", "_keep": "1"})
    assert "An example needs some time" in answer.content.decode()
    kept = SavedExample.objects.get()
    post(manager, draft, page(manager, draft).fields | {"_forget": str(kept.pk)})
    assert not SavedExample.objects.exists()


def test_what_connectors_offer_is_part_of_the_findings(ours: Party, manager: Client) -> None:
    from tests import factories

    location = factories.location(country_code=ours.country_code, party_id=ours.party_id)
    location["evses"][0]["connectors"][0]["tariff_ids"] = ["T-1"]
    location["evses"][0]["capabilities"] = ["CREDIT_CARD_PAYABLE"]
    factories.own_location(location)
    drafting.publish_draft(begun(ours, "kwh"), by=None, now=site.now())
    draft = drafting.draft_of(Tariff.objects.get(), by=None, now=site.now())
    assert "ad_hoc_twin_missing" in page(manager, draft).ids["at-f-type"]
    told = live(manager, draft, type="AD_HOC_PAYMENT")
    assert "preauthorize_amount_missing" in Page(told).ids["at-f-preauthorize_amount"]
    assert "ad_hoc_twin_missing" not in told
