"""The staff door of CDRs: the inbox, one CDR with both calculations, what is decided about it, quarantine, and the search."""

from backoffice.cdrs.admin import listing

__all__ = ["listing"]
