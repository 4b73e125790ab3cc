"""What a browser makes of a page: the fields of its form as they would be posted, the texts at their places."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

VOID = {"input", "link", "meta", "br", "img", "hr", "rect", "line", "circle", "polygon", "polyline"}


class Page(HTMLParser):
    """`fields`: of the form `form`, as posted without pressing a button. `ids`: the text inside each element with an id."""

    def __init__(self, html: str, form: str = "editor") -> None:
        super().__init__(convert_charrefs=True)
        self.form = form
        self.fields: dict[str, list[str]] = {}
        self.ids: dict[str, str] = {}
        self.attributes: dict[str, dict[str, str]] = {}
        self.buttons: list[tuple[str, str]] = []
        self._open: list[tuple[str, str]] = []
        self._inside = False
        self._select: str | None = None
        self._first: str | None = None
        self._textarea: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            assert given["id"] not in self.attributes, f"two elements have the id {given['id']}"
            self.attributes[given["id"]] = given
            self.ids.setdefault(given["id"], "")
        if tag not in VOID:
            self._open.append((tag, given.get("id", "")))
        if tag == "form":
            self._inside = given.get("id") == self.form
        if not self._inside:
            return
        name = given.get("name", "")
        if tag == "input" and name:
            if given.get("type") in ("checkbox", "radio") and "checked" not in given:
                return
            self.fields.setdefault(name, []).append(given.get("value", ""))
        elif tag == "select":
            self._select, self._first = name, None
        elif tag == "option" and self._select:
            if self._first is None:
                self._first = given.get("value", "")
            if "selected" in given:
                self.fields[self._select] = [given["value"]] if "value" in given else [""]
                self._pending = "value" not in given
        elif tag == "textarea":
            self._textarea = name
            self.fields[name] = [""]
        elif tag == "button":
            self.buttons.append((name, given.get("value", "")))

    _pending = False

    def handle_data(self, data: str) -> None:
        for _, identity in self._open:
            if identity:
                self.ids[identity] += data
        if self._textarea:
            self.fields[self._textarea] = [self.fields[self._textarea][0] + data]
        if self._select and self._pending:
            self.fields[self._select] = [data]
            self._pending = False

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            name, _ = self._open.pop()
            if name == tag:
                break
        if tag == "form":
            self._inside = False
        elif tag == "textarea":
            self._textarea = None
        elif tag == "select" and self._select:
            self.fields.setdefault(self._select, [self._first or ""])
            self._select = None

    def posted(self, **changes: Any) -> dict[str, Any]:
        return dict(self.fields)


def text(markup: str) -> str:
    """What is read, spaces made one."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    Reader(convert_charrefs=True).feed(markup)
    return " ".join(" ".join(found).split())
