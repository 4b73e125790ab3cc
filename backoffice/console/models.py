"""Rows of this room: PartyScope."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from backoffice.partners.models import Party


class PartyScope(models.Model):
    """A named set of parties and the staff who may see only these."""

    name = models.CharField(max_length=100, unique=True)
    parties = models.ManyToManyField(Party, blank=True, related_name="+")
    users = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="party_scopes",
        help_text="They see objects of these parties only. Staff without any scope see all parties.",
    )

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
