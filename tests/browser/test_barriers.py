"""Every screen of the staff in a browser: no serious barrier, nothing wider than the window, one heading of the first rank.

A screen is a row. A room makes the world that its screens show, and what the addresses need of it; each is looked at through
every window of WINDOWS, one after the other. What hides behind folds is unfolded first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from backoffice.console.navigation import GROUPS
from backoffice.roaming_site import site
from tests import factories
from tests.billing.conftest import folders

__all__ = ["folders"]

_AXE = find_spec("axe_playwright_python")
AXE = Path(_AXE.origin).parent / "axe.min.js" if _AXE and _AXE.origin else None

PICTURES = os.environ.get("ROAMDESK_TEST_PICTURES", "")
"""A folder that each screen is drawn into, for people who look."""

WINDOWS = [("light", 1280), ("dark", 360)]

OF_THE_WINDOW = ["color-contrast", "link-in-text-block", "scrollable-region-focusable"]
"""axe's rules whose answer depends on colours or on the width."""

Names = Mapping[str, Any]


@dataclass(frozen=True)
class Room:
    world: Callable[[], Names]
    screens: tuple[str, ...]


def of(path: str, *tabs: str) -> tuple[str, ...]:
    """A page and its tabs."""
    return (path, *(f"{path}?tab={tab}" for tab in tabs))


# --- the worlds -------------------------------------------------------------------------------------------------------


def locations() -> Names:
    """One location of ours with everything, one of a partner."""
    from tests.locations.cast import partners_location

    ours = factories.own_party()
    told = factories.partner(ours=[ours], receives=["locations"])
    partners_location(told.party, factories.small_location("LUND-1"))
    own = factories.own_location(factories.location(country_code=ours.country_code, party_id=ours.party_id))
    evse = own.evses.get(pk=min(own.evses.values_list("pk", flat=True)))
    return {"pk": own.pk, "evse": evse.pk, "connection": told.connection.pk}


def partners() -> Names:
    from tests.partners.test_admin_permissions import World

    world = World()
    return {
        "pk": world.partner.connection.pk,
        "role": world.role.pk,
        "own": world.own.pk,
        "exchange": world.exchange.pk,
        "message": world.message.pk,
        "pull": world.pull.pk,
    }


def tariffs() -> Names:
    """Two published ones, a draft of one of them, and a draft that cannot be priced."""
    from backoffice.tariffs.actions import drafting
    from backoffice.tariffs.models import Tariff
    from backoffice.tariffs.rules.templates import TEMPLATES, Place

    ours = factories.own_party()
    partner = factories.partner(ours=[ours], receives=["tariffs"])
    location = factories.location(country_code="DE", party_id="RDK")
    location["evses"][0]["connectors"][0]["tariff_ids"] = ["TOU", "OTHER", "NOWHERE"]
    own = factories.own_location(location)
    for name, key in (("TOU", "time_of_use"), ("OTHER", "capped")):
        tree = {"id": name} | TEMPLATES[key].tree(Place("DE"))
        drafting.publish_draft(drafting.begin_draft(ours, tree, by=None, now=site.now()), by=None, now=site.now())
    tariff, other = Tariff.objects.order_by("pk")
    draft = drafting.draft_of(tariff, by=None, now=site.now())
    broken = drafting.begin_draft(ours, {"id": "X", "currency": "E"}, by=None, now=site.now())
    return {
        "pk": tariff.pk,
        "other": other.pk,
        "draft": draft.pk,
        "broken": broken.pk,
        "location": own.pk,
        "connection": partner.connection.pk,
    }


def tokens() -> Names:
    """A token of ours that is blocked and that a partner has not taken, one of a partner, decisions of each kind."""
    from backoffice.tokens.actions import changing
    from backoffice.tokens.rules.words import Cause
    from tests.console import charge_rows

    ours = factories.own_party()
    partner = factories.partner(ours=[ours], receives=["tokens"])
    own = factories.own_token(factories.small_token("04A1B2C3D4E5F6", "DE-RDK", visual_number="RDK 1", group_id="G1"))
    factories.own_token(factories.small_token("04FFFFFFFFFFFF", "DE-RDK", group_id="G1"))
    theirs = factories.their_token(factories.small_token("04AABBCCDDEEFF"))
    changing.block(own, Cause.LOST, now=site.now(), by="anna")
    facts = {"party": ours, "token": theirs, "contract_id": theirs.contract_id, "emsp": partner.party}
    made = charge_rows.decision(site.now(), location_id="LONG-LOCATION-ID-0001", evse_uids=["E1", "E2", "E3"], **facts)
    silent = {"allowed": "NOT_ALLOWED", "how": "NONE", "reason_code": "SILENT", "reason": "It did not answer in time."}
    charge_rows.decision(site.now(), party=ours, connection=partner.connection, **silent)
    return {"own": own.pk, "theirs": theirs.pk, "decision": made.pk}


def charges() -> Names:
    """Sessions of both sides, one going on; CDRs of both sides, with every verdict and state; one in quarantine."""
    from backoffice.cdrs.models import Cdr, Quarantined
    from tests.billing.cast import cdr, document
    from tests.cdrs.cast import own_cdr
    from tests.console import charge_rows
    from tests.sessions import cast

    ours = factories.own_party()
    partner = factories.partner("SE-ELV:CPO", "SE-ELV:EMSP", ours=[ours])
    now = site.now()
    going = cast.begin(cast.point(tariffs=()), partner.party, now=now - timedelta(minutes=20))
    for minutes, kwh in ((15, "1002"), (10, "1004"), (0, "1007")):
        cast.running.meter(
            session=going,
            kwh=Decimal(kwh),
            power_kw=Decimal(22),
            soc=Decimal(80 - minutes),
            charging=True,
            now=now - timedelta(minutes=minutes),
        )
    charge_rows.session(partner.party, ours, now - timedelta(hours=3), status="COMPLETED", ends_at=now)
    received = cdr(verdict="DIFFERS", delta=Decimal("1.20"), reasons=["TOTAL_MISMATCH"], sentence="They bill more.")
    for verdict in ("WAITING", "AGREED", "NOT_PRICED", "FAILED", "ACCEPTED"):
        cdr(document(), verdict=verdict)
    held = own_cdr("HELD", partner.party, held=["ENERGY_OVER_POWER_LIMIT"])
    own_cdr("OLD", partner.party, session_id="S-9", now=now - timedelta(days=3))
    kept = Quarantined.objects.create(
        party=partner.party,
        object_id=received.object_id,
        cdr=received,
        connection=partner.connection,
        document=received.document,
        content_hash="0",
        at=now,
        last_at=now,
        why="OTHER_CONTENT",
        reason="Another total.",
    )
    assert Cdr.objects.count() == 8
    return {"session": going.pk, "cdr": received.pk, "held": held.pk, "kept": kept.pk}


def profiles() -> Names:
    """A charge that a partner, then our staff have limited."""
    from backoffice.charging_profiles.models import ProfileRequest
    from tests.browser.test_profiles import steer

    return {"session": steer().pk, "request": ProfileRequest.objects.earliest("pk").pk}


def commands() -> Names:
    """A reservation that is kept, and a start of which nothing was heard yet."""
    from backoffice.commands.models import Command, Reservation
    from tests.commands import cast
    from tests.doors.asking import Asking

    ours = factories.own_party()
    partner = factories.partner(ours=[ours])
    asking = Asking(partner.token)
    cast.reserved(asking, partner, cast.point(1))
    cast.point(2)
    started = cast.post(asking, "START_SESSION", cast.start(partner, location="LOC2"))
    assert cast.said(started) == (200, 1000, "ACCEPTED")
    return {"command": Command.objects.latest("pk").pk, "reservation": Reservation.objects.get().pk}


def apis() -> Names:
    """A station system with a webhook that owes something, and a call that was refused."""
    from backoffice.api.actions import webhooks
    from backoffice.api.models import WebhookDelivery
    from tests.charge_points.station_cast import caller, system

    made = system(factories.own_party())
    webhooks.add_endpoint(application=made.application, url="https://depot.example/roamdesk/hook", now=site.now())
    webhooks.tell(application=made.pk, event="order.waiting", data={"order": "x" * 32}, about="x" * 32, now=site.now())
    caller(made)("POST", "/statuses", {"evse_id": "DE*RDK*NOWHERE", "status": "AVAILABLE"})
    return {"pk": made.pk, "delivery": WebhookDelivery.objects.get().pk}


def exports() -> Names:
    """An export with a run that is made and one that waits, one of chosen dates, one without runs; jobs."""
    from tests.billing.test_admin import World

    world = World()
    names = ("export", "dates", "unused", "run", "waiting", "job", "export_job")
    return {name: getattr(world, name).pk for name in names}


def bookings() -> Names:
    """A place of ours in Berlin with three EVSEs and bookings in many states today, one that waits, one in conflict; a place of a
    partner with a booking of a driver of ours; a request that nobody has answered."""
    from backoffice.bookings.models import Block, BookableLocation, Booking, BookingAsked, Resource
    from backoffice.locations.models import Evse
    from tests.bookings import rows

    ours = factories.own_party("DE-RDK", "CPO", "EMSP")
    partner = factories.partner("SE-ELV:CPO", "SE-ELV:EMSP", ours=[ours])
    now = site.now().replace(minute=0, second=0, microsecond=0)
    tree = factories.small_location("LOC1", "DE-RDK", time_zone="Europe/Berlin")
    tree["evses"] = [tree["evses"][0] | {"uid": f"E{number}", "evse_id": f"DE*RDK*E{number}"} for number in (1, 2, 3)]
    location = factories.own_location(tree)
    place = rows.place(location, now - timedelta(days=1))
    first, second, third = Evse.objects.filter(location=location).order_by("uid")
    waits = rows.booking(place, partner.party, now + timedelta(hours=3), evse=first, status="PENDING", asked="PENDING")
    kept = rows.booking(place, partner.party, now + timedelta(hours=3), evse=second)
    wrong = rows.booking(place, partner.party, now + timedelta(hours=3, minutes=30), evse=second)
    rows.booking(place, partner.party, now + timedelta(hours=1))
    rows.booking(place, partner.party, now - timedelta(hours=2), evse=third, status="NO_SHOW")
    Block.objects.create(
        resource=Resource.objects.get(),
        evse=third,
        starts_at=now,
        ends_at=now + timedelta(hours=2),
        reason="Works",
        created_at=now,
    )
    told = BookableLocation.objects.create(
        party=partner.party, object_id="P9", document='{"id":"P9"}', ours=False, location_id="L9", evse_uid="E9",
        time_zone="Europe/Stockholm", created_at=now, last_updated=now,
    )  # fmt: skip
    theirs = rows.booking(told, ours, now + timedelta(hours=30), evse_uid="E9")
    asked = BookingAsked.objects.filter(booking=theirs).first()
    assert asked is not None
    asked.pk, asked.booking, asked.uid, asked.way, asked.status = None, None, "0" * 32, "UNSURE", "PENDING"
    asked.save()
    assert Booking.objects.count() == 6
    return {
        "place": place.pk,
        "calendar": place.calendars.get().pk,
        "told": told.pk,
        "waits": waits.pk,
        "kept": kept.pk,
        "wrong": wrong.pk,
        "theirs": theirs.pk,
        "asked": asked.pk,
        "location": factories.own_location(factories.small_location("LOC2", "DE-RDK")).pk,
    }


def terminals() -> Names:
    """A provider's terminal that serves a place without a price, of which the provider says something else; one that is out of
    use, one of ours for nobody yet, and one that was asked for."""
    from backoffice.partners.actions.connections import set_endpoints
    from backoffice.payments.actions.terminals import assigning, providing
    from backoffice.payments.models import Terminal
    from tests.doors.asking import Asking

    ours = factories.own_party("DE-RDK", "CPO", "EMSP", "PTP")
    provider = factories.partner("AT-PAY:OTHER", ours=[ours])
    host = provider.connection.confirmed_origins[0].removesuffix(":443")
    set_endpoints(provider.connection, [("payments", "SENDER", f"{host}/ocpi/2.3.0/sender/payments")])
    for number in (1, 2):
        factories.own_location(factories.small_location(f"LOC{number}", "DE-RDK"))
    asking = Asking(provider.token)
    for number in (1, 2):
        told = {"terminal_id": f"T-{number}", "reference": f"SN-{number}", "location_ids": ["LOC2", "GONE"]}
        told["coordinates"] = {"latitude": "55.704660", "longitude": "13.191007"}
        assert asking.ask("POST", "2.3.0/receiver/payments/terminals", told).says == (201, 1000)
    one, gone = Terminal.objects.order_by("id")
    assigning.assign(one, location_ids=["LOC1"], evse_uids=["E1"], by="anna", now=site.now())
    Terminal.objects.filter(pk=gone.pk).update(state="INACTIVE")
    stock = providing.create(party=ours, customer=None, fields={"reference": "RP-1"}, by="anna", now=site.now())
    fields = {"reference": "SN-9"}
    assigning.ask_to_activate(provider=provider.party, customer=ours, fields=fields, by="anna", now=site.now())
    return {"one": one.pk, "gone": gone.pk, "stock": stock.pk}


def cards() -> Names:
    """A charge at our place that a card of a provider's paid short, with its invoice; and a card at a terminal of ours."""
    from backoffice.payments.actions.moving import note
    from backoffice.payments.models import CardPayment, DriverInvoice, QuarantinedAdvice
    from tests.payments.taking import terminal
    from tests.payments.test_charging import Harbour

    harbour = Harbour()
    harbour.start()
    harbour.stop(20, "8")
    short = harbour.advice("4.00")
    orphan = harbour.advice("4.50", "the-terminal-printed-it-wrong")
    twice = QuarantinedAdvice.objects.create(
        party=short.party,
        object_id=short.object_id,
        authorization_reference=short.authorization_reference,
        advice=short,
        why="OTHER_CONTENT",
        reason="The same id came with other content.",
        document=short.document,
        content_hash="other",
        captured=Decimal("4.10"),
        currency="EUR",
        at=site.now(),
        last_at=site.now(),
    )
    abroad = factories.partner("NL-TNM:CPO", ours=[harbour.us]).party
    payment = CardPayment.objects.create(
        party=harbour.us,
        customer=abroad,
        terminal=terminal(harbour.us, abroad, ours=True, object_id="OURS-1"),
        state="PARTIAL",
        location_id="LOC1",
        evse_uid="E1",
        connector_id="1",
        tariff_id="T1",
        currency="EUR",
        reserve=2000,
        reserved=2000,
        owed=1210,
        captured=605,
        created_at=site.now(),
        ended_at=site.now(),
    )
    note(payment, "CAPTURE_PART", now=site.now(), by="payment provider", reason="Half of it.", after="PARTIAL")
    return {
        "payment": payment.pk,
        "short": short.pk,
        "orphan": orphan.pk,
        "twice": twice.pk,
        "invoice": DriverInvoice.objects.get().pk,
    }


# --- the screens ------------------------------------------------------------------------------------------------------

LOCATION, CONNECTION, TARIFF = "/admin/locations/location/", "/admin/partners/connection/", "/admin/tariffs/tariff/"
DRAFT, TOKEN, DECISION = "/admin/tariffs/draft/", "/admin/tokens/token/", "/admin/tokens/authorization/"
SESSION, CDR, EXPORT = "/admin/charging_sessions/session/", "/admin/cdrs/cdr/", "/admin/billing/export/"
COMMAND, API = "/admin/commands/command/", "/admin/api/"
PROFILE = "/admin/charging_profiles/profilerequest/"
BOOKING, PLACE = "/admin/bookings/booking/", "/admin/bookings/bookablelocation/"
TERMINAL, ADVICE = "/admin/payments/terminal/", "/admin/payments/advice/"
LOG, MESSAGE, PULL = "/admin/delivery/exchange/", "/admin/delivery/message/", "/admin/delivery/pull/"

ROOMS: Mapping[str, Room] = {
    "locations": Room(
        locations,
        (
            "/admin/",
            "/admin/?range=30d&order=money",
            LOCATION,
            LOCATION + "?q=nothing+like+this",
            LOCATION + "board/",
            LOCATION + "map/",
            LOCATION + "add/",
            LOCATION + "upload/",
            *of(LOCATION + "{pk}/change/", "status", "json", "history"),
            LOCATION + "{pk}/change/?tab=partners&as={connection}",
            LOCATION + "{pk}/edit/",
            LOCATION + "{pk}/evse/add/",
            LOCATION + "{pk}/evse/{evse}/",
            LOCATION + "{pk}/evse/{evse}/connector/1/",
            CONNECTION,
            CONNECTION + "{connection}/change/",
            LOG,
            MESSAGE,
            "/admin/auth/user/",
            "/admin/auth/group/",
            "/admin/console/partyscope/",
        ),
    ),
    "partners": Room(
        partners,
        (
            CONNECTION + "add/",
            CONNECTION + "add/?way=theirs",
            CONNECTION + "add/?way=ours",
            *of(CONNECTION + "{pk}/change/", "overview", "endpoints", "sync", "messages", "quirks", "history"),
            CONNECTION + "{pk}/do/unregister/",
            CONNECTION + "{pk}/do/approve/?role={role}",
            CONNECTION + "{pk}/live/check/",
            "/admin/partners/party/",
            "/admin/partners/party/add/",
            "/admin/partners/party/{own}/change/",
            "/admin/partners/partyrole/",
            LOG + "?preset=errors",
            LOG + "?correlation=c",
            LOG + "{exchange}/change/",
            MESSAGE + "?state=DONE",
            MESSAGE + "{message}/change/",
            MESSAGE + "drop/?pk={message}",
            MESSAGE + "recover/",
            PULL,
            PULL + "{pull}/change/",
        ),
    ),
    "tariffs": Room(
        tariffs,
        (
            TARIFF,
            TARIFF + "?q=nothing+like+this",
            *of(TARIFF + "{pk}/change/", "connectors", "versions", "messages", "json"),
            TARIFF + "{pk}/change/?tab=partners&as={connection}",
            TARIFF + "{pk}/change/?p.with={other}",
            TARIFF + "{pk}/end/",
            TARIFF + "{pk}/withdraw/",
            TARIFF + "compare/",
            TARIFF + "compare/?t={pk}&t={other}",
            TARIFF + "schedule/",
            TARIFF + "assign/?add=TOU&remove=OTHER",
            TARIFF + "upload/",
            DRAFT,
            DRAFT + "add/",
            DRAFT + "{draft}/change/",
            DRAFT + "{broken}/change/",
            DRAFT + "{draft}/publish/",
            LOCATION + "{location}/change/?tab=tariffs",
        ),
    ),
    "tokens": Room(
        tokens,
        (
            TOKEN,
            TOKEN + "?q=nothing+like+this",
            TOKEN + "add/",
            TOKEN + "upload/",
            *of(TOKEN + "{own}/change/", "partners", "decisions", "history", "json"),
            TOKEN + "{own}/edit/",
            TOKEN + "{theirs}/change/",
            DECISION,
            DECISION + "?outcome=refused&how=NONE",
            DECISION + "{decision}/change/",
            "/admin/tokens/silencepolicy/",
        ),
    ),
    "charges": Room(
        charges,
        (
            "/admin/",
            "/admin/?range=mtd&order=money",
            SESSION,
            SESSION + "?state=all",
            SESSION + "?state=all&token=nothing",
            SESSION + "{session}/change/",
            "/admin/charging_sessions/mandate/",
            *of(CDR, "review", "held", "waiting", "agreed", "credited", "quarantine", "all"),
            CDR + "?tab=all&verdict=WAITING",
            *of(CDR + "{cdr}/change/", "tariffs", "messages", "history", "json"),
            CDR + "{held}/change/",
            *(CDR + "{held}/" + what + "/" for what in ("release", "drop", "correct")),
            CDR + "{cdr}/accept/",
            CDR + "quarantine/{kept}/close/",
            CDR + "search/?q=CDR",
            CDR + "search/?q=nothing+like+this",
        ),
    ),
    "profiles": Room(
        profiles,
        (
            PROFILE,
            PROFILE + "?state=UNSENT",
            PROFILE + "session/{session}/",
            PROFILE + "session/{session}/?unit=W&template=hour",
            PROFILE + "{request}/change/",
            SESSION + "{session}/change/",
        ),
    ),
    "commands": Room(
        commands,
        (
            COMMAND,
            COMMAND + "?q=nothing+like+this",
            COMMAND + "new/",
            COMMAND + "{command}/change/",
            "/admin/commands/reservation/",
            "/admin/commands/reservation/{reservation}/change/",
            "/admin/charge_points/order/",
        ),
    ),
    "bookings": Room(
        bookings,
        (
            BOOKING + "calendar/",
            BOOKING + "calendar/?view=week",
            BOOKING + "calendar/?side=theirs",
            BOOKING,
            BOOKING + "?q=nothing+like+this",
            BOOKING + "conflicts/",
            *of(BOOKING + "{wrong}/change/", "history"),
            *(BOOKING + "{kept}/" + what + "/" for what in ("move", "cancel")),
            BOOKING + "{waits}/decline/",
            BOOKING + "{theirs}/ask-change/",
            BOOKING + "{theirs}/take-back/",
            BOOKING + "search/?place={place}",
            BOOKING + "book/{place}/",
            BOOKING + "requests/",
            BOOKING + "requests/{asked}/",
            PLACE,
            PLACE + "{place}/change/",
            PLACE + "{place}/change/terms/",
            PLACE + "{place}/change/calendar/",
            PLACE + "{place}/change/block/",
            PLACE + "{place}/change/withdraw/",
            PLACE + "add/?location={location}",
        ),
    ),
    "terminals": Room(
        terminals,
        (
            TERMINAL,
            TERMINAL + "?q=nothing+like+this",
            *(TERMINAL + "{" + which + "}/change/" for which in ("one", "gone", "stock")),
            TERMINAL + "{one}/serves/",
            TERMINAL + "{stock}/serves/",
            TERMINAL + "{one}/edit/",
            TERMINAL + "new/",
            TERMINAL + "new/?kind=make",
        ),
    ),
    "cards": Room(
        cards,
        (
            "/admin/payments/cardpayment/",
            "/admin/payments/cardpayment/?q=nothing",
            "/admin/payments/cardpayment/{payment}/change/",
            ADVICE,
            ADVICE + "{short}/change/",
            ADVICE + "{orphan}/change/",
            ADVICE + "tie/",
            ADVICE + "tie/?side=PTP&days=1",
            "/admin/payments/quarantinedadvice/",
            "/admin/payments/quarantinedadvice/{twice}/change/",
            "/admin/payments/driverinvoice/",
            "/admin/payments/invoiceseller/",
            "/admin/payments/driverinvoice/{invoice}/change/",
        ),
    ),
    "apis": Room(
        apis,
        (
            API + "application/",
            API + "application/add/",
            *(API + "application/{pk}/" + page + "/" for page in ("change", "key", "webhook", "locations")),
            API + "webhookdelivery/",
            API + "webhookdelivery/{delivery}/change/",
            API + "apicall/",
            API + "apicall/?q=nothing-like-this",
        ),
    ),
    "exports": Room(
        exports,
        (
            EXPORT,
            EXPORT + "add/",
            *of(EXPORT + "{export}/change/", "preview"),
            EXPORT + "{dates}/change/",
            EXPORT + "{unused}/change/",
            EXPORT + "{export}/edit/",
            "/admin/billing/exportrun/",
            "/admin/billing/exportrun/{run}/change/",
            "/admin/billing/exportrun/{waiting}/change/",
            "/admin/jobs/job/",
            "/admin/jobs/job/{job}/change/",
            "/admin/jobs/job/{export_job}/change/",
        ),
    ),
}

needs_axe = pytest.mark.skipif(AXE is None, reason="axe-playwright-python is not installed: make install-dev")


@needs_axe
@pytest.mark.parametrize("room", ROOMS)
def test_no_screen_has_a_serious_barrier_or_spills_over(room: str, staff: Callable[..., Any]) -> None:
    names = ROOMS[room].world()
    window = staff(width=WINDOWS[0][1], theme=WINDOWS[0][0])
    found: list[str] = []
    for screen in ROOMS[room].screens:
        turn(window.page, *WINDOWS[0])
        page = window.open(screen.format(**names))
        assert page.evaluate("document.querySelectorAll('h1').length") == 1, screen
        assert "Something went wrong" not in page.locator("h1").inner_text(), screen
        for (
            theme,
            width,
        ) in WINDOWS:  # as when a window is made smaller and the evening comes: asking for each page again took half
            turn(page, theme, width)
            found += barriers(page, f"{screen} ({theme}, {width})", again=(theme, width) != WINDOWS[0])
            if PICTURES:
                name = re.sub("[^a-z0-9]+", "-", screen.removeprefix("/admin/").lower()).strip("-") or "home"
                page.screenshot(path=Path(PICTURES) / f"{room}-{name}-{theme}-{width}.png", full_page=True)
    assert found == []


def turn(page: Any, theme: str, width: int) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    # what the theme's script does when a page is loaded
    page.evaluate("theme => document.documentElement.classList.toggle('dark', theme === 'dark')", theme)


def barriers(page: Any, screen: str, *, again: bool = False) -> Iterator[str]:
    """`again`: the same page in another window, of which only what a window changes is asked anew."""
    assert AXE is not None
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        yield f"{screen} is wider than the window"
    page.evaluate("document.querySelectorAll('main details:not(.rd-inline)').forEach(each => each.open = true)")
    if not again:
        page.evaluate(AXE.read_text("utf-8"))
    asked = {"resultTypes": ["violations"]} | ({"runOnly": OF_THE_WINDOW} if again else {})
    for each in page.evaluate("asked => axe.run(document, asked)", asked)["violations"]:
        if each["impact"] in ("serious", "critical"):
            yield f"{screen} {each['id']}: {each['help']} {each['nodes'][0]['target']}"


def test_every_entry_of_the_menu_is_a_row() -> None:
    listed = {screen.partition("?")[0] for room in ROOMS.values() for screen in room.screens}
    entries = {reverse(entry[2]) for _, entries in GROUPS for entry in entries}
    assert entries <= listed


@needs_axe
def test_the_login_page_has_no_serious_barrier(chromium: Any, live_server: Any) -> None:
    page = chromium.new_page()
    page.goto(f"{live_server.url}/admin/")
    found = list(barriers(page, "login"))
    page.close()
    assert found == []


@needs_axe
@pytest.mark.parametrize(("theme", "width"), WINDOWS)
def test_several_cdrs_are_chosen_and_accepted(theme: str, width: int, staff: Callable[..., Any]) -> None:
    from backoffice.cdrs.models import Cdr

    charges()
    window = staff(width=width, theme=theme)
    page = window.open(CDR + "?tab=review")
    page.get_by_role("checkbox", name="Choose all of this page").check()
    page.get_by_role("button", name="Accept…").click()
    page.get_by_text("3 CDRs:").wait_for()
    found = list(barriers(page, "which and why"))
    page.get_by_label("Why? It stays in the history of each.").fill("Talked over.")
    page.get_by_role("button", name="Accept", exact=True).click()
    page.get_by_role("heading", name="3 were done").wait_for()
    assert found + list(barriers(page, "what became of them")) == []
    assert Cdr.objects.filter(verdict="ACCEPTED").count() == 4
