"""What a CPO does when somebody wants to charge: trust its copy, ask the eMSP, or decide without an answer.

Laws (mod_tokens#mod_tokens_whitelisttype_enum): ALWAYS is never asked about; NEVER is asked about at each use, even a token that
our copy calls invalid, for it may have changed; ALLOWED_OFFLINE is asked about, and let in when the eMSP cannot be reached. A
decision always has a reason that staff can read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ocpi.wire.cdrs import AuthMethod
from ocpi.wire.tokens import AllowedType

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a charge may begin, and what its Session and CDR will say of it.

    `token` is a CdrToken (country_code, party_id, uid, type, contract_id); `emsp` and `connection` are row ids of the party that
    pays and of the connection that leads to it (None for our own).
    """

    allowed: bool
    outcome: AllowedType
    reason: str
    authorization_id: int
    reference: str | None
    auth_method: AuthMethod
    token: Tree | None
    emsp: int | None
    connection: int | None
