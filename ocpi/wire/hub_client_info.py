"""Which parties a hub can reach (`mod_hub_client_info`)."""

from ocpi.wire.base import CiString2, CiString3, ClosedEnum, DateTime, Wire
from ocpi.wire.types import Role


class ConnectionStatus(ClosedEnum):
    """`mod_hub_client_info#mod_hub_client_info_hub_connection_type_enum`."""

    CONNECTED = "CONNECTED"
    OFFLINE = "OFFLINE"
    PLANNED = "PLANNED"
    SUSPENDED = "SUSPENDED"


class ClientInfo(Wire):
    """`mod_hub_client_info#mod_hub_client_info_hub_client_info_object`: the state of one party in one role. Never
    deleted; its status becomes SUSPENDED.
    """

    party_id: CiString3
    country_code: CiString2
    role: Role
    status: ConnectionStatus
    last_updated: DateTime
