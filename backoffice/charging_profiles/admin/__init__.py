"""The staff door of charging profiles: what was asked and answered, and one session with its chart and its buttons."""

from backoffice.charging_profiles.admin import listing

__all__ = ["listing"]
