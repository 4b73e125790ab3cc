"""What is decided about charging profiles: units, limits over time, what may be asked for and how often, how a request moves.
No database, no clock."""
