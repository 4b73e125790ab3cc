"""The verbs of tokens: store what came, change and block our own, import them, decide who may charge. Each is one transaction."""
