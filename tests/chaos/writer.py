"""The hardware of the chaos test, a process of its own: reports statuses through the hardware's door for ever.

`python -m tests.chaos.writer SEED`, with ROAMDESK_DATA_DIR. Before each report a line `? EVSE-id status` on standard output,
and `! EVSE-id status` once the door acknowledged it. A database that is away is waited for, as a station would.
"""

import os
import random
import sys
import threading
import time


def main(seed: int) -> None:
    from backoffice.charge_points.door import outlast, report
    from backoffice.charge_points.gateway import StatusReport
    from backoffice.locations.models import Evse
    from backoffice.roaming_site import site
    from ocpi.wire.locations import Status

    chance = random.Random(seed)
    never = threading.Event()
    statuses = [Status.AVAILABLE, Status.CHARGING, Status.BLOCKED, Status.OUTOFORDER]
    points = outlast(
        lambda: list(Evse.objects.filter(location__party__ours=True).values_list("evse_id", flat=True)), never
    )
    assert points
    while True:
        told = StatusReport(chance.choice(points), chance.choice(statuses))
        print("?", told.evse_id, told.status.value, flush=True)
        # on a connection lost at the commit it is said again, and then finds the status that it brought
        outlast(lambda told=told: report(told, now=site.now()), never)  # type: ignore[misc]  # bound per round
        print("!", told.evse_id, told.status.value, flush=True)
        time.sleep(0.02)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    import django

    django.setup()
    main(int(sys.argv[1]))
