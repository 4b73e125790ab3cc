"""Our own hardware: what a charge station system looks like from here (`gateway`), what it is asked to do (`actions.ordering`),
and the door for its reports (`door`).

What hardware reports has no table here: it becomes the EVSE's status, an authorization, a session and its readings in the rooms
of these. Nothing of a single vendor or protocol (OCPP) enters this room; that is a Gateway's business.
"""
