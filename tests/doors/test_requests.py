"""The doors of requests that are answered twice: what is asked of us with a response_url, and the results of what we asked.

The modules are those of `tests.delivery.probes`, so that what is tried here is the shape and no module's business.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest
from django.urls import path
from pytest_django import Settings

from backoffice.delivery.models import Exchange
from backoffice.partners.models import Connection, PartyRole
from backoffice.roaming_site import site
from ocpi.client import AddressPolicy, Client
from ocpi.server.openapi import document
from tests.delivery import probes
from tests.doors.asking import Asking, snapshot
from tests.doors.queries import Counted, check
from tests.factories import LOOPBACK, Partner, small_token

VERSIONS = ("2.3.0", "2.2.1")
OWN_UID = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
FOREIGN_UID = "ffffffffffffffffffffffffffffffff"


@pytest.fixture(autouse=True)
def probing(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """The probes behind addresses of their own: those of the platform were made of the modules that apps register."""
    monkeypatch.setattr(site, "_modules", {**site._modules, **probes.modules()})
    urls = ModuleType("probing_urls")
    urls.urlpatterns = [path("ocpi/", site.urls)]  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = urls


@pytest.fixture
def ours(partner: Partner, stranger: Partner, monkeypatch: pytest.MonkeyPatch) -> str:
    """A response_url of the partner's. We asked it, and the stranger, for something."""
    monkeypatch.setattr(
        probes, "KNOWN", {partner.connection.name: (OWN_UID,), stranger.connection.name: (FOREIGN_UID,)}
    )
    return f"{partner.connection.versions_url.removesuffix('/versions')}/results/1"


def start(url: Any, **changes: Any) -> dict[str, Any]:
    return {"response_url": url, "token": small_token("C1"), "location_id": "LOC1"} | changes


# --- what is asked of us ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_request_is_answered_at_once(version: str, asking: Asking, ours: str) -> None:
    answered = asking.ask("POST", f"{version}/receiver/commands/START_SESSION", start(ours))
    assert answered.says == (200, 1000), answered.body
    assert answered.data == {"result": "ACCEPTED", "timeout": 30}
    assert probes.noted() == ["asked START_SESSION SE-ELV>DE-RDK {} {}"], "nobody else could have asked or be asked"
    row = Exchange.objects.get(module="commands")
    assert (row.object_path, row.http_status) == ("START_SESSION/1", 200)


PROFILE = {
    "charging_profile": {"charging_rate_unit": "A", "charging_profile_period": [{"start_period": 0, "limit": 8}]}
}
ROUTES = [
    # method, path, body, what the app hears
    ("POST", "commands/STOP_SESSION", {"session_id": "S1"}, "asked STOP_SESSION SE-ELV>DE-RDK {} {}"),
    ("PUT", "chargingprofiles/S1", PROFILE, "asked SET SE-ELV>DE-RDK {'session_id': 'S1'} {}"),
    (
        "GET",
        "chargingprofiles/S1?duration=900&response_url={url}",
        None,
        "asked ACTIVE SE-ELV>DE-RDK {'session_id': 'S1'} {'duration': '900'}",
    ),
    (
        "DELETE",
        "chargingprofiles/S1?response_url={url}",
        None,
        "asked CLEAR SE-ELV>DE-RDK {'session_id': 'S1'} {}",
    ),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("method", "below", "body", "heard"), ROUTES, ids=[f"{m} {p[:20]}" for m, p, _, _ in ROUTES])
def test_every_route_of_the_table(
    method: str, below: str, body: Any, heard: str, version: str, asking: Asking, ours: str
) -> None:
    sent = body and body | {"response_url": ours}
    answered = asking.ask(method, f"{version}/receiver/{below.format(url=ours)}", sent)
    assert answered.says == (200, 1000), answered.body
    assert answered.data == {"result": "ACCEPTED", "timeout": 30}
    assert probes.noted() == [heard]


def test_routing_headers_say_who_asks_and_who_is_asked(asking: Asking, ours: str) -> None:
    names = ("OCPI-from-country-code", "OCPI-from-party-id", "OCPI-to-country-code", "OCPI-to-party-id")
    headers = dict(zip(names, ("se", "elv", "de", "rdk"), strict=True))
    asking.ask("POST", "2.3.0/receiver/commands/START_SESSION", start(ours), headers=headers)
    assert probes.noted() == ["asked START_SESSION SE-ELV>DE-RDK {} {}"]


URLS = [
    ("https://elsewhere.example/results/1", "not among the hosts"),
    ("https://partner{number}.example:8443/results/1", "not among the hosts"),
    ("https://partner{number}.example.evil.example/results/1", "not among the hosts"),
    ("https://partner{number}.example@evil.example/results/1", "user name"),
    ("https://evil.example\\@partner{number}.example/", "backslash"),
    ("https://evil.example/#https://partner{number}.example/", "fragment"),
    ("http://partner{number}.example/results/1", "https"),
    ("https://127.0.0.1/results/1", "not public"),
    ("ftp://partner{number}.example/results/1", ""),
    ("file:///etc/passwd", ""),
    ("//partner{number}.example/results/1", ""),
    ("results/1", ""),
    ("", ""),
    ("https://partner{number}.example/" + "x" * 230, "255"),
]


@pytest.mark.parametrize(("url", "why"), URLS, ids=[url[:50] for url, _ in URLS])
@pytest.mark.parametrize("where", ["body", "query"])
def test_a_result_goes_to_no_host_but_the_partners(
    url: str, why: str, where: str, asking: Asking, partner: Partner, ours: str
) -> None:
    url = url.replace("{number}", partner.connection.name.split()[-1])
    before = snapshot()
    if where == "body":
        answered = asking.ask("POST", "2.3.0/receiver/commands/START_SESSION", start(url))
    else:
        answered = asking.get(f"2.3.0/receiver/chargingprofiles/S1?duration=1&response_url={quote(url, safe='')}")
    assert answered.says == (200, 2001), answered.body
    assert "response_url" in answered.message
    assert why in answered.message
    assert snapshot() == before
    assert probes.noted() == []


def test_a_url_that_reads_differently_is_the_same_host(asking: Asking, partner: Partner, ours: str) -> None:
    url = ours.replace("https://partner", "HTTPS://PARTNER").replace(".example/", ".example:443/")
    answered = asking.ask("POST", "2.3.0/receiver/commands/START_SESSION", start(url))
    assert answered.says == (200, 1000), answered.body


def test_a_host_counts_once_staff_have_confirmed_it(asking: Asking, partner: Partner, ours: str) -> None:
    url = "https://results.elverket.example:8443/1"
    assert asking.ask("POST", "2.3.0/receiver/commands/START_SESSION", start(url)).code == 2001
    confirmed = [*partner.connection.confirmed_origins, "https://results.elverket.example:8443"]
    Connection.objects.filter(pk=partner.connection.pk).update(confirmed_origins=confirmed)
    assert asking.ask("POST", "2.3.0/receiver/commands/START_SESSION", start(url)).code == 1000


BAD = [
    # body (None: nothing at all), HTTP status, OCPI status, named in the message
    (b"", 415, None, "Content-Type"),
    (b"{", 400, 2001, "JSON"),
    (b"[]", 200, 2001, "object"),
    (b'{"location_id": "LOC1"}', 200, 2001, "response_url"),
    (b'{"response_url": 17, "location_id": "LOC1"}', 200, 2001, "response_url"),
    (b'{"response_url": ["https://x.example"], "location_id": "LOC1"}', 200, 2001, "response_url"),
    (b'{"response_url": null, "token": null, "location_id": null}', 200, 2001, "response_url"),
    (b'{"response_url": "https://x.example", "location_id": "LOC1", "token": "T"}', 200, 2001, "token"),
    (b'{"a": ' * 200 + b"1" + b"}" * 200, 400, 2001, "JSON"),
]


@pytest.mark.parametrize(("body", "http", "ocpi", "named"), BAD, ids=[str(body[:40]) for body, *_ in BAD])
def test_bad_bodies(body: bytes, http: int, ocpi: int | None, named: str, asking: Asking, ours: str) -> None:
    before = snapshot()
    answered = asking.ask("POST", "2.3.0/receiver/commands/START_SESSION", body, content_type=None if body else "")
    assert answered.status == http, answered.body
    assert ocpi is None or answered.code == ocpi
    assert named in answered.message
    assert snapshot() == before


def test_a_field_is_named_as_the_partner_wrote_it(asking: Asking, ours: str) -> None:
    answered = asking.ask(
        "POST", "2.3.0/receiver/commands/START_SESSION", start(ours, connector_id="1", token=small_token("x" * 40))
    )
    assert answered.says == (200, 2001)
    assert "token.uid" in answered.message


def test_without_response_url_a_bodiless_request_is_refused(asking: Asking, ours: str) -> None:
    for query in ("", "?response_url=", "?duration=900"):
        answered = asking.get(f"2.3.0/receiver/chargingprofiles/S1{query}")
        assert answered.says == (200, 2001)
        assert "response_url" in answered.message


def test_what_is_refused_is_written_all_the_same(asking: Asking, ours: str) -> None:
    answered = asking.ask("POST", "2.3.0/receiver/commands/START_SESSION", start(ours, location_id="NOWHERE"))
    assert answered.data == {"result": "REJECTED", "timeout": 0}
    assert len(probes.noted()) == 1


# --- results of what we asked ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_result_is_heard(version: str, asking: Asking, ours: str) -> None:
    below = f"{version}/sender/commands/START_SESSION/{OWN_UID}"
    answered = asking.ask("POST", below, {"result": "EVSE_OCCUPIED"})
    assert answered.says == (200, 1000), answered.body
    assert "data" not in answered.envelope
    assert probes.noted() == [f"heard START_SESSION {OWN_UID} EVSE_OCCUPIED"]
    assert Exchange.objects.get(module="commands").object_path == f"START_SESSION/{OWN_UID}"


UNKNOWN = [
    f"commands/START_SESSION/{FOREIGN_UID}",  # the stranger's
    "commands/START_SESSION/00000000000000000000000000000000",
    f"commands/START_SESSION/{OWN_UID}x",
    f"commands/DANCE/{OWN_UID}",
    f"commands/start_session/{OWN_UID}",
    f"commands/{OWN_UID}",
    f"commands/START_SESSION/{OWN_UID}/more",
    "commands/START_SESSION",
    "commands",
]


@pytest.mark.parametrize("below", UNKNOWN)
def test_unknown_and_foreign_results_change_nothing(below: str, asking: Asking, ours: str) -> None:
    before = snapshot()
    answered = asking.ask("POST", f"2.3.0/sender/{below}", {"result": "ACCEPTED"})
    assert answered.status == 404, answered.body
    assert 2000 <= answered.code < 3000
    assert snapshot() == before
    assert probes.noted() == []


@pytest.mark.parametrize(
    "body", [b"{}", b'{"result": "MAYBE"}', b'{"result": 1}', b'"ACCEPTED"', b'{"result": "ACCEPTED", "message": "x"}']
)
def test_a_bad_result_changes_nothing(body: bytes, asking: Asking, ours: str) -> None:
    before = snapshot()
    answered = asking.ask("POST", f"2.3.0/sender/commands/START_SESSION/{OWN_UID}", body)
    assert answered.says == (200, 2001), answered.body
    assert snapshot() == before


def test_each_kind_has_its_own_result(asking: Asking, ours: str) -> None:
    """The result of asking for a profile needs the profile; that of clearing it does not."""
    for kind, code in (("ACTIVE", 2001), ("CLEAR", 1000), ("SET", 1000)):
        answered = asking.ask("POST", f"2.3.0/sender/chargingprofiles/{kind}/{OWN_UID}", {"result": "ACCEPTED"})
        assert answered.says == (200, code), answered.body


def test_the_calls_of_the_sender_interface(asking: Asking, ours: str) -> None:
    active = PROFILE | {"start_date_time": "2026-11-01T10:00:00Z"}
    assert asking.put("2.3.0/sender/chargingprofiles/S1", active).says == (200, 1000)
    assert probes.noted() == ["active S1"]
    assert asking.put("2.3.0/sender/chargingprofiles/S1", PROFILE).says == (200, 2001)


# --- methods, logs, the description -------------------------------------------------------------------------------------

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
ALLOWED = [
    ("receiver/commands/START_SESSION", {"POST"}),
    ("receiver/chargingprofiles/S1", {"GET", "PUT", "DELETE"}),
    (f"sender/commands/START_SESSION/{OWN_UID}", {"POST"}),
    (f"sender/chargingprofiles/CLEAR/{OWN_UID}", {"POST"}),
    ("sender/chargingprofiles/S1", {"PUT"}),
]
OTHERS = [(below, method, sorted(allowed)) for below, allowed in ALLOWED for method in sorted(METHODS - allowed)]


@pytest.mark.parametrize(("below", "method", "allowed"), OTHERS)
def test_other_methods_are_405(below: str, method: str, allowed: list[str], asking: Asking, ours: str) -> None:
    before = snapshot()
    answered = asking.ask(method, f"2.3.0/{below}", None if method in ("GET", "DELETE") else {})
    assert answered.status == 405
    assert answered.headers["Allow"] == ", ".join(allowed)
    assert snapshot() == before


@pytest.mark.parametrize("below", ["receiver/commands", "receiver/commands/DANCE", "receiver/commands/START_SESSION/1"])
def test_what_is_nowhere_is_404(below: str, asking: Asking, ours: str) -> None:
    for method in METHODS:
        assert asking.ask(method, f"2.3.0/{below}", None if method in ("GET", "DELETE") else {}).status == 404


def test_a_version_offers_what_it_knows(asking: Asking, ours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpi.versions.lacks", lambda version, command: (version, command) == ("2.2.1", "STOP_SESSION"))
    body = {"response_url": ours, "session_id": "S1"}
    assert asking.ask("POST", "2.2.1/receiver/commands/STOP_SESSION", body).status == 404
    assert asking.ask("POST", "2.3.0/receiver/commands/STOP_SESSION", body).status == 200


def test_who_plays_no_part_finds_no_door(asking: Asking, ours: str) -> None:
    PartyRole.objects.filter(connection=None, role="CPO").delete()
    assert asking.ask("POST", "2.3.0/receiver/commands/START_SESSION", start(ours)).status == 404
    assert asking.ask("POST", f"2.3.0/sender/commands/START_SESSION/{OWN_UID}", {"result": "FAILED"}).status == 200


def test_an_exchange_that_fails_undoes_what_the_app_wrote(
    asking: Asking, ours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("no room in the log")

    with monkeypatch.context() as patched:
        patched.setattr(site, "record", breaks)
        with pytest.raises(RuntimeError):
            asking.ask("POST", "2.3.0/receiver/commands/START_SESSION", start(ours))
    assert probes.noted() == []


def test_the_description_has_them() -> None:
    paths = document(site, "2.3.0")["paths"]
    receiver, sender = "/2.3.0/receiver/", "/2.3.0/sender/"
    assert set(paths[receiver + "commands/START_SESSION"]) == {"post"}
    assert set(paths[receiver + "chargingprofiles/{session_id}"]) == {"get", "put", "delete", "parameters"}
    assert set(paths[sender + "commands/START_SESSION/{uid}"]) == {"post", "parameters"}
    assert set(paths[sender + "chargingprofiles/{session_id}"]) == {"put", "parameters"}
    asked = paths[receiver + "chargingprofiles/{session_id}"]
    assert [each["name"] for each in asked["get"]["parameters"]] == ["response_url"]
    assert "parameters" not in asked["put"]
    body = paths[sender + "chargingprofiles/ACTIVE/{uid}"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/ActiveChargingProfileResult"}


def test_statements_of_these_doors(asking: Asking, ours: str) -> None:
    """The app's own are one: the note."""
    with Counted() as counted:
        asking.ask("POST", "2.3.0/receiver/commands/START_SESSION", start(ours))
    check("ask that is answered twice", counted)
    with Counted() as counted:
        asking.ask("POST", f"2.3.0/sender/commands/START_SESSION/{OWN_UID}", {"result": "ACCEPTED"})
    check("result of an ask", counted)


def test_loopback_is_no_host_of_anybody(asking: Asking, ours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where this installation may reach it: who may be reached is one question, and whose a host is another."""
    monkeypatch.setattr(site, "client", Client(AddressPolicy(allow_http=True, allowed_networks=LOOPBACK)))
    answered = asking.ask("POST", "2.3.0/receiver/commands/START_SESSION", start("http://127.0.0.1:8000/admin/"))
    assert answered.says == (200, 2001)
