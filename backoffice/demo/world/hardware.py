"""What stands at a site: connectors as sold, EVSEs made of them, and the kinds of site with everything that goes with them."""

from __future__ import annotations

from dataclasses import dataclass

from ocpi.wire.locations import (
    Capability,
    ConnectorCapability,
    ConnectorFormat,
    ConnectorType,
    Facility,
    ParkingDirection,
    ParkingRestriction,
    ParkingType,
    PowerType,
    VehicleType,
)

C, F, K = Capability, Facility, ConnectorCapability


@dataclass(frozen=True, slots=True)
class Plug:
    """A connector. Volts, amperes, watts; the volts of AC are line to neutral. `standard` None: the household socket."""

    standard: ConnectorType | None
    format: ConnectorFormat
    power_type: PowerType
    volts: int
    amperes: int
    watts: int
    capabilities: tuple[ConnectorCapability, ...] = ()


SOCKET, CABLE = ConnectorFormat.SOCKET, ConnectorFormat.CABLE
AC_11 = Plug(ConnectorType.IEC_62196_T2, SOCKET, PowerType.AC_3_PHASE, 230, 16, 11_000)
AC_11_CABLE = Plug(ConnectorType.IEC_62196_T2, CABLE, PowerType.AC_3_PHASE, 230, 16, 11_000)
AC_22 = Plug(ConnectorType.IEC_62196_T2, SOCKET, PowerType.AC_3_PHASE, 230, 32, 22_000)
AC_22_CABLE = Plug(ConnectorType.IEC_62196_T2, CABLE, PowerType.AC_3_PHASE, 230, 32, 22_000)
HOUSEHOLD = Plug(None, SOCKET, PowerType.AC_1_PHASE, 230, 13, 2_990)
CCS_50 = Plug(ConnectorType.IEC_62196_T2_COMBO, CABLE, PowerType.DC, 500, 125, 50_000)
CHADEMO_50 = Plug(ConnectorType.CHADEMO, CABLE, PowerType.DC, 500, 125, 50_000)
CCS_150 = Plug(
    ConnectorType.IEC_62196_T2_COMBO, CABLE, PowerType.DC, 920, 350, 150_000, (K.ISO_15118_2_PLUG_AND_CHARGE,)
)
CCS_300 = Plug(
    ConnectorType.IEC_62196_T2_COMBO, CABLE, PowerType.DC, 1000, 500, 300_000, (K.ISO_15118_2_PLUG_AND_CHARGE,)
)
CCS_350 = Plug(
    *(ConnectorType.IEC_62196_T2_COMBO, CABLE, PowerType.DC, 1000, 500, 350_000),
    (K.ISO_15118_2_PLUG_AND_CHARGE, K.ISO_15118_20_PLUG_AND_CHARGE),
)

ROAMING = (C.RFID_READER, C.REMOTE_START_STOP_CAPABLE, C.TOKEN_GROUP_CAPABLE)
SMART = (C.CHARGING_PROFILE_CAPABLE, C.CHARGING_PREFERENCES_CAPABLE)
CARDS = (C.CREDIT_CARD_PAYABLE, C.DEBIT_CARD_PAYABLE, C.CONTACTLESS_CARD_SUPPORT, C.CHIP_CARD_SUPPORT, C.PED_TERMINAL)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of site. `evses`: the plugs of each. `hours`: a key of `building.HOURS`. `length`: of its parking places, cm."""

    label: str
    evses: tuple[tuple[Plug, ...], ...]
    capabilities: tuple[Capability, ...]
    parking_type: ParkingType
    facilities: tuple[Facility, ...]
    hours: str
    vehicles: tuple[VehicleType, ...]
    direction: ParkingDirection
    length: int
    restrictions: tuple[ParkingRestriction, ...] = ()
    roofed: bool = False
    drive_through: bool = False
    time_limit: int | None = None
    public: bool = True
    charging_when_closed: bool | None = None
    height: int | None = None
    hosted: bool = False


CARS = (VehicleType.PERSONAL_VEHICLE, VehicleType.VAN)

KINDS: dict[str, Kind] = {
    "street": Kind(
        "On street",
        ((AC_22,), (AC_22, HOUSEHOLD)),
        (*ROAMING, C.UNLOCK_CAPABLE, C.START_SESSION_CONNECTOR_REQUIRED),
        ParkingType.ON_STREET,
        (F.BUS_STOP, F.TRAM_STOP),
        "always",
        (*CARS, VehicleType.MOTORCYCLE),
        ParkingDirection.PARALLEL,
        560,
        (ParkingRestriction.EV_ONLY, ParkingRestriction.PLUGGED),
        time_limit=240,
    ),
    "garage": Kind(
        "Parking garage",
        ((AC_11,), (AC_11,), (AC_22,), (AC_22,)),
        (*ROAMING, *SMART, C.UNLOCK_CAPABLE, C.RESERVABLE),
        ParkingType.PARKING_GARAGE,
        (F.PARKING_LOT, F.METRO_STATION, F.WIFI),
        "long",
        (VehicleType.PERSONAL_VEHICLE, VehicleType.DISABLED),
        ParkingDirection.PERPENDICULAR,
        500,
        (ParkingRestriction.EV_ONLY,),
        roofed=True,
        charging_when_closed=True,
        height=205,
        hosted=True,
    ),
    "supermarket": Kind(
        "Supermarket",
        ((CCS_150,), (CCS_150,), (CCS_50, CHADEMO_50), (AC_22_CABLE,)),
        (*ROAMING, *CARDS),
        ParkingType.PARKING_LOT,
        (F.SUPERMARKET, F.PARKING_LOT, F.CAFE),
        "shop",
        (*CARS, VehicleType.DISABLED),
        ParkingDirection.PERPENDICULAR,
        520,
        (ParkingRestriction.CUSTOMERS, ParkingRestriction.EV_ONLY),
        time_limit=90,
        charging_when_closed=False,
        hosted=True,
    ),
    "hotel": Kind(
        "Hotel",
        ((AC_11_CABLE,), (AC_22,)),
        (*ROAMING, *SMART, C.RESERVABLE),
        ParkingType.UNDERGROUND_GARAGE,
        (F.HOTEL, F.RESTAURANT, F.WIFI, F.MUSEUM),
        "always",
        (VehicleType.PERSONAL_VEHICLE,),
        ParkingDirection.ANGLE,
        510,
        (ParkingRestriction.CUSTOMERS,),
        roofed=True,
        height=195,
        hosted=True,
    ),
    "workplace": Kind(
        "Business park",
        ((AC_11,), (AC_11,), (AC_11_CABLE,)),
        (*ROAMING, *SMART),
        ParkingType.ON_DRIVEWAY,
        (F.PARKING_LOT, F.BIKE_SHARING, F.TRAIN_STATION),
        "office",
        (VehicleType.PERSONAL_VEHICLE,),
        ParkingDirection.PERPENDICULAR,
        500,
        (ParkingRestriction.EMPLOYEES, ParkingRestriction.TENANTS),
        public=False,
        charging_when_closed=True,
    ),
    "hub": Kind(
        "Charging hub",
        ((CCS_350,), (CCS_350,), (CCS_300,), (CCS_300,), (CCS_300,), (CCS_150,), (CCS_150,), (CCS_50, CHADEMO_50)),
        (*ROAMING, *CARDS, *SMART),
        ParkingType.ALONG_MOTORWAY,
        (F.FUEL_STATION, F.RESTAURANT, F.CAFE, F.WIFI, F.RECREATION_AREA, F.NATURE),
        "always",
        (*CARS, VehicleType.PERSONAL_VEHICLE_WITH_TRAILER, VehicleType.BUS),
        ParkingDirection.ANGLE,
        700,
        (ParkingRestriction.EV_ONLY,),
        roofed=True,
        time_limit=60,
        height=420,
    ),
    "truck": Kind(
        "Truck charging",
        ((CCS_350,), (CCS_350,), (CCS_350,), (CCS_300,)),
        (*ROAMING, *CARDS, C.RESERVABLE),
        ParkingType.ALONG_MOTORWAY,
        (F.FUEL_STATION, F.RESTAURANT, F.TAXI_STAND),
        "always",
        (VehicleType.SEMI_TRACTOR, VehicleType.RIGID, VehicleType.TRUCK_WITH_TRAILER),
        ParkingDirection.ANGLE,
        2500,
        drive_through=True,
        time_limit=120,
        height=460,
    ),
    "park_and_ride": Kind(
        "Park and ride",
        ((AC_22,), (AC_22,)),
        (*ROAMING, C.UNLOCK_CAPABLE),
        ParkingType.PARKING_LOT,
        (F.CARPOOL_PARKING, F.TRAIN_STATION, F.BUS_STOP, F.SPORT, F.MALL, F.AIRPORT),
        "long",
        CARS,
        ParkingDirection.PERPENDICULAR,
        500,
        (ParkingRestriction.PLUGGED,),
    ),
}
