from django.apps import AppConfig


class TokensConfig(AppConfig):
    name = "backoffice.tokens"
    label = "tokens"
    verbose_name = "Tokens"
