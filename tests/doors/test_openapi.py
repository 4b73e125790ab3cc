"""The OpenAPI document says what the doors do, no more and no less, and its page needs nothing from elsewhere."""

import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from backoffice.roaming_site import site
from tests.factories import Partner, own_party, partner
from tests.peer.caller import authorization

VERBS = {"get", "post", "put", "patch", "delete"}
VALUES = {"country_code": "SE", "party_id": "ELV"}


@pytest.fixture
def caller(db: None) -> Partner:
    own_party("DE-RDK", "CPO", "EMSP", "PTP")
    return partner()


def _ask(caller: Partner, verb: str, path: str) -> int:
    url = "/ocpi" + re.sub(r"{(\w+)}", lambda found: VALUES.get(found[1], "NONE"), path)
    answer = Client(HTTP_HOST="localhost").generic(
        verb.upper(), url, b"{}", "application/json", HTTP_AUTHORIZATION=authorization(caller.token)
    )
    return answer.status_code


@pytest.mark.parametrize("version", site.versions)
def test_each_verb_of_the_document_exists_and_no_other(caller: Partner, version: str) -> None:
    described: dict[str, Any] = Client(HTTP_HOST="localhost").get(f"/ocpi/openapi/{version}.json").json()
    assert described["paths"]
    for path, item in described["paths"].items():
        offered = VERBS & item.keys()
        if path.endswith("/credentials"):
            continue  # what it answers depends on the registration: tests/partners/test_handshake.py
        above, _, last = path.rpartition("/")
        # a word of the protocol may be the id of an object, too: /terminals/activate
        ids = [other for other in described["paths"] if re.fullmatch(re.escape(above) + r"/{\w+}", other)]
        elsewhere = VERBS & {verb for each in ids for verb in described["paths"][each]} if "{" not in last else set()
        for verb in VERBS - elsewhere | offered:
            assert (_ask(caller, verb, path) == 405) is (verb not in offered), (verb, path)


@pytest.mark.parametrize("version", site.versions)
def test_every_reference_leads_somewhere(db: None, version: str) -> None:
    text = Client(HTTP_HOST="localhost").get(f"/ocpi/openapi/{version}.json").content.decode()
    schemas = Client(HTTP_HOST="localhost").get(f"/ocpi/openapi/{version}.json").json()["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= schemas.keys()


def test_an_older_version_has_its_own_fields(db: None) -> None:
    def fields(version: str) -> set[str]:
        document = Client(HTTP_HOST="localhost").get(f"/ocpi/openapi/{version}.json").json()
        return set(document["components"]["schemas"]["Location"]["properties"])

    assert fields("2.3.0") - fields("2.2.1") == {"help_phone", "parking_places"}


def test_the_page_loads_nothing_from_elsewhere(db: None) -> None:
    page = Client(HTTP_HOST="localhost").get("/ocpi/docs").content.decode()
    assert not re.findall(r"(?:src|href)=\"https?:", page)
    for address in re.findall(r"(?:src|href)=\"(/static/[^\"]+)\"", page):
        assert finders.find(address.removeprefix("/static/")), address
