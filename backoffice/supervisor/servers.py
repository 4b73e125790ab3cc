"""What the long-running parts written in Python do, each in its own process. They import late, for the start's sake."""

import os

from django.core.management import CommandError, call_command

from backoffice.supervisor.memory import keep_freed_memory
from backoffice.supervisor.process import SayReady, UnableToPrepare, Work

# Two processes keep two cores busy; a platform that needs more than four runs from deploy/, not from here.
WEB_WORKERS = int(os.environ.get("ROAMDESK_WEB_WORKERS") or min(2, os.cpu_count() or 1))
WEB_THREADS = int(os.environ.get("ROAMDESK_WEB_THREADS") or 4)
WORKER_POOL = os.environ.get("ROAMDESK_WORKER_POOL") or "threads"
WORKER_CONCURRENCY = int(os.environ.get("ROAMDESK_WORKER_CONCURRENCY") or 8)


def web(host: str, port: int, application: str = "backoffice.wsgi:application") -> Work:
    def serve(_say_ready: SayReady) -> None:
        from granian.constants import HTTPModes, Interfaces
        from granian.server import Server

        import backoffice.wsgi  # noqa: F401  # loaded before the workers are forked, so that they share it

        keep_freed_memory()
        Server(
            application,
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=WEB_WORKERS,
            blocking_threads=WEB_THREADS,
            # A thread that ends takes its database connection along.
            blocking_threads_idle_timeout=600,
            http=HTTPModes.http1,
            websockets=False,
            respawn_failed_workers=True,
            respawn_interval=0.2,
            workers_kill_timeout=5,
        ).serve()

    return serve


def worker() -> Work:
    def consume(say_ready: SayReady) -> None:
        from celery.signals import worker_ready

        from backoffice.celery import app

        def ready(**_kwargs: object) -> None:
            say_ready()

        worker_ready.connect(ready)  # Celery tells it in no other way
        app.Worker(
            pool=WORKER_POOL,
            concurrency=WORKER_CONCURRENCY,
            loglevel="INFO",
            without_gossip=True,
            without_mingle=True,
        ).start()

    return consume


def beat() -> Work:
    def tick(say_ready: SayReady) -> None:
        from celery.signals import beat_init

        from backoffice.celery import app

        def ready(**_kwargs: object) -> None:
            say_ready()

        beat_init.connect(ready)
        app.Beat(loglevel="INFO", quiet=True, pidfile=None).run()

    return tick


def command(name: str, **options: object) -> Work:
    """A management command that goes on until it is told to stop, or a step that ends by itself."""

    def call(say_ready: SayReady) -> None:
        say_ready()
        try:
            call_command(name, **options)
        except CommandError as error:
            raise UnableToPrepare(str(error)) from error

    return call
