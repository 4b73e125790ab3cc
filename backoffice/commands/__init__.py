"""Remote control (`mod_commands`): what our eMSP asks of charge points, what partners' eMSPs ask of ours, and the reservations
that come of it. What a station does with an order is none of this room's business: `charge_points` carries it there.
"""
