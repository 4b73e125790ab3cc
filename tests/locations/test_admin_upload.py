"""The upload page: a report that writes nothing, then the import of exactly that file by the same person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from backoffice.locations.models import Location
from backoffice.partners.models import Party
from tests import factories
from tests.locations.cast import PAGES, logged_in, staff

pytestmark = pytest.mark.django_db
URL = f"{PAGES}upload/"


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path / "imports"


def file_of(*trees: Any) -> SimpleUploadedFile:
    return SimpleUploadedFile("locations.json", json.dumps(trees, default=str).encode())


def test_report_then_import(ours: Party, operations: Client, media: Path) -> None:
    good = factories.small_location("UP-1", str(ours))
    bad = factories.small_location("UP-2", str(ours), coordinates={"latitude": "north"})
    answer = operations.post(URL, {"party": ours.pk, "file": file_of(good, bad)})
    said = answer.content.decode()
    assert "What would happen" in said
    assert "UP-2" in said
    assert "Import one location" in said
    assert not Location.objects.exists()
    assert len(list(media.iterdir())) == 1
    token = answer.context["waiting"]
    elsewhere = logged_in(staff("oscar", "Operations")).post(URL, {"waiting": token})
    assert elsewhere.status_code == 422
    assert not Location.objects.exists()
    answer = operations.post(URL, {"waiting": token})
    assert "Imported" in answer.content.decode()
    assert [row.object_id for row in Location.objects.all()] == ["UP-1"]
    assert list(media.iterdir()) == []
    assert operations.post(URL, {"waiting": token}).status_code == 422


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"{", "not valid JSON"), (b'{"a": 1}', "should hold a list"), (b'[{"elements": []}]', "holds no Locations")],
)
def test_a_file_that_is_none(content: bytes, sentence: str, ours: Party, operations: Client) -> None:
    upload = SimpleUploadedFile("x.json", content)
    answer = operations.post(URL, {"party": ours.pk, "file": upload})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_forged_confirmations_and_missing_choices(ours: Party, operations: Client) -> None:
    partner = factories.partner(ours=[ours]).party
    one = factories.small_location("UP-1", str(ours))
    for data in (
        {"waiting": "forged"},
        {"party": ours.pk},
        {"party": partner.pk, "file": file_of(one)},
        {"party": "", "file": file_of(one)},
        {"party": ours.pk, "version": "9.9", "file": file_of(one)},
    ):
        assert operations.post(URL, data).status_code == 422
    assert not Location.objects.exists()


def test_only_who_may_add_may_import(ours: Party) -> None:
    for group in ("Finance", "Read-only"):
        client = logged_in(staff(group.lower(), group))
        assert client.get(URL).status_code == 403
        upload = file_of(factories.small_location("UP-1", str(ours)))
        assert client.post(URL, {"party": ours.pk, "file": upload}).status_code == 403
    assert not Location.objects.exists()
