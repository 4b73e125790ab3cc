"""The envelope of every answer (`transport_and_format#transport_and_format_response_format`) and the status codes of
OCPI.

What the data means is no business of this file: it comes in as encoded JSON and goes out as a tree.
"""

from datetime import datetime
from enum import IntEnum
from typing import Any, TypeAlias

from ocpi.wire.base import DateTime, Int, StringAnyLength, Wire, date_time_text
from ocpi.wire.json import encode, validate


class StatusCode(IntEnum):
    """`status_codes`. 1xxx success, 2xxx the client's fault, 3xxx the server's, 4xxx a hub's. Others may come: custom
    codes are x9xx.
    """

    SUCCESS = 1000
    CLIENT_ERROR = 2000
    INVALID_PARAMETERS = 2001
    NOT_ENOUGH_INFORMATION = 2002
    UNKNOWN_LOCATION = 2003
    UNKNOWN_TOKEN = 2004
    SERVER_ERROR = 3000
    UNABLE_TO_USE_CLIENT_API = 3001
    UNSUPPORTED_VERSION = 3002
    NO_MATCHING_ENDPOINTS = 3003
    HUB_ERROR = 4000
    UNKNOWN_RECEIVER = 4001
    TIMEOUT_ON_FORWARDED_REQUEST = 4002
    CONNECTION_PROBLEM = 4003


class ResponseFormat(Wire):
    """`transport_and_format#transport_and_format_response_format`. `data` is a list for the cardinalities `*` and `+`,
    one value for `1` and `?`, and absent for errors and where nothing is specified.
    """

    data: Any = None
    status_code: Int
    status_message: StringAnyLength | None = None
    timestamp: DateTime

    @property
    def succeeded(self) -> bool:
        """Whether the other side reports success (1xxx)."""
        return 1000 <= self.status_code < 2000


Answer: TypeAlias = ResponseFormat


def answer(
    data: bytes | list[bytes] | None, *, status_code: int, status_message: str | None = None, now: datetime
) -> bytes:
    """The bytes of an answer. `data` is JSON already, whole or in pieces, so a page of stored documents is never parsed
    again; None leaves it out (`T-057`).
    """
    pieces = [data] if isinstance(data, bytes) else data
    parts = [b"{"] if pieces is None else [b'{"data":', *pieces, b","]
    parts.append(b'"status_code":%d' % status_code)
    if status_message is not None:
        parts += (b',"status_message":', encode(status_message))
    parts += (b',"timestamp":', encode(date_time_text(now)), b"}")
    return b"".join(parts)  # a page is large: it is copied once


def read_answer(tree: object) -> Answer:
    """The envelope of a partner's answer. Raises Invalid: status_code or timestamp is missing or wrong (`T-054`)."""
    return validate(ResponseFormat, tree)
