"""The pictures of README and handbook, taken from the demo: `make screenshots`. Needs Chromium.

Starts the demo in a folder of its own, waits until the platforms have met and their drivers have charged for some minutes, and
opens the pages in a real browser. Names of pictures as arguments: only these.
"""

import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"

LIVED = 240
"""Seconds in which the demo's charge points charge before the pictures are taken: some charges end, some are billed wrongly."""

SESSIONS, CDRS = "/admin/charging_sessions/session/", "/admin/cdrs/cdr/"
PICTURES: dict[str, tuple[str, ...]] = {
    "home": ("/admin/",),
    "search": (f"{CDRS}search/?q=DE-RDK",),
    "connections": ("/admin/partners/connection/", "a[href*='/partners/connection/'][href*='/change/']"),
    "wizard": ("/admin/partners/connection/add/",),
    "locations": ("/admin/locations/location/",),
    "location": ("/admin/locations/location/1/change/",),
    "edit": ("/admin/locations/location/1/edit/",),
    "board": ("/admin/locations/location/board/",),
    "map": ("/admin/locations/location/map/",),
    "upload": ("/admin/locations/location/upload/",),
    "tariff": ("/admin/tariffs/tariff/1/change/",),
    "schedule": ("/admin/tariffs/tariff/schedule/",),
    "editor": ("/admin/tariffs/tariff/1/change/", "press:Copy"),
    "sessions": (f"{SESSIONS}?state=all",),
    "session": (f"{SESSIONS}?state=completed&way=ours&kwh=0.1", "main a[href*='/session/'][href*='/change/']"),
    "authorizations": ("/admin/tokens/authorization/?outcome=refused",),
    "block": (
        "/admin/tokens/token/?owner=ours&state=valid",
        "#result_list a[href*='/tokens/token/'][href*='/change/']",
        "open:Block",
    ),
    "cdrs": (f"{CDRS}?tab=all",),
    "cdr": (f"{CDRS}?tab=agreed&way=in", "main a[href*='/cdr/'][href*='/change/']"),
    "exports": ("/admin/billing/export/", "#result_list a[href*='/billing/export/'][href*='/change/']"),
    "log": ("/admin/delivery/exchange/",),
    "calendar": ("/admin/bookings/booking/calendar/?view=week",),
    "terminals": ("/admin/payments/terminal/",),
    "tie": ("/admin/payments/advice/tie/",),
}
"""Name of the picture -> page, and the way on from it: the first link of that kind, `open:` a fold or `press:` a button."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("There is no Chromium on this machine: apt-get install chromium")
    IMAGES.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        ports = ["--port", str(port), "--partner-port", str(free_port())]
        demo = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "up", "--data-dir", folder, *ports],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            password = _ready(demo)
            time.sleep(LIVED)
            _take(chromium, f"http://127.0.0.1:{port}", password)
        finally:
            demo.terminate()
            demo.wait(60)


def _ready(demo: "subprocess.Popen[str]") -> str:
    assert demo.stdout is not None
    for line in demo.stdout:
        if found := re.search(r"Log in: admin / (\S+)", line):
            return found[1]
    sys.exit("The demo did not start.")


def _take(chromium: str, server: str, password: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(f"{server}/admin/login/?next=/admin/")
        page.fill("[name=username]", "admin")
        page.fill("[name=password]", password)
        page.click("[type=submit]")
        wanted = sys.argv[1:] or PICTURES
        for name, (path, *steps) in ((name, PICTURES[name]) for name in wanted):
            answer = page.goto(server + path)
            assert answer is not None
            assert answer.status == 200, (path, answer.status)
            for step in steps:
                if step.startswith("open:"):
                    page.locator("summary", has_text=step[5:]).first.click()
                    continue
                if step.startswith("press:"):
                    with page.expect_navigation():
                        page.get_by_role("button", name=step[6:], exact=True).first.click()
                    continue
                if not page.locator(step).count():
                    print(f"docs/images/{name}.png  left as it was: nothing to follow on {path}")
                    break
                page.goto(server + (page.locator(step).first.get_attribute("href") or ""))
            else:
                page.wait_for_timeout(800)
                (IMAGES / f"{name}.png").write_bytes(smaller(page.screenshot()))
                print(f"docs/images/{name}.png  {page.url.removeprefix(server)}")
        browser.close()


def smaller(png: bytes) -> bytes:
    """The same picture with a palette of 256 colours, a third of the size: nobody sees those that it merges."""
    width, height, depth, colours = struct.unpack(">IIBB", png[16:26])
    if (depth, colours) != (8, 2):
        return png
    rows = _rows(png, width, height)
    pixels = [row[x : x + 3] for row in rows for x in range(0, 3 * width, 3)]
    counted = Counter(pixels)
    palette = [colour for colour, _ in counted.most_common(256)]
    place = {colour: number for number, colour in enumerate(palette)}
    for colour in counted:
        if colour not in place:
            r, g, b = colour
            place[colour] = min(
                range(len(palette)),
                key=lambda n: (palette[n][0] - r) ** 2 + (palette[n][1] - g) ** 2 + (palette[n][2] - b) ** 2,
            )
    flat = bytes(place[each] for each in pixels)
    lines = b"".join(b"\0" + flat[y * width : (y + 1) * width] for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def _rows(png: bytes, width: int, height: int) -> list[bytes]:
    """Its pixels, line by line, without the filters that PNG puts before compressing."""
    at, packed = 8, b""
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        packed += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    raw, length = zlib.decompress(packed), 3 * width
    rows, above = [], bytes(length)
    for y in range(height):
        start = y * (length + 1)
        how, row = raw[start], bytearray(raw[start + 1 : start + 1 + length])
        for x in range(length) if how else ():
            left, up, corner = (row[x - 3], above[x], above[x - 3]) if x > 2 else (0, above[x], 0)
            if how == 4:
                guess = min((left, up, corner), key=lambda each: abs(left + up - corner - each))
            else:
                guess = (left, up, (left + up) // 2)[how - 1]
            row[x] = (row[x] + guess) & 255
        above = bytes(row)
        rows.append(above)
    return rows


if __name__ == "__main__":
    main()
