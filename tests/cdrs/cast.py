"""CDRs of ours, as their tests need them: put there as an issued one is, without a charge before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.cdrs.actions.sending import put
from backoffice.cdrs.models import Cdr
from backoffice.cdrs.rules.plausibility import Finding
from backoffice.partners.models import Party
from backoffice.roaming_site import site
from tests.factories import small_cdr


def own_cdr(
    identity: str,
    emsp: Party,
    *,
    now: datetime | None = None,
    held: Sequence[str] = (),
    **changes: Any,
) -> Cdr:
    """A CDR of DE-RDK for a driver of this eMSP, owed to it; with `held` (codes) held back."""
    ours = Party.objects.get(ours=True, country_code="DE", party_id="RDK")
    tree = small_cdr(identity, str(ours), str(emsp), **changes)
    with transaction.atomic():
        cdr = put(
            tree,
            party=ours,
            emsp=emsp,
            findings=[Finding(code, f"{code.capitalize().replace('_', ' ')}.") for code in held],
            now=now or site.now(),
        )
    assert cdr is not None
    return cdr
