"""What is said: the objects of OCPI 2.3.0 with Payments and Bookings 1.0, one file per chapter of the specification.

Typed values only. No Django, no sockets, no clock, and no other version than the newest: `ocpi.versions` translates
the rest. Anchors such as `mod_locations#mod_locations_evse_object` name a chapter file and a heading of the
specification text.
"""
