"""The charge-station API, /api/stations/v1: how a CPO's own station system stands behind Roamdesk.

A door: it reads, translates errors and calls actions. `saying`: what travels. `systems`: whose call this is and what it may see.
`locations`, `reporting`, `orders`: the routes. What a system is not linked to does not exist for it.
"""

from backoffice.api.rules import Kind
from backoffice.api.serving.routes import PAGING, Api, Repeats, Route, whole
from backoffice.api.serving.site import api_site
from backoffice.api.serving.webhooks import SCOPE as WEBHOOKS
from backoffice.api.serving.webhooks import SENTENCE as WEBHOOKS_SENTENCE
from backoffice.api.serving.webhooks import routes as webhook_routes
from backoffice.charge_points.actions.systems import ORDER_EVENT
from backoffice.charge_points.api import examples, locations, orders, reporting, saying

READ, WRITE, REPORT, ORDERS = "locations:read", "locations:write", "reports:write", "orders:obey"

API = Api(
    root="stations/v1",
    kind=Kind.STATION_SYSTEM,
    title="Charge-station API",
    description="For the system that runs a CPO's charge stations: it tells their locations, reports what happens at them, and "
    "obeys the orders of drivers and partners. A system sees and reports only what it is linked to; all else is 404.",
    scopes={
        READ: "Read the locations that it is linked to",
        WRITE: "Add locations and change what it says of them",
        REPORT: "Report statuses, cards, charges and meter values",
        ORDERS: "Take orders and answer them",
        WEBHOOKS: WEBHOOKS_SENTENCE,
    },
    events={ORDER_EVENT: ("Something is to be done at one of your stations", saying.Order)},
    routes=(
        Route(
            "GET",
            "/locations",
            READ,
            locations.listed,
            answers=saying.KeptLocation,
            many=True,
            query=PAGING,
            tag="locations",
        ),
        Route("GET", "/locations/{location_id}", READ, locations.one, answers=saying.KeptLocation, tag="locations"),
        Route(
            "PUT",
            "/locations/{location_id}",
            WRITE,
            locations.put,
            saying.LocationTold,
            saying.KeptLocation,
            max_body=8_000_000,
            tag="locations",
            example=examples.LOCATION,
            refusals=("conflict",),
        ),
        Route(
            "PUT",
            "/locations/{location_id}/evses/{evse_uid}",
            WRITE,
            locations.put_evse,
            saying.EvseTold,
            saying.KeptLocation,
            tag="locations",
            example=examples.EVSE,
            refusals=("conflict",),
        ),
        Route(
            "POST",
            "/statuses",
            REPORT,
            reporting.status,
            saying.StatusTold,
            saying.Changed,
            tag="reports",
            repeats=Repeats.MAY,
            example=examples.STATUS,
            refusals=("not_found", "conflict"),
        ),
        Route(
            "POST",
            "/cards",
            REPORT,
            reporting.card,
            saying.CardTold,
            saying.Admission,
            tag="reports",
            repeats=Repeats.MAY,
            asks_others=True,
            example=examples.CARD,
            refusals=("not_found",),
        ),
        Route(
            "POST",
            "/charges",
            REPORT,
            reporting.started,
            saying.StartTold,
            saying.Charge,
            tag="reports",
            status=201,
            repeats=Repeats.MAY,
            example=examples.START,
            refusals=("not_found", "conflict"),
        ),
        Route(
            "POST",
            "/readings",
            REPORT,
            reporting.readings,
            saying.ReadingsTold,
            saying.Fates,
            tag="reports",
            repeats=Repeats.MAY,
            example=examples.READINGS,
        ),
        Route(
            "POST",
            "/charges/stop",
            REPORT,
            reporting.stopped,
            saying.StopTold,
            saying.Charge,
            tag="reports",
            repeats=Repeats.MAY,
            example=examples.STOP,
            refusals=("not_found", "conflict"),
        ),
        Route(
            "POST",
            "/charges/plan",
            REPORT,
            reporting.replanned,
            saying.PlanTold,
            saying.Changed,
            tag="reports",
            repeats=Repeats.MAY,
            example=examples.PLAN,
            refusals=("not_found", "conflict"),
        ),
        Route(
            "GET",
            "/orders",
            ORDERS,
            orders.listed,
            answers=saying.Orders,
            tag="orders",
            query=(
                whole(
                    "wait", "Seconds to wait while there is nothing new", least=0, most=orders.LONGEST_WAIT, default=0
                ),
                orders.AFTER,
            ),
        ),
        Route(
            "POST",
            "/orders/{order}",
            ORDERS,
            orders.answered,
            saying.OrderAnswered,
            saying.Changed,
            tag="orders",
            repeats=Repeats.MAY,
            example=examples.ANSWER,
            refusals=("conflict",),
        ),
        *webhook_routes([ORDER_EVENT]),
    ),
)

api_site.register(API)
