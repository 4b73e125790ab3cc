"""The verbs of CDRs: take what came, issue ours, decide on held ones, credit, check, ask again. Each is one transaction."""
