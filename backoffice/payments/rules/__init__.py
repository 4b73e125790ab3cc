"""Decisions about card payments, without database or clock: how terminals and payments move, what an advice may say."""
