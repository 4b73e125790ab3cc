"""Payment terminals and what they captured (`mod_payments`)."""

from collections.abc import Iterator

from pydantic import Field

from ocpi.wire.base import (
    Checked,
    CiString2,
    CiString3,
    CiString10,
    CiString20,
    CiString36,
    CiString45,
    CiString255,
    ClosedEnum,
    Contradiction,
    DateTime,
    Many,
    Url,
    Wire,
)
from ocpi.wire.locations.geography import GeoLocation
from ocpi.wire.types import Price


class InvoiceCreator(ClosedEnum):
    """`mod_payments#mod_payments_invoice_creator_enum`."""

    CPO = "CPO"
    PTP = "PTP"


class CaptureStatusCode(ClosedEnum):
    """`mod_payments#mod_payments_capture_status_code_enum`."""

    SUCCESS = "SUCCESS"
    PARTIAL_SUCCESS = "PARTIAL_SUCCESS"
    FAILED = "FAILED"


class Terminal(Wire):
    """`mod_payments#mod_payments_terminal_object`: owned by the payment terminal provider (PTP). It serves the EVSEs of
    its location_ids and its evse_uids together.
    """

    terminal_id: CiString36
    customer_reference: CiString36 | None = None
    party_id: CiString3 | None = None  # with country_code, instead of customer_reference
    country_code: CiString2 | None = None
    address: CiString45 | None = None
    city: CiString45 | None = None
    postal_code: CiString10 | None = None
    state: CiString20 | None = None
    country: CiString3 | None = None  # ISO 3166-1 alpha-3
    coordinates: GeoLocation | None = None
    invoice_base_url: Url | None = None
    invoice_creator: InvoiceCreator | None = None
    reference: CiString36 | None = None
    location_ids: Many[CiString36] = Field(default_factory=list)
    evse_uids: Many[CiString36] = Field(default_factory=list)
    last_updated: DateTime | None = None  # required when sending; set by the receiver where absent


class FinancialAdviceConfirmation(Checked):
    """`mod_payments#mod_payments_financial_advice_confirmation_object`: what was captured from the card. eft_data may
    be missing when the capture failed.
    """

    id: CiString36
    authorization_reference: CiString36  # as in the StartSession
    total_costs: Price  # captured, VAT included
    currency: CiString3  # ISO 4217
    eft_data: Many[CiString255] = Field(default_factory=list)  # lines for the receipt
    capture_status_code: CaptureStatusCode
    capture_status_message: CiString255 | None = None
    last_updated: DateTime

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-490`, with the exception that the official example of a failed capture makes."""
        if not self.eft_data and self.capture_status_code is not CaptureStatusCode.FAILED:
            yield ("eft_data",), "Expected at least one entry, because something was captured."
