"""The staff's door of tariffs: drafts with their editor, publication, and the pane that shows what a tariff costs."""

from backoffice.tariffs.admin import editor

__all__ = ["editor"]
