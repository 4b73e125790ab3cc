"""How a call is answered, whatever it is about: an app declares routes, this serves and describes them.

`routes`: what an app declares. `view`: the DRF view of every route. `problems`: the one error format. `site`: the APIs of this
platform and their addresses. `openapi`: their description, made of the same declarations, so that it cannot say anything else.
"""
