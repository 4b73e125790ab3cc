"""TLS at our doors: a server certificate is all it takes, and without TLS nothing is said (transport_and_format#security)."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from backoffice.roaming_site import site
from tests import factories
from tests.client.test_tls import Authority
from tests.doors.asking import Asking, authorization, snapshot
from tests.doors.web import serving

OWN = "2.3.0/receiver/locations/SE/ELV/HARBOUR-7"


@pytest.mark.rule("T-001")
def test_the_doors_speak_tls_and_ask_for_no_client_certificate(transactional_db: None, tmp_path: Path) -> None:
    factories.own_party()
    token = factories.partner().token
    authority = Authority(tmp_path)
    authority.server("127.0.0.1")
    (certificate,) = tmp_path.glob("server-*.pem")
    trusting = ssl.create_default_context(cafile=str(authority.file))
    with serving(certificate=certificate) as url:
        parts = urlsplit(url)
        line = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=10, context=trusting)
        line.request("GET", "/ocpi/versions", headers={"Authorization": authorization(token)})
        answer = line.getresponse()
        listed = json.loads(answer.read())["data"]
        line.close()
    assert answer.status == 200
    assert {entry["url"].split("/ocpi/")[0] for entry in listed} == {url}


@pytest.mark.rule("T-001")
@pytest.mark.parametrize("path", ["versions", "2.3.0", "2.3.0/credentials", "2.3.0/sender/locations", OWN, "nowhere"])
def test_plain_http_is_refused_and_not_redirected(
    path: str, stored: Asking, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """A redirect would be followed, and the token sent in the clear each time without anybody noticing."""
    settings.SECURE_SSL_REDIRECT = True
    monkeypatch.setattr(site, "public_url", "https://roaming.example")
    monkeypatch.setattr(site, "authenticate", lambda *_: pytest.fail("the token was looked at"))
    before = snapshot()
    for method, body in (("GET", None), ("PUT", factories.location(name="x")), ("PATCH", {"name": "x"})):
        answered = stored.ask(method, path, body)
        assert answered.says == (403, 2000)
        assert "Location" not in answered.headers
    assert snapshot() == before


def test_behind_tls_the_same_requests_are_served(stored: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "public_url", "https://roaming.example")
    for path in ("versions", "2.3.0/credentials", OWN):
        assert stored.ask("GET", path, **{"wsgi.url_scheme": "https"}).says == (200, 1000)
