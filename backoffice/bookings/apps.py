from django.apps import AppConfig


class BookingsConfig(AppConfig):
    name = "backoffice.bookings"
    label = "bookings"
    verbose_name = "Bookings"
