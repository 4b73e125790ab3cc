"""The console's app, and Django's admin with our site in place of its own."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AppConfig):
    name = "backoffice.console"
    label = "console"
    verbose_name = "Console"


class ConsoleAdminConfig(AdminConfig):
    default = False
    default_site = "backoffice.console.site.ConsoleSite"
