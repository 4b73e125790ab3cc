"""Decisions about CDRs, without database or clock: states, plausibility, content, credits, verdicts."""
