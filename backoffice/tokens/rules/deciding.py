"""What a CPO does when somebody wants to charge: trust its copy, ask the eMSP, or decide without an answer.

Laws (mod_tokens#mod_tokens_whitelisttype_enum): ALWAYS is never asked about; NEVER is asked about at each use, even a token that
our copy calls invalid, for it may have changed; ALLOWED_OFFLINE is asked about, and let in when the eMSP cannot be reached. A
decision always has a reason that staff can read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from backoffice.tokens.rules.words import How, Reason, WhenSilent
from ocpi.wire.cdrs import AuthMethod
from ocpi.wire.tokens import AllowedType, AuthorizationInfo, TokenType, WhitelistType

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


@dataclass(frozen=True, slots=True)
class Policy:
    """How the eMSPs behind a connection are asked. These are the values without a SilencePolicy row."""

    seconds: float = 3.0
    when_silent: WhenSilent = WhenSilent.WHITELIST
    ask_allowed: bool = False
    ask_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """A partner's token as we know it."""

    whitelist: WhitelistType
    valid: bool


NOT_ASKED_FOR = timedelta(minutes=15)
"""After a command with this card, its eMSP is not asked about it at the same place (T-415, T-435)."""

NEVER_ASKED = frozenset({TokenType.APP_USER, TokenType.AD_HOC_USER})
"""Tokens that exist in commands only: who sent one is not asked about it at all (T-414)."""

COMMANDED_FOR = timedelta(hours=24)
"""How long one of these stays let in where a command named it."""


def by_command(kind: str, since: timedelta, reference: str) -> Verdict | None:
    """The eMSP itself sent this token so long ago, to this place. None: that is too long ago."""
    if since > (COMMANDED_FOR if kind in NEVER_ASKED else NOT_ASKED_FOR):
        return None
    return Verdict(
        AllowedType.ALLOWED,
        How.COMMAND,
        Reason.VOUCHED,
        f"Its eMSP sent a command with it {since // timedelta(minutes=1)} minutes ago.",
        reference=reference,
    )


class Step(StrEnum):
    """LET_IN and REFUSE by our copy; ASK the eMSP."""

    LET_IN = "LET_IN"
    REFUSE = "REFUSE"
    ASK = "ASK"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision about one token, before it is written down."""

    allowed: AllowedType
    how: How
    code: Reason
    sentence: str
    reference: str = ""
    info: str = ""
    token: Tree | None = None
    """The whole token as the eMSP answered it."""

    @property
    def good(self) -> bool:
        return self.allowed is AllowedType.ALLOWED

    @property
    def method(self) -> AuthMethod:
        return self.how.method


def first_step(copy: Copy, policy: Policy) -> Step:
    """One row for each whitelist: when our copy calls the token valid, and when not."""
    asked = Step.ASK if policy.ask_allowed else Step.LET_IN
    steps: Mapping[WhitelistType, tuple[Step, Step]] = {
        WhitelistType.ALWAYS: (Step.LET_IN, Step.REFUSE),
        WhitelistType.ALLOWED: (asked, Step.ASK),
        WhitelistType.ALLOWED_OFFLINE: (Step.ASK, Step.ASK),
        WhitelistType.NEVER: (Step.ASK, Step.ASK),
    }
    return steps[copy.whitelist][0 if copy.valid else 1]


def by_copy(copy: Copy) -> Verdict:
    if copy.valid:
        return Verdict(
            AllowedType.ALLOWED,
            How.WHITELIST,
            Reason.WHITELISTED,
            f"Its eMSP lets us whitelist it ({copy.whitelist.value}), and our copy is valid.",
        )
    return Verdict(
        AllowedType.BLOCKED,
        How.WHITELIST,
        Reason.INVALID,
        f"Our copy is not valid, and its eMSP is not to be asked about it ({copy.whitelist.value}).",
    )


class Heard(StrEnum):
    """How asking went. SILENT: no answer that could be used, whatever the cause."""

    ANSWERED = "ANSWERED"
    UNKNOWN = "UNKNOWN"
    REFUSED = "REFUSED"
    SILENT = "SILENT"
    UNREACHABLE = "UNREACHABLE"


@dataclass(frozen=True, slots=True)
class Reply:
    """What asking came to. `sentence`: what happened, for staff."""

    heard: Heard
    sentence: str = ""
    info: AuthorizationInfo | None = None
    tree: Tree | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: the token as the partner's version names it, and where."""

    uid: str
    type: str
    location_id: str = ""
    evse_uid: str = ""


def by_reply(reply: Reply, question: Question, copy: Copy | None, policy: Policy) -> Verdict:
    """The verdict after asking. `copy`: None for a token that nobody told us of."""
    if reply.heard is Heard.ANSWERED:
        assert reply.info is not None
        return _answered(reply.info, reply.tree or {}, question)
    if reply.heard is Heard.UNKNOWN:
        return Verdict(AllowedType.NOT_ALLOWED, How.REAL_TIME, Reason.UNKNOWN_TOKEN, "Its eMSP does not know it.")
    if reply.heard is Heard.REFUSED:
        return Verdict(AllowedType.NOT_ALLOWED, How.REAL_TIME, Reason.REFUSED, f"The eMSP refused: {reply.sentence}")
    return _silent(reply, copy, policy)


def _answered(info: AuthorizationInfo, tree: Tree, question: Question) -> Verdict:
    token = info.token
    if (token.uid.upper(), token.type.upper()) != (question.uid.upper(), question.type.upper()):
        return _unreadable("The eMSP answered about another token than the one it was asked about.")
    if info.location is not None and info.location.location_id.upper() != question.location_id.upper():
        return _unreadable("The eMSP answered about another location than the one it was asked about.")
    said = Verdict(
        info.allowed,
        How.REAL_TIME,
        Reason.ANSWERED,
        f"Its eMSP answered {info.allowed.value}.",
        reference=info.authorization_reference or "" if info.allowed is AllowedType.ALLOWED else "",
        info=info.info.text if info.info else "",
        token=tree.get("token"),
    )
    usable = {uid.upper() for uid in info.location.evse_uids} if info.location is not None else set()
    if said.good and question.evse_uid and usable and question.evse_uid.upper() not in usable:
        return Verdict(
            AllowedType.NOT_ALLOWED,
            How.REAL_TIME,
            Reason.NO_EVSE,
            "Its eMSP allows other EVSEs of this location and not this one.",
            info=said.info,
            token=said.token,
        )
    return said


def _unreadable(sentence: str) -> Verdict:
    return Verdict(AllowedType.NOT_ALLOWED, How.REAL_TIME, Reason.NOT_READABLE, sentence)


def _silent(reply: Reply, copy: Copy | None, policy: Policy) -> Verdict:
    code = Reason.UNREACHABLE if reply.heard is Heard.UNREACHABLE else Reason.SILENT
    trusted = (
        copy is not None
        and copy.valid
        and copy.whitelist
        in (
            WhitelistType.ALLOWED_OFFLINE,
            WhitelistType.ALLOWED,
        )
    )
    if trusted and policy.when_silent is WhenSilent.WHITELIST:
        assert copy is not None
        return Verdict(
            AllowedType.ALLOWED,
            How.OFFLINE,
            Reason.OFFLINE,
            f"No answer from its eMSP, and {copy.whitelist.value} lets it in. {reply.sentence}",
        )
    why = _why_not(copy, policy)
    return Verdict(AllowedType.NOT_ALLOWED, How.NONE, code, f"No answer from its eMSP, and {why}. {reply.sentence}")


def _why_not(copy: Copy | None, policy: Policy) -> str:
    if copy is None:
        return "nobody has told us of the token"
    if not copy.valid:
        return "our copy is not valid"
    if copy.whitelist is WhitelistType.NEVER:
        return "NEVER forbids to trust our copy"
    return "this partner's silence policy is to refuse"


UNKNOWN_HERE = Verdict(
    AllowedType.NOT_ALLOWED,
    How.NONE,
    Reason.UNKNOWN_TOKEN,
    "Nobody has told us of this token, and no partner is to be asked about unknown ones.",
)
NOT_FOR_CHARGING = Verdict(
    AllowedType.NOT_ALLOWED,
    How.NONE,
    Reason.NOT_FOR_CHARGING,
    "A number plate is for bookings; it starts no charge.",
)
NOBODY_PAYS = Verdict(
    AllowedType.NOT_ALLOWED,
    How.NONE,
    Reason.UNREACHABLE,
    "No connection leads to its eMSP any more: nobody would take the CDR.",
)
NO_TOKEN = Verdict(
    AllowedType.NOT_ALLOWED,
    How.NONE,
    Reason.NOT_READABLE,
    "What was shown is no token: its id is empty, longer than 36 characters or not printable.",
)


def is_uid(text: str) -> bool:
    return 0 < len(text) <= 36 and text.isascii() and text.isprintable()


def issuer_of_emaid(text: str) -> tuple[str, str] | None:
    """Country code and party id of the eMSP that an EMAID names in its first five characters; None when it names none."""
    plain = text.replace("-", "").upper()
    if len(plain) < 8 or not plain[:2].isalpha() or not plain.isalnum() or not plain.isascii():
        return None
    return plain[:2], plain[2:5]


def cdr_token(*, country_code: str, party_id: str, uid: str, type: str, contract_id: str) -> Tree:  # noqa: A002
    return {
        "country_code": country_code,
        "party_id": party_id,
        "uid": uid,
        "type": type,
        "contract_id": contract_id,
    }
