"""The partner as a server: versions, credentials, pages of what it owns, and a mailbox for what others push."""

import base64
import binascii
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.peer.caller import SWAPPED, RawAnswer, call

TOKEN_A = "token-a-handed-over-by-mail"
TOKEN_B = "token-b-of-the-partner"
TOKEN_C = "token-c-made-by-the-partner"


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Twist:
    """One misbehaviour. What is None or empty stays as an honest partner would do it.

    `works`: whether the request still has its effect (stored, registered). `raw`: these bytes instead of any HTTP
    answer. `drop`: close the connection without an answer; with `works` that is the answer that got lost on its way.
    `headers`: replace or, with None, leave out.
    """

    status: int | None = None
    body: bytes | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    delay: float = 0
    drop: bool = False
    raw: bytes | None = None
    works: bool = True


@dataclass
class _Answer:
    status: int = 200
    data: bytes | None = None
    """JSON text; None leaves `data` out."""
    status_code: int = 1000
    headers: dict[str, str] = field(default_factory=dict)


class ScriptedPeer:
    """`with ScriptedPeer(role="CPO", objects={"locations": [b'{"id": "LOC1", ...}']}) as peer:`

    URLs: `/ocpi/versions`, `/ocpi/{version}`, `/ocpi/{version}/credentials`, `/ocpi/{version}/sender/{module}` (pages
    of `objects`), `/ocpi/{version}/receiver/{module}/...` (what others push; kept in `held`). `received` lists every
    request.
    """

    def __init__(
        self,
        *,
        country_code: str = "NL",
        party_id: str = "TNM",
        role: str = "EMSP",
        versions: Sequence[str] = ("2.2.1", "2.3.0"),
        sender_modules: Sequence[str] = ("locations", "tariffs", "sessions", "cdrs", "tokens"),
        receiver_modules: Sequence[str] = ("locations", "tariffs", "sessions", "cdrs", "tokens", "commands"),
        objects: Mapping[str, Sequence[bytes]] | None = None,
        page_size: int = 50,
        plain_token: bool = False,
    ) -> None:
        self.country_code, self.party_id, self.role = country_code, party_id, role
        self.versions, self.sender_modules, self.receiver_modules = versions, sender_modules, receiver_modules
        self.objects = {module: list(texts) for module, texts in (objects or {}).items()}
        self.page_size = page_size
        self.plain_token = plain_token
        self.accepts = {TOKEN_A, TOKEN_B}
        """Credentials tokens with which others may call this platform."""
        self.token_for_other: str | None = None
        """What this platform must send to the other side, once credentials were exchanged."""
        self.other_versions_url: str | None = None
        self.calls_back = True
        """Whether the other side's versions are read while its POST or PUT of credentials is handled (rule T-159)."""
        self.held: dict[str, Any] = {}
        """Path below `receiver/` to the object that was pushed there."""
        self.received: list[Received] = []
        self._twists: list[tuple[str, str, deque[Twist], bool]] = []
        self._lock = threading.Lock()

    # --- life -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> "ScriptedPeer":
        peer = self

        class Handler(_Handler):
            platform = peer

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def versions_url(self) -> str:
        return f"{self.url}/ocpi/versions"

    # --- script ---------------------------------------------------------------------------------------------------

    def script(self, method: str, path: str, *twists: Twist, forever: bool = False) -> None:
        """The next requests of this method whose path starts with `path` meet these twists, one after the other; the
        last one stays when `forever`."""
        with self._lock:
            self._twists.append((method, path, deque(twists), forever))

    def _twist_for(self, method: str, path: str) -> Twist:
        with self._lock:
            for scripted_method, prefix, twists, forever in self._twists:
                if scripted_method == method and path.startswith(prefix) and twists:
                    return twists[0] if forever and len(twists) == 1 else twists.popleft()
        return Twist()

    def pushed(self, method: str | None = None, module: str = "") -> list[Received]:
        """What arrived at the receiver interfaces."""
        return [
            request
            for request in self.received
            if f"/receiver/{module}" in request.path and method in (None, request.method)
        ]

    # --- the partner calls us -------------------------------------------------------------------------------------

    def call(
        self, method: str, url: str, token: str | None, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> RawAnswer:
        return call(method, url, token, body=body, headers=headers, plain=self.plain_token)

    def register_at(self, versions_url: str, token_a: str, version: str = "2.3.0") -> RawAnswer:
        """The Sender's side of registration: versions, details, POST of our credentials. The answer to the POST."""
        self.other_versions_url = versions_url
        listed = self.call("GET", versions_url, token_a).data
        details_url = next(entry["url"] for entry in listed if entry["version"] == version)
        endpoints = self.call("GET", details_url, token_a).data["endpoints"]
        url = next(endpoint["url"] for endpoint in endpoints if endpoint["identifier"] == "credentials")
        answer = self.call("POST", url, token_a, self.credentials(TOKEN_B))
        if answer.status < 300 and answer.json["status_code"] == 1000:
            self.token_for_other = answer.data["token"]
        return answer

    def credentials(self, token: str) -> bytes:
        return json.dumps(
            {
                "token": token,
                "url": self.versions_url,
                "roles": [
                    {
                        "role": self.role,
                        "party_id": self.party_id,
                        "country_code": self.country_code,
                        "business_details": {"name": "The New Motion"},
                    }
                ],
            }
        ).encode()

    # --- the honest answers ---------------------------------------------------------------------------------------

    def answer(self, request: Received) -> _Answer:
        """What a well-behaved partner says. 401, 404 and 405 are the HTTP errors the specification knows."""
        if self._token_of(request) not in self.accepts:
            return _Answer(401, status_code=2000)
        path = request.path.strip("/").split("/")
        if path == ["ocpi", "versions"]:
            return self._only_get(request, [{"version": v, "url": f"{self.url}/ocpi/{v}"} for v in self.versions])
        if len(path) < 2 or path[0] != "ocpi" or path[1] not in self.versions:
            return _Answer(404, status_code=2000)
        if len(path) == 2:
            return self._only_get(request, {"version": path[1], "endpoints": self._endpoints(path[1])})
        if path[2:] == ["credentials"]:
            return self._credentials(request, path[1])
        if len(path) > 3 and path[2] == "sender" and path[3] in self.sender_modules:
            return self._sender(request, path[3], path[4:])
        if len(path) > 3 and path[2] == "receiver" and path[3] in self.receiver_modules:
            kind = request.query.get("type", [""])[0]  # part of the key of a Token
            return self._receiver(request, "/".join(path[3:]) + (f"?type={kind}" if kind else ""))
        return _Answer(404, status_code=2000)

    def _token_of(self, request: Received) -> str | None:
        word, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if word != "Token":
            return None
        if self.plain_token:
            return encoded
        try:
            return base64.b64decode(encoded, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return None

    def _only_get(self, request: Received, data: Any) -> _Answer:
        return _Answer(data=json.dumps(data).encode()) if request.method == "GET" else _Answer(405, status_code=2000)

    def _endpoints(self, version: str) -> list[dict[str, str]]:
        base = f"{self.url}/ocpi/{version}"
        listed = [{"identifier": "credentials", "role": "SENDER", "url": f"{base}/credentials"}]
        listed += [{"identifier": m, "role": "SENDER", "url": f"{base}/sender/{m}"} for m in self.sender_modules]
        listed += [{"identifier": m, "role": "RECEIVER", "url": f"{base}/receiver/{m}"} for m in self.receiver_modules]
        return listed

    def _credentials(self, request: Received, version: str) -> _Answer:
        registered = self.token_for_other is not None
        if request.method == "GET":
            return _Answer(data=self.credentials(TOKEN_C))
        if request.method == "DELETE" and registered:
            self.token_for_other = self.other_versions_url = None
            self.accepts.discard(TOKEN_C)
            return _Answer()
        if (request.method == "POST" and not registered) or (request.method == "PUT" and registered):
            theirs = request.json
            if self.calls_back and not self._can_call(theirs["url"], theirs["token"], version):
                return _Answer(status_code=3001)
            self.token_for_other, self.other_versions_url = theirs["token"], theirs["url"]
            self.accepts.discard(TOKEN_A)
            self.accepts.add(TOKEN_C)
            return _Answer(data=self.credentials(TOKEN_C))
        return _Answer(405, status_code=2000)

    def _can_call(self, versions_url: str, token: str, version: str) -> bool:
        """3001 is for this: reading the other side's versions and details before answering."""
        try:
            listed = self.call("GET", versions_url, token)
            details = self.call("GET", next(e["url"] for e in listed.data if e["version"] == version), token)
            return (listed.status, details.status) == (200, 200) and bool(details.data["endpoints"])
        except (OSError, ValueError, LookupError, TypeError, StopIteration):
            return False

    def _sender(self, request: Received, module: str, below: list[str]) -> _Answer:
        """GET of a page, or of one object and what lies in it (Location, then EVSE, then Connector); POST asks about a Token."""
        if module == "tokens" and len(below) == 2 and below[1] == "authorize" and request.method == "POST":
            return self._authorize(request, below[0])
        if request.method != "GET":
            return _Answer(405, status_code=2000)
        texts = self.objects.get(module, [])
        if below:
            found: Any = next((o for o in map(json.loads, texts) if o.get("id", o.get("uid")) == below[0]), None)
            for key, child in zip(("evses", "connectors"), below[1:], strict=False):
                children = found.get(key, []) if found else []
                found = next((o for o in children if o.get("uid", o.get("id")) == child), None)
            return _Answer(data=json.dumps(found).encode()) if found else _Answer(404, status_code=2000)
        first, before = request.query.get("date_from", [""])[0], request.query.get("date_to", ["~"])[0]
        texts = [text for text in texts if first <= json.loads(text)["last_updated"] < before]
        offset = int(request.query.get("offset", ["0"])[0])
        limit = min(int(request.query.get("limit", [str(self.page_size)])[0]), self.page_size)
        headers = {"X-Total-Count": str(len(texts)), "X-Limit": str(self.page_size)}
        if offset + limit < len(texts):
            filters = "".join(f"&{k}={v[0]}" for k, v in request.query.items() if k in ("date_from", "date_to"))
            link = f"{self.url}{request.path}?offset={offset + limit}&limit={limit}{filters}"
            headers["Link"] = f'<{link}>; rel="next"'
        return _Answer(data=b"[" + b",".join(texts[offset : offset + limit]) + b"]", headers=headers)

    def _authorize(self, request: Received, uid: str) -> _Answer:
        """A real-time authorization: whoever is valid may charge, at the place that was asked about."""
        kind = request.query.get("type", ["RFID"])[0]
        tokens = map(json.loads, self.objects.get("tokens", []))
        token = next((t for t in tokens if (t["uid"].upper(), t["type"]) == (uid.upper(), kind)), None)
        if token is None:
            return _Answer(404, status_code=2004)
        allowed = token["valid"]
        info: dict[str, Any] = {"allowed": "ALLOWED" if allowed else "BLOCKED", "token": token}
        if allowed:
            info["authorization_reference"] = f"ref-{len(self.received)}"
            if request.body:
                info["location"] = request.json
        return _Answer(data=json.dumps(info).encode())

    def _receiver(self, request: Received, key: str) -> _Answer:
        """PUT makes or replaces, PATCH overlays, DELETE removes, POST leaves a document with its own address."""
        with self._lock:
            parts = key.split("/")
            if parts[0] == "locations" and len(parts) > 4:
                return self._part_of_location(request, "/".join(parts[:4]), parts[4:])
            if request.method == "PUT":
                made = key not in self.held
                self.held[key] = request.json
                return _Answer(201 if made else 200)
            if request.method == "POST":
                key = f"{key}/{len(self.held) + 1}"
                self.held[key] = request.json
                base = request.path.split("/receiver/")[0]
                return _Answer(201, headers={"Location": f"{self.url}{base}/receiver/{key}"})
            if key not in self.held:
                return _Answer(404, status_code=2000)
            if request.method == "PATCH":
                self.held[key] = self.held[key] | request.json
                return _Answer()
            if request.method == "DELETE":
                del self.held[key]
                return _Answer()
            return _Answer(data=json.dumps(self.held[key]).encode())

    def _part_of_location(self, request: Received, key: str, below: list[str]) -> _Answer:
        """PUT or PATCH of an EVSE or a Connector inside a Location that is held; 404 for one whose parent is not."""
        holder: Any = self.held.get(key)
        for depth, child in enumerate(below):
            children: list[Any] = (holder or {}).get(("evses", "connectors")[depth], [])
            known = next((o for o in children if o.get("uid", o.get("id")) == child), None)
            last = depth == len(below) - 1
            if last and holder is not None and request.method == "PUT":
                made = known is None
                if made:
                    children.append(request.json)
                else:
                    children[children.index(known)] = request.json
                return _Answer(201 if made else 200)
            if known is None or (last and request.method != "PATCH"):
                return _Answer(404, status_code=2000)
            holder = known
        holder.update(request.json)
        return _Answer()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that no longer waits is part of many scripts; every other error is a mistake in this file."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    platform: ScriptedPeer
    protocol_version = "HTTP/1.1"
    timeout = 20

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Received(self.command, unquote(parts.path), parse_qs(parts.query), self.headers, body)
        self.platform.received.append(request)
        twist = self.platform._twist_for(request.method, request.path)
        answer = self.platform.answer(request) if twist.works else _Answer()
        time.sleep(twist.delay)
        if twist.drop or twist.raw is not None:
            self.close_connection = True
            self.wfile.write(twist.raw or b"")
            return
        status = twist.status or answer.status
        text = twist.body if twist.body is not None else self._envelope(answer)
        self.send_response(status)
        headers: dict[str, str | None] = {"Content-Type": "application/json", "Content-Length": str(len(text))}
        for name in ("X-Request-ID", "X-Correlation-ID"):
            headers[name] = request.headers.get(name)
        if "/sender/" in request.path or "/receiver/" in request.path:  # not for versions and credentials
            headers |= {answers: request.headers.get(name) for name, answers in SWAPPED.items()}
        headers |= answer.headers | dict(twist.headers)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    @staticmethod
    def _envelope(answer: _Answer) -> bytes:
        data = b"" if answer.data is None else b'"data": %s, ' % answer.data
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        return b'{%s"status_code": %d, "timestamp": "%s"}' % (data, answer.status_code, now)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  # http.server finds methods by name

    def log_message(self, *_args: object) -> None:
        """A test's output is no place for an access log; `received` holds everything."""
