"""The staff door of exports: the definitions with their history and preview, and every run."""

from backoffice.billing.admin.exports import ExportAdmin
from backoffice.billing.admin.runs import ExportRunAdmin

__all__ = ["ExportAdmin", "ExportRunAdmin"]
