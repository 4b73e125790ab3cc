"""The figures that ``/metrics`` shows.

Each source reads tables at the moment of the scrape, so that every web process answers the same. To add figures, write
a function that yields metric families and append it to SOURCES. Names end in their unit.
"""

from collections.abc import Callable, Iterable, Iterator

from django.db import connection
from django.db.models import Count, Min, Q
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backoffice.billing.vitals import ages
from backoffice.cdrs.vitals import measure
from backoffice.commands import vitals as commanding
from backoffice.delivery.models import Errand
from backoffice.delivery.rules import ErrandState, MessageState
from backoffice.partners.models import Connection
from backoffice.partners.rules import ConnectionState
from backoffice.roaming_site import site


def database_size() -> Iterator[Metric]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        (size,) = cursor.fetchone()
    yield GaugeMetricFamily("roamdesk_database_size_bytes", "Size of the platform's database on disk.", value=size)


def messages_due() -> Iterator[Metric]:
    """What we owe to each partner: the first figure to watch, because it grows whatever the reason."""
    ages = GaugeMetricFamily(
        "roamdesk_oldest_due_message_age_seconds",
        "For how long the oldest change that a partner must hear of has been waiting.",
        labels=["connection"],
    )
    counts = GaugeMetricFamily(
        "roamdesk_messages_due", "Changes that a partner must still hear of.", labels=["connection"]
    )
    now = site.now()
    due = Count("messages", filter=Q(messages__state=MessageState.DUE))
    oldest = Min("messages__owed_since", filter=Q(messages__state=MessageState.DUE))
    for name, count, since in Connection.objects.annotate(due=due, oldest=oldest).values_list("name", "due", "oldest"):
        counts.add_metric([name], count)
        ages.add_metric([name], max((now - since).total_seconds(), 0) if since else 0)
    yield ages
    yield counts


def errands() -> Iterator[Metric]:
    """Somebody waits for each of these: more than a few seconds, and nothing sends them."""
    waiting = GaugeMetricFamily(
        "roamdesk_errands_waiting", "Requests and results that a partner must be sent.", labels=["connection"]
    )
    ages = GaugeMetricFamily(
        "roamdesk_oldest_errand_age_seconds", "For how long the oldest of them has been waiting.", labels=["connection"]
    )
    now = site.now()
    still = Errand.objects.filter(
        state__in=(ErrandState.DUE, ErrandState.SENDING)
    ).order_by()  # by the index of these few
    found = {pk: told for pk, *told in still.values_list("connection").annotate(Count("pk"), Min("created_at"))}
    for pk, name in Connection.objects.values_list("pk", "name"):
        count, since = found.get(pk, (0, now))
        waiting.add_metric([name], count)
        ages.add_metric([name], max((now - since).total_seconds(), 0))
    yield waiting
    yield ages


def connections_by_state() -> Iterator[Metric]:
    family = GaugeMetricFamily("roamdesk_connections", "Connections to partners by their state.", labels=["state"])
    found = dict(Connection.objects.order_by().values_list("state").annotate(Count("id")))
    for state in ConnectionState:
        family.add_metric([state.value], found.get(state.value, 0))
    yield family


def exports() -> Iterator[Metric]:
    """An export that is not made says nothing by itself: its age is what to watch."""
    age = GaugeMetricFamily(
        "roamdesk_export_good_age_seconds",
        "Since a scheduled export was last made, or was looked at and had nothing new.",
        labels=["export"],
    )
    failed = GaugeMetricFamily("roamdesk_export_runs_failed", "Runs of an export that failed.", labels=["export"])
    for name, seconds, broken in ages(now=site.now()):
        age.add_metric([name], seconds)
        failed.add_metric([name], broken)
    yield age
    yield failed


def cdrs() -> Iterator[Metric]:
    """Bills that stand still on either way: received and not priced, issued and not acknowledged."""
    found = measure(now=site.now())
    for name, told, value in (
        ("cdr_checks_waiting", "Received CDRs that were not priced yet.", found.unchecked),
        (
            "oldest_cdr_check_age_seconds",
            "For how long the oldest received CDR has waited to be priced.",
            found.unchecked_seconds,
        ),
        ("cdrs_unacknowledged", "CDRs of ours that no partner has acknowledged in 24 hours.", found.late),
        (
            "oldest_unacknowledged_cdr_age_seconds",
            "Since the oldest of those was released, or 0 when there is none.",
            found.late_seconds,
        ),
    ):
        yield GaugeMetricFamily(f"roamdesk_{name}", told, value=value)


def commands() -> Iterator[Metric]:
    """Remote control that waits, or came to nothing."""
    found = commanding.measure(now=site.now())
    waiting = GaugeMetricFamily(
        "roamdesk_commands_waiting",
        "Commands that wait for an answer or a result: sent (OUT), received (IN), in one house (OWN).",
        labels=["direction"],
    )
    timed_out = GaugeMetricFamily(
        "roamdesk_commands_timed_out", "Commands of the last 24 hours to which nobody answered.", labels=["direction"]
    )
    for direction, count in found.waiting.items():
        waiting.add_metric([direction], count)
        timed_out.add_metric([direction], found.timed_out[direction])
    yield waiting
    yield timed_out
    for name, told, value in (
        (
            "oldest_overdue_command_age_seconds",
            "For how long a command has waited beyond its deadline: nobody looks.",
            found.overdue_seconds,
        ),
        ("command_results_undelivered", "Results of the last 24 hours that no partner took.", found.undelivered),
        ("reservations_held", "Charge points of ours that are kept for somebody now.", found.reservations),
    ):
        yield GaugeMetricFamily(f"roamdesk_{name}", told, value=value)


SOURCES: tuple[Callable[[], Iterable[Metric]], ...] = (
    database_size,
    messages_due,
    errands,
    connections_by_state,
    exports,
    cdrs,
    commands,
)


class Tables(Collector):
    """Asks every source when Prometheus asks us."""

    def collect(self) -> Iterator[Metric]:
        for source in SOURCES:
            yield from source()

    def describe(self) -> Iterable[Metric]:
        """Nothing up front: describing by collecting would ask the database while the process starts."""
        return ()


REGISTRY = CollectorRegistry()
REGISTRY.register(Tables())
