"""The verbs of sessions: take in what partners tell, run our own, price both, look after those that stand still. Each is one
transaction, which also stages what partners must hear."""
