"""Tokens of drivers, ours and partners', and who may charge: whitelists, real-time authorisation, and a row with the reason of
every decision.
"""
