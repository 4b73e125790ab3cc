"""The APIs beside OCPI: who may call them (applications, keys, scopes), how a call is answered whatever it is about (one error
format, idempotency, throttling, a log), and what an application is told (signed webhooks).

What the APIs are about stays in the rooms that know it: charge stations in `charge_points/api`, drivers' apps in
`driver_app/api`. No charge point, no driver and no OCPI module enters here.
"""
