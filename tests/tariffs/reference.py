"""The price of a session by brute force: slow, obvious, in fractions. Shares nothing with the engine but the classes of
the specification.

`of_periods` prices charging periods as they are. `of_seconds` runs through a session second by second and never hears
of charging periods.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from ocpi.wire.cdrs import ChargingPeriod
from ocpi.wire.tariffs import PriceComponent, Tariff, TariffElement

F = Fraction
DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]


@dataclass
class Instant:
    """What a restriction can ask about."""

    at: datetime
    zone: ZoneInfo
    energy: Fraction
    elapsed: Fraction
    values: dict[str, Fraction] = field(default_factory=dict)


def minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def in_window(local: datetime, start: str | None, end: str | None) -> bool:
    if start is None and end is None:
        return True
    now = F(local.hour * 60 + local.minute) + F(local.second, 60) + F(local.microsecond, 60_000_000)
    first = minute(start or "00:00")
    last = minute(end or "00:00") or 1440
    if first == last:
        return True
    if first < last:
        return first <= now < last
    return now >= first or now < last


def holds(element: TariffElement, instant: Instant, kind: str | None) -> bool:
    """`kind`: of a reservation; None: charging."""
    r = element.restrictions
    if r is None:
        return kind is None
    if r.reservation != kind:
        return False
    local = instant.at.astimezone(instant.zone)
    if not in_window(local, r.start_time, r.end_time):
        return False
    if r.start_date is not None and local.date() < date.fromisoformat(r.start_date):
        return False
    if r.end_date is not None and local.date() >= date.fromisoformat(r.end_date):
        return False
    if r.day_of_week and DAYS[local.weekday()] not in r.day_of_week:
        return False
    if r.min_kwh is not None and instant.energy < F(r.min_kwh):
        return False
    if r.max_kwh is not None and instant.energy >= F(r.max_kwh):
        return False
    if r.min_duration is not None and instant.elapsed < r.min_duration:
        return False
    if r.max_duration is not None and instant.elapsed >= r.max_duration:
        return False
    for quantity in ("current", "power"):
        low = instant.values.get(f"MIN_{quantity.upper()}", instant.values.get(f"MAX_{quantity.upper()}"))
        high = instant.values.get(f"MAX_{quantity.upper()}", instant.values.get(f"MIN_{quantity.upper()}"))
        least, most = getattr(r, f"min_{quantity}"), getattr(r, f"max_{quantity}")
        if least is not None and (low is None or low < F(least)):
            return False
        if most is not None and (high is None or high >= F(most)):
            return False
    return True


def active(tariff: Tariff, dimension: str, instant: Instant, kind: str | None = None) -> PriceComponent | None:
    for element in tariff.elements:
        if holds(element, instant, kind):
            for component in element.price_components:
                if component.type == dimension:
                    return component
    return None


@dataclass
class Bill:
    """Amounts collected per category as (component, volume) in order."""

    tariff: Tariff
    profile: list[tuple[str, Fraction]]
    entries: dict[str, list[tuple[PriceComponent, Fraction]]] = field(default_factory=dict)

    def add(self, category: str, component: PriceComponent | None, volume: Fraction) -> None:
        if component is not None:
            self.entries.setdefault(category, []).append((component, volume))

    def round_up(self, category: str, blocks: int) -> None:
        """`blocks`: how many of the steps' unit are in one kWh or hour."""
        used = [(component, volume) for component, volume in self.entries.get(category, []) if volume != 0]
        if not used:
            return
        last = used[-1][0]
        total = sum(volume for _, volume in used)
        step = F(last.step_size, blocks)
        if step <= 0 or total <= 0:
            return
        target = F(0)
        if total % step == 0:
            return
        target = (total // step + 1) * step
        self.entries[category].append((last, target - total))

    def rates(self, component: PriceComponent) -> list[Fraction]:
        if self.tariff.tax_included == "N/A":
            return []
        if self.profile:
            return [rate for _, rate in self.profile]
        return [] if component.vat is None else [F(component.vat)]

    def cost(self, component: PriceComponent, volume: Fraction) -> tuple[Fraction | None, Fraction]:
        stated = F(component.price) * volume
        rates = self.rates(component)
        tax = sum(rates, F(0)) / 100
        if self.tariff.tax_included == "YES":
            if not rates and stated:
                return None, stated
            return stated / (1 + tax), stated
        return stated, stated * (1 + tax)

    def sum(self, category: str) -> tuple[Fraction | None, Fraction]:
        excl: Fraction | None = F(0)
        incl = F(0)
        for component, volume in self.entries[category]:
            net, gross = self.cost(component, volume)
            excl = None if excl is None or net is None else excl + net
            incl += gross
        return excl, incl


Result = dict[str, tuple[Fraction | None, Fraction]]


def summed(bill: Bill, *, charged: bool) -> Result:
    result: Result = {}
    reservation: tuple[Fraction | None, Fraction] | None = None
    for category in bill.entries:
        excl, incl = bill.sum(category)
        if category.startswith("reservation"):
            before = reservation or (F(0), F(0))
            reservation = (None if before[0] is None or excl is None else before[0] + excl, before[1] + incl)
        else:
            result[category] = (excl, incl)
    if reservation is not None:
        result["reservation"] = reservation
    excls = [excl for excl, _ in result.values()]
    excl = None if None in excls else sum((each for each in excls if each is not None), F(0))
    incl = sum((each for _, each in result.values()), F(0))
    tariff = bill.tariff
    if tariff.min_price is not None and charged:
        excl, incl = clamp(excl, incl, tariff.min_price, max, bill)
    if tariff.max_price is not None:
        excl, incl = clamp(excl, incl, tariff.max_price, min, bill)
    result["total"] = (excl, incl)
    return result


def clamp(
    excl: Fraction | None, incl: Fraction, limit: Any, choose: Any, bill: Bill
) -> tuple[Fraction | None, Fraction]:
    """Without after_taxes the taxes follow; where nothing was charged, at the rate of the tariff if it has just one."""
    after = None if limit.after_taxes is None else choose(incl, F(limit.after_taxes))
    if excl is None:
        return None, incl if after is None else after
    before = choose(excl, F(limit.before_taxes))
    if after is None and before == excl:
        after = incl
    if after is None and excl:
        after = before * incl / excl
    if after is None:
        every = [component for element in bill.tariff.elements for component in element.price_components]
        rates = {sum(bill.rates(component), F(0)) for component in every}
        after = before * (1 + rates.pop() / 100) if len(rates) == 1 else before
    return before, after


def hours_of(volume: Fraction, wall: Fraction | None) -> Fraction:
    """Rule 8: snapped to the wall clock of the period, in hours."""
    if wall is not None and volume and abs(volume - wall) <= F(18, 36_000):
        return wall
    return volume


def of_periods(
    tariff: Tariff,
    periods: list[ChargingPeriod],
    zone: ZoneInfo,
    end: datetime | None,
    profile: list[tuple[str, Fraction]] | None = None,
    outcome: str | None = None,
) -> Result:
    bill = Bill(tariff, profile or [])
    volumes: list[dict[str, Fraction]] = []
    for index, period in enumerate(periods):
        following = periods[index + 1].start_date_time if index + 1 < len(periods) else end
        wall = (
            None
            if following is None
            else F((following - period.start_date_time) // timedelta(microseconds=1), 3600 * 10**6)
        )
        found: dict[str, Fraction] = {}
        for each in period.dimensions:
            hours = str(each.type) in ("TIME", "PARKING_TIME", "RESERVATION_TIME", "RESERVATION_EXPIRES")
            found[str(each.type)] = hours_of(F(each.volume), wall) if hours else F(each.volume)
        volumes.append(found)

    def held(found: dict[str, Fraction]) -> Fraction:
        return max(found.get("RESERVATION_TIME", F(0)), found.get("RESERVATION_EXPIRES", F(0)))

    told = {name for found in volumes for name in found}
    # who tells of a reservation and nothing of charging bills a reservation, though it took no time
    for_nothing = bool(told & {"RESERVATION_TIME", "RESERVATION_EXPIRES"}) and not (
        told & {"ENERGY", "TIME", "PARKING_TIME"} or any(held(found) for found in volumes)
    )
    reserved = for_nothing or any(held(found) for found in volumes)
    charging = [
        not reserved or any(found.get(name) for name in ("ENERGY", "TIME", "PARKING_TIME")) for found in volumes
    ]
    expired = any(found.get("RESERVATION_EXPIRES") for found in volumes) or (reserved and not any(charging))
    expired = outcome == "expired" if outcome is not None else expired
    begun = next((period.start_date_time for period, yes in zip(periods, charging, strict=True) if yes), None)
    energy = F(0)
    flat_done = reservation_flat_done = False
    for period, found, charges in zip(periods, volumes, charging, strict=True):

        def instant(
            since: datetime,
            period: ChargingPeriod = period,
            found: dict[str, Fraction] = found,
            energy: Fraction = energy,
        ) -> Instant:
            elapsed = F((period.start_date_time - since) // timedelta(microseconds=1), 10**6)
            return Instant(period.start_date_time, zone, energy, elapsed, found)

        if held(found) or (for_nothing and found is volumes[0]):
            now = instant(periods[0].start_date_time)
            for dimension, volume in (("FLAT", F(1)), ("TIME", held(found))):
                component = active(tariff, dimension, now, "RESERVATION")
                if expired:
                    component = active(tariff, dimension, now, "RESERVATION_EXPIRES") or component
                if (dimension == "FLAT" and reservation_flat_done) or not volume:
                    continue
                bill.add("reservation" if dimension == "TIME" else "reservation_fee", component, volume)
                reservation_flat_done = reservation_flat_done or (dimension == "FLAT" and component is not None)
        if charges:
            assert begun is not None
            now = instant(begun)
            flat = active(tariff, "FLAT", now)
            if flat is not None and not flat_done:
                flat_done = True
                bill.add("fixed", flat, F(1))
            for dimension, category in (("ENERGY", "energy"), ("TIME", "time"), ("PARKING_TIME", "parking_time")):
                if dimension in found:
                    bill.add(category, active(tariff, dimension, now), found[dimension])
        energy += found.get("ENERGY", F(0))
    _round(bill)
    return summed(bill, charged=any(charging))


def _round(bill: Bill) -> None:
    bill.round_up("energy", 1000)
    parked = any(volume for _, volume in bill.entries.get("parking_time", []))
    bill.round_up("parking_time" if parked else "time", 3600)
    bill.round_up("reservation", 3600)


def of_seconds(
    tariff: Tariff, start: datetime, phases: list[tuple[str, int, Fraction, dict[str, Fraction]]], zone: ZoneInfo
) -> Result:
    """`phases`: what goes on (RESERVATION_TIME, TIME, PARKING_TIME), seconds, kWh per second, power and current."""
    bill = Bill(tariff, [])
    second = F(1, 3600)
    moment, energy = start, F(0)
    charged = any(name != "RESERVATION_TIME" for name, _, _, _ in phases)
    begun: datetime | None = None
    flat_done = reservation_flat_done = False
    for name, seconds, flow, values in phases:
        for _ in range(seconds):
            if name == "RESERVATION_TIME":
                now = Instant(moment, zone, energy, F((moment - start).total_seconds()), values)
                for dimension in ("FLAT", "TIME"):
                    component = active(tariff, dimension, now, "RESERVATION")
                    if not charged:
                        component = active(tariff, dimension, now, "RESERVATION_EXPIRES") or component
                    if dimension == "TIME":
                        bill.add("reservation", component, second)
                    elif component is not None and not reservation_flat_done:
                        reservation_flat_done = True
                        bill.add("reservation_fee", component, F(1))
            else:
                begun = begun or moment
                now = Instant(moment, zone, energy, F((moment - begun).total_seconds()), values)
                flat = active(tariff, "FLAT", now)
                if flat is not None and not flat_done:
                    flat_done = True
                    bill.add("fixed", flat, F(1))
                bill.add("time" if name == "TIME" else "parking_time", active(tariff, name, now), second)
                if flow:
                    bill.add("energy", active(tariff, "ENERGY", now), flow)
            moment += timedelta(seconds=1)
            energy += flow
    _round(bill)
    return summed(bill, charged=charged)
