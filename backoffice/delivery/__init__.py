"""What partners must hear, what they told us, and the log of both: outbox (Message), Exchange, Pull.

Nothing else talks to partners about exchanged objects; the handshake of `partners` goes through the same site. Which modules
there are must not be known here: documents come from `roaming_site.site` by module id.
"""
