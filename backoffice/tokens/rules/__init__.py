"""Decisions about tokens, without database or clock: what an eMSP answers, what a CPO does, what a staff change may be."""
