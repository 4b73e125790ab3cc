"""The charge points of the CPO of `bench.starts`: a driver of the Gateway that does at once what it is asked to do.

`python -m bench.charger`: prints `ready`, then for each order the EVSE's id and the monotonic time at which it was handed over.
"""

from __future__ import annotations

import os
import signal
import threading
import time

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    django.setup()
    from backoffice.charge_points import door
    from backoffice.charge_points.gateway import Done, Orders, Tell
    from backoffice.locations.models import Evse
    from ocpi.wire.commands import CommandResultType

    class Charger:
        def run(self, tell: Tell, stop: threading.Event, orders: Orders) -> None:
            orders()  # from now on it is known that somebody drives these
            print("ready", flush=True)
            while not stop.is_set():
                for asked in orders():
                    print(asked.evse_id, time.monotonic(), flush=True)
                    tell(Done(asked.order, CommandResultType.ACCEPTED))
                orders.wait(1.0)

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    points = list(Evse.objects.filter(location__party__ours=True).values_list("pk", flat=True))
    door.serve(Charger(), stop, driver="bench", drives=lambda: points)


if __name__ == "__main__":
    main()
