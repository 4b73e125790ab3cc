"""A partner platform played from a script, for tests that meet Roamdesk over real sockets.

It is written from the text of the specification and knows nothing of `ocpi` or `backoffice`: were it built with our own
classes, both sides would share the same mistakes and every test would agree with itself. Keep it literal: a reader who
knows OCPI should recognise a partner in it, line by line. What a test wants to go wrong is a `Twist`.
"""

from tests.peer.caller import RawAnswer, assert_ocpi_answer, call
from tests.peer.platform import Received, ScriptedPeer, Twist

__all__ = ["RawAnswer", "Received", "ScriptedPeer", "Twist", "assert_ocpi_answer", "call"]
