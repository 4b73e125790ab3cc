"""Who stands on the invoices of drivers: one page for each company of ours that writes them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from backoffice.console.cells import since, two
from backoffice.console.model_admins import ConsoleAdmin, Empty
from backoffice.console.scope import parties_of
from backoffice.partners.models import Party
from backoffice.payments.actions import selling
from backoffice.payments.models import InvoiceSeller
from backoffice.roaming_site import site

ADDRESS = {"address": "street-address", "postal_code": "postal-code", "city": "address-level2", "country": "country"}
"""What a browser may fill in."""


class SellerForm(forms.Form):
    """The fields are the model's; whether they will do says `rules.seller`."""

    def __init__(self, *args: Any, parties: list[Party], fixed: Party | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if fixed is None:
            self.fields["party"] = forms.ChoiceField(
                label="Company", choices=[(str(each.pk), each.label) for each in parties]
            )
        for name in selling.FIELDS:
            field: Any = InvoiceSeller._meta.get_field(name)
            self.fields[name] = forms.CharField(
                max_length=field.max_length,
                required=not field.blank,
                label=str(field.verbose_name)[:1].upper() + str(field.verbose_name)[1:],
                help_text=field.help_text,
                widget=forms.TextInput(attrs={"autocomplete": ADDRESS.get(name, "off")}),
            )


@admin.register(InvoiceSeller)
class InvoiceSellerAdmin(ConsoleAdmin):
    list_display = ("whose", "name", "vat_id", "place", "numbers", "changed")
    list_display_links = ("whose",)
    list_select_related = ("party",)
    ordering = ("party",)
    sortable_by = ()
    actions = None
    empty = Empty(
        "Who stands on the invoices of drivers who pay by card: name, address and VAT id of each company that writes any.",
        "Nobody was entered: no invoice can be written before.",
        "Say who stands on invoices",
        "admin:payments_invoiceseller_add",
        "payments.add_invoiceseller",
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Then no invoice could be written."""
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._form(request, None)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row: InvoiceSeller = self.one(request, object_id)
        if request.method == "POST" and not self.has_change_permission(request, row):
            raise PermissionDenied
        return self._form(request, row)

    def _form(self, request: HttpRequest, row: InvoiceSeller | None) -> HttpResponse:
        parties = _open(request)
        given = request.POST if request.method == "POST" else None
        initial = {name: getattr(row, name) for name in selling.FIELDS} if row is not None else {}
        form = SellerForm(given, initial=initial, parties=parties, fixed=row.party if row is not None else None)
        if request.method == "POST" and form.is_valid():
            party = (
                row.party
                if row is not None
                else next(each for each in parties if str(each.pk) == form.cleaned_data["party"])
            )
            try:
                saved = selling.enter(party, form.cleaned_data, by=request.user.get_username(), now=site.now())
            except selling.UnableToSell as error:
                for name, sentence in error.faults.items():
                    form.add_error(name if name in form.fields else None, sentence)
            else:
                self.note(request, saved, "Said who stands on invoices")
                self.done(request, f"It stands on the invoices of {party} from now on.")
                return redirect("admin:payments_invoiceseller_changelist")
        editable = row is None or self.has_change_permission(request, row)
        context = {
            "title": f"On the invoices of {row.party}" if row is not None else "Who stands on invoices",
            "crumbs": [],
            "form": form,
            "row": row,
            "editable": editable,
            "nobody": row is None and not parties,
            "numbers": selling.numbers(row.party) if row is not None else None,
        }
        return self.render(
            request, "console/payments/seller.html", context, status=400 if request.method == "POST" else 200
        )

    @admin.display(description="Company")
    def whose(self, row: InvoiceSeller) -> str:
        return row.party.label

    @admin.display(description="Where")
    def place(self, row: InvoiceSeller) -> str:
        return two(row.address, f"{row.postal_code} {row.city}, {row.country}".strip())

    @admin.display(description="Numbers")
    def numbers(self, row: InvoiceSeller) -> str:
        return f"{row.prefix or row.party}-…"

    @admin.display(description="Changed")
    def changed(self, row: InvoiceSeller) -> str:
        return two(since(row.changed_at), row.changed_by)


def _open(request: HttpRequest) -> list[Party]:
    """Companies of ours in this user's scope of which nobody has said it."""
    rows = Party.objects.filter(ours=True, invoice_seller=None, roles__role__in=("CPO", "PTP"), roles__connection=None)
    parties = parties_of(request.user)
    if parties is not None:
        rows = rows.filter(pk__in=parties)
    return list(rows.distinct())
