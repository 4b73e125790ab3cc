"""Tariffs as lines of a spreadsheet: what is written is read again as it was, and what people type is understood or refused."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from backoffice.tariffs.rules.sheet import COLUMNS, UnableToReadSheet, looks_like_sheet, merged, read, write
from ocpi.wire import json as wire_json
from ocpi.wire.tariffs import Tariff
from tests.tariffs import generated

ENERGY = {"type": "ENERGY", "price": Decimal("0.49"), "vat": 19, "step_size": 1}


def trees(data: bytes) -> list[dict[str, Any]]:
    return [each.tree for each in read(data)]


@pytest.mark.parametrize("seed", range(60))
def test_what_is_written_is_read_again(seed: int) -> None:
    tariffs = [generated.tariff(random.Random(seed * 100 + number)) for number in range(3)]
    stored = [
        wire_json.parse(wire_json.encode(each.model_dump(exclude_none=True, exclude_defaults=True)))
        | {"id": f"T-{number}", "x_vendor": {"a": 1}, "tariff_alt_text": [{"language": "en", "text": "Ours"}]}
        for number, each in enumerate(tariffs)
    ]
    for number, tree in enumerate(stored):
        tree["elements"][0]["x"] = number
    told = trees("".join(write(stored)).encode())
    assert [merged(one, other) for one, other in zip(told, stored, strict=True)] == stored
    owner = {"country_code": "DE", "party_id": "ALL", "last_updated": "2026-01-01T00:00:00Z"}
    for one in told:
        wire_json.validate(Tariff, one | owner)


def test_a_change_leaves_the_rest() -> None:
    stored = {
        "id": "A",
        "currency": "EUR",
        "tax_included": "YES",
        "elements": [{"price_components": [ENERGY], "x": 1}],
        "max_price": {"before_taxes": 30, "x": 2},
        "energy_mix": {"is_green_energy": True},
    }
    told = trees(b"id,currency,tax_included,dimension,price,vat,max_price_before_taxes\nA,EUR,YES,ENERGY,0.59,19,30\n")[
        0
    ]
    assert merged(told, stored) == stored | {
        "elements": [{"price_components": [ENERGY | {"price": Decimal("0.59")}]}],
    }
    assert "max_price" not in merged({name: told[name] for name in told if name != "max_price"}, stored)


def test_lines_of_a_spreadsheet_in_german() -> None:
    data = (
        "﻿id;currency;tax_included;Dimension;price;vat;start_time;end_time;day_of_week\r\n"
        "AC;EUR;YES;ENERGY;0,39;19;22:00;06:00;\r\n"
        "AC;;;ENERGY;0,49;19;;;\r\n"
        "AC;;;FLAT;0,5;19;;;\r\n"
        ";;;;;;;;\r\n"
        "DC;EUR;YES;ENERGY;0,59;19;;;SATURDAY, sunday\r\n"
    )
    assert looks_like_sheet(data.encode())
    ac, dc = trees(data.encode())
    assert ac == {
        "id": "AC",
        "currency": "EUR",
        "tax_included": "YES",
        "elements": [
            {
                "price_components": [{"type": "ENERGY", "price": Decimal("0.39"), "vat": 19, "step_size": 1}],
                "restrictions": {"start_time": "22:00", "end_time": "06:00"},
            },
            {
                "price_components": [
                    {"type": "ENERGY", "price": Decimal("0.49"), "vat": 19, "step_size": 1},
                    {"type": "FLAT", "price": Decimal("0.5"), "vat": 19, "step_size": 1},
                ]
            },
        ],
    }
    assert dc["elements"][0]["restrictions"] == {"day_of_week": ["SATURDAY", "SUNDAY"]}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"id,price\nA,1\n", "lacks dimension"),
        (b"id,dimension,price,colour\nA,ENERGY,1,red\n", "colour"),
        (b"id,id,dimension,price\nA,A,ENERGY,1\n", "names id twice"),
        (b"id,dimension,price\n,ENERGY,1\n", "Line 2 has no id"),
        (b"id,dimension,price\n", "no line below"),
        (b"", "lacks"),
        (b"id,dimension,price\nA,ENERGY,1,2\n", "more cells"),
        (b'id,dimension,price\nA,"ENERGY,1\n', "cannot be read"),
        (b"id,currency,dimension,price\nA,EUR,ENERGY,1\nA,SEK,FLAT,1\n", "currency is SEK here and EUR above"),
        (
            b"id,element,dimension,price,start_time\nA,1,ENERGY,1,\nA,2,ENERGY,2,\nA,1,FLAT,1,\n",
            "the lines of element 1",
        ),
        (b"id,dimension,price\n" + b"A,ENERGY,1\n" * 50_001, "More than 50000"),
    ],
)
def test_what_is_no_price_list_is_refused_with_its_line(data: bytes, said: str) -> None:
    with pytest.raises(UnableToReadSheet, match=said):
        read(data)


def test_what_is_no_number_stays_for_the_import_to_tell() -> None:
    (tree,) = trees(b"id,dimension,price,step_size\nA,ENERGY,a lot,many\n")
    assert tree["elements"][0]["price_components"] == [{"type": "ENERGY", "price": "a lot", "step_size": "many"}]


def test_cells_are_no_formulas() -> None:
    evil = {"id": "=cmd|' /C calc'!A0", "currency": "EUR", "elements": [{"price_components": [ENERGY | {"price": -1}]}]}
    text = "".join(write([evil]))
    assert "'=cmd" in text
    assert ",-1,19," in text  # a number is one
    assert trees(text.encode())[0]["id"] == evil["id"]


def test_json_is_no_sheet() -> None:
    assert not looks_like_sheet(b' \n[{"id": 1}]')
    assert not looks_like_sheet(b"\xef\xbb\xbf{}")
    assert set(COLUMNS) >= {"id", "dimension", "price", "day_of_week", "reservation"}
