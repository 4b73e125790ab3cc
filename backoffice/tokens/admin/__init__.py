"""The staff's door of tokens: the list and page of each, its block button, imports, decisions, and policies for silence."""

from backoffice.tokens.admin import decisions, listing, policies

__all__ = ["decisions", "listing", "policies"]
