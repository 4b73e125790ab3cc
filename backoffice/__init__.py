"""The business: everything that is ours and not the protocol's."""
