from tests.meeting import peer, platform, reachable

__all__ = ["peer", "platform", "reachable"]
