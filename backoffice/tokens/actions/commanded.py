"""Let in by a command of the eMSP: it vouches for the token by sending it, and is not asked again for a while.

The token need not be known here and is not stored as one (T-416, T-417): what it says of itself stands in the decision, from
where it goes into Session and CDR (T-418).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db.models.functions import Upper

from backoffice.tokens.actions.recording import Decided, write
from backoffice.tokens.models import Authorization
from backoffice.tokens.rules import deciding as rules
from backoffice.tokens.rules.answering import Asked
from backoffice.tokens.rules.deciding import COMMANDED_FOR, Tree, Verdict, cdr_token
from backoffice.tokens.rules.words import How, Kind, Reason
from ocpi.wire.tokens import AllowedType, TokenType


@dataclass(frozen=True, slots=True)
class Commanded:
    """A verdict by a command, and whose token it is."""

    verdict: Verdict
    emsp: int | None
    connection: int | None
    token: Tree


class Named(Protocol):
    """A token as the eMSP names it: whole in a command, by its names in a booking."""

    @property
    def uid(self) -> str: ...
    @property
    def type(self) -> TokenType: ...
    @property
    def contract_id(self) -> str: ...


def commanded(
    token: Named,
    *,
    command: str,
    emsp: int,
    connection: int | None,
    cpo: int,
    location_id: str,
    evse_uid: str,
    connector_id: str,
    reference: str,
    correlation_id: str,
    now: datetime,
) -> int:
    """Write down that the eMSP lets this token charge at this EVSE. Returns the row's id; a charge may begin with it."""
    return write(
        Decided(
            at=now,
            kind=Kind.DECIDED,
            party=cpo,
            uid=token.uid,
            token_type=token.type,
            contract_id=token.contract_id,
            emsp=emsp,
            connection=connection,
            location_id=location_id,
            evse_uids=(evse_uid,) if evse_uid else (),
            connector_id=connector_id,
            allowed=AllowedType.ALLOWED,
            how=How.COMMAND,
            code=Reason.COMMANDED,
            reason=f"Its eMSP sent {command} with it.",
            reference=reference,
            correlation_id=correlation_id,
        )
    )


def by_command(uid: str, kind: str, *, cpo: int | None, place: Asked | None, now: datetime) -> Commanded | None:
    """The decision by a command of before with this token at this place; None where there is none, or it is too long ago."""
    if place is None:
        return None
    made = (
        Authorization.objects.alias(key=Upper("uid"))
        .filter(
            key=uid.upper(),
            token_type=kind,
            at__gt=now - COMMANDED_FOR,
            at__lte=now,
            kind=Kind.DECIDED.value,
            how=How.COMMAND.value,
            reason_code=Reason.COMMANDED.value,
            party=cpo,
            location_id__iexact=place.location_id,
        )
        .select_related("emsp")
        .order_by("-at")
    )
    for row in made[:5]:
        wanted = {each.upper() for each in row.evse_uids}
        if row.emsp is None or (
            wanted and place.evse_uids and wanted.isdisjoint(each.upper() for each in place.evse_uids)
        ):
            continue
        verdict = rules.by_command(kind, now - row.at, row.authorization_reference)
        if verdict is not None:
            token = cdr_token(
                country_code=row.emsp.country_code,
                party_id=row.emsp.party_id,
                uid=row.uid,
                type=row.token_type,
                contract_id=row.contract_id,
            )
            return Commanded(verdict, row.emsp_id, row.connection_id, token)
    return None
