"""Tokens and authorization of 2.1.1 against 2.2.1. `connector_ids` of LocationReferences stays as a field unknown to
2.2.1.
"""

from ocpi.versions.fields import Field, Kind
from ocpi.versions.version import Change, Context, Node, added, listed, owned, renamed, required_narrowed
from ocpi.wire.tokens import AuthorizationInfo, LocationReferences, Token

TOKEN_TYPES = listed("OTHER RFID")


def _with_token(node: Node, context: Context) -> Node:
    """The answer of 2.1.1 leaves out what it is about: the Token that was asked for."""
    token = context.known.get("token")
    return node if token is None or "token" in node else {**node, "token": token}


CHANGES = (
    owned(Token),
    renamed(Token, "contract_id", "auth_id", Field(Kind.CI_STRING, required=True, length=36)),
    added(Token, "group_id", "2.1.1 has no token groups"),
    added(Token, "default_profile_type", "2.1.1 has no charging preferences"),
    added(Token, "energy_contract", "2.1.1 has no energy contracts"),
    required_narrowed(Token, "type", TOKEN_TYPES, "2.1.1 lists fewer values", instead="OTHER"),
    added(AuthorizationInfo, "authorization_reference", "2.1.1 has no references"),
    added(AuthorizationInfo, "token", "the caller knows which Token it asked for"),
    Change(
        AuthorizationInfo,
        "AuthorizationInfo.token is the one that was asked for",
        up=_with_token,
        assumes={"token": "the Token of the request"},
    ),
    Change(
        LocationReferences,
        "LocationReferences.connector_ids went",
        older={"connector_ids": Field(Kind.CI_STRING, many=True, length=36)},
    ),
)
