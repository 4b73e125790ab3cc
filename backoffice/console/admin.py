"""Users, groups and party scopes; what libraries registered for themselves and staff have no use for is taken away."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from backoffice.console.cells import since, state
from backoffice.console.model_admins import ConsoleAdmin, Empty
from backoffice.console.models import PartyScope

for _model in list(admin.site._registry):
    if _model._meta.app_label in {"auth", "axes", "django_celery_beat"}:
        admin.site.unregister(_model)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ConsoleAdmin):
    party_lookup = None
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "name", "in_groups", "active", "seen")
    list_filter = ("is_active", "groups")
    actions = None
    filter_horizontal = ()
    autocomplete_fields = ("groups",)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a superuser says what somebody may do, and nobody for himself: so the last one cannot lock himself out."""
        fixed = super().get_readonly_fields(request, obj)
        if obj is not None and obj.pk == request.user.pk:
            return (*fixed, "is_active", "is_superuser", "is_staff", "groups")
        return fixed if request.user.is_superuser else (*fixed, "is_superuser", "is_staff", "groups")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: the history names its people. An account that is over is set inactive."""
        return False

    @admin.display(description="Name")
    def name(self, user: User) -> str:
        return user.get_full_name()

    @admin.display(description="Groups")
    def in_groups(self, user: User) -> str:
        names = [group.name for group in user.groups.all()]
        return ", ".join((["Superuser"] if user.is_superuser else []) + names) or "none: sees nothing"

    @admin.display(description="State", ordering="is_active")
    def active(self, user: User) -> str:
        return state("ACTIVE") if user.is_active else state("INACTIVE", tone=("off", "person_off"))

    @admin.display(description="Last login", ordering="last_login")
    def seen(self, user: User) -> str:
        return since(user.last_login)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ConsoleAdmin):
    party_lookup = None


@admin.register(PartyScope)
class PartyScopeAdmin(ConsoleAdmin):
    party_lookup = None
    list_display = ("name", "party_list", "user_list")
    filter_horizontal = ("parties", "users")
    empty = Empty(
        "Party scopes: which members of staff see only some parties.",
        "There is none, so everybody sees all parties that their group allows.",
        "Add a scope",
        "admin:console_partyscope_add",
        "console.add_partyscope",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("parties", "users")

    @admin.display(description="Parties")
    def party_list(self, scope: PartyScope) -> str:
        return ", ".join(str(party) for party in scope.parties.all())

    @admin.display(description="Staff")
    def user_list(self, scope: PartyScope) -> str:
        return ", ".join(user.get_username() for user in scope.users.all())
