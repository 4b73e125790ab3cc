"""Tags for the pages of partners and of the message log: health, named causes with what to do, flows, form fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

from backoffice.console import cells
from backoffice.partners.actions.flows import FLOWS
from backoffice.partners.health import Health, Part, Tone, in_words
from ocpi.client import CAUSES, Cause

register = template.Library()

ICONS = {Tone.GOOD: "check_circle", Tone.FAIR: "warning", Tone.BAD: "error", Tone.IDLE: "circle"}

REMEDIES: Mapping[str, str] = {
    "unauthorized": "Was the token copied whole, is it still unused? Then try it without Base64, as older platforms want it.",
    "dns": "Compare the URL with what the partner sent, letter by letter.",
    "not_found": "Compare the path of the URL with what the partner sent, also whether it ends in a slash.",
    "redirect": "Use the URL that the partner's server redirects to, if the partner confirms it.",
    "unconfirmed_host": "Ask the partner whether the host is theirs, then confirm it on the tab Endpoints.",
    "no_common_version": "Ask the partner for a version that we speak, or for the URL of a platform that does.",
    "missing_endpoint": "Ask the partner to list the endpoint in their version details; OCPI requires it.",
    "invalid_answer": "Show the partner the field that is named here; the exchange stands in the message log.",
    "duplicate_roles": "Ask the partner to name each role once in their credentials.",
    "no_newer_version": "Nothing to do: both sides speak their newest common version already.",
    "version_mismatch": "Ask the partner to name the version that its details are of.",
}
"""What to do about a failed step, beside what its own sentence says."""


@register.simple_tag
def badge(tone: str, icon: str, text: str) -> SafeString | str:
    """A state that is no value of an enumeration."""
    return cells.state("BADGE", tone=(tone, icon), text=text)


@register.simple_tag
def health_state(health: Health) -> SafeString | str:
    text = health.word if health.score is None else f"{health.score} · {health.word}"
    return badge(health.tone.value, ICONS[health.tone], text)


@register.simple_tag
def part_state(part: Part) -> SafeString | str:
    return badge(part.tone.value, ICONS[part.tone], "unknown" if part.percent is None else f"{part.percent} %")


@register.simple_tag
def duration(span: timedelta) -> str:
    return in_words(span)


@register.filter
def cause(name: str) -> str:
    """`ocpi_2xxx` as people read it."""
    return name.replace("_", " ").capitalize().replace("Ocpi", "OCPI").replace("Dns", "DNS").replace("Tls", "TLS")


@register.filter
def remedy(name: str) -> str:
    """What to do about a step that failed with this cause; empty when its own sentence says it all."""
    return REMEDIES.get(name, "")


@register.filter
def cause_facts(name: str) -> str:
    """What a named cause of the line means and what to do."""
    facts = CAUSES.get(Cause(name)) if name in Cause.__members__.values() else None
    return f"{facts.happened} {facts.remedy}" if facts else ""


@register.filter
def flow_name(flow: str) -> str:
    return FLOWS.get(flow, flow)


@register.simple_tag
def described(field: BoundField) -> SafeString:
    """The field's widget, tied to its help and its errors for who cannot see that they stand beside it."""
    named = [f"{field.auto_id}_help"] if field.help_text else []
    attributes: dict[str, Any] = {}
    if field.errors:
        named.append(f"{field.auto_id}_error")
        attributes["aria-invalid"] = "true"
    if named:
        attributes["aria-describedby"] = " ".join(named)
    return field.as_widget(attrs=attributes)
