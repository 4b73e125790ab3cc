"""The demo: an invented world (`world`), the partner platform's meeting with ours, the simulator of charge points.

Everything in it is made up and seeded: companies, streets, hardware. It never mixes with real data (`actions.loading`), and
it takes no short cut: the two platforms meet as any two do, over HTTP with credentials.
"""
