"""What a token of ours may be: what is refused before it is stored, and what is worth a word to whoever enters it.

Sources: `mod_tokens#mod_tokens_token_object` (group ids of old charge points), `mod_tokens#mod_tokens_tokentype_enum` (tokens of
apps are not whitelisted).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backoffice.tokens.rules.contracts import doubt
from backoffice.tokens.rules.deciding import is_uid
from ocpi.wire.tokens import Token, TokenType, WhitelistType

OF_APPS = frozenset({TokenType.APP_USER, TokenType.AD_HOC_USER})
OLDEST_GROUP = 20
"""Characters of a group id that OCPP 1.5 and 1.6 can hold."""

Said = tuple[str, str]
"""The field, and a sentence."""


def faults(token: Token) -> Iterator[Said]:
    """Why it cannot be one of ours."""
    if not is_uid(token.uid) or token.uid != token.uid.strip():
        yield "uid", "Expected 1 to 36 printable ASCII characters, without blanks at the ends."
    elif "/" in token.uid:
        yield "uid", "A slash cannot stand in the address by which partners name it."
    if not is_uid(token.type.value) or "/" in token.type.value:
        yield "type", "Expected a type such as RFID."
    if token.type in OF_APPS and token.whitelist is not WhitelistType.NEVER:
        yield "whitelist", "A token of an app is not whitelisted: use NEVER."
    if not token.contract_id.strip():
        yield "contract_id", "Expected the id of the contract that pays."
    if not token.issuer.strip():
        yield "issuer", "Expected the name of the company that issued it."


def remarks(token: Token, *, only_in: Sequence[str] = ()) -> Iterator[Said]:
    """What is allowed and may still be a mistake."""
    odd = doubt(token.contract_id, country_code=token.country_code.upper(), party_id=token.party_id.upper())
    if odd:
        yield "contract_id", odd
    if token.group_id and len(token.group_id) > OLDEST_GROUP:
        yield "group_id", f"Charge points with OCPP 1.5 or 1.6 hold {OLDEST_GROUP} characters of a group id."
    if only_in and token.whitelist is not WhitelistType.NEVER:
        yield (
            "whitelist",
            "It may be used in some countries only, which a CPO that trusts its copy does not ask about: use NEVER.",
        )


def told_late(whitelist: str) -> str:
    """What blocking cannot do before every partner has taken it."""
    if whitelist == WhitelistType.NEVER:
        return "Partners ask us at each use, so it is refused from now on."
    return f"Whitelist {whitelist}: a partner that has not taken the change may still accept it."
