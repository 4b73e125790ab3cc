"""Classes and enums that several chapters share (`types`)."""

from pydantic import Field

from ocpi.wire.base import ClosedEnum, Many, Number, OpenEnum, String2, String512, StringAnyLength, Wire


class Role(ClosedEnum):
    """`types#types_role_enum`. HUB (not listed any more) and PTP (not yet) are tolerated on input; send OTHER."""

    CPO = "CPO"
    EMSP = "EMSP"
    NAP = "NAP"
    NSP = "NSP"
    OTHER = "OTHER"
    SCSP = "SCSP"
    HUB = "HUB"
    PTP = "PTP"


class TokenType(OpenEnum):
    """`mod_tokens#mod_tokens_tokentype_enum`. Here and not in `tokens`, because Locations name it too. LICENSE_PLATE
    comes with bookings.
    """

    AD_HOC_USER = "AD_HOC_USER"
    APP_USER = "APP_USER"
    EMAID = "EMAID"
    LICENSE_PLATE = "LICENSE_PLATE"
    OTHER = "OTHER"
    RFID = "RFID"


class DisplayText(Wire):
    """`types#types_displaytext_class`: text for drivers, without markup. `language` is ISO 639-1."""

    language: String2  # ISO 639-1
    text: String512


class TaxAmount(Wire):
    """`types#types_tax_amount_class`: one tax that is due on a price. The specification limits none of the strings."""

    name: StringAnyLength
    account_number: StringAnyLength | None = None
    percentage: Number | None = None  # percent
    amount: Number


class Price(Wire):
    """`types#types_price_class`: an amount in the currency of the object around it."""

    before_taxes: Number
    taxes: Many[TaxAmount] = Field(default_factory=list)
