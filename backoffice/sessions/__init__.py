"""Charging sessions under way: ours, made of what charge points report, and those that partners tell us of."""
