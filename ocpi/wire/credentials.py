"""The exchange of tokens and roles between two platforms (`credentials`)."""

from collections.abc import Iterator
from typing import Annotated

from ocpi.wire.base import AtLeastOne, Checked, CiString2, CiString3, CiString5, Contradiction, String, Url, Wire
from ocpi.wire.locations.images import BusinessDetails
from ocpi.wire.types import Role


class CredentialsRole(Wire):
    """`credentials#credentials_credentials_role_class`: one party in one role on the platform."""

    role: Role
    business_details: BusinessDetails
    party_id: CiString3
    country_code: CiString2  # ISO 3166-1 alpha-2


class Credentials(Checked):
    """`credentials#credentials_credentials_object`: what the other side needs to call us. `url` is the versions
    endpoint, `token` is secret: never log it.
    """

    token: Annotated[str, String(64, pattern=r"[\x21-\x7E]+", meaning="printable ASCII without spaces")]
    url: Url
    hub_party_id: CiString5 | None = None  # country code and party id of the hub in one
    roles: AtLeastOne[CredentialsRole]

    def contradictions(self) -> Iterator[Contradiction]:
        """`T-182`: no two roles share role, party and country."""
        seen = set()
        for index, role in enumerate(self.roles):
            key = (role.role, role.country_code.upper(), role.party_id.upper())
            if key in seen:
                yield (
                    ("roles", index),
                    "Expected a combination of role, party_id and country_code that no role before it has.",
                )
            seen.add(key)
