"""The staff pages of terminals: the list, one terminal and its buttons, what it serves, the forms, and who may what."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backoffice.delivery.models import Errand, Message, Pull
from backoffice.partners.models import Party
from backoffice.payments.actions.terminals import assigning, looking, providing
from backoffice.payments.models import Activation, Terminal
from backoffice.roaming_site import site
from tests import factories
from tests.doors.asking import Asking
from tests.doors.queries import Counted
from tests.factories import Partner, member

LIST = "/admin/payments/terminal/"
NEW = f"{LIST}new/"
DOOR = "2.3.0/receiver/payments/terminals"


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("anna", password="x"))
    return client


def page(client: Client, path: str = LIST, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content[:500]
    return answer.content.decode()


def of(row: Terminal, deed: str = "change") -> str:
    return reverse(f"admin:payments_terminal_{deed}", args=[row.pk])


def deed(client: Client, row: Terminal, name: str, **given: Any) -> str:
    """Press a button; what the page then says."""
    answer = client.post(of(row, name), given, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def one(paying: Asking) -> Terminal:
    """SN-1 of AT-PAY, at DE-RDK, which serves nothing yet."""
    body = {"terminal_id": "T-1", "reference": "SN-1", "city": "Graz", "invoice_creator": "CPO"}
    assert paying.ask("POST", DOOR, body).says == (201, 1000)
    return Terminal.objects.get()


def assign(row: Terminal, *locations: str, evses: tuple[str, ...] = ()) -> Terminal:
    assigning.assign(row, location_ids=locations, evse_uids=evses, by="anna", now=site.now())
    return Terminal.objects.get(pk=row.pk)


def priced(location: str, *tariffs: str) -> None:
    tree = factories.small_location(location, "DE-RDK", at="2026-04-01T08:00:00Z")
    tree["evses"][0]["connectors"][0]["tariff_ids"] = list(tariffs)
    factories.own_location(tree)


def test_an_empty_list_says_what_belongs_there(staff: Client) -> None:
    text = page(staff)
    assert "Payment terminals at charge points" in text
    assert NEW in text
    assert "Nobody can be asked" in page(staff, NEW)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", True),
        ("?state=ACTIVE", True),
        ("?state=INACTIVE", False),
        ("?whose=ours", False),
        ("?whose=providers", True),
        ("?work=nothing", False),
        ("?work=differs", False),
        ("?work=nobody", False),
        ("?q=sn-1", True),
        ("?q=t-1", True),
        ("?q=graz", True),
        ("?q=LOC1", True),
        ("?q=LOC2", False),
        ("?state=NONSENSE&provider=x&cpo=²", True),
    ],
)
def test_filters_and_search(staff: Client, one: Terminal, query: str, found: bool) -> None:
    assign(one, "LOC1")
    assert (of(one) in page(staff, LIST + query)) is found


def test_what_is_wrong_is_told_in_the_list_and_on_the_page(staff: Client, one: Terminal, paying: Asking) -> None:
    assert "no EVSE" in page(staff)
    row = assign(one, "LOC1")
    assert "no ad-hoc tariff" in page(staff)
    assert "has no price to show for E1" in page(staff, of(row))
    factories.own_tariff(factories.small_tariff("PLAIN", "DE-RDK", type="AD_HOC_PAYMENT"))
    priced("LOC1", "PLAIN")
    assert "no preauthorization" in page(staff)
    factories.own_tariff(factories.small_tariff("GOOD", "DE-RDK", preauthorize_amount=50))
    factories.own_tariff(factories.small_tariff("REGULAR", "DE-RDK", type="REGULAR", preauthorize_amount=50))
    priced("LOC1", "REGULAR")
    assert "no ad-hoc tariff" in page(staff)
    priced("LOC1", "REGULAR", "GOOD")
    text = page(staff)
    for fault in ("no EVSE", "no ad-hoc tariff", "no preauthorization", "served twice"):
        assert fault not in text, fault
    paying.ask("POST", DOOR, b'{"terminal_id": "T-2", "reference": "SN-2"}')
    assign(Terminal.objects.get(object_id="T-2"), evses=("E1",))
    assert page(staff).count("served twice") == 2
    assert "is served by SN-2, too" in page(staff, of(row))


@pytest.mark.rule("T-477")
def test_locations_and_evses_count_together(staff: Client, one: Terminal) -> None:
    """E1 is at both locations; the second has E2, too."""
    tree = factories.small_location("LOC2", "DE-RDK", at="2026-04-01T08:00:00Z")
    tree["evses"].append(tree["evses"][0] | {"uid": "E2", "evse_id": "DE*RDK*E2"})
    factories.own_location(tree)
    for places, evses, served in (
        (["LOC1"], [], {"LOC1 E1"}),
        ([], ["e2"], {"LOC2 E2"}),
        (["loc1"], ["E2"], {"LOC1 E1", "LOC2 E2"}),
        (["LOC2"], ["E2"], {"LOC2 E1", "LOC2 E2"}),
        ([], ["E1"], {"LOC1 E1", "LOC2 E1"}),
    ):
        row = assign(one, *places, evses=tuple(evses))
        seen = looking.terminals([row], now=site.now())[row.pk]
        assert {f"{evse.location.object_id} {evse.uid}" for evse in seen.evses} == served


def test_what_it_serves_is_chosen_and_saved_at_once(staff: Client, one: Terminal) -> None:
    where = of(one, "serves")
    assert "It would serve 0 EVSEs." in page(staff, where)
    found = staff.post(where, {"q": "loc2", "look": "1"}).content.decode()
    assert 'value="L:LOC2"' in found and 'value="L:LOC1"' not in found
    chosen = staff.post(where, {"add": ["L:LOC1"]}).content.decode()
    assert 'name="location" value="LOC1"' in chosen and "It would serve 1 EVSE." in chosen
    assert not Errand.objects.exists() and not Terminal.objects.get().location_ids, "nothing is kept before it is saved"
    chosen = staff.post(where, {"location": ["LOC1"], "add": ["L:loc1", "E:E1"], "remove": ["L:LOC1"]}).content.decode()
    assert 'name="location"' not in chosen and 'name="evse" value="E1"' in chosen
    wrong = staff.post(where, {"location": ["LOC1", "GONE"], "save": "1"})
    assert wrong.status_code == 422 and "has no GONE" in wrong.content.decode()
    assert staff.post(where, {"location": ["LOC1"], "evse": ["E1"], "save": "1"})["Location"] == of(one)
    row = Terminal.objects.get()
    assert (row.location_ids, row.evse_uids) == (["LOC1"], ["E1"])
    assert Errand.objects.get().method == "PATCH"
    assert "Saved; the provider is being told." in page(staff, of(one))


def test_the_buttons_of_a_providers_terminal(staff: Client, one: Terminal, paying: Asking) -> None:
    assign(one, "LOC1")
    Errand.objects.all().delete()
    Terminal.objects.update(push_key="")
    later = b'{"terminal_id": "T-1", "location_ids": ["LOC2"], "last_updated": "2999-01-01T00:00:00Z"}'
    paying.ask("POST", DOOR, later)
    assert "The provider says something else" in page(staff, of(one))
    assert "What the provider says holds now." in deed(staff, one, "take")
    assert Terminal.objects.get().location_ids == ["LOC2"]
    assert "the provider says nothing else." in deed(staff, one, "take")
    assert "on its way to the provider" in deed(staff, one, "push")
    assert "a push is on its way" in deed(staff, one, "push")
    assert "being fetched" in deed(staff, one, "pull")
    assert Pull.objects.get().module == "terminals"
    Terminal.objects.update(push_key="")
    assert "Say why" in deed(staff, one, "deactivate", reason=" ")
    assert "being taken out of use" in deed(staff, one, "deactivate", reason="broken")
    assert Terminal.objects.get().state == "ENDING"


def test_a_terminal_of_nobody_is_placed(staff: Client, one: Terminal) -> None:
    other = factories.own_party("DE-OTH", "CPO")
    Terminal.objects.update(customer=None)
    assert "At whose charge points does it stand?" in page(staff, of(one))
    assert "Whose places?" in page(staff, of(one, "serves"))
    assert "Choose a CPO." in deed(staff, one, "place", party="x")
    deed(staff, one, "place", party=str(other.pk))
    assert Terminal.objects.get().customer == other


def test_staff_ask_a_provider_for_a_terminal(staff: Client, provider: Partner, us: Party) -> None:
    given = {"provider": str(provider.party.pk), "cpo": str(us.pk), "kind": "ask"}
    assert staff.post(NEW, given).status_code == 422
    answer = staff.post(NEW, given | {"reference": "SN-9", "locations": "LOC1, LOC2", "latitude": "47.070714"})
    assert answer.status_code == 422, "half a coordinate is none"
    assert 'value="SN-9"' in answer.content.decode()
    staff.post(NEW, given | {"reference": "SN-9", "locations": "LOC1, LOC2"})
    asked = Activation.objects.get()
    assert (asked.asked_by, asked.tree()["location_ids"]) == ("anna", ["LOC1", "LOC2"])
    text = page(staff)
    assert "SN-9" in text and "being asked for" in text


def test_staff_make_a_terminal_of_ours(staff: Client, ptp: Party, cpo: Partner) -> None:
    given = {"provider": str(ptp.pk), "kind": "make", "reference": "RP-1", "city": "Lund"}
    staff.post(NEW, given)
    row = Terminal.objects.get()
    assert (row.state, row.customer, Message.objects.exists()) == ("NEW", None, False)
    assert staff.post(NEW, given).status_code == 422, "the reference is taken"
    deed(staff, row, "place", party=str(cpo.party.pk))
    assert Message.objects.get().receiver == cpo.party
    assert "It is on its way to the CPO" in deed(staff, row, "tell")
    assert page(staff, of(row, "serves"), 200)
    assert "the CPO says this" in staff.post(of(row, "serves"), {"save": "1", "location": ["L1"]}).content.decode()
    edited = {
        "reference": "RP-2",
        "city": "",
        "invoice_creator": "PTP",
        "latitude": "55.704660",
        "longitude": "13.191007",
    }
    assert staff.post(of(row, "edit"), edited).status_code == 302
    row.refresh_from_db()
    assert (row.reference, row.city, row.invoice_creator, str(row.latitude)) == ("RP-2", "", "PTP", "55.704660")
    deed(staff, row, "deactivate", reason="sold")
    row.refresh_from_db()
    assert row.state == "INACTIVE"
    page(staff, of(row, "edit"), 404)
    assert "It is in use again." in deed(staff, row, "reactivate")


def test_a_companys_own_terminals_at_its_own_places(staff: Client, ptp: Party, us: Party) -> None:
    """Provider and CPO in one house: what it serves is said here, and nobody need be told."""
    row = providing.create(party=ptp, customer=us, fields={"reference": "RP-1"}, by="anna", now=site.now())
    assert staff.post(of(row, "serves"), {"location": ["LOC1"], "save": "1"}).status_code == 302
    row.refresh_from_db()
    assert (row.location_ids, Errand.objects.exists()) == (["LOC1"], False)


def test_staff_change_data_of_a_providers_terminal(staff: Client, one: Terminal) -> None:
    assert staff.post(of(one, "edit"), {"invoice_base_url": "no address", "city": "Graz"}).status_code == 422
    staff.post(
        of(one, "edit"), {"invoice_base_url": "https://rdk.example/i/", "city": "Graz", "invoice_creator": "CPO"}
    )
    row = Terminal.objects.get()
    assert (row.invoice_base_url, row.reference) == ("https://rdk.example/i/", "SN-1")
    assert Errand.objects.get().method == "PUT"


def test_who_may_what(one: Terminal, us: Party) -> None:
    for group, sees, steers in (("Operations", 200, 302), ("Finance", 200, 403), ("Tariffs", 403, 403)):
        client = member(group)
        assert client.get(LIST).status_code == sees
        assert client.get(of(one)).status_code == sees
        assert client.post(of(one, "push")).status_code == steers
        assert client.get(of(one, "serves")).status_code == (200 if steers == 302 else 403)
        assert (of(one, "serves") in client.get(of(one)).content.decode()) is (steers == 302)
    elsewhere = member("Roaming", factories.own_party("DE-OTH", "CPO"))
    assert of(one) not in page(elsewhere)
    for name in ("change", "serves", "edit"):
        page(elsewhere, of(one, name), 404)
    assert elsewhere.post(of(one, "push")).status_code == 404
    assert of(one) in page(member("Support", us))


def test_the_list_asks_as_often_for_one_as_for_many(staff: Client, paying: Asking, one: Terminal) -> None:
    numbers = []
    for number in (1, 25):
        for each in range(number):
            paying.ask("POST", DOOR, {"terminal_id": f"N{number}-{each}"})
            assign(Terminal.objects.get(object_id=f"N{number}-{each}"), "LOC1", evses=("E1",))
        for path in (LIST, of(one), of(one, "serves")):
            page(staff, path)
            with Counted() as counted:
                page(staff, path)
            numbers.append(counted.number)
    assert numbers[:3] == numbers[3:]
    assert max(numbers) <= 25
