"""The drivers' door: the page of an invoice, at invoice_base_url followed by the authorization reference (T-492).

Nobody logs in, so whoever knows the whole reference may read, and nobody else learns anything: an unknown reference and one whose
invoice is not ready get the same answer, and an address may ask only so often.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import get_language_from_request
from django.views.decorators.http import require_safe

from backoffice.payments.actions import fetching
from backoffice.payments.models import DriverInvoice
from backoffice.payments.rules import invoice_words as told
from backoffice.payments.rules.money import amount
from backoffice.roaming_site import site

HEADERS = {
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
}


@require_safe
def page(request: HttpRequest, reference: str) -> HttpResponse:
    now, language = site.now(), _language(request)
    try:
        fetching.count(_address(request), now=now)
    except fetching.TooOften:
        return _said(request, "invoice/absent.html", language, 429, {"what": "often"}, retry=60)
    invoice = fetching.fetch(reference, now=now, seen=request.method == "GET")
    if invoice is None:
        return _said(request, "invoice/absent.html", language, 404, {"what": "absent"})
    documents = [shown(each, language) for each in fetching.documents(invoice)]
    return _said(request, "invoice/page.html", language, 200, {"documents": documents, "first": documents[0]})


def shown(invoice: DriverInvoice, language: str) -> dict[str, Any]:
    """What the page writes of one document, in this language."""
    tree, words = invoice.tree(), told.words(language)
    currency, zone, paid = tree["currency"], tree.get("zone") or "", tree.get("paid")

    def money(value: Any) -> str:
        return told.money(value, currency, language)

    taxes = [
        {
            "name": _rate(tax, language),
            "amount": money(tax["amount"]),
        }
        for tax in tree["taxes"]
    ]
    captured = amount(invoice.captured, currency) if invoice.captured is not None else None
    taken_back = getattr(invoice, "corrected_by", None) is not None
    rest = tree["total"] - captured if captured is not None and not taken_back else None
    corrects = tree.get("corrects")
    given = [
        {"amount": money(each["amount"]), "at": told.moment(each["at"], zone, language), "eft": each["eft"]}
        for each in tree.get("returned", ())
    ]
    return {
        "invoice": invoice,
        "tree": tree,
        "issued": told.moment(tree["issued_at"], zone, language),
        "began": told.moment(tree["began"], zone, language),
        "ended": told.moment(tree["ended"], zone, language),
        "lasted": told.lasted(tree["began"], tree["ended"]),
        "kwh": told.quantity(tree["kwh"], language),
        "lines": [
            {
                "what": words[line["kind"]],
                "rate": ", ".join(_rate(rate, language) for rate in line.get("rates", ())),
                "amount": money(line["amount"]),
            }
            for line in tree["lines"]
        ],
        "corrects": corrects and corrects | {"issued": told.moment(corrects["issued_at"], zone, language)},
        "taken_back": taken_back,
        "given": given,
        "awaited": bool(corrects and not given and (invoice.corrects.captured if invoice.corrects else 0)),
        "before_taxes": money(tree["before_taxes"]),
        "taxes": taxes,
        "total": money(tree["total"]),
        "paid": paid,
        "captured": money(captured) if captured is not None else "",
        "rest": money(rest) if rest else "",
        "trouble": words["failed" if not captured else "partly"] if rest else "",
    }


def _rate(tax: Any, language: str) -> str:
    return str(tax["name"]) + (f" {told.quantity(tax['percentage'], language)} %" if "percentage" in tax else "")


def _said(
    request: HttpRequest, template: str, language: str, status: int, context: dict[str, Any], *, retry: int = 0
) -> HttpResponse:
    more = {
        "language": language,
        "words": told.words(language),
        "languages": [(code, told.NAMES[code]) for code in told.LANGUAGES],
    }
    if "what" in context:
        more |= {"title": more["words"][context["what"]], "why": more["words"][f"{context['what']}_why"]}
    response = render(request, template, context | more, status=status)
    for name, value in HEADERS.items():
        response[name] = value
    if retry:
        response["Retry-After"] = str(retry)
    return response


def _language(request: HttpRequest) -> str:
    asked = request.GET.get("lang", "")
    return asked if asked in told.LANGUAGES else get_language_from_request(request)[:2]


def _address(request: HttpRequest) -> str:
    """Who asks. Behind a proxy it is the last address that the proxy wrote down: what comes before it anybody may write."""
    if settings.SECURE_PROXY_SSL_HEADER and "HTTP_X_FORWARDED_FOR" in request.META:
        return str(request.META["HTTP_X_FORWARDED_FOR"]).rsplit(",", 1)[-1].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


urlpatterns: list[URLPattern] = [path("<str:reference>", page, name="invoice"), path("<str:reference>/", page)]
"""With a slash, too: people write one."""
