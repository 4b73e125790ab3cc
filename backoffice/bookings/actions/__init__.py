"""The verbs of this room, each one transaction, which also stages what partners must hear.

As CPO, of bookings at charge points of ours:

`receiving.receive(Request) -> Answered(booking, asked, sentence)`: a BookingRequest comes, of a partner's eMSP or our own's.
`deciding.accept(asked_id, *, by, now)`, `decline(asked_id, *, reason, by, now)`, `fail(...)`: answer one that waits.
`keeping.cancel(booking_id, *, reason, by, now)`, `miss`, `fulfil`, `release`, `assign(booking_id, *, evse, by, now)`,
`move(booking_id, *, starts_at, ends_at, by, now, evse)`: what becomes of one that was granted.
`publishing.publish(Offer, *, by, now)`, `withdraw`, `set_calendar`, `remove_calendar`, `block`, `unblock`, `set_power`.

As eMSP, of bookings at partners', or at our own CPO's in this house:

`requesting.request(Wish, *, now) -> BookingAsked`, `change(booking_id, Wish, *, now)`, `cancel(booking_id, *, reason, ...)`.

Where a slot is free is for `backoffice.bookings.finding.free(Search, *, now)`. Each raises its own `UnableTo...`.

Locks: the request id, then the booking, then resources by id, tokens by key, then places by id; messages last. Whoever is
refused by a constraint is told so; whoever meets a deadlock all the same is run again (`keeping_apart.settled`).
"""
