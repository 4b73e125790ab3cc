"""Credentials token, routing, message ids and next links in HTTP headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.wire import headers
from ocpi.wire.headers import (
    BadHeader,
    Routing,
    decode_token,
    encode_token,
    link_next,
    message_id,
    next_link,
)
from tests.spec import facts

TOKEN_CHARACTERS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)


@pytest.mark.rule("T-003", "T-004")
@pytest.mark.parametrize(
    ("token", "plain", "value"),
    [
        ("example-token", False, "Token ZXhhbXBsZS10b2tlbg=="),
        ("example-token", True, "Token example-token"),
        ("???~~~", False, "Token Pz8/fn5+"),
    ],
)
def test_a_token_is_encoded(token: str, plain: bool, value: str) -> None:
    assert encode_token(token, plain=plain) == value
    assert decode_token(value, plain=plain) == token


@pytest.mark.parametrize(
    ("value", "token"),
    [
        ("Token ZXhhbXBsZS10b2tlbgo=", "example-token"),  # with the line feed of the printed samples
        ("Token ZXhhbXBsZS10b2tlbg0K", "example-token"),
        ("token ZXhhbXBsZS10b2tlbg==", "example-token"),
        (" Token ZXhhbXBsZS10b2tlbg== ", "example-token"),
    ],
)
def test_habits_of_senders_are_taken(value: str, token: str) -> None:
    assert decode_token(value) == token


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("", False),
        ("Token", False),
        ("Token ", False),
        ("Bearer ZXhhbXBsZS10b2tlbg==", False),
        ("TokenZXhhbXBsZS10b2tlbg==", False),
        ("ZXhhbXBsZS10b2tlbg==", False),
        ("Token  ZXhhbXBsZS10b2tlbg==", False),  # exactly one space
        ("Token ZXhhbXBsZS10b2tlbg", False),  # padding missing
        ("Token ZXhh bXBsZS10b2tlbg==", False),
        ("Token ZXhhbXBsZS10b2tlbg==\x00", False),
        ("Token example-token", False),
        ("Token _-8=", False),  # the URL alphabet
        ("Token /w==", False),  # 0xFF is no UTF-8
        ("Token Cg==", False),  # only a line feed
        ("Token YSBi", False),  # a space inside
        ("Token w6k=", False),  # é
        ("Token a b", True),
        ("Token é", True),
    ],
)
def test_a_bad_authorization_is_refused_without_repeating_it(value: str, plain: bool) -> None:
    with pytest.raises(BadHeader) as error:
        decode_token(value, plain=plain)
    assert value.partition(" ")[2] not in str(error.value) or not value.partition(" ")[2]


@pytest.mark.rule("T-003", "T-004")
@given(TOKEN_CHARACTERS, st.booleans())
def test_every_token_comes_back(token: str, plain: bool) -> None:
    assert decode_token(encode_token(token, plain), plain) == token


FULL = Routing("DE", "ROA", "NL", "EMS")


@pytest.mark.rule("T-007")
@pytest.mark.parametrize("case", [str, str.lower, str.upper])
def test_routing_is_read_whatever_the_case_of_the_names(case: type[str]) -> None:
    assert Routing.parse({case(name): value for name, value in FULL.as_headers().items()}) == FULL


@pytest.mark.parametrize(
    "routing", [FULL, Routing(), Routing(from_country="NL", from_party="EMS"), Routing("DE", "ROA")]
)
def test_routing_comes_back_and_absent_parties_stay_absent(routing: Routing) -> None:
    assert Routing.parse(routing.as_headers()) == routing
    assert len(routing.as_headers()) == sum(part is not None for part in vars(routing).values())


def test_an_answer_goes_the_other_way() -> None:
    assert FULL.swapped() == Routing("NL", "EMS", "DE", "ROA")
    assert FULL.swapped().swapped() == FULL
    assert Routing(from_country="NL", from_party="EMS").swapped() == Routing("NL", "EMS")


@pytest.mark.parametrize(
    "change",
    [
        {"OCPI-to-country-code": "DEU"},
        {"OCPI-to-party-id": "ROAM"},
        {"OCPI-from-country-code": "NLD"},
        {"OCPI-from-party-id": "EMSP"},
        {"OCPI-from-party-id": "é"},
        {"OCPI-from-party-id": "a b"},
        {"OCPI-from-party-id": ""},
        {"OCPI-to-country-code": " "},
    ],
)
def test_bad_routing_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(BadHeader):
        Routing.parse(FULL.as_headers() | change)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("0c1b2a3d-7e8f-4a5b-9c6d-112233445566", True),
        ("x" * 255, True),
        ("x" * 256, False),
        ("", False),
        ("a b", False),
        ("a\r\nX-Evil: 1", False),
        ("é", False),
        (None, False),
    ],
)
def test_a_message_id_is_repeated_only_if_it_is_harmless(value: str | None, kept: bool) -> None:
    assert message_id(value) == (value if kept else None)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ('<https://a.example/l?offset=50&limit=50>; rel="next"', "https://a.example/l?offset=50&limit=50"),
        ("<https://a.example/>;rel=next", "https://a.example/"),
        ("<https://a.example/> ; REL = NEXT", "https://a.example/"),
        ('<https://a.example/?a=1,2;b>; title="x, y; rel=prev"; rel="next"', "https://a.example/?a=1,2;b"),
        ('<https://a.example/1>; rel="prev", <https://a.example/2>; rel="next"', "https://a.example/2"),
        ('<https://a.example/1>; rel="prev first", <https://a.example/2>; rel="last next"', "https://a.example/2"),
        ('<https://a.example/1>; rel="prev"', None),
        ("<https://a.example/1>", None),
        ('https://a.example/1; rel="next"', None),
        ('<https://a.example/1>; rel="nextish"', None),
        ("", None),
        (None, None),
        # Long enough to be seen in the durations if reading were more than linear.
        ("<" * 50_000, None),
        (" " * 50_000, None),
        ("<a>;" + " " * 50_000, None),
        ("<https://a.example/>" + ";a=b" * 10_000 + '"', None),
    ],
)
def test_the_next_page(value: str | None, url: str | None) -> None:
    assert next_link(value) == url


def test_our_own_link_is_read_back() -> None:
    url = "https://a.example/ocpi/2.3.0/locations?offset=50&limit=50&date_from=2026-04-01T00:00:00Z"
    assert next_link(link_next(url)) == url
    assert link_next(url) == f'<{url}>; rel="next"'


def test_the_names_are_those_of_the_specification() -> None:
    spec = {fact["name"] for side in ("request", "response") for fact in facts("headers")[side]}
    ours = {value for name, value in vars(headers).items() if name.isupper() and isinstance(value, str)}
    assert ours == {name for name in spec if "*" not in name}
