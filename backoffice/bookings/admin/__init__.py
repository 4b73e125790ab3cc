"""The staff door of bookings: the calendar, the list, conflicts, one booking and its buttons; what is bookable; the search and
the requests of an eMSP. Whether something is free no page decides: actions ask the database."""

from backoffice.bookings.admin import listing, places

__all__ = ["listing", "places"]
