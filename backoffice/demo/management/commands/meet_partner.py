"""`manage.py meet_partner`: one step of the demo's start, run on both platforms at once; each does its side."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backoffice.delivery.actions.pulling import UnableToPull
from backoffice.demo.actions.meeting import Invitation, UnableToMeet, accept_invitation, invite_partner
from backoffice.partners.actions.connections import UnableToConnect
from backoffice.roaming_site import site
from backoffice.supervisor.data_directory import DataDirectory


class Command(BaseCommand):
    help = "Connect the two platforms of the demo: ours invites, the partner registers, both fetch locations."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--patience", type=float, default=120, help="seconds to wait for the other platform")

    def handle(self, *args: Any, **options: Any) -> None:
        data, clock, patience = settings.DATA_DIRECTORY, site.now, options["patience"]
        partner_url = settings.PLATFORM.get("partner_url")
        try:
            if settings.PLATFORM.get("side") == "partner":
                home = DataDirectory(data.root.parent)
                met = accept_invitation(Invitation.between(home), clock=clock, patience=patience)
            elif partner_url:
                met = invite_partner(
                    Invitation.between(data),
                    versions_url=site.versions_url(),
                    partner_url=str(partner_url),
                    clock=clock,
                    patience=patience,
                )
            else:
                raise CommandError("This platform has no demo partner: manage.py up runs one beside a demo.")
        except (UnableToMeet, UnableToConnect, UnableToPull) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Connected with {met}." if met else "Connected since an earlier start.")
