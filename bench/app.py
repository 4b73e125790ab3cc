"""The eMSP of `bench.starts`: sends START_SESSION for a driver of ours, to the EVSEs that its standard input names.

`python -m bench.app`: prints `ready`, then for each EVSE uid the monotonic time just before the command was sent.
"""

from __future__ import annotations

import os
import sys
import time

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    django.setup()
    from backoffice.commands.actions.sending import Wish, send
    from backoffice.locations.models import Evse
    from backoffice.partners.models import Party
    from backoffice.roaming_site import site
    from backoffice.tokens.actions.storing import parsed, store
    from backoffice.tokens.models import Token

    party = Party.objects.get(ours=True)
    given = {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "uid": "BENCH-APP-1",
        "type": "APP_USER",
        "contract_id": f"{party.country_code}-{party.party_id}-C00000001",
        "issuer": "Bench",
        "valid": True,
        "whitelist": "NEVER",
        "last_updated": "2026-03-01T12:00:00Z",
    }
    store(party.pk, [(given, parsed(given))], now=site.now(), ours=True)
    token = Token.objects.select_related("party").get(object_id="BENCH-APP-1")
    print("ready", flush=True)
    for line in sys.stdin:
        evse = Evse.objects.select_related("location__party").get(uid=line.strip())
        wish = Wish(kind="START_SESSION", token=token, location=evse.location, evse_uid=evse.uid, by_driver=True)
        began = time.monotonic()
        send(wish, now=site.now())
        print(began, flush=True)


if __name__ == "__main__":
    main()
