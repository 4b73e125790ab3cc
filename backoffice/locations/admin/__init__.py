"""The staff's door of locations: list, map, status board, one page per location, and the forms for our own.

`listing` is the ModelAdmin and the list; `detail`, `editing`, `board` and `map` are its pages. Each write is one call of
`backoffice.locations.actions`.
"""

from backoffice.locations.admin import listing

__all__ = ["listing"]
