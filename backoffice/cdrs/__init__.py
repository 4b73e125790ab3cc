"""Charge detail records: ours, issued from finished sessions, and received ones, priced again on arrival."""
