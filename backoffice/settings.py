"""All configuration, read from the environment; what is missing there comes from the platform's data directory.

Every variable that an installation may set is read here and nowhere else; docs name them. Production is the default:
DEBUG must be asked for, and a public URL that begins with https switches on everything that needs TLS.
"""

import sys
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.templatetags.static import static
from django.urls import reverse_lazy

from backoffice.supervisor import postgres, valkey
from backoffice.supervisor.data_directory import DataDirectory, UnableToUseDataDirectory

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIRECTORY = DataDirectory.from_environment()

env = environ.Env()

# --- Secrets and what the last `manage.py up` recorded --------------------------------------------------------------

SECRET_NAMES = ("SECRET_KEY", "ROAMDESK_TOKEN_PEPPER", "ROAMDESK_FERNET_KEYS", "ROAMDESK_METRICS_TOKEN")
try:
    _kept = {} if all(env.str(name, "") for name in SECRET_NAMES) else DATA_DIRECTORY.secrets()
    _platform = DATA_DIRECTORY.platform()
except UnableToUseDataDirectory as error:
    sys.exit(str(error))

SECRET_KEY = env.str("SECRET_KEY", "") or _kept["SECRET_KEY"]
# Keys the hash of the tokens that partners present to us.
TOKEN_PEPPER = env.str("ROAMDESK_TOKEN_PEPPER", "") or _kept["ROAMDESK_TOKEN_PEPPER"]
# Encrypt the tokens that we present to partners; the first key encrypts, all decrypt (MultiFernet).
FERNET_KEYS = (env.str("ROAMDESK_FERNET_KEYS", "") or _kept["ROAMDESK_FERNET_KEYS"]).split(",")
METRICS_TOKEN = env.str("ROAMDESK_METRICS_TOKEN", "") or _kept["ROAMDESK_METRICS_TOKEN"]

# --- Who we are on the network ---------------------------------------------------------------------------------------

# Where partners reach us; every URL that we hand out begins with it. No slash at its end.
PUBLIC_URL = env.str("ROAMDESK_PUBLIC_URL", str(_platform.get("public_url") or "http://127.0.0.1:8000")).rstrip("/")
DEMO = env.bool("ROAMDESK_DEMO", bool(_platform.get("demo", False)))
# Networks that outgoing requests may reach although they are private or special.
OUTGOING_ALLOW_NETWORKS = [
    ip_network(network)
    for network in env.list("ROAMDESK_ALLOW_NETWORKS", default=["127.0.0.0/8", "::1/128"] if DEMO else [])
]
# Plain http to partners: never outside a demo or a test bench, for a token travels with each request.
OUTGOING_ALLOW_HTTP = env.bool("ROAMDESK_ALLOW_HTTP", DEMO)
# How long the message log is kept.
EXCHANGE_RETENTION_DAYS = env.int("ROAMDESK_EXCHANGE_RETENTION_DAYS", 30)
# How long it is known what was asked of charge points: commands, reservations, orders, charging profiles. A year and its dispute.
COMMAND_RETENTION_DAYS = env.int("ROAMDESK_COMMAND_RETENTION_DAYS", 400)
# Age at which credentials tokens are exchanged by themselves; 0: never.
ROTATE_AFTER_DAYS = env.int("ROAMDESK_ROTATE_AFTER_DAYS", 30)
# The class of the driver of a payment provider (backoffice/payments/provider.py), for terminals of our own; none: no cards.
PAYMENT_PROVIDER = env.str("ROAMDESK_PAYMENT_PROVIDER", "backoffice.payments.simulated.Simulated" if DEMO else "")
# How many requests for orders may wait at once in each web process, for each holds a thread.
API_WAITS = env.int("ROAMDESK_API_WAITS", 2)
# What `manage.py up` recorded of its last start: port, side ("home" or "partner"), partner_url, partner_data_dir.
PLATFORM = _platform

DEBUG = env.bool("ROAMDESK_DEBUG", False)
_public = urlsplit(PUBLIC_URL)
_https = _public.scheme == "https"
ALLOWED_HOSTS = [
    *env.list("ROAMDESK_ALLOWED_HOSTS", default=[]),
    *([_public.hostname] if _public.hostname else []),
    "localhost",
    "127.0.0.1",
    "[::1]",
]
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]

SECURE_SSL_REDIRECT = _https
# The first two are asked for from inside, past the proxy that speaks TLS; the doors refuse plain HTTP by themselves.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^metrics$", r"^ocpi/", r"^api/"]
SECURE_HSTS_SECONDS = env.int("ROAMDESK_HSTS_SECONDS", 31_536_000 if _https else 0)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.bool("ROAMDESK_BEHIND_PROXY", False):  # only then may a header say that the request came by TLS
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# HSTS for subdomains and the browsers' preload list bind a whole domain: a decision for its owner, not for us.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
APPEND_SLASH = False  # a redirect would turn a partner's PUT into a GET; the admin's own URLs end in a slash anyway

# --- Apps ------------------------------------------------------------------------------------------------------------

# In the order in which templates are looked up and migrations of one run are made: theme, Django, libraries, ours.
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "backoffice.console.apps.ConsoleAdminConfig",  # django.contrib.admin with our own site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular_sidecar",  # the assets of the API page, nothing else
    "django_celery_beat",
    "axes",
    "backoffice.console.apps.ConsoleConfig",
    "backoffice.jobs",
    "backoffice.partners",
    "backoffice.api",
    "backoffice.delivery",
    "backoffice.locations",
    "backoffice.charge_points",
    "backoffice.tariffs",
    "backoffice.tokens",
    "backoffice.sessions",
    "backoffice.commands",
    "backoffice.charging_profiles",
    "backoffice.cdrs",
    "backoffice.payments",
    "backoffice.bookings",
    "backoffice.driver_app",
    "backoffice.billing",
    "backoffice.supervisor",
    "backoffice.demo",
    "ocpi",  # last: it loads every app's roaming.py
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "ocpi.server.middleware.StraightToTheDoor",  # what follows is for people
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

DOORS_BELOW = ["/ocpi/", "/api/"]  # where StraightToTheDoor looks for doors
ROOT_URLCONF = "backoffice.urls"
WSGI_APPLICATION = "backoffice.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database --------------------------------------------------------------------------------------------------------

# Milliseconds; 0 switches a limit off, as a migration of a large table needs. A request that waits longer than these
# has failed already, and a forgotten transaction would hold back every vacuum.
# Compiling a statement pays where it reads for seconds; ours are short, and compiling took longer than they do.
_SESSION = {
    "jit": "off",
    "statement_timeout": env.int("ROAMDESK_STATEMENT_TIMEOUT", 30_000),
    "lock_timeout": env.int("ROAMDESK_LOCK_TIMEOUT", 10_000),
    "idle_in_transaction_session_timeout": env.int("ROAMDESK_IDLE_IN_TRANSACTION_TIMEOUT", 60_000),
}
DATABASES = {
    "default": {
        **(
            env.db_url("DATABASE_URL")
            if env.str("DATABASE_URL", "")
            else {
                "NAME": postgres.DATABASE,
                "USER": postgres.SUPERUSER,
                "HOST": str(postgres.sockets_of(DATA_DIRECTORY)),
            }
        ),
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
}
DATABASES["default"].setdefault("OPTIONS", {})["options"] = " ".join(f"-c {k}={v}" for k, v in _SESSION.items())
# backoffice/statements.py prepares what it runs; off behind a pooler that hands one session to many clients.
DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 0 if env.bool("ROAMDESK_PREPARE_STATEMENTS", True) else None

# --- Tasks -----------------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = env.str("BROKER_URL", "") or valkey.broker_url(DATA_DIRECTORY)
CELERY_BROKER_TRANSPORT_OPTIONS = valkey.transport_options(CELERY_BROKER_URL, DATA_DIRECTORY)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker outlives its broker
# A publisher gives up at once: the outbox is a table, and the sweep enqueues again what was not enqueued.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_PRIORITY = (
    6  # of 0 to 9, the lowest goes first: errands, for which somebody waits, go before the rest
)
CELERY_RESULT_EXPIRES = None  # there are none, so nothing has to clean them up every night
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 15 * 60
CELERY_TASK_SOFT_TIME_LIMIT = 14 * 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# --- Staff login -----------------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")  # of whoever opens the login page by itself
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # nobody locks a colleague out from another address
AXES_VERBOSE = False

# --- Language and time -----------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français"), ("nl", "Nederlands")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# --- Files -----------------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
# Where `manage.py collectstatic` gathers the files; without it they are served from the apps' own folders.
STATIC_ROOT = env.str("ROAMDESK_STATIC_ROOT", "") or None
STATICFILES_DIRS = [
    BASE_DIR / "static",
    # Leaflet as django-leaflet ships it; of that package only the files are used, it is no installed app.
    *(
        ("leaflet", Path(_leaflet.origin).parent / "static" / "leaflet")
        for _leaflet in [find_spec("leaflet")]
        if _leaflet
    ),
]
MEDIA_ROOT = Path(env.str("ROAMDESK_MEDIA_ROOT", str(DATA_DIRECTORY.media)))
MEDIA_URL = "/media/"
# Exports: the files kept for download, for how long, and the folder below which staff may have files put for others to collect.
EXPORT_FILES = Path(env.str("ROAMDESK_EXPORT_FILES", str(DATA_DIRECTORY.exports)))
EXPORT_KEEP_DAYS = env.int("ROAMDESK_EXPORT_KEEP_DAYS", 90)
EXPORT_FOLDER = Path(env.str("ROAMDESK_EXPORT_FOLDER", str(DATA_DIRECTORY.outgoing)))
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
WHITENOISE_AUTOREFRESH = DEBUG
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # a location's edit form has a field for every leaf

# --- Admin -----------------------------------------------------------------------------------------------------------

# Address of map tiles, such as https://tiles.example/{z}/{x}/{y}.png; without one the map draws outlines only.
MAP_TILES = env.str("ROAMDESK_MAP_TILES", "")
UNFOLD = {
    "SITE_TITLE": "Roamdesk",
    "SITE_HEADER": "Roamdesk",
    "SITE_SYMBOL": "ev_station",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "ENVIRONMENT_TITLE_PREFIX": "DEMO" if DEMO else None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("console/icon.svg")}],
    "STYLES": [lambda request: static("console/console.css")],
    "SCRIPTS": [lambda request: static("console/console.js")],
    "SIDEBAR": {"show_search": False, "navigation": "backoffice.console.navigation.sidebar"},
    "COLORS": {
        # Dark enough from 600 on for white text on it (contrast above 4.5).
        "primary": {
            "50": "oklch(98.4% .014 180)",
            "100": "oklch(95.3% .051 181)",
            "200": "oklch(91% .096 180)",
            "300": "oklch(85.5% .138 181)",
            "400": "oklch(77.7% .152 182)",
            "500": "oklch(70.4% .14 182)",
            "600": "oklch(51.1% .096 186)",
            "700": "oklch(43.7% .078 188)",
            "800": "oklch(38.6% .063 188)",
            "900": "oklch(33% .05 190)",
            "950": "oklch(27.7% .046 193)",
        },
    },
}

# --- Log -------------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("ROAMDESK_LOG_LEVEL", "INFO")},
}
