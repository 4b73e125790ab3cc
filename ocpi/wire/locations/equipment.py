"""EVSEs and their connectors (`mod_locations`)."""

from collections.abc import Iterator

from pydantic import Field

from ocpi.wire.base import (
    AtLeastOne,
    Checked,
    CiString36,
    CiString48,
    ClosedEnum,
    Contradiction,
    DateTime,
    Int,
    Many,
    OpenEnum,
    String4,
    String16,
    String50,
    Url,
    Wire,
    duplicates,
)
from ocpi.wire.locations.geography import GeoLocation
from ocpi.wire.locations.images import Image
from ocpi.wire.locations.parking import EVSEParking, ParkingRestriction
from ocpi.wire.types import DisplayText


class Capability(OpenEnum):
    """`mod_locations#mod_locations_capability_enum`."""

    CHARGING_PROFILE_CAPABLE = "CHARGING_PROFILE_CAPABLE"
    CHARGING_PREFERENCES_CAPABLE = "CHARGING_PREFERENCES_CAPABLE"
    CHIP_CARD_SUPPORT = "CHIP_CARD_SUPPORT"
    CONTACTLESS_CARD_SUPPORT = "CONTACTLESS_CARD_SUPPORT"
    CREDIT_CARD_PAYABLE = "CREDIT_CARD_PAYABLE"
    DEBIT_CARD_PAYABLE = "DEBIT_CARD_PAYABLE"
    PED_TERMINAL = "PED_TERMINAL"
    REMOTE_START_STOP_CAPABLE = "REMOTE_START_STOP_CAPABLE"
    RESERVABLE = "RESERVABLE"
    RFID_READER = "RFID_READER"
    START_SESSION_CONNECTOR_REQUIRED = "START_SESSION_CONNECTOR_REQUIRED"
    TOKEN_GROUP_CAPABLE = "TOKEN_GROUP_CAPABLE"  # noqa: S105 - a value of the specification
    UNLOCK_CAPABLE = "UNLOCK_CAPABLE"


class ConnectorCapability(OpenEnum):
    """`mod_locations#mod_locations_connectorcapability_enum`."""

    ISO_15118_2_PLUG_AND_CHARGE = "ISO_15118_2_PLUG_AND_CHARGE"
    ISO_15118_20_PLUG_AND_CHARGE = "ISO_15118_20_PLUG_AND_CHARGE"


class ConnectorFormat(ClosedEnum):
    """`mod_locations#mod_locations_connectorformat_enum`."""

    SOCKET = "SOCKET"
    CABLE = "CABLE"


class ConnectorType(OpenEnum):
    """`mod_locations#mod_locations_connectortype_enum`."""

    CHADEMO = "CHADEMO"
    CHAOJI = "CHAOJI"
    DOMESTIC_A = "DOMESTIC_A"
    DOMESTIC_B = "DOMESTIC_B"
    DOMESTIC_C = "DOMESTIC_C"
    DOMESTIC_D = "DOMESTIC_D"
    DOMESTIC_E = "DOMESTIC_E"
    DOMESTIC_F = "DOMESTIC_F"
    DOMESTIC_G = "DOMESTIC_G"
    DOMESTIC_H = "DOMESTIC_H"
    DOMESTIC_I = "DOMESTIC_I"
    DOMESTIC_J = "DOMESTIC_J"
    DOMESTIC_K = "DOMESTIC_K"
    DOMESTIC_L = "DOMESTIC_L"
    DOMESTIC_M = "DOMESTIC_M"
    DOMESTIC_N = "DOMESTIC_N"
    DOMESTIC_O = "DOMESTIC_O"
    GBT_AC = "GBT_AC"
    GBT_DC = "GBT_DC"
    IEC_60309_2_single_16 = "IEC_60309_2_single_16"
    IEC_60309_2_three_16 = "IEC_60309_2_three_16"
    IEC_60309_2_three_32 = "IEC_60309_2_three_32"
    IEC_60309_2_three_64 = "IEC_60309_2_three_64"
    IEC_62196_T1 = "IEC_62196_T1"
    IEC_62196_T1_COMBO = "IEC_62196_T1_COMBO"
    IEC_62196_T2 = "IEC_62196_T2"
    IEC_62196_T2_COMBO = "IEC_62196_T2_COMBO"
    IEC_62196_T3A = "IEC_62196_T3A"
    IEC_62196_T3C = "IEC_62196_T3C"
    MCS = "MCS"
    NEMA_5_20 = "NEMA_5_20"
    NEMA_6_30 = "NEMA_6_30"
    NEMA_6_50 = "NEMA_6_50"
    NEMA_10_30 = "NEMA_10_30"
    NEMA_10_50 = "NEMA_10_50"
    NEMA_14_30 = "NEMA_14_30"
    NEMA_14_50 = "NEMA_14_50"
    PANTOGRAPH_BOTTOM_UP = "PANTOGRAPH_BOTTOM_UP"
    PANTOGRAPH_TOP_DOWN = "PANTOGRAPH_TOP_DOWN"
    SAE_J3400 = "SAE_J3400"
    TESLA_R = "TESLA_R"
    TESLA_S = "TESLA_S"


class PowerType(ClosedEnum):
    """`mod_locations#mod_locations_powertype_enum`."""

    AC_1_PHASE = "AC_1_PHASE"
    AC_2_PHASE = "AC_2_PHASE"
    AC_2_PHASE_SPLIT = "AC_2_PHASE_SPLIT"
    AC_3_PHASE = "AC_3_PHASE"
    DC = "DC"


class Status(ClosedEnum):
    """`mod_locations#mod_locations_status_enum`: of an EVSE."""

    AVAILABLE = "AVAILABLE"
    BLOCKED = "BLOCKED"
    CHARGING = "CHARGING"
    INOPERATIVE = "INOPERATIVE"
    OUTOFORDER = "OUTOFORDER"
    PLANNED = "PLANNED"
    REMOVED = "REMOVED"
    RESERVED = "RESERVED"
    UNKNOWN = "UNKNOWN"


class Connector(Wire):
    """`mod_locations#mod_locations_connector_object`. At most one Connector of an EVSE is in use at a time."""

    id: CiString36  # unique within the EVSE
    standard: ConnectorType
    format: ConnectorFormat
    power_type: PowerType
    max_voltage: Int  # V, line to neutral for AC_3_PHASE
    max_amperage: Int  # A
    max_electric_power: Int | None = None  # W
    tariff_ids: Many[CiString36] = Field(default_factory=list)
    terms_and_conditions: Url | None = None
    capabilities: Many[ConnectorCapability] = Field(default_factory=list)
    last_updated: DateTime


class StatusSchedule(Wire):
    """`mod_locations#mod_locations_statusschedule_class`: a planned status. The real change is pushed."""

    period_begin: DateTime
    period_end: DateTime | None = None
    status: Status


class EVSE(Checked):
    """`mod_locations#mod_locations_evse_object`: charges one vehicle at a time. An EVSE is never deleted; its status
    becomes REMOVED.
    """

    uid: CiString36  # never changed, never used again
    evse_id: CiString48 | None = None  # eMI3 or IDACS; may go when status = REMOVED
    status: Status
    status_schedule: Many[StatusSchedule] = Field(default_factory=list)
    capabilities: Many[Capability] = Field(default_factory=list)
    connectors: AtLeastOne[Connector]
    floor_level: String4 | None = None
    coordinates: GeoLocation | None = None
    physical_reference: String16 | None = None
    directions: Many[DisplayText] = Field(default_factory=list)
    parking_restrictions: Many[ParkingRestriction] = Field(default_factory=list)
    parking: Many[EVSEParking] = Field(default_factory=list)
    images: Many[Image] = Field(default_factory=list)
    accepted_service_providers: Many[String50] = Field(default_factory=list)
    last_updated: DateTime

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-226`: connectors are addressed by their id."""
        yield from duplicates("connectors", [connector.id for connector in self.connectors])
