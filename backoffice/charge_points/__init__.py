"""Our own hardware: what a charge station system looks like from here (`gateway`), and the door for its reports (`door`).

No table: what hardware reports becomes the EVSE's status, an authorization, a session and its readings in the rooms of these,
and there is nothing else to keep of a report. Nothing of a single vendor or protocol (OCPP) enters this room; that is a
Gateway's business.
"""
