"""What machines ask about the platform: is it alive (``/healthz``), and how is it doing (``/metrics``)."""

import hmac

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from backoffice.supervisor.metrics import REGISTRY


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 when this process reaches its database, else 503. Asks for no login and tells nothing else."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "database unreachable"}, status=503)
    return JsonResponse({"status": "ok"})


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures of metrics.py in Prometheus' text format, for who presents ROAMDESK_METRICS_TOKEN as bearer."""
    presented = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(presented.encode(), settings.METRICS_TOKEN.encode()):
        return HttpResponse(
            "Present the metrics token (ROAMDESK_METRICS_TOKEN, or secrets.json in the data directory) as bearer.\n",
            status=401,
            content_type="text/plain",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
