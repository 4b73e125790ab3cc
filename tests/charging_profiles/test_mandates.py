"""Smart charging providers (SCSP): with our mandate they are told of sessions at our charge points and set profiles for them,
without it they do not even learn that somebody charges (mod_charging_profiles#mod_charging_profiles_toplogies_cpo_scspp)."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from backoffice.charging_profiles.actions import sending
from backoffice.charging_profiles.actions.receiving import Wish
from backoffice.charging_profiles.models import Hold
from backoffice.charging_profiles.rules.states import Kind
from backoffice.delivery.models import Message
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Mandate, Session
from tests import factories
from tests.charging_profiles import cast
from tests.charging_profiles.cast import charging, delete, get, listening, obey, owed, put, steps
from tests.doors.asking import Asking
from tests.factories import Partner
from tests.sessions import cast as charges

BOTH = pytest.mark.parametrize("version", ["2.3.0", "2.2.1"])


@pytest.fixture
def provider(us: Party) -> Partner:
    made = factories.partner("SE-SCS:SCSP", receives=["sessions"])
    listening(made)
    return made


@pytest.fixture
def smart(provider: Partner) -> Asking:
    asking = Asking(provider.token)
    asking.get("versions")
    return asking


def mandate(us: Party, provider: Partner) -> Mandate:
    return Mandate.objects.create(party=us, provider=provider.party, contract="2026/17")


def listed(asking: Asking, version: str) -> list[str]:
    answered = asking.get(f"{version}/sender/sessions?date_from=2026-01-01T00:00:00Z")
    assert answered.says == (200, 1000)
    assert answered.headers["X-Total-Count"] == str(len(answered.data))
    return [item["id"] for item in answered.data]


def told(session: Session) -> set[str]:
    """The parties that are owed this session."""
    found = Message.objects.filter(module="sessions", object_path=session.object_id)
    return set(found.values_list("receiver__party_id", flat=True))


@BOTH
@pytest.mark.rule("T-451")
def test_without_a_mandate(version: str, smart: Asking, provider: Partner, partner: Partner) -> None:
    session = charging(partner)
    assert listed(smart, version) == []
    assert told(session) == {"ELV"}
    for answered in (
        put(smart, provider, session, version=version),
        get(smart, provider, session, version=version),
        delete(smart, provider, session, version),
    ):
        assert (answered.says, answered.data["result"]) == ((200, 1000), "UNKNOWN_SESSION")


@BOTH
def test_with_a_mandate(version: str, us: Party, smart: Asking, provider: Partner, partner: Partner) -> None:
    mandate(us, provider)
    session = charging(partner)
    assert listed(smart, version) == [session.object_id]
    assert told(session) == {"ELV", "SCS"}
    assert put(smart, provider, session, version=version).data["result"] == "ACCEPTED"
    obey(session)
    assert Hold.objects.get().party == provider.party
    (result,) = owed("RESULT")
    assert (result.receiver, cast.tree(result)) == (provider.party, {"result": "ACCEPTED"})
    sending.ask(
        session, Wish(Kind.SET, profile=cast.literal(cast.SIXTEEN.replace(b"16", b"7"))), by="anna", now=site.now()
    )
    obey(session)
    (push,) = owed("PUSH")
    assert (push.receiver, steps(cast.tree(push)["charging_profile"])) == (provider.party, [(0, 7)])


def test_emsp_and_provider_limit_one_session(
    us: Party, smart: Asking, provider: Partner, asking: Asking, partner: Partner
) -> None:
    mandate(us, provider)
    listening(partner)
    session = charging(partner)
    put(asking, partner, session)
    obey(session)
    put(smart, provider, session, cast.setting(provider, cast.SIXTEEN.replace(b"16", b"9")))
    (order,) = obey(session)
    assert steps(order.profile) == [(0, 9)]  # type: ignore[union-attr]
    assert [
        (push.receiver.party_id, steps(cast.tree(push)["charging_profile"])) for push in owed("PUSH") if push.receiver
    ] == [("ELV", [(0, 9)])]
    delete(smart, provider, session)
    (order,) = obey(session)
    assert steps(order.profile) == [(0, 16)]  # type: ignore[union-attr]


def test_a_mandate_that_has_ended(us: Party, smart: Asking, provider: Partner, partner: Partner) -> None:
    given = mandate(us, provider)
    session = charging(partner)
    put(smart, provider, session)
    obey(session)
    given.delete()
    assert put(smart, provider, session).data["result"] == "UNKNOWN_SESSION"
    assert listed(smart, "2.3.0") == []
    Message.objects.all().delete()
    charges.running.meter(
        session=session, kwh=charges.Decimal(1001), power_kw=None, soc=None, charging=True, now=cast.later(60)
    )
    assert told(session) == {"ELV"}
    cast.drive(*[session.point] if session.point else [])
    sending.ask(
        session, Wish(Kind.SET, profile=cast.literal(cast.SIXTEEN.replace(b"16", b"7"))), by="anna", now=site.now()
    )
    obey(session)
    assert owed("PUSH") == []


def test_a_mandate_is_of_one_cpo(us: Party, smart: Asking, provider: Partner, partner: Partner) -> None:
    other = factories.own_party("DE-OTH", "CPO")
    mandate(other, provider)
    session = charging(partner)
    assert listed(smart, "2.3.0") == []
    assert put(smart, provider, session).data["result"] == "UNKNOWN_SESSION"


def test_staff_give_and_end_one(us: Party, provider: Partner, partner: Partner) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("anna", password="x"))
    page = "/admin/charging_sessions/mandate/"
    assert b"Nobody has a mandate" in client.get(page).content
    form = client.get(f"{page}add/").content.decode()
    assert "SE-SCS" in form
    assert "SE-ELV" not in form  # no smart charging provider
    answer = client.post(f"{page}add/", {"party": us.pk, "provider": provider.party.pk, "contract": "2026/17"})
    assert answer.status_code == 302
    given = Mandate.objects.get()
    assert (given.party, given.provider, given.contract) == (us, provider.party, "2026/17")
    assert b"2026/17" in client.get(page).content
    assert client.post(f"{page}{given.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Mandate.objects.exists()
