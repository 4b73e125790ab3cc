"""Production's settings, with the measured extra doors of `bench.urls` beside production's own."""

from backoffice.settings import *  # noqa: F403  # every setting, as it is

ROOT_URLCONF = "bench.urls"
