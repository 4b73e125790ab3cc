"""The verbs of tariffs: store what came, prepare and publish our own, withdraw, disclose, import. Each is one transaction."""
