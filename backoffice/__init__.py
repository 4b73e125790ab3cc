"""The business: everything that is ours and not the protocol's.

Loading the package loads the Celery application, so that a task enqueued from any process finds our broker.
"""

from backoffice.celery import app as celery_app

__all__ = ["celery_app"]
