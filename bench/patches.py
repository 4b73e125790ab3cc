"""A change of an EVSE's status: pushed to us by a partner, and made by ourselves for 1, 5, 20 and 200 partners.

`received`: PATCH of the status through the Receiver door by a partner: token look-up, checks of path, owner and body, lock,
merge, validation of the whole EVSE, EVSE row, status event, move of the Location, log row; one commit to disk.
`own, N partners`: a status report of our own hardware over HTTP (a door that only the bench has, without DRF, on the way that the
station API's requests take): token look-up, `set_status` with EVSE row, status event, move of the Location and the outbox rows of
N partners, log row; one commit to disk.
Sending what is in the outbox is the work of other processes, which do not run here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from backoffice.locations.models import Location
from backoffice.partners.actions import connections
from backoffice.partners.models import Party
from bench import cast, report
from bench.ground import Ground
from bench.load import Load, fetch, load, request
from bench.world import STATUSES
from ocpi.wire.base import date_time_text

LOCATIONS = 200
EVSES = 6
CLIENTS = 8
PARTNERS = (1, 5, 20, 200)


def main(ground: Ground, *, rounds: int, seconds: float) -> list[report.Line]:
    variants: dict[str, Callable[[int], bytes]] = {"empty": lambda _: request("GET", "/bench/empty", {})}
    variants["received"] = _received()
    for count in PARTNERS:
        variants[f"own, {count} partners"] = _own(count)
    numbers = dict.fromkeys(variants, 0)
    with ground.serving() as port:
        for make in variants.values():
            status, _, answer = fetch(port, make(0))
            assert status == 200, (status, answer)

        def one(name: str) -> Load:
            done = load(port, variants[name], clients=CLIENTS, seconds=seconds, first=numbers[name])
            numbers[name] += len(done.times) + CLIENTS
            return done

        found = report.interleaved({name: (lambda name=name: one(name)) for name in variants}, rounds, ground.roots)
    lines = []
    for name in variants:
        if name == "empty":
            continue
        share = report.ratio(found[name], found["empty"])
        p99 = report.middle(each.percentile(0.99) for each in found[name])
        bound = name in ("received", "own, 5 partners")
        lines.append(
            report.Line(
                f"status change, {name}",
                f"{report.rate(found[name]):,.0f}/s",
                f"{report.rate(found['empty']):,.0f}/s empty view",
                f"{share:.3f}",
                ">= 0.10, aim 0.15" if bound else "",
                share >= 0.10 if bound else None,
            )
        )
        lines.append(report.effort_line(found[name], found["empty"]))
        lines.append(
            report.Line(
                f"  p99 with {CLIENTS} clients",
                f"{p99:.1f} ms",
                f"{report.middle(each.percentile(0.99) for each in found['empty']):.1f} ms",
                "",
                "< 50 ms" if bound else "",
                p99 < 50 if bound else None,
            )
        )
    notes = [f"{CLIENTS} clients, {rounds} rounds of {seconds:g} s; p99 is the median over the rounds."]
    notes += [
        f"Rates a round: {name} {report.spread(found[name])}; median answer {found[name][-1].median:.1f} ms."
        for name in variants
    ]
    report.show("Status changes", lines, notes)
    return lines


def _body(number: int, fields: str) -> bytes:
    return f'{{{fields}"status":"{STATUSES[(number // (LOCATIONS * EVSES) + number) % len(STATUSES)]}"'.encode()


def _place(number: int) -> tuple[int, int]:
    """Location and EVSE of a request: all locations in turn, so that two clients seldom meet at one."""
    return number % LOCATIONS, number // LOCATIONS % EVSES


def _received() -> Callable[[int], bytes]:
    party = cast.our_company()
    cast.partner("pushing", "DE-CPO:CPO", ours=party)
    cast.stock(Party.objects.get(country_code="DE", party_id="CPO"), range(LOCATIONS))
    headers = cast.authorization("pushing")
    began = datetime.fromisoformat("2026-04-01T00:00:00+00:00")

    def make(number: int) -> bytes:
        location, evse = _place(number)
        path = f"/ocpi/2.3.0/receiver/locations/DE/CPO/LOC{location:07d}/{location:07d}-{evse}"
        at = date_time_text(began + timedelta(seconds=number))
        return request("PATCH", path, headers, _body(number, "") + f',"last_updated":"{at}"}}'.encode())

    return make


def _own(count: int) -> Callable[[int], bytes]:
    party = connections.add_own_party(country_code="NL", party_id=f"{count:03d}", name="Bench", roles=["CPO"])
    for number in range(count):
        cast.partner(f"hears-{count}-{number}", f"FR-{_letters(count * 300 + number)}:EMSP", ours=party)
    cast.stock(party, range(LOCATIONS))
    rows = list(Location.objects.filter(party=party).order_by("object_id").values_list("pk", flat=True))
    headers = cast.authorization(f"hears-{count}-0")

    def make(number: int) -> bytes:
        location, evse = _place(number)
        fields = f'"location":{rows[location]},"uid":"{location:07d}-{evse}",'
        return request("POST", "/api/bench/own-status", headers, _body(number, fields) + b"}")

    return make


def _letters(number: int) -> str:
    """A party id: three letters or digits."""
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return signs[number // 1296 % 36] + signs[number // 36 % 36] + signs[number % 36]
