"""The figures that ``/metrics`` shows.

Each source reads tables at the moment of the scrape, so that every web process answers the same. To add figures, write
a function that yields metric families and append it to SOURCES. Names end in their unit.
"""

from collections.abc import Callable, Iterable, Iterator

from django.db import connection
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


def database_size() -> Iterator[Metric]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        (size,) = cursor.fetchone()
    yield GaugeMetricFamily("roamdesk_database_size_bytes", "Size of the platform's database on disk.", value=size)


SOURCES: tuple[Callable[[], Iterable[Metric]], ...] = (database_size,)


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
