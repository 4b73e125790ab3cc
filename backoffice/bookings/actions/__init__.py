"""The verbs of this room, each one transaction, which also stages what partners must hear.

As CPO, of bookings at charge points of ours:

- `receiving.receive(Asked(...)) -> Booking`: a BookingRequest arrives, of a partner's eMSP or of our own. -
`deciding.accept(asked_id, *, by, now)`, `decline(asked_id, *, reason, by, now)`, `fail(asked_id, *, reason, by, now)`:
answer a request that waits. `UnableToDecide`. - `keeping.cancel(booking_id, *, reason: CanceledReason, note, by, now)`,
`miss(booking_id, *, by, now)` (no-show), `fulfil(booking_id, *, session: int | None, by, now)`, `assign(booking_id, *,
evse: int | None, by, now) -> Evse` (None: any that is free), `move(booking_id, *, starts_at, ends_at, by, now,
evse=None)`. `UnableToKeep`. - `publishing.publish(Offer(...)) -> BookableLocation`, `withdraw(place_id, *, by, now)`,
`set_calendar(place_id, tree, *, by, now)`, `block(...)`, `unblock(...)`, `set_power(location_id, *, watts, by, now)`.
`UnableToPublish`.

As eMSP, of bookings at partners' (or at our own CPO's, in this house):

- `requesting.request(Wish(...)) -> BookingAsked`, `change(booking_id, Wish(...)) -> BookingAsked`,
  `cancel(booking_id, *, reason: CanceledReason, asked_by, now, ...) -> BookingAsked`. `UnableToRequest`.

Locks: the booking first, then its claims (resources, units, EVSEs, tokens, each in the order of their ids), then the
calendars of the place. Whoever is refused by a constraint is told so; whoever meets a deadlock is run again
(`keeping_apart.settled`).
"""
