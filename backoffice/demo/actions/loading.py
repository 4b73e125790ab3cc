"""Put the demo world into this platform, once, and never beside real data."""

from __future__ import annotations

from datetime import datetime

from django.db import connection as database
from django.db import transaction
from django.db.models import Q

from backoffice.billing.actions import defining
from backoffice.billing.models import Export
from backoffice.demo.world.building import world
from backoffice.demo.world.companies import COMPANIES, OUR_ROLES, STILWATER, Company
from backoffice.demo.world.drivers import drivers
from backoffice.demo.world.pricing import tariffs
from backoffice.locations.actions.changing import unshare
from backoffice.locations.actions.storing import store
from backoffice.locations.models import Location
from backoffice.locations.rules import Severity, gate
from backoffice.partners.actions.connections import add_own_party
from backoffice.partners.models import Party
from backoffice.payments.actions import selling
from backoffice.payments.models import InvoiceSeller
from backoffice.tariffs.actions.storing import store as store_tariffs
from backoffice.tokens.actions import changing
from backoffice.tokens.actions.events import note
from backoffice.tokens.actions.storing import store as store_tokens
from backoffice.tokens.models import Token
from ocpi.wire import json as wire_json
from ocpi.wire import locations as wire
from ocpi.wire import tariffs as wire_tariffs
from ocpi.wire import tokens as wire_tokens

SEED = 7
"""Of the world, unless somebody asks for another."""

_LOCK = 0xDE30
"""Two loads at once would both find an empty platform."""


class UnableToLoad(Exception):
    """Invented data must not go in here; the sentence says why and what to do."""


def of_the_demo() -> Q:
    """A condition on Party: one of the companies of the demo."""
    found = Q()
    for company in (*COMPANIES, STILWATER):
        found |= Q(country_code=company.country_code, party_id=company.party_id)
    return found


def is_here() -> bool:
    """Whether this platform holds the demo world. A real company might have the code of one of ours; nobody has its domain."""
    found = Q()
    for company in COMPANIES:
        found |= Q(business_details__contains=company.domain)
    return Party.objects.filter(of_the_demo(), found, ours=True).exists()


def load(company: Company, *, seed: int, now: datetime) -> int | None:
    """Make the company ours, with all its locations and tariffs. Returns how many; None: it is here already, nothing was touched.

    What the publish gate stops is stored and not shared, as if staff had entered it. Raises UnableToLoad.
    """
    with transaction.atomic():
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        ours = Party.objects.filter(country_code=company.country_code, party_id=company.party_id, ours=True)
        if Location.objects.filter(party__in=ours).exists():
            _drivers(ours.get(), company, seed=seed, now=now)  # a world that was loaded before there were tokens
            _invoices(ours.get(), company, now)
            return None
        _refuse_beside_real_data()
        party = add_own_party(
            country_code=company.country_code,
            party_id=company.party_id,
            name=company.name,
            roles=OUR_ROLES,
            website=company.website,
        )
        _invoices(party, company, now)
        trees = world(company, seed=seed, at=now)
        values = [wire_json.validate(wire.Location, tree) for tree in trees]
        prices = tariffs(company, {name.rsplit("-", 1)[1] for value in values for name in _offered(value)}, now)
        store_tariffs(
            party.pk,
            [(tree, wire_json.validate(wire_tariffs.Tariff, tree)) for tree in prices],
            source="import",
            now=now,
            ours=True,
        )
        store(party.pk, list(zip(trees, values, strict=True)), source="import", now=now, ours=True)
        stopped = [value.id for value in values if any(found.severity is Severity.STOP for found in gate(value))]
        for location in Location.objects.filter(party=party, object_id__in=stopped):
            unshare(location)
        _drivers(party, company, seed=seed, now=now)
        _exports(now)
    return len(trees)


def _drivers(party: Party, company: Company, *, seed: int, now: datetime) -> None:
    """The tokens of the company's drivers, once; those that are held are blocked as staff would."""
    if Token.objects.filter(party=party).exists():
        return
    world = drivers(company, seed=seed, at=now)
    values = [wire_json.validate(wire_tokens.Token, tree) for tree in world.tokens]
    stored = store_tokens(party.pk, list(zip(world.tokens, values, strict=True)), now=now, ours=True)
    note([item.id for item in stored], what="Imported", by="demo", now=now)
    for token in Token.objects.filter(party=party, object_id__in=[*world.held, *world.only_in]):
        if token.object_id in world.only_in:
            changing.edit(token, lambda tree: tree, by="demo", now=now, only_in=world.only_in[token.object_id])
        if token.object_id in world.held:
            changing.block(token, world.held[token.object_id], by="demo", now=now, reason="As the demo says.")


def _invoices(party: Party, company: Company, now: datetime) -> None:
    """Who stands on the invoices of drivers who pay by card, once: no tax office gave these numbers away."""
    if InvoiceSeller.objects.filter(party=party).exists():
        return
    selling.enter(party, company.seller | {"contact": f"invoices@{company.domain}"}, by="demo", now=now)


def _exports(now: datetime) -> None:
    """What is new every two minutes, also into a folder; and the month as a workbook for whoever keeps the accounts."""
    often = {"schedule": "every 2 minutes", "folder": "new-cdrs"}
    for export in Export.objects.filter(name=defining.FIRST, runs=None):
        defining.save(export, often, [], by=None, now=now)
    monthly = {
        "name": "Month for the accountant",
        "period": "MONTHS",
        "format": "XLSX",
        "schedule": "every month on the 1st at 06:00 Europe/Berlin",
    }
    if not Export.objects.filter(name=monthly["name"]).exists():
        defining.save(Export(), monthly, [], by=None, now=now)


def _offered(location: wire.Location) -> set[str]:
    return {name for evse in location.evses for connector in evse.connectors for name in connector.tariff_ids}


def _refuse_beside_real_data() -> None:
    strangers = list(Party.objects.exclude(of_the_demo()).order_by("country_code", "party_id")[:4])
    if strangers:
        names = ", ".join(party.label for party in strangers[:3]) + (" and others" if len(strangers) > 3 else "")
        raise UnableToLoad(
            f"This platform holds {names}, which is not of the demo: invented data never goes beside real data.\n"
            "Load the demo into a platform of its own: manage.py up --data-dir ANOTHER --port ANOTHER."
        )
    if Location.objects.exists():
        raise UnableToLoad("This platform holds locations already. Load the demo into an empty platform.")
