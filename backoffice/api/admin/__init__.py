"""Staff's screens of this room: applications with their keys and webhooks, the log of webhooks, the log of calls."""

from backoffice.api.admin import applications as applications
from backoffice.api.admin import calls as calls
from backoffice.api.admin import deliveries as deliveries
