"""By what drivers identify themselves, and whether they may charge (`mod_tokens`)."""

from pydantic import Field

from ocpi.wire.base import Bool, CiString2, CiString3, CiString36, ClosedEnum, DateTime, Many, String2, String64, Wire
from ocpi.wire.sessions import ProfileType
from ocpi.wire.types import DisplayText
from ocpi.wire.types import TokenType as TokenType


class AllowedType(ClosedEnum):
    """`mod_tokens#mod_tokens_allowed_enum`."""

    ALLOWED = "ALLOWED"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    NO_CREDIT = "NO_CREDIT"
    NOT_ALLOWED = "NOT_ALLOWED"


class WhitelistType(ClosedEnum):
    """`mod_tokens#mod_tokens_whitelisttype_enum`: when a CPO must ask the eMSP before charging starts."""

    ALWAYS = "ALWAYS"
    ALLOWED = "ALLOWED"
    ALLOWED_OFFLINE = "ALLOWED_OFFLINE"
    NEVER = "NEVER"


class EnergyContract(Wire):
    """`mod_tokens#mod_tokens_energy_contract`: the driver's own contract with an energy supplier."""

    supplier_name: String64
    contract_id: String64 | None = None


class Token(Wire):
    """`mod_tokens#mod_tokens_token_object`, owned by an eMSP. Unique by uid and type together."""

    country_code: CiString2
    party_id: CiString3
    uid: CiString36
    type: TokenType
    contract_id: CiString36
    visual_number: String64 | None = None
    issuer: String64
    group_id: CiString36 | None = None  # at most 20 characters for OCPP 1.5 and 1.6
    valid: Bool
    whitelist: WhitelistType
    language: String2 | None = None  # ISO 639-1
    default_profile_type: ProfileType | None = None
    energy_contract: EnergyContract | None = None
    last_updated: DateTime


class LocationReferences(Wire):
    """`mod_tokens#mod_tokens_locationreferences_class`: a Location and, if not all of it, its EVSEs."""

    location_id: CiString36
    evse_uids: Many[CiString36] = Field(default_factory=list)


class AuthorizationInfo(Wire):
    """`mod_tokens#mod_tokens_authorizationinfo_object`: the answer to a real-time authorization."""

    allowed: AllowedType
    token: Token
    location: LocationReferences | None = None  # only when asked for and allowed there
    authorization_reference: CiString36 | None = None
    info: DisplayText | None = None
