"""Charging profiles: how fast a session may charge, as eMSPs, smart charging providers and we ourselves ask for it."""
