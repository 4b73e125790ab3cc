"""What our eMSP answers to a CPO that asks whether somebody may charge.

Laws (mod_tokens#mod_tokens_post_method): what staff hold is refused; opening times and the status of an EVSE play no part, for
they may be old here; a location that nobody told us of is none of our business and no reason to refuse; of the EVSEs asked
about, those are answered that exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backoffice.tokens.rules.words import Hold, Reason
from ocpi.wire.tokens import AllowedType


@dataclass(frozen=True, slots=True)
class Asked:
    """Where somebody wants to charge: a location, and EVSEs of it (none: anywhere there)."""

    location_id: str
    evse_uids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """What we know of that location: its country (ISO 3166 alpha-3), and its EVSEs in upper case (None: we know no such location,
    and the country is that of the operator)."""

    country: str
    evse_uids: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a token of ours says about itself."""

    type: str
    valid: bool
    hold: Hold
    only_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """`evse_uids`: those that may be used, None when no location was asked about. `asks_for_location`: there is no answer
    without one."""

    allowed: AllowedType
    code: Reason
    sentence: str
    evse_uids: tuple[str, ...] | None = None
    asks_for_location: bool = False


def answer(token: Standing, asked: Asked | None, place: Place | None) -> Answered:
    """`place` is needed only for what `needs_place` says."""
    if token.hold is not Hold.NONE:
        return Answered(token.hold.answer, Reason.HELD, f"Staff hold it: {_words(token.hold)}.")
    if not token.valid:
        return Answered(AllowedType.BLOCKED, Reason.INVALID, "It is not valid.")
    if token.type == "LICENSE_PLATE":
        return Answered(
            AllowedType.NOT_ALLOWED, Reason.NOT_FOR_CHARGING, "A number plate is for bookings; it starts no charge."
        )
    if token.only_in and asked is None:
        return Answered(
            AllowedType.NOT_ALLOWED,
            Reason.LOCATION_NEEDED,
            f"It may be used in {', '.join(token.only_in)} only, and the request does not say where.",
            asks_for_location=True,
        )
    if token.only_in and place is not None and place.country.upper() not in token.only_in:
        return Answered(
            AllowedType.NOT_ALLOWED,
            Reason.OUTSIDE,
            f"It may be used in {', '.join(token.only_in)} only, and this is {place.country or 'elsewhere'}.",
        )
    if asked is None:
        return Answered(AllowedType.ALLOWED, Reason.GOOD, "It is valid.")
    usable = _existing(asked.evse_uids, place)
    if asked.evse_uids and not usable:
        return Answered(
            AllowedType.NOT_ALLOWED,
            Reason.NO_EVSE,
            "Its operator has told us of the location, and of none of the EVSEs asked about.",
        )
    return Answered(AllowedType.ALLOWED, Reason.GOOD, "It is valid.", evse_uids=usable)


def needs_place(token: Standing, asked: Asked | None) -> bool:
    """Whether the answer depends on what we know of the location: reading it costs time that a driver waits."""
    return asked is not None and token.hold is Hold.NONE and token.valid and bool(token.only_in or asked.evse_uids)


def _existing(uids: Sequence[str], place: Place | None) -> tuple[str, ...]:
    if place is None or place.evse_uids is None:
        return tuple(uids)
    return tuple(uid for uid in uids if uid.upper() in place.evse_uids)


def _words(hold: Hold) -> str:
    return hold.value.lower().replace("_", " ")


INFO: Mapping[AllowedType, Mapping[str, str]] = {
    AllowedType.BLOCKED: {
        "en": "This card is blocked. Please call your provider.",
        "de": "Diese Karte ist gesperrt. Bitte rufen Sie Ihren Anbieter an.",
        "fr": "Cette carte est bloquée. Veuillez appeler votre fournisseur.",
        "nl": "Deze pas is geblokkeerd. Bel uw aanbieder.",
    },
    AllowedType.EXPIRED: {
        "en": "This card has expired.",
        "de": "Diese Karte ist abgelaufen.",
        "fr": "Cette carte a expiré.",
        "nl": "Deze pas is verlopen.",
    },
    AllowedType.NO_CREDIT: {
        "en": "Your account has no credit. Please call your provider.",
        "de": "Ihr Konto hat kein Guthaben. Bitte rufen Sie Ihren Anbieter an.",
        "fr": "Votre compte n’a plus de crédit. Veuillez appeler votre fournisseur.",
        "nl": "Uw account heeft geen tegoed. Bel uw aanbieder.",
    },
    AllowedType.NOT_ALLOWED: {
        "en": "You cannot charge here with this card.",
        "de": "Mit dieser Karte können Sie hier nicht laden.",
        "fr": "Vous ne pouvez pas recharger ici avec cette carte.",
        "nl": "U kunt hier niet laden met deze pas.",
    },
}
"""What the driver reads at the station; who may charge needs no words."""


def info(allowed: AllowedType, language: str) -> dict[str, str] | None:
    """A DisplayText in the driver's language, else in English."""
    texts = INFO.get(allowed)
    if texts is None:
        return None
    chosen = language.lower() if language.lower() in texts else "en"
    return {"language": chosen, "text": texts[chosen]}
