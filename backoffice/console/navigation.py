"""The sidebar: the groups of the handbook, holding only what exists, each item shown to those who may open it.

An app adds its line here. `settings.UNFOLD` names `sidebar`. Forty lines fit no window: groups are folded, but the one that the
page belongs to; whoever opens others finds them open on the next page too (`console.js`).
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

GROUPS: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...] = (
    # title: (label, icon, URL name, permission)
    (
        "",
        (
            ("Home", "home", "admin:index", ""),
            ("Search", "search", "admin:cdrs_cdr_search", "cdrs.view_cdr"),
        ),
    ),
    (
        "Roaming",
        (
            ("Connections", "hub", "admin:partners_connection_changelist", "partners.view_connection"),
            ("Parties", "domain", "admin:partners_party_changelist", "partners.view_party"),
            ("Claims", "how_to_reg", "admin:partners_partyrole_changelist", "partners.view_partyrole"),
        ),
    ),
    (
        "Network",
        (
            ("Locations", "location_on", "admin:locations_location_changelist", "locations.view_location"),
            ("Map", "map", "admin:locations_location_map", "locations.view_location"),
            ("Status board", "grid_view", "admin:locations_location_board", "locations.view_location"),
            ("Tariffs", "sell", "admin:tariffs_tariff_changelist", "tariffs.view_tariff"),
            ("Tariff drafts", "edit_note", "admin:tariffs_draft_changelist", "tariffs.view_draft"),
            ("Payment terminals", "point_of_sale", "admin:payments_terminal_changelist", "payments.view_terminal"),
        ),
    ),
    (
        "Bookings",
        (
            ("Booking calendar", "calendar_month", "admin:bookings_booking_calendar", "bookings.view_booking"),
            ("Bookings", "event_available", "admin:bookings_booking_changelist", "bookings.view_booking"),
            (
                "Bookable locations",
                "local_parking",
                "admin:bookings_bookablelocation_changelist",
                "bookings.view_bookablelocation",
            ),
        ),
    ),
    (
        "Drivers",
        (
            ("Tokens", "badge", "admin:tokens_token_changelist", "tokens.view_token"),
            ("Authorizations", "how_to_vote", "admin:tokens_authorization_changelist", "tokens.view_authorization"),
            (
                "Sessions",
                "ev_station",
                "admin:charging_sessions_session_changelist",
                "charging_sessions.view_session",
            ),
            ("Silence policies", "timer_off", "admin:tokens_silencepolicy_changelist", "tokens.view_silencepolicy"),
        ),
    ),
    (
        "Money",
        (
            ("CDRs", "receipt_long", "admin:cdrs_cdr_changelist", "cdrs.view_cdr"),
            ("Card payments", "contactless", "admin:payments_cardpayment_changelist", "payments.view_cardpayment"),
            ("Financial advice", "credit_score", "admin:payments_advice_changelist", "payments.view_advice"),
            ("Card tie", "rule", "admin:payments_advice_tie", "payments.view_advice"),
            (
                "Drivers' invoices",
                "receipt",
                "admin:payments_driverinvoice_changelist",
                "payments.view_driverinvoice",
            ),
            (
                "Sellers on invoices",
                "storefront",
                "admin:payments_invoiceseller_changelist",
                "payments.view_invoiceseller",
            ),
            ("Exports", "request_quote", "admin:billing_export_changelist", "billing.view_export"),
            ("Export runs", "history", "admin:billing_exportrun_changelist", "billing.view_exportrun"),
        ),
    ),
    (
        "Operations",
        (
            ("Commands", "settings_remote", "admin:commands_command_changelist", "commands.view_command"),
            ("Reservations", "event", "admin:commands_reservation_changelist", "commands.view_reservation"),
            ("Orders to stations", "ev_charger", "admin:charge_points_order_changelist", "charge_points.view_order"),
            (
                "Charging profiles",
                "stacked_line_chart",
                "admin:charging_profiles_profilerequest_changelist",
                "charging_profiles.view_profilerequest",
            ),
            (
                "Smart charging mandates",
                "assignment_ind",
                "admin:charging_sessions_mandate_changelist",
                "charging_sessions.view_mandate",
            ),
            ("Message log", "swap_horiz", "admin:delivery_exchange_changelist", "delivery.view_exchange"),
            ("Outbox", "outbox", "admin:delivery_message_changelist", "delivery.view_message"),
            ("Pulls", "cloud_download", "admin:delivery_pull_changelist", "delivery.view_pull"),
            ("Webhook log", "webhook", "admin:api_webhookdelivery_changelist", "api.view_webhookdelivery"),
            ("API calls", "api", "admin:api_apicall_changelist", "api.view_apicall"),
            ("Jobs", "event_repeat", "admin:jobs_job_changelist", "jobs.view_job"),
        ),
    ),
    (
        "Admin",
        (
            ("Users", "person", "admin:auth_user_changelist", "auth.view_user"),
            ("Groups", "group", "admin:auth_group_changelist", "auth.view_group"),
            ("API access", "key", "admin:api_application_changelist", "api.view_application"),
            ("Party scopes", "shield_person", "admin:console_partyscope_changelist", "console.view_partyscope"),
        ),
    ),
)

FIT = 9
"""Lines that fit beside the heads of the groups in a window of 800 pixels."""


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    shown = []
    for title, lines in GROUPS:
        items = [
            {"title": label, "icon": icon, "link": link, "active": _active(request.path, link)}
            for label, icon, name, permission in lines
            if (not permission or request.user.has_perm(permission)) and (link := _link(name))
        ]
        if items:
            shown.append({"title": title, "items": items, "open": any(item["active"] for item in items)})
    _unfold([group for group in shown if group["title"]])
    return shown


def _unfold(groups: list[dict[str, Any]]) -> None:
    """Where the page belongs to no group (Home, Search), the first ones are open; who may open little sees all of it."""
    few = sum(len(group["items"]) for group in groups) <= FIT
    if not few and any(group["open"] for group in groups):
        return
    room = FIT
    for group in groups:
        room -= len(group["items"])
        if few or room >= 0:
            group["open"] = True
        else:
            break


def _link(name: str) -> str | None:
    """None where an installation has not switched that app on."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return None


def _active(path: str, link: str) -> bool:
    """The longest line that the page lies below: the board is not the list, though its URL begins alike."""
    if link == reverse("admin:index"):
        return path == link
    if not path.startswith(link):
        return False
    longer = (other for _, lines in GROUPS for _, _, name, _ in lines if (other := _link(name)))
    return not any(path.startswith(other) and len(other) > len(link) for other in longer)
