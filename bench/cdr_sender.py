"""The scripted sender of `bench.cdrs`: pages of made-up CDRs from a template and a counter, so that any number costs no memory.

`python -m bench.cdr_sender PORT COUNT`. It speaks no more of OCPI than a list with its headers.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from bench.world import cdr

LIST = "/ocpi/2.3.0/sender/cdrs"
_TAIL = b',"status_code":1000,"timestamp":"2026-03-01T12:00:00Z"}'
_NUMBER = b"0000000"


def template(**changes: object) -> bytes:
    """A CDR of DE-SND for a driver of NL-BEN; `CDR0000000` is its id, and the number stands in session and token, too."""
    tree = cdr() | {"country_code": "DE", "party_id": "SND"} | changes
    tree["cdr_token"] |= {"country_code": "NL", "party_id": "BEN", "uid": "UID0000000"}
    tree["tariffs"][0] |= {"country_code": "DE", "party_id": "SND"}
    return json.dumps(tree, separators=(",", ":")).encode()


def numbered(text: bytes, number: int) -> bytes:
    digits = f"{number:07d}".encode()
    for name in (b"CDR", b"UID"):
        text = text.replace(name + _NUMBER, name + digits)
    return text


class Sender(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = 0
    text = b""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        offset, limit = int(query.get("offset", ["0"])[0]), min(int(query.get("limit", ["100"])[0]), 100)
        numbers = range(offset, min(offset + limit, self.count))
        body = b'{"data":[' + b",".join(numbered(self.text, number) for number in numbers) + b"]" + _TAIL
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Total-Count", str(self.count))
        self.send_header("X-Limit", "100")
        if offset + limit < self.count:
            link = f"http://{self.headers['Host']}{LIST}?offset={offset + limit}&limit={limit}"
            self.send_header("Link", f'<{link}>; rel="next"')
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Nothing: a line for each request would be measured along."""


def main(port: int, count: int) -> None:
    Sender.count, Sender.text = count, template()
    ThreadingHTTPServer(("127.0.0.1", port), Sender).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
