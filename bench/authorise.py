"""A CPO asks our eMSP in real time whether somebody may charge, beside an empty Django view of the same run.

Token look-up of the partner, the driver's token, the location (of which six EVSEs are known) where one is asked about, the
decision with its reason, the moment of last use, log row; one commit to disk. Every client asks about another token.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from backoffice.partners.models import Party
from backoffice.tokens.actions.storing import parsed, store
from bench import cast, report
from bench.ground import Ground
from bench.load import Load, fetch, load, request
from ocpi.wire import json as wire_json

TOKENS = 20_000
LOCATIONS = 200
CLIENTS = 8
BATCH = 500


def main(ground: Ground, *, rounds: int, seconds: float) -> list[report.Line]:
    party = cast.our_company()
    cast.partner("asking", "DE-CPO:CPO", ours=party)
    cast.stock(Party.objects.get(country_code="DE", party_id="CPO"), range(LOCATIONS))
    _tokens(party)
    variants: dict[str, Callable[[int], bytes]] = {
        "empty": lambda _: request("GET", "/bench/empty", {}),
        "no place": _asking(None),
        "with a place": _asking(LOCATIONS),
    }
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
    for name in ("no place", "with a place"):
        share = report.ratio(found[name], found["empty"])
        p99 = report.middle(each.percentile(0.99) for each in found[name])
        lines.append(
            report.Line(
                f"authorise, {name}",
                f"{report.rate(found[name]):,.0f}/s",
                f"{report.rate(found['empty']):,.0f}/s empty view",
                f"{share:.3f}",
                ">= 0.15",
                share >= 0.15,
            )
        )
        lines.append(report.effort_line(found[name], found["empty"]))
        lines.append(
            report.Line(
                f"  p99 with {CLIENTS} clients",
                f"{p99:.1f} ms",
                f"{report.middle(each.percentile(0.99) for each in found['empty']):.1f} ms",
                "",
                "< 50 ms",
                p99 < 50,
            )
        )
    notes = [
        f"{TOKENS:,} tokens, {CLIENTS} clients, {rounds} rounds of {seconds:g} s; p99 is the median over the rounds."
    ]
    notes += [
        f"Rates a round: {name} {report.spread(found[name])}; median answer {found[name][-1].median:.1f} ms."
        for name in variants
    ]
    report.show("Real-time authorisation", lines, notes)
    return lines


def _tokens(party: Party) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    for start in range(0, TOKENS, BATCH):
        trees = [
            {
                "country_code": party.country_code,
                "party_id": party.party_id,
                "uid": _uid(number),
                "type": "RFID",
                "contract_id": f"NL-BEN-C{number:08d}",
                "issuer": "Bench Charging",
                "valid": True,
                "whitelist": "NEVER",
                "last_updated": "2026-03-01T00:00:00Z",
            }
            for number in range(start, start + BATCH)
        ]
        store(party.pk, [(tree, parsed(tree)) for tree in trees], now=now, ours=True)


def _uid(number: int) -> str:
    return f"04{number:012X}"


def _asking(locations: int | None) -> Callable[[int], bytes]:
    headers = cast.authorization("asking")

    def make(number: int) -> bytes:
        path = f"/ocpi/2.3.0/sender/tokens/{_uid(number * 7 % TOKENS)}/authorize"
        if locations is None:
            return request("POST", path, headers)
        place = number % locations
        body = {"location_id": f"LOC{place:07d}", "evse_uids": [f"{place:07d}-{number % 6}"]}
        return request("POST", path, headers, wire_json.encode(body))

    return make
