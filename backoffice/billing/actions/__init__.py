"""The verbs of exports: enter CDRs into the books, define, plan, make, deliver, steer. Each is one transaction."""
