"""The verbs of this room, each one transaction."""
