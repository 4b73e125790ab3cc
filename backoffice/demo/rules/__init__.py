"""What goes on at the simulated charge points, without database or clock: how a status follows another (`life`), how a car
fills up (`filling`), what becomes of a visit (`visits`), and how it goes from second to second (`course`).

All chance comes in as a seeded generator and all time as a number, so that a visit can be drawn anew from its name alone:
this is how the simulator finds its way back after it was killed.
"""
