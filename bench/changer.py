"""A process of the first platform of `bench.latency`: changes an EVSE's status as its standard input says.

`python -m bench.changer UID`: prints `ready`, then for each status read the monotonic time just before the change was made.
"""

from __future__ import annotations

import os
import sys
import time

import django


def main(uid: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    django.setup()
    from backoffice.locations.actions.changing import set_status
    from backoffice.locations.models import Location
    from backoffice.roaming_site import site

    location = Location.objects.get(evses__uid=uid)
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.monotonic()
        set_status(location, uid, line.strip(), source="bench", now=site.now())
        print(began, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
