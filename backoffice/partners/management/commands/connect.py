"""`manage.py connect`: the connections of this platform from the command line; `--json` prints one object for scripts."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backoffice.partners.actions import connections as verbs
from backoffice.partners.actions import handshake
from backoffice.partners.models import Connection, Party
from backoffice.partners.rules import NotAllowed
from backoffice.roaming_site import site


class Command(BaseCommand):
    help = "Connections to partners, and our own companies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs_of = parser.add_subparsers(dest="verb", required=True)

        def verb(name: str, told: str) -> ArgumentParser:
            made: ArgumentParser = verbs_of.add_parser(name, help=told)
            made.add_argument("--json", action="store_true", help="print one JSON object")
            return made

        def speaks_for(made: ArgumentParser) -> None:
            made.add_argument(
                "--for", dest="ours", default="", help="own parties, CC-PID[,CC-PID]; default: all of ours"
            )

        invite = verb("invite", "print our versions URL and a token A for a partner who registers with us")
        invite.add_argument("--name", required=True)
        speaks_for(invite)
        register = verb("register", "register with a partner who gave us a versions URL and a token A")
        register.add_argument("url")
        register.add_argument("token")
        register.add_argument("--name", default="")
        register.add_argument("--plain-token", action="store_true", help="the partner takes the token without Base64")
        speaks_for(register)
        adopt = verb("adopt", "take over a connection that was agreed elsewhere")
        adopt.add_argument("--name", required=True)
        adopt.add_argument("--roles", required=True, help="theirs, CC-PID:ROLE[,CC-PID:ROLE]")
        adopt.add_argument("--versions-url", required=True)
        adopt.add_argument("--inbound-token", required=True, help="what the partner shows to us")
        adopt.add_argument("--outbound-token", required=True, help="what we show to the partner")
        adopt.add_argument("--version", required=True, choices=site.versions, dest="ocpi_version")
        adopt.add_argument(
            "--offline", action="store_true", help="make no request; endpoints stay unknown until `update`"
        )
        speaks_for(adopt)
        verb("list", "all connections")
        for name, help_text in (
            ("pause", "stop sending and fetching"),
            ("resume", "go on after a pause or a suspension"),
            ("rotate", "new tokens both ways, in the version that is in use (PUT credentials)"),
            ("upgrade", "change to the newest version that both speak (PUT credentials)"),
            ("update", "read the partner's versions, endpoints and roles again, without new tokens"),
            ("remove", "unregister (DELETE credentials) and forget"),
            ("check", "dry pull of each module: deviations by field, repairs that would help"),
        ):
            made = verb(name, help_text)
            made.add_argument("name")
        own = verb("party", "create or complete a company of our own")
        own.add_argument("party", help="CC-PID")
        own.add_argument("--name", required=True)
        own.add_argument("--roles", required=True, help="CPO[,EMSP...]")
        own.add_argument("--website", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            told = getattr(self, f"_{options['verb']}")(options)
        except (
            verbs.UnableToConnect,
            handshake.UnableToHandshake,
            handshake.Busy,
            NotAllowed,
        ) as error:
            if options["json"]:
                told = {"error": str(error), "cause": getattr(error, "cause", type(error).__name__)}
                self.stdout.write(json.dumps(told | {"our_versions_url": site.versions_url()}))
                raise SystemExit(1) from error
            raise CommandError(str(error)) from error
        told = {**told, "our_versions_url": site.versions_url()}
        if options["json"]:
            self.stdout.write(json.dumps(told))
            return
        for line in _lines(told):
            self.stdout.write(line)

    def _invite(self, options: dict[str, Any]) -> dict[str, Any]:
        connection, token = verbs.invite(name=options["name"], our_parties=_ours(options["ours"]), now=site.now())
        return _facts(connection) | {"token_a": token, "expires_in_days": verbs.BOOTSTRAP_LIFETIME.days}

    def _register(self, options: dict[str, Any]) -> dict[str, Any]:
        url, token = options["url"], options["token"]
        name = options["name"] or url.partition("://")[2].partition("/")[0] or url[: verbs.MAX_NAME]
        connection = Connection.objects.filter(name=name, state="REGISTERING").first()
        if connection is None:
            connection = verbs.prepare_registration(
                name=name, our_parties=_ours(options["ours"]), versions_url=url, token_a=token
            )
        # also the second try of one that failed: what is given now counts
        verbs.correct_registration(
            connection, versions_url=url, token_a=token, plain_token=bool(options["plain_token"])
        )
        handshake.register(connection, now=site.now())
        return _facts(connection)

    def _adopt(self, options: dict[str, Any]) -> dict[str, Any]:
        agreement = verbs.Agreement(
            name=options["name"],
            claims=[_claim(text) for text in options["roles"].split(",")],
            versions_url=options["versions_url"],
            inbound_token=options["inbound_token"],
            outbound_token=options["outbound_token"],
            version=options["ocpi_version"],
        )
        connection = verbs.adopt(agreement, our_parties=_ours(options["ours"]))
        if not options["offline"]:
            try:
                handshake.rediscover(connection, now=site.now())
            except (handshake.UnableToHandshake, handshake.Busy):
                verbs.undo_adoption(connection)  # so that the command can be given again
                raise
        return _facts(connection)

    def _list(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"connections": [_facts(connection) for connection in Connection.objects.all()]}

    def _pause(self, options: dict[str, Any]) -> dict[str, Any]:
        connection = _named(options["name"])
        verbs.pause(connection, reason="by command")
        return _facts(connection)

    def _resume(self, options: dict[str, Any]) -> dict[str, Any]:
        connection = _named(options["name"])
        verbs.resume(connection)
        return _facts(connection)

    def _rotate(self, options: dict[str, Any]) -> dict[str, Any]:
        connection = _named(options["name"])
        handshake.update(connection, now=site.now(), version=connection.version)
        return _facts(connection)

    def _upgrade(self, options: dict[str, Any]) -> dict[str, Any]:
        connection = _named(options["name"])
        handshake.upgrade(connection, now=site.now())
        return _facts(connection)

    def _update(self, options: dict[str, Any]) -> dict[str, Any]:
        connection = _named(options["name"])
        handshake.rediscover(connection, now=site.now())
        handshake.reread_roles(connection, now=site.now())
        connection.refresh_from_db()
        return _facts(connection)

    def _remove(self, options: dict[str, Any]) -> dict[str, Any]:
        connection = _named(options["name"])
        said = handshake.unregister(connection, now=site.now())
        return _facts(connection) | {"partner_said": said}

    def _check(self, options: dict[str, Any]) -> dict[str, Any]:
        from backoffice.delivery.actions.checking import (
            check,
        )  # partners lies below delivery; only this door knows both

        return check(_named(options["name"]))

    def _party(self, options: dict[str, Any]) -> dict[str, Any]:
        country_code, _, party_id = options["party"].partition("-")
        party = verbs.add_own_party(
            country_code=country_code,
            party_id=party_id,
            name=options["name"],
            roles=[role.strip().upper() for role in options["roles"].split(",")],
            website=options["website"],
        )
        return {"party": str(party), "roles": sorted(role.role for role in party.roles.all())}


def _ours(text: str) -> list[Party]:
    ours = verbs.own_parties()
    if not text:
        return ours
    wanted = {part.strip().upper() for part in text.split(",")}
    found = [party for party in ours if str(party) in wanted]
    if missing := wanted - {str(party) for party in found}:
        raise verbs.UnableToConnect(f"Not our own: {', '.join(sorted(missing))}. Create it with `connect party`.")
    return found


def _claim(text: str) -> verbs.Claim:
    party, _, role = text.strip().partition(":")
    country_code, _, party_id = party.partition("-")
    if not (country_code and party_id and role):
        raise verbs.UnableToConnect(f"{text!r} is no role: write it as CC-PID:ROLE, e.g. NL-TNM:CPO.")
    return verbs.Claim(country_code, party_id, role.upper(), {"name": party})


def _named(name: str) -> Connection:
    try:
        return Connection.objects.get(name=name)
    except Connection.DoesNotExist:
        raise verbs.UnableToConnect(f"There is no connection named {name!r}; see `connect list`.") from None


def _facts(connection: Connection) -> dict[str, Any]:
    return {
        "id": connection.pk,
        "name": connection.name,
        "state": str(connection.state),
        "version": connection.version,
        "versions_url": connection.versions_url,
        "our_parties": [str(party) for party in connection.our_parties.all()],
        "roles": [
            {"party": str(role.party), "role": role.role, "state": str(role.state)} for role in connection.roles.all()
        ],
        "endpoints": [
            {"identifier": row.identifier, "role": row.role, "url": row.url} for row in connection.endpoints.all()
        ],
        "held_reason": connection.held_reason,
    }


def _lines(told: dict[str, Any], indent: str = "") -> list[str]:
    lines: list[str] = []
    for name, value in told.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{indent}{name}:")
            lines.extend(
                f"{indent}  - " + ", ".join(f"{key}: {item[key]}" for key in item if item[key] not in ("", [], None))
                for item in value
            )
        elif isinstance(value, dict):
            lines.append(f"{indent}{name}:")
            lines.extend(_lines(value, indent + "  "))
        else:
            lines.append(f"{indent}{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    return lines
