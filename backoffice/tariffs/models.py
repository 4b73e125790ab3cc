"""Rows: Tariff (published, ours or a partner's), every version of it, who may see it, and the drafts and examples of staff.

A Tariff row is what partners know or knew; what is being prepared is a Draft and reaches nobody. Columns beside `document` are
projections, written by the `store` of `actions.storing` together with it and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Upper

from backoffice import statements
from backoffice.documents import Exchanged, Rendering, Shelf
from backoffice.fields import DocumentField, EnumField
from backoffice.partners.models import Connection, Party
from ocpi.wire import tariffs as wire


class Tariff(Exchanged):
    """`mod_tariffs#mod_tariffs_tariff_object`, whole in `document`. Never deleted: a session of before was priced by it."""

    type = EnumField(wire.TariffType, blank=True, help_text="Blank: for all sessions.")
    currency = models.CharField(max_length=3)
    tax_included = EnumField(wire.TaxIncluded, max_length=3)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    headline = models.CharField(max_length=500, help_text="What it costs, as a sentence.")
    time_of_use = models.BooleanField(help_text="A price depends on the time of day, the weekday or the date.")
    flaw = models.CharField(max_length=300, blank=True, help_text="Why it cannot be used to price, if so.")
    withdrawn_at = models.DateTimeField(null=True, help_text="When its owner deleted it.")
    everyone = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Ours only: every partner sees it. Off: only those named by its disclosures.",
    )

    class Meta:
        permissions: ClassVar = [("publish_tariff", "Can publish, withdraw and assign tariffs")]
        constraints: ClassVar = [models.UniqueConstraint("party", Upper("object_id"), name="tariff_once")]
        indexes: ClassVar = [
            models.Index(fields=["party", "id"], name="tariff_page"),
            models.Index(fields=["party", "last_updated", "id"], name="tariff_delta"),
            models.Index(fields=["-last_updated", "-id"], name="tariff_latest"),
            models.Index(fields=["party"], name="tariff_secret", condition=models.Q(everyone=False)),
            GinIndex(fields=["headline"], name="tariff_headline_words", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["object_id"], name="tariff_id_words", opclasses=["gin_trgm_ops"]),
            models.Index(
                fields=["ends_at"], name="tariff_ends", condition=models.Q(ends_at__isnull=False, withdrawn_at=None)
            ),
        ]

    def tree(self) -> dict[str, Any]:
        """The whole object in the newest version."""
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class TariffVersion(models.Model):
    """What a tariff said from `at` on, until the next version. `number` is the generation of the Tariff that it made."""

    tariff = models.ForeignKey(Tariff, on_delete=models.CASCADE, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    document = DocumentField()
    at = models.DateTimeField(help_text="Its last_updated: from then on sessions begin under it.")
    told_at = models.DateTimeField(help_text="When we came to know it.")
    source = models.CharField(max_length=40, help_text="partner, staff or import")
    said_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["tariff", "number"], name="tariff_version_once")]

    def __str__(self) -> str:
        return f"{self.tariff} version {self.number}"

    def tree(self) -> dict[str, Any]:
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class Disclosure(models.Model):
    """This partner sees this tariff of ours, which is not for everyone."""

    tariff = models.ForeignKey(Tariff, on_delete=models.CASCADE, related_name="disclosures")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["connection", "tariff"], name="disclosed_once")]

    def __str__(self) -> str:
        return f"{self.tariff} to {self.connection}"


class Draft(models.Model):
    """A tariff that staff prepare: new, a correction of `tariff`, or the future price that follows `replaces`.

    Its document is any JSON object and may be incomplete; `problem` says why it cannot be published yet.
    """

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="+")
    tariff = models.ForeignKey(Tariff, on_delete=models.CASCADE, null=True, blank=True, related_name="drafts")
    replaces = models.ForeignKey(Tariff, on_delete=models.CASCADE, null=True, blank=True, related_name="successors")
    object_id = models.CharField(max_length=36, blank=True, verbose_name="id")
    document = DocumentField()
    problem = models.CharField(max_length=500, blank=True)
    lock = models.PositiveIntegerField(
        default=1, help_text="Grows with every save: whoever saves must have seen the last."
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name = "tariff draft"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tariff"], name="draft_of_tariff_once"),
            models.CheckConstraint(
                condition=models.Q(tariff__isnull=True) | models.Q(replaces__isnull=True),
                name="draft_corrects_or_follows",
            ),
        ]

    def __str__(self) -> str:
        return self.object_id or f"draft {self.pk}"

    def tree(self) -> dict[str, Any]:
        found: dict[str, Any] = DocumentField.read(self.document)
        return found


class SavedExample(models.Model):
    """A charging session that staff keep as a worked example for the tariffs of a party (`rules.examples`)."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="+")
    session = models.JSONField()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return str(self.session.get("name"))


class TariffRendering(Rendering):
    """An older version's form of a Tariff."""

    tariff = models.ForeignKey(Tariff, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tariff", "version", "audience"], name="tariff_rendering_once")
        ]


SEEN_BY = """d.withdrawn_at IS NULL AND (d.everyone OR EXISTS (SELECT 1 FROM tariffs_disclosure s
    WHERE s.tariff_id = d.id AND s.connection_id = %(connection)s))"""
"""Whether a partner may know of tariff `d` of ours, as SQL."""

SHELF = Shelf(
    cls=wire.Tariff,
    table="tariffs_tariff",
    rendering="tariffs_tariffrendering",
    owner_column="tariff_id",
    module="tariffs",
    hidden=f"NOT ({SEEN_BY})",
)


def undisclosed(connection: int, parties: Sequence[int]) -> frozenset[str]:
    """The tariffs of ours that a partner must not know of, so that connectors do not name them (ids in upper case)."""
    rows = statements.run(
        """SELECT t.object_id FROM tariffs_tariff t WHERE t.party_id = ANY(%s) AND NOT t.everyone AND NOT EXISTS (
               SELECT 1 FROM tariffs_disclosure s WHERE s.tariff_id = t.id AND s.connection_id = %s)""",
        [list(parties), connection],
    )
    return frozenset(row[0].upper() for row in rows)
