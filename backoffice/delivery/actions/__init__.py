"""The verbs of this room. `staging`: what partners must hear. `draining`: tell them. `pulling`: ask them. `recording`: the log.

Lock order: the business row first, then Message rows in the order of the staging statement.
"""
