"""The staff pages of commands: the list, one command, the form that looks before it sends, the reservations, and who may what."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backoffice.commands.models import Command, Reservation
from backoffice.locations.models import Evse
from backoffice.partners.models import Party
from backoffice.tokens.models import Token
from tests import factories
from tests.commands import cast
from tests.doors.asking import Asking
from tests.factories import Partner, member

LIST = "/admin/commands/command/"
NEW = "/admin/commands/command/new/"
RESERVATIONS = "/admin/commands/reservation/"


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("anna", password="x"))
    return client


@pytest.fixture
def card(us: Party) -> Token:
    return factories.own_token(
        factories.small_token("04A1B2C3D4", "DE-RDK", contract_id="DE-RDK-C00001", visual_number="DF000-001")
    )


def page(client: Client, path: str = LIST, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content[:500]
    return answer.content.decode()


def of(row: Command | Reservation, deed: str = "change") -> str:
    return reverse(f"admin:commands_{type(row).__name__.lower()}_{deed}", args=[row.pk])


def test_empty_lists_say_what_belongs_there(staff: Client) -> None:
    assert "The operator answers at once whether it passes the request on" in page(staff)
    assert "An EVSE can be reserved when it has the capability RESERVABLE" in page(staff, RESERVATIONS)


def test_what_a_partner_asked_for_has_both_answers_on_one_page(
    staff: Client, asking: Asking, partner: Partner, evse: Evse
) -> None:
    cast.post(asking, "START_SESSION", cast.start(partner))
    row = Command.objects.get()
    waiting = page(staff, of(row))
    assert "It has not said yet what it did" in waiting and "data-refresh" in waiting
    cast.obey(evse, "EVSE_OCCUPIED", "A car stands there.")
    told = page(staff, of(row))
    assert "data-refresh" not in told
    for words in ("The charge point is occupied.", "A car stands there.", "to be delivered", "asked us", "REF-7"):
        assert words in told, words
    listed = page(staff)
    assert "Start a charge" in listed and "EVSE occupied" in listed and "DE*RDK*E1" in listed


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?kind=START_SESSION", True),
        ("?kind=STOP_SESSION", False),
        ("?state=open", True),
        ("?state=SUCCEEDED", False),
        ("?direction=IN", True),
        ("?direction=OUT", False),
        ("?response=ACCEPTED", True),
        ("?result=TIMEOUT", False),
        ("?since=1h", True),
        ("?q=de*rdk*e1", True),
        ("?q=nobody", False),
        ("?state=NONSENSE&partner=x", True),
    ],
)
def test_filters_and_search(
    staff: Client, asking: Asking, partner: Partner, evse: Evse, query: str, found: bool
) -> None:
    cast.post(asking, "START_SESSION", cast.start(partner))
    assert (of(Command.objects.get()) in page(staff, LIST + query)) is found


def test_the_form_tells_what_is_missing_and_offers_what_could_be_meant(staff: Client, card: Token, evse: Evse) -> None:
    factories.own_token(factories.small_token("04FFFFFFFF", "DE-RDK", contract_id="DE-RDK-C00002"))
    text = page(staff, f"{NEW}?kind=START_SESSION&token=DE-RDK-C&evse=DE*RDK*E9&look=1")
    assert "could be several: choose one" in text and "DE-RDK-C00001" in text and "DE-RDK-C00002" in text
    assert "04A1B2C3D4" not in text, "whole uids are not shown to choose from"
    assert "There is no such thing as" in text
    assert "Would it work?" not in text


def test_the_form_says_why_it_would_fail_and_does_not_send(staff: Client, card: Token, us: Party) -> None:
    point = cast.point(2, capabilities=())
    given = {"kind": "START_SESSION", "token": "DF000-001", "evse": "DE*RDK*E2"}
    text = page(staff, f"{NEW}?kind=START_SESSION&token=DF000-001&evse={point.evse_id}&look=1")
    assert "cannot be started and stopped from afar" in text or "tells no capabilities" in text
    answer = staff.post(NEW, given | {"send": "1"})
    assert answer.status_code == 422 or Command.objects.filter(state="REFUSED").exists()
    assert not Command.objects.filter(state="EXECUTING").exists()


def test_staff_start_a_charge_at_a_charge_point_of_ours(staff: Client, card: Token, evse: Evse) -> None:
    given = {"kind": "START_SESSION", "token": "DF000-001", "evse": "de*rdk*e1"}
    looked = staff.post(NEW, given | {"look": "1"}).content.decode()
    assert "Nothing speaks against it." in looked and "What would be sent" in looked
    assert not Command.objects.exists(), "looking sends nothing"
    answer = staff.post(NEW, given | {"send": "1"})
    row = Command.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, of(row))
    assert (row.direction, row.kind, row.state, row.asked_by) == ("OWN", "START_SESSION", "EXECUTING", "anna")
    cast.obey(evse)
    assert "The charge point did it." in page(staff, of(row))


def test_staff_stop_a_charge_from_its_page(staff: Client, card: Token, evse: Evse) -> None:
    staff.post(NEW, {"kind": "START_SESSION", "token": card.contract_id, "evse": evse.evse_id, "send": "1"})
    asked = cast.obey(evse)
    session = cast.plug_in(evse, asked.authorization_id)  # type: ignore[union-attr]  # it was a Start
    way = f"{NEW}?kind=STOP_SESSION&amp;session=%23{session.pk}&amp;look=1"
    assert way in page(staff, f"/admin/charging_sessions/session/{session.pk}/change/")
    assert session.object_id in page(staff, way.replace("&amp;", "&"))
    staff.post(NEW, {"kind": "STOP_SESSION", "session": f"#{session.pk}", "send": "1"})
    row = Command.objects.get(kind="STOP_SESSION")
    assert (row.state, row.charge_id) == ("EXECUTING", session.pk)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kind": "RESERVE_NOW", "token": "DF000-001", "evse": "DE*RDK*E1", "minutes": "0"}, "For how many minutes?"),
        ({"kind": "RESERVE_NOW", "token": "DF000-001", "evse": "DE*RDK*E1", "minutes": "²"}, "For how many minutes?"),
        ({"kind": "STOP_SESSION", "session": "#99999999999999999"}, "There is no such thing"),
        ({"kind": "STOP_SESSION", "session": "#²"}, "There is no such thing"),
        ({"kind": "CANCEL_RESERVATION", "emsp": "0", "reservation": "R1"}, "For which eMSP of ours?"),
        ({"kind": "UNLOCK_CONNECTOR", "emsp": "", "evse": "DE*RDK*E1"}, "For which eMSP of ours?"),
        ({"kind": "START_SESSION"}, "Name a card of ours"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(
    staff: Client, card: Token, evse: Evse, given: dict[str, str], says: str
) -> None:
    answer = staff.post(NEW, given | {"send": "1"})
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Command.objects.exists()


def test_a_reservation_is_taken_back_with_a_reason_that_the_partner_hears(
    staff: Client, asking: Asking, partner: Partner, evse: Evse
) -> None:
    cast.reserved(asking, partner, evse)
    row = Reservation.objects.get()
    assert "Cancel the reservation" in page(staff, of(row))
    staff.post(of(row, "withdraw"), {"reason": "  "})
    row.refresh_from_db()
    assert row.state == "HELD", "without a reason nothing happens"
    staff.post(of(row, "withdraw"), {"reason": "The cable is broken."})
    row.refresh_from_db()
    assert row.state == "WITHDRAWN"
    assert ("RESERVE_NOW", f"{cast.host(partner)}/reserved/1", "CANCELED_RESERVATION") in cast.owed()
    text = page(staff, of(row))
    assert "The cable is broken." in text and "Cancel the reservation" not in text


MAY: dict[str, tuple[Any, ...]] = {
    # group: sees, sends, unlocks, withdraws
    "Operations": (True, True, True, True),
    "Support": (True, True, True, False),
    "Roaming": (True, False, False, False),
    "Finance": (True, False, False, False),
    "Read-only": (True, False, False, False),
    "": (False, False, False, False),
}


@pytest.mark.parametrize("group", MAY)
def test_who_may_what(asking: Asking, partner: Partner, evse: Evse, card: Token, group: str) -> None:
    cast.reserved(asking, partner, evse)
    reservation, before = Reservation.objects.get(), Command.objects.count()
    client = member(group)
    sees, sends, unlocks, withdraws = MAY[group]
    assert client.get(LIST).status_code == (200 if sees else 403)
    assert client.get(of(Command.objects.get())).status_code == (200 if sees else 403)
    assert client.get(RESERVATIONS).status_code == (200 if sees else 403)
    for kind, may in (("START_SESSION", sends), ("UNLOCK_CONNECTOR", unlocks)):
        text = client.get(f"{NEW}?kind={kind}")
        assert (text.status_code == 200 and f'value="{kind}"' in text.content.decode()) is may, kind
    assert client.post(of(reservation, "withdraw"), {"reason": "x"}).status_code == (302 if withdraws else 403)
    reservation.refresh_from_db()
    assert (reservation.state == "WITHDRAWN") is withdraws
    assert Command.objects.count() == before


def test_a_scope_hides_what_is_of_other_parties(asking: Asking, partner: Partner, evse: Evse, card: Token) -> None:
    cast.reserved(asking, partner, evse)
    other = factories.own_party("DE-OTH", "EMSP", name="Other")
    hidden, shown = member("Operations", other), member("Support", Party.objects.get(party_id="RDK"))
    for row in (Command.objects.get(), Reservation.objects.get()):
        assert hidden.get(of(row)).status_code == 404
        assert shown.get(of(row)).status_code == 200
    assert "There is no such thing" in page(hidden, f"{NEW}?kind=START_SESSION&token=DF000-001&evse=DE*RDK*E1&look=1")
    reservation = Reservation.objects.get()
    assert hidden.post(of(reservation, "withdraw"), {"reason": "x"}).status_code == 404
    reservation.refresh_from_db()
    assert reservation.state == "HELD"


def test_a_card_is_shown_whole_only_to_who_may_see_it(asking: Asking, partner: Partner, evse: Evse) -> None:
    cast.post(asking, "START_SESSION", cast.start(partner, card=cast.token(uid="04AABBCCDDEE")))
    row = Command.objects.get()
    assert "04AABBCCDDEE" not in page(member("Read-only"), of(row))
    assert "…DDEE" in page(member("Finance"), of(row))


@pytest.mark.parametrize("pk", ["0", "99999999", "²", "x"])
def test_what_is_not_there_is_not_found(staff: Client, pk: str) -> None:
    assert staff.get(f"{LIST}{pk}/change/").status_code == 404
    assert staff.get(f"{RESERVATIONS}{pk}/change/").status_code == 404
