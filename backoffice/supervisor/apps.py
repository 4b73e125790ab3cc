"""Start-up of every process that loads the apps."""

from django.apps import AppConfig


class SupervisorConfig(AppConfig):
    name = "backoffice.supervisor"

    def ready(self) -> None:
        """Make our Celery application the one that tasks belong to, also where a task is only enqueued.

        Not in ``backoffice/__init__.py``, where Celery suggests it: ``up`` starts the database before it loads all this.
        """
        import backoffice.celery  # noqa: F401 - imported for its effect, see above
