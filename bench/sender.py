"""The scripted sender of `bench.pull`: a process of its own that serves pages of made-up locations from memory.

`python -m bench.sender PORT COUNT`. It speaks no more of OCPI than a list with its headers, and imports nothing of it.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from bench.world import location

LIST = "/ocpi/2.3.0/sender/locations"
_TAIL = b',"status_code":1000,"timestamp":"2026-03-01T12:00:00Z"}'


class Sender(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    documents: tuple[bytes, ...] = ()

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        offset, limit = int(query.get("offset", ["0"])[0]), min(int(query.get("limit", ["100"])[0]), 100)
        body = b'{"data":[' + b",".join(self.documents[offset : offset + limit]) + b"]" + _TAIL
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Total-Count", str(len(self.documents)))
        self.send_header("X-Limit", "100")
        if offset + limit < len(self.documents):
            link = f"http://{self.headers['Host']}{LIST}?offset={offset + limit}&limit={limit}"
            self.send_header("Link", f'<{link}>; rel="next"')
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Nothing: a line for each request would be measured along."""


def main(port: int, count: int) -> None:
    Sender.documents = tuple(
        json.dumps(location(number, country_code="DE", party_id="SND"), separators=(",", ":")).encode()
        for number in range(count)
    )
    ThreadingHTTPServer(("127.0.0.1", port), Sender).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
