"""Who steers charges for us: one row for each smart charging provider and CPO of ours. Removing one ends it at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from backoffice.console.cells import since
from backoffice.console.model_admins import ConsoleAdmin, Empty
from backoffice.console.scope import scoped
from backoffice.partners.models import Party
from backoffice.sessions.models import Mandate


@admin.register(Mandate)
class MandateAdmin(ConsoleAdmin):
    party_lookup = "party"
    fields = ("party", "provider", "contract")
    list_display = ("provider", "party", "begun", "contract")
    list_select_related = ("party", "provider")
    sortable_by = ()
    actions = None
    empty = Empty(
        "Smart charging providers (role SCSP) that are told of all sessions at our charge points and may set profiles for them.",
        "Nobody has a mandate: eMSPs steer the charges of their own drivers, and nobody else does.",
        "Give a mandate",
        "admin:charging_sessions_mandate_add",
        "charging_sessions.add_mandate",
    )

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "party":
            options["queryset"] = scoped(
                Party.objects.filter(ours=True, roles__role="CPO"), request.user, "id"
            ).distinct()
        if db_field.name == "provider":
            options["queryset"] = Party.objects.filter(ours=False, roles__role="SCSP", roles__state="ACTIVE").distinct()
        return super().formfield_for_foreignkey(db_field, request, **options)

    @admin.display(description="Since")
    def begun(self, row: Mandate) -> str:
        return since(row.since)
