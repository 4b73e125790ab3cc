"""Who we talk to: parties and their roles, connections with tokens, versions, endpoints and quirks, the handshake, health.

What is exchanged over a connection (locations, messages, logs) must not enter here: those apps build on this one.
"""
