"""Write down what happened to tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from backoffice.tokens.models import TokenEvent


def note(tokens: Sequence[int], *, what: str, now: datetime, by: str = "", reason: str = "") -> None:
    """Inside the transaction of what happened."""
    TokenEvent.objects.bulk_create(
        TokenEvent(token_id=pk, at=now, what=what, by=by[:150], reason=reason[:200]) for pk in tokens
    )
