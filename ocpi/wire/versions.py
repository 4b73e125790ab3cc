"""Which versions a platform speaks and where its modules are (`version_information_endpoint`)."""

from typing import Self

from ocpi.wire.base import AtLeastOne, ClosedEnum, OpenEnum, Url, Wire


class InterfaceRole(ClosedEnum):
    """`version_information_endpoint#version_information_endpoint_interface_role_enum`. SENDER: the side of the data
    owner. RECEIVER: the side that is pushed to.
    """

    SENDER = "SENDER"
    RECEIVER = "RECEIVER"


class ModuleID(OpenEnum):
    """`version_information_endpoint#version_information_endpoint_moduleid_enum`. PAYMENTS and BOOKINGS come from the
    extensions, whose chapters leave them out of the table.
    """

    CDRS = "cdrs"
    CHARGINGPROFILES = "chargingprofiles"
    COMMANDS = "commands"
    CREDENTIALS = "credentials"
    HUBCLIENTINFO = "hubclientinfo"
    LOCATIONS = "locations"
    SESSIONS = "sessions"
    TARIFFS = "tariffs"
    TOKENS = "tokens"
    PAYMENTS = "payments"
    BOOKINGS = "bookings"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        """The bookings chapter calls itself `Booking`, in no certain case."""
        if isinstance(value, str) and value.lower() in ("booking", "bookings"):
            return cls.BOOKINGS
        return super()._missing_(value)


class VersionNumber(OpenEnum):
    """`version_information_endpoint#version_information_endpoint_versionnumber_enum`. 2.1 and 2.2 are deprecated."""

    V2_0 = "2.0"
    V2_1 = "2.1"
    V2_1_1 = "2.1.1"
    V2_2 = "2.2"
    V2_2_1 = "2.2.1"
    V2_3_0 = "2.3.0"


class Version(Wire):
    """`version_information_endpoint#version_information_endpoint_version_class`: one entry of the versions endpoint,
    which answers with a list of them.
    """

    version: VersionNumber
    url: Url


class Endpoint(Wire):
    """`version_information_endpoint#version_information_endpoint_endpoint_class`: where one side of a module is. For
    credentials the role means nothing: send SENDER, ignore what comes.
    """

    identifier: ModuleID
    role: InterfaceRole
    url: Url


class VersionDetails(Wire):
    """`version_information_endpoint#version_information_get_details_endpoint_data`: the modules of one version."""

    version: VersionNumber
    endpoints: AtLeastOne[Endpoint]
