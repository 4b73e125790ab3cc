"""Every performance figure that the README quotes, one command each: `make bench` runs all, `make bench ARGS=pages` one.

How to read the table: `ours` is what Roamdesk does, `beside` is a raw bound taken in the same run, interleaved with ours on
the same machine, and `ratio` is ours / beside (for times: how many times the raw one). Absolute figures say little about
another machine; ratios do. Each ratio is the median over the rounds of the ratio inside a round, so that a neighbour who
takes the processor for a while weighs on both sides. What exactly is counted stands under each table.

Raw bound: a WSGI function that returns the same bytes, in the same granian server with the same workers, asked by the same
client. Empty view: a Django view that returns `{}`, in the same settings with all middleware.

Everything runs against a PostgreSQL of its own with production's settings (fsync and synchronous_commit on), in a folder
that is removed afterwards. Nothing here is imported by the product.
`--rows` makes a measurement that fills its own tables smaller or larger than the figure it is for.
"""

import os


def sized(usual: int) -> int:
    """How many rows a measurement makes: as many as its figure is for, unless `--rows` says otherwise."""
    return int(os.environ.get("BENCH_ROWS") or usual)
