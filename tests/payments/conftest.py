"""The cast of the payments tests: our CPO DE-RDK with a location, and the provider AT-PAY, which registered as OTHER.

Rows are imported inside the fixtures: pytest loads this file before Django is set up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.meeting import peer, platform, reachable

if TYPE_CHECKING:
    from backoffice.partners.models import Party
    from tests.doors.asking import Asking
    from tests.factories import Partner
    from tests.payments.taking import Abroad
    from tests.peer import ScriptedPeer

__all__ = ["peer", "platform", "reachable"]


@pytest.fixture
def us(db: None) -> Party:
    from tests import factories

    party = factories.own_party("DE-RDK", "CPO", "EMSP")
    for number in (1, 2):
        factories.own_location(factories.small_location(f"LOC{number}", "DE-RDK"))
    return party


@pytest.fixture
def provider(us: Party) -> Partner:
    """AT-PAY, whose Sender interface we may call."""
    from backoffice.partners.actions.connections import set_endpoints
    from tests import factories

    made = factories.partner("AT-PAY:OTHER")
    host = made.connection.confirmed_origins[0].removesuffix(":443")
    set_endpoints(made.connection, [("payments", "SENDER", f"{host}/ocpi/2.3.0/sender/payments/")])
    return made


@pytest.fixture
def paying(provider: Partner) -> Asking:
    """The provider at our doors."""
    from tests.doors.asking import Asking

    return Asking(provider.token)


@pytest.fixture
def ptp(db: None) -> Party:
    """We as provider: DE-PTP."""
    from tests import factories

    return factories.own_party("DE-PTP", "PTP", name="Roamdesk Pay")


@pytest.fixture
def cpo(ptp: Party) -> Partner:
    """SE-ELV, a CPO at whose charge points our terminals stand."""
    from tests import factories

    return factories.partner("SE-ELV:CPO", ours=[ptp], receives=["payments"])


@pytest.fixture
def charging(cpo: Partner) -> Asking:
    """The CPO at our doors."""
    from tests.doors.asking import Asking

    return Asking(cpo.token)


@pytest.fixture
def simulated(settings: Any) -> None:
    """Cards are taken by the simulated provider."""
    from tests.payments.taking import SIMULATED

    settings.PAYMENT_PROVIDER = SIMULATED


@pytest.fixture
def abroad(db: None, simulated: None, reachable: None, peer: ScriptedPeer) -> Abroad:
    """We are the provider DE-PTP, with a terminal at NL-TNM."""
    from tests.payments.taking import Abroad

    return Abroad(peer)
