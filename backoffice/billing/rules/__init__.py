"""Decisions about exports, without database or clock: states, schedules in words, windows, columns, cells, names."""
