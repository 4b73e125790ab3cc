"""Everything that staff may do to a connection, as one table: permission, states, what will happen, and the one action.

A button that asks for a reason has a page of its own, which says what will happen; the reason goes into the history.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.http import HttpRequest, QueryDict

from backoffice.delivery.actions import checking, pulling
from backoffice.delivery.models import Message
from backoffice.delivery.rules import MessageState
from backoffice.partners.actions import connections, handshake
from backoffice.partners.models import Connection, PartyRole
from backoffice.partners.rules import ConnectionState
from backoffice.roaming_site import site

S = ConnectionState
TALKED = frozenset({S.ACTIVE, S.PAUSED, S.SUSPENDED})
UNREGISTERED = frozenset({S.INVITED, S.REGISTERING})

CHANGE = "change"
MANAGE = "partners.manage_connections"
PULL = "delivery.add_pull"


@dataclass(frozen=True, slots=True)
class Press:
    """One press of a button: who, on what, with which further fields, and why."""

    request: HttpRequest
    connection: Connection
    given: QueryDict
    reason: str


@dataclass(frozen=True, slots=True)
class Button:
    """`act` runs one action and returns the sentence for the history and the screen.

    `flow`: the action talks to the partner, so it runs beside the request and its steps are shown live. `consequences`: what
    will happen, a sentence each; a button with them asks first, and for a reason. `needs`: names of further POST fields.
    """

    label: str
    icon: str
    permission: str
    states: frozenset[ConnectionState]
    act: Callable[[Press], str]
    flow: str = ""
    consequences: Callable[[Press], list[str]] | None = None
    danger: bool = False
    needs: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        return self.consequences is not None


def _waiting(press: Press) -> int:
    return Message.objects.filter(connection=press.connection, state=MessageState.DUE).count()


def _pause(press: Press) -> str:
    connections.pause(press.connection, reason=press.reason)
    return "Paused"


def _resume(press: Press) -> str:
    connections.resume(press.connection)
    return "Resumed"


def _check(press: Press) -> str:
    told = checking.check(press.connection)
    bad = [module for module, report in told["modules"].items() if not report["good"]]
    if not told["modules"]:
        return "The partner offers nothing that we can read."
    return f"Checked {len(told['modules'])} module(s): " + (
        f"deviations in {', '.join(bad)}." if bad else "no deviation found."
    )


def _sync(press: Press) -> str:
    full = press.given.get("full") == "1"
    module = press.given.get("module", "")
    pulling.start(press.connection, module, full=full, now=site.now())
    return f"Started a {'full' if full else 'delta'} pull of {module}"


def _rotate(press: Press) -> str:
    handshake.update(press.connection, now=site.now(), version=press.connection.version)
    return "New tokens are in use both ways."


def _upgrade(press: Press) -> str:
    handshake.upgrade(press.connection, now=site.now())
    return f"The connection now speaks OCPI {press.connection.version}."


def _reread(press: Press) -> str:
    handshake.rediscover(press.connection, now=site.now())
    handshake.reread_roles(press.connection, now=site.now())
    return "Endpoints and roles are as the partner lists them now."


def _unregister(press: Press) -> str:
    return handshake.unregister(press.connection, now=site.now())


def _withdraw(press: Press) -> str:
    connections.forget(press.connection, now=site.now())
    return "Withdrawn"


def _test(press: Press) -> str:
    offer = handshake.preview(press.connection, now=site.now())
    return f"The partner can be registered with at OCPI {offer.version}."


def _register(press: Press) -> str:
    handshake.register(press.connection, now=site.now())
    return f"Registered at OCPI {press.connection.version}."


def _confirm_host(press: Press) -> str:
    host = press.given.get("host", "")
    connections.confirm_origin(press.connection, host)
    return f"Confirmed the host {host}"


def _role(press: Press) -> PartyRole:
    """Raises UnableToConnect: the role is none of this connection's."""
    number = press.given.get("role", "")
    role = (
        press.connection.roles.filter(pk=int(number) if re.fullmatch("[0-9]{1,18}", number) else 0)
        .select_related("party")
        .first()
    )
    if role is None:
        raise connections.UnableToConnect("That role is no longer claimed over this connection.")
    return role


def _approve(press: Press) -> str:
    role = _role(press)
    connections.approve_claim(role)
    return f"Approved the claim on {role}"


def _refuse(press: Press) -> str:
    role = _role(press)
    connections.refuse_claim(role)
    return f"Refused the claim on {role}"


def _holder(press: Press) -> str:
    role = _role(press)
    holder = PartyRole.objects.filter(party=role.party, role=role.role, state="ACTIVE").exclude(pk=role.pk).first()
    if holder is None:
        return "nobody at the moment"
    return (
        str(holder.connection) if holder.connection else "us: it is one of our own parties, so this cannot be approved"
    )


BUTTONS: Mapping[str, Button] = {
    "pause": Button(
        "Pause",
        "pause",
        CHANGE,
        frozenset({S.ACTIVE, S.SUSPENDED}),
        _pause,
        consequences=lambda press: [
            "We send nothing to this partner and fetch nothing from it until somebody resumes.",
            f"Changes go on being collected; {_waiting(press)} message(s) wait now and will go out after the pause.",
            "The partner's own calls are answered as before.",
        ],
    ),
    "resume": Button("Resume", "play_arrow", CHANGE, frozenset({S.PAUSED, S.SUSPENDED}), _resume),
    "check": Button("Check this partner", "troubleshoot", CHANGE, TALKED, _check, flow="check"),
    "sync": Button("Sync now", "sync", PULL, frozenset({S.ACTIVE}), _sync, needs=("module", "full")),
    "rotate": Button(
        "Rotate tokens",
        "key",
        MANAGE,
        TALKED,
        _rotate,
        flow="update",
        consequences=lambda press: [
            "We PUT new credentials at the partner: a new token for them, and they answer with a new one for us.",
            "The token they use now keeps working until the new one is used, ten minutes at most: no call is refused.",
            "If a step fails, both tokens of today stay in force.",
        ],
    ),
    "upgrade": Button(
        "Upgrade version",
        "upgrade",
        MANAGE,
        TALKED,
        _upgrade,
        flow="update",
        consequences=lambda press: [
            f"We read the partner's versions. If both of us speak a newer one than {press.connection.version}, we switch to it.",
            "That is a PUT of our credentials: new endpoints and new tokens, both ways.",
            "If it does not, nothing changes. There is no way back by this button.",
        ],
    ),
    "reread": Button("Re-read endpoints", "travel_explore", MANAGE, TALKED, _reread, flow="discover"),
    "unregister": Button(
        "Unregister",
        "link_off",
        MANAGE,
        TALKED,
        _unregister,
        flow="remove",
        danger=True,
        consequences=lambda press: [
            "We DELETE our credentials at the partner; whatever it answers, the connection ends here.",
            "Its tokens no longer open our doors, and its roles are free for others.",
            f"{_waiting(press)} message(s) that wait are never sent. What was exchanged so far stays in our tables and log.",
            "There is no way back: to meet again, both sides register anew.",
        ],
    ),
    "withdraw": Button(
        "Withdraw",
        "cancel",
        MANAGE,
        UNREGISTERED,
        _withdraw,
        danger=True,
        consequences=lambda press: [
            "The invitation or the registration that was begun ends; its token A opens nothing any more.",
            "Nothing is sent to the partner.",
        ],
    ),
    "test": Button("Test", "network_check", MANAGE, frozenset({S.REGISTERING}), _test, flow="register"),
    "register": Button("Register now", "handshake", MANAGE, frozenset({S.REGISTERING}), _register, flow="register"),
    "confirm_host": Button(
        "Confirm host",
        "verified_user",
        MANAGE,
        TALKED,
        _confirm_host,
        needs=("host",),
        consequences=lambda press: [
            f"Requests with our credentials token will be sent to {press.given.get('host', '')}.",
            "Do this only when the partner told you, by another way than this connection, that the host is theirs.",
        ],
    ),
    "approve": Button(
        "Approve",
        "how_to_reg",
        MANAGE,
        TALKED,
        _approve,
        needs=("role",),
        danger=True,
        consequences=lambda press: [
            f"{_role(press)} will be reached over {press.connection}. It is held by {_holder(press)}.",
            "The former holder's objects of this party stay, and from now on this connection may change them.",
        ],
    ),
    "refuse": Button(
        "Refuse",
        "person_off",
        MANAGE,
        TALKED,
        _refuse,
        needs=("role",),
        consequences=lambda press: [
            f"{_role(press)} stays with its holder ({_holder(press)}); what this connection sends in its name is refused."
        ],
    ),
}


def shown(connection: Connection, allows: Callable[[str], bool]) -> list[tuple[str, Button]]:
    """The buttons of the page's head, for this state and this user; those with further fields stand in their tables."""
    state = ConnectionState(connection.state)
    return [
        (name, button)
        for name, button in BUTTONS.items()
        if state in button.states
        and not button.needs
        and allows(button.permission)
        and name not in ("test", "register")
        and (name != "upgrade" or connection.version != site.versions[0])
    ]
