"""What tests of commands need: a charge point that obeys, partners that ask in literal JSON, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backoffice.charge_points import door
from backoffice.charge_points.actions import ordering
from backoffice.charge_points.gateway import Done, Instruction, Started
from backoffice.commands.models import Command
from backoffice.delivery.models import Errand
from backoffice.fields import DocumentField
from backoffice.locations.models import Evse
from backoffice.partners.models import Connection, Party
from backoffice.roaming_site import site
from backoffice.sessions.models import Session
from ocpi.wire.base import date_time_text
from ocpi.wire.commands import CommandResultType
from tests.doors.asking import Answered, Asking
from tests.factories import Partner
from tests.sessions import cast

EVERYTHING = ("REMOTE_START_STOP_CAPABLE", "RESERVABLE", "UNLOCK_CAPABLE")
DRIVER = "the test's driver"
CATCH_UP = timedelta(seconds=1)


def point(
    number: int = 1, *, capabilities: Sequence[str] = EVERYTHING, driven: bool = True, tariffs: Sequence[str] = ()
) -> Evse:
    evse = cast.point(tariffs=tariffs, capabilities=capabilities, location=f"LOC{number}", evse_id=f"DE*RDK*E{number}")
    if driven:
        drive(evse)
    return evse


def drive(*evses: Evse, now: datetime | None = None) -> None:
    """For each a program is there that brings orders to it, as long as the slowest test runs."""
    for evse in evses:
        ordering.alive(driver=f"{DRIVER} of {evse}", points=[evse.pk], now=now or site.now() + timedelta(hours=1))


def host(partner: Partner) -> str:
    return Connection.objects.get(pk=partner.connection.pk).confirmed_origins[0].removesuffix(":443")


# --- what a partner says, as it writes it ----------------------------------------------------------------------------


def token(owner: str = "SE-ELV", uid: str = "APP-1", kind: str = "APP_USER", group: str = "") -> bytes:
    country, party = owner.split("-")
    grouped = f',"group_id":"{group}"' if group else ""
    return (
        f'{{"country_code":"{country}","party_id":"{party}","uid":"{uid}","type":"{kind}",'
        f'"contract_id":"{country}-{party}-C0001"{grouped},"issuer":"Elverket","valid":true,"whitelist":"NEVER",'
        f'"last_updated":"2026-11-01T10:00:00Z"}}'
    ).encode()


def start(
    partner: Partner,
    *,
    card: bytes = b"",
    location: str = "LOC1",
    evse: str = "E1",
    reference: str = "REF-7",
    more: str = "",
) -> bytes:
    place = f'"location_id":"{location}"' + (f',"evse_uid":"{evse}"' if evse else "")
    return (
        f'{{"response_url":"{host(partner)}/started/1","token":'.encode()
        + (card or token())
        + f',{place},"authorization_reference":"{reference}"{more}}}'.encode()
    )


def reserve(
    partner: Partner,
    number: str = "R1",
    *,
    card: bytes = b"",
    location: str = "LOC1",
    evse: str = "E1",
    minutes: float = 30,
    url: str = "/reserved/1",
) -> bytes:
    until = date_time_text(site.now() + timedelta(minutes=minutes))
    place = f'"location_id":"{location}"' + (f',"evse_uid":"{evse}"' if evse else "")
    return (
        f'{{"response_url":"{host(partner)}{url}","token":'.encode()
        + (card or token())
        + f',"expiry_date":"{until}","reservation_id":"{number}",{place},"authorization_reference":"REF-8"}}'.encode()
    )


def cancel(partner: Partner, number: str = "R1") -> bytes:
    return f'{{"response_url":"{host(partner)}/cancelled/1","reservation_id":"{number}"}}'.encode()


def stop(partner: Partner, session: str) -> bytes:
    return f'{{"response_url":"{host(partner)}/stopped/1","session_id":"{session}"}}'.encode()


def unlock(partner: Partner, *, location: str = "LOC1", evse: str = "E1", connector: str = "1") -> bytes:
    return (
        f'{{"response_url":"{host(partner)}/unlocked/1","location_id":"{location}","evse_uid":"{evse}",'
        f'"connector_id":"{connector}"}}'
    ).encode()


def post(asking: Asking, kind: str, body: bytes, *, version: str = "2.3.0", **given: Any) -> Answered:
    return asking.ask("POST", f"{version}/receiver/commands/{kind}", body, **given)


def said(answered: Answered) -> tuple[int, int, str]:
    """HTTP status, OCPI status code, CommandResponse."""
    return answered.status, answered.code, answered.data["result"]


# --- the charge point -------------------------------------------------------------------------------------------------


def orders(evse: Evse, *, now: datetime | None = None) -> list[Instruction]:
    """What the charge point is asked to do and was not given before."""
    return ordering.take(driver=DRIVER, evses=[evse.pk], now=now or site.now())


def obey(evse: Evse, outcome: str = "ACCEPTED", reason: str = "", *, now: datetime | None = None) -> Instruction:
    """It does the one thing that it is asked to do."""
    (asked,) = orders(evse, now=now)
    door.report(Done(asked.order, CommandResultType(outcome), reason), now=now or site.now())
    return asked


def plug_in(evse: Evse, authorization: int, *, transaction: str = "TX-1", kwh: str = "1000") -> Session:
    told = Started(evse.evse_id, "1", transaction, authorization, Decimal(kwh))
    identity = door.report(told, now=site.now())
    return Session.objects.get(object_id=identity)


def reserved(asking: Asking, partner: Partner, evse: Evse, number: str = "R1", **given: Any) -> Command:
    """A reservation that the charge point keeps."""
    assert said(post(asking, "RESERVE_NOW", reserve(partner, number, **given)))[2] == "ACCEPTED"
    obey(evse)
    return Command.objects.get(kind="RESERVE_NOW", reservation_id=number, state="SUCCEEDED")


# --- what became of it ------------------------------------------------------------------------------------------------


def owed() -> list[tuple[str, str, str]]:
    """The results that we owe: kind, URL, what they say."""
    rows = Errand.objects.filter(module="commands", what="RESULT").order_by("pk")
    return [(row.kind, row.url, DocumentField.read(row.tree)["result"]) for row in rows]


def happened(command: Command) -> list[tuple[str, str]]:
    return list(command.events.values_list("event", "value"))


def party(partner: Partner) -> Party:
    return partner.party
