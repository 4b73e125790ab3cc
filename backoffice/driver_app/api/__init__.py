"""The driver-app API, /api/drivers/v1: how an eMSP's own app stands before Roamdesk.

A door: it reads, translates errors and calls actions. `saying`: what travels. `seeing`: what an app may see. `chargers`,
`charging`: the routes.
"""

from backoffice.api.rules import Kind
from backoffice.api.serving.routes import AFTER, LIMIT, Api, Repeats, Route, choice, number, text, whole
from backoffice.api.serving.site import api_site
from backoffice.api.serving.webhooks import SCOPE as WEBHOOKS
from backoffice.api.serving.webhooks import SENTENCE as WEBHOOKS_SENTENCE
from backoffice.api.serving.webhooks import routes as webhook_routes
from backoffice.bookings.actions.announcing import BOOKING_EVENT
from backoffice.cdrs.actions.telling import RECEIPT
from backoffice.commands.actions.recording import COMMAND_EVENT
from backoffice.driver_app.api import booking, chargers, charging, saying
from backoffice.driver_app.finding import FARTHEST_M
from backoffice.sessions.rules.telling import ChargeEvent
from ocpi.wire.locations import ConnectorType

BOOKINGS = "bookings:write"
FIND, CHARGE, READ = "chargers:read", "charges:write", "charges:read"

PLACE = {"country_code": "SE", "party_id": "ELV", "location_id": "HARBOUR-7", "evse_uid": "E-100", "connector_id": "1"}

EVENTS = {
    COMMAND_EVENT: ("Something that you asked for has moved on", saying.Command),
    ChargeEvent.STARTED.value: ("A driver of yours has begun to charge", saying.ChargeTold),
    ChargeEvent.UPDATED.value: (
        "A charge goes on; of those that you have not taken yet only the newest is told",
        saying.ChargeTold,
    ),
    ChargeEvent.ENDED.value: ("A charge is over", saying.ChargeTold),
    RECEIPT: ("The receipt of a charge is there", saying.ReceiptReady),
    BOOKING_EVENT: ("A booking has changed: the operator has decided, moved or cancelled it", saying.Booking),
}

API = Api(
    root="drivers/v1",
    kind=Kind.DRIVER_APP,
    title="Driver-app API",
    description="For the app of an eMSP: its drivers find chargers of all operators, learn what a charge would cost, start, stop "
    "and reserve, follow the charge and get the receipt. An app sees its own drivers; all else is 404.",
    scopes={
        FIND: "Find chargers and ask for prices",
        CHARGE: "Start, stop and reserve for drivers",
        READ: "Read charges and receipts of drivers",
        BOOKINGS: "Book, change and cancel time slots for drivers",
        WEBHOOKS: WEBHOOKS_SENTENCE,
    },
    events=EVENTS,
    routes=(
        Route(
            "GET",
            "/chargers",
            FIND,
            chargers.find,
            answers=saying.Charger,
            many=True,
            tag="chargers",
            query=(
                number("latitude", "Of the place", least=-90, most=90, required=True),
                number("longitude", "Of the place", least=-180, most=180, required=True),
                whole("radius_m", "How far around it, in metres", least=1, most=FARTHEST_M, default=5000),
                number("power_kw", "At least so much", least=0, most=5000),
                choice("standard", "A connector of this kind", ConnectorType),
                whole("free", "1: only what is free now", least=0, most=1, default=0),
                LIMIT,
            ),
        ),
        Route(
            "GET",
            "/chargers/{country_code}/{party_id}/{location_id}",
            FIND,
            chargers.one,
            answers=saying.Place,
            tag="chargers",
        ),
        Route(
            "POST",
            "/quotes",
            FIND,
            chargers.quote,
            saying.QuoteAsked,
            saying.Quote,
            tag="chargers",
            repeats=Repeats.MAY,
            example=PLACE | {"kwh": 20},
            refusals=("not_found",),
        ),
        Route(
            "POST",
            "/charges",
            CHARGE,
            charging.start,
            saying.StartAsked,
            saying.Command,
            status=202,
            tag="charges",
            repeats=Repeats.MUST,
            example=PLACE | {"contract_id": "DE-RDK-C00001"},
            refusals=("not_found", "conflict"),
        ),
        Route(
            "POST",
            "/charges/{charge}/stop",
            CHARGE,
            charging.stop,
            answers=saying.Command,
            status=202,
            tag="charges",
            repeats=Repeats.MAY,
            refusals=("not_found", "conflict"),
        ),
        Route(
            "POST",
            "/reservations",
            CHARGE,
            charging.reserve,
            saying.ReserveAsked,
            saying.Command,
            status=202,
            tag="reservations",
            repeats=Repeats.MUST,
            example={name: PLACE[name] for name in PLACE if name != "connector_id"}
            | {"contract_id": "DE-RDK-C00001", "minutes": 30},
            refusals=("not_found", "conflict"),
        ),
        Route(
            "POST",
            "/reservations/cancel",
            CHARGE,
            charging.cancel,
            saying.CancelAsked,
            saying.Command,
            status=202,
            tag="reservations",
            repeats=Repeats.MAY,
            example={"reservation_id": "4711"},
            refusals=("conflict",),
        ),
        Route("GET", "/commands/{command}", CHARGE, charging.command, answers=saying.Command, tag="charges"),
        Route(
            "GET",
            "/charges",
            READ,
            charging.charges,
            answers=saying.Charge,
            many=True,
            tag="charges",
            query=(text("contract_id", "Of this contract", most=36), LIMIT, AFTER),
        ),
        Route("GET", "/charges/{charge}", READ, charging.charge, answers=saying.Charge, tag="charges"),
        Route("GET", "/charges/{charge}/receipt", READ, charging.receipt, answers=saying.Receipt, tag="charges"),
        Route(
            "POST",
            "/slots",
            BOOKINGS,
            booking.slots,
            saying.SlotsAsked,
            saying.Slot,
            many=True,
            tag="bookings",
            repeats=Repeats.MAY,
            example={"minutes": 30, "country_code": "SE", "party_id": "ELV"},
        ),
        Route(
            "POST",
            "/bookings",
            BOOKINGS,
            booking.book,
            saying.BookAsked,
            saying.Booking,
            status=202,
            tag="bookings",
            repeats=Repeats.MUST,
            example={
                "contract_id": "DE-RDK-C00001",
                "country_code": "SE",
                "party_id": "ELV",
                "place": "BL1",
                "starts_at": "2026-04-02T10:00:00Z",
                "ends_at": "2026-04-02T11:00:00Z",
            },
            refusals=("not_found", "conflict"),
        ),
        Route(
            "GET",
            "/bookings",
            BOOKINGS,
            booking.bookings,
            answers=saying.Booking,
            many=True,
            tag="bookings",
            query=(text("contract_id", "Of this contract", most=36), LIMIT, AFTER),
        ),
        Route("GET", "/bookings/{booking}", BOOKINGS, booking.booking, answers=saying.Booking, tag="bookings"),
        Route(
            "POST",
            "/bookings/{booking}/change",
            BOOKINGS,
            booking.change,
            saying.ChangeAsked,
            saying.Booking,
            status=202,
            tag="bookings",
            repeats=Repeats.MAY,
            example={"starts_at": "2026-04-02T12:00:00Z", "ends_at": "2026-04-02T13:00:00Z"},
            refusals=("not_found", "conflict"),
        ),
        Route(
            "POST",
            "/bookings/{booking}/cancel",
            BOOKINGS,
            booking.cancel,
            saying.TakeBackAsked,
            saying.Booking,
            status=202,
            tag="bookings",
            repeats=Repeats.MAY,
            example={"reason": "TRAFFIC"},
            refusals=("not_found", "conflict"),
        ),
        *webhook_routes(list(EVENTS)),
    ),
)

api_site.register(API)
