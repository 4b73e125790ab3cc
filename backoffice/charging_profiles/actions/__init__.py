"""The verbs of charging profiles: take what partners ask, ask them, obey what the charge point says, and tell who must know. Each
is one transaction, which also owes what partners must hear."""
