"""How OCPI arrives: DRF as transport for the generic viewsets, one per shape, and the versions endpoints.

Knows shapes, never a single module. Parsing, validation and versions are `ocpi.wire` and `ocpi.versions`; what is stored
is the app's business. DRF serializers, parsers and renderers stay out: a page is bytes from the first to the last.
"""
