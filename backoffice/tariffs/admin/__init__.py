"""The staff's door of tariffs: drafts with their editor, publication, and the pane that shows what a tariff costs."""

from backoffice.tariffs.admin.editor import drafts

__all__ = ["drafts"]
