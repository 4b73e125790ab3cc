"""A real Chromium over a live server. Where there is none, these tests are skipped and say so.

The browser may talk to the live server only; a page that asks for anything else (a CDN, a font, a tile) fails its test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.spreading import Sharing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the browser, and one worker has it."""
    here = str(Path(__file__).parent)
    reason = ""
    if CHROMIUM is None:
        reason = "no Chromium on this machine: apt-get install chromium"
    elif find_spec("playwright") is None:
        reason = "playwright is not installed: make install-dev"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
            item.add_marker(pytest.mark.django_db(transaction=True))
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def chromium(sharing: Sharing) -> Browser:
    return sharing("chromium", _run_chromium)


@contextmanager
def _run_chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    # Playwright's event loop runs in this thread, which makes Django believe that the tests were asynchronous.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Staff:
    """Somebody logged in at a window of a given width and theme. `outside`: what was asked of other hosts."""

    def __init__(self, context: BrowserContext, server: str) -> None:
        self.context = context
        self.server = server
        self.page: Page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, request: Any) -> None:
        if not request.url.startswith((self.server, "data:")):
            self.outside.append(request.url)

    def open(self, path: str) -> Page:
        self.page.goto(self.server + path, wait_until="load")
        return self.page


@pytest.fixture
def staff(chromium: Browser, live_server: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """`staff(width=360, theme="dark")` opens a window; logged in as a superuser."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.create_superuser("root"), backend="django.contrib.auth.backends.ModelBackend")
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    opened: list[Staff] = []

    def window(*, width: int = 1280, theme: str = "light") -> Staff:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]  # one of two words
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        opened.append(Staff(context, live_server.url))
        return opened[-1]

    yield window
    for each in opened:
        each.context.close()
        assert each.outside == [], "a page asked for something outside of the platform"
        assert each.errors == [], "a script failed"
