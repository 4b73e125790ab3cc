"""The staff's door of tariffs: published tariffs, drafts with their editor, and the pane that shows what a tariff costs."""

from backoffice.tariffs.admin.editor import drafts
from backoffice.tariffs.admin.published import listing

__all__ = ["drafts", "listing"]
