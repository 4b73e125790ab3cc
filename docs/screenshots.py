"""The pictures of README and handbook, taken from the demo: `make screenshots`. Needs Chromium.

Starts the demo in a folder of its own, waits until the two platforms have met, and opens the pages in a real browser.
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"

PICTURES = {
    "home": "/admin/",
    "connections": "/admin/partners/connection/1/change/",
    "wizard": "/admin/partners/connection/add/",
    "locations": "/admin/locations/location/",
    "location": "/admin/locations/location/1/change/",
    "edit": "/admin/locations/location/1/edit/",
    "board": "/admin/locations/location/board/",
    "map": "/admin/locations/location/map/",
    "tariff": "/admin/tariffs/tariff/1/change/",
    "schedule": "/admin/tariffs/tariff/schedule/",
    "sessions": "/admin/charging_sessions/session/",
    "session": "/admin/charging_sessions/session/1/change/",
    "upload": "/admin/locations/location/upload/",
    "log": "/admin/delivery/exchange/",
}
"""Name of the picture -> page."""


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
            time.sleep(20)  # let the charge points live a little
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
        for name, path in PICTURES.items():
            answer = page.goto(server + path)
            assert answer is not None
            assert answer.status == 200, (path, answer.status)
            page.wait_for_timeout(800)
            page.screenshot(path=str(IMAGES / f"{name}.png"))
            print(f"docs/images/{name}.png  {path}")
        browser.close()


if __name__ == "__main__":
    main()
