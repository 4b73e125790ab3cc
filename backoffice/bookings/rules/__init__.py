"""Decisions about bookings, without a table or a clock: how they move, what terms allow, which slots there are, who
fits where."""
