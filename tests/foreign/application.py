"""A platform built on extrawest-ocpi as its own documentation says: NL-TNM, one role, OCPI 2.2.1, everything in memory.

Runs in the environment of requirements.txt and imports nothing of this project. The library leaves storage to its host;
that is all that stands here, so whatever it does on the wire is its own.

`python application.py ROLE TOKEN_A [TOKEN_C]`: prints its port, then serves. TOKEN_C is one that was agreed before. What it holds
from the start arrives on stdin as a JSON object: lists by module. As eMSP it lets a token charge that it holds and calls valid.
"""

import json
import os
import socket
import sys
import uuid

role, token_a = sys.argv[1], sys.argv[2]
owned = json.load(sys.stdin)

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()  # calls that come before the server runs wait for it
port = listener.getsockname()[1]
# The library reads its settings when it is imported.
os.environ.update(
    OCPI_HOST=f"127.0.0.1:{port}", PROTOCOL="http", COUNTRY_CODE="NL", PARTY_ID="TNM", ENVIRONMENT="production"
)

import uvicorn  # noqa: E402  # after the settings above
from py_ocpi import get_application  # noqa: E402
from py_ocpi.core.authentication.authenticator import Authenticator  # noqa: E402
from py_ocpi.core.crud import Crud  # noqa: E402
from py_ocpi.core.enums import Action, ModuleID, RoleEnum  # noqa: E402
from py_ocpi.modules.versions.enums import VersionNumber  # noqa: E402

bootstrap = {token_a}
clients = {token: {} for token in sys.argv[3:]}
MODULES = [ModuleID.locations, ModuleID.tariffs, ModuleID.tokens, ModuleID.sessions, ModuleID.cdrs]


def key(found):
    return (found.get("uid") or found["id"]).lower()


held = {module: {key(found): found for found in owned.get(module.value, [])} for module in MODULES}


class Tokens(Authenticator):
    @classmethod
    async def get_valid_token_c(cls):
        return list(clients)

    @classmethod
    async def get_valid_token_a(cls):
        return list(bootstrap)


class Storage(Crud):
    @classmethod
    async def get(cls, module, role, id, *args, **kwargs):  # noqa: A002  # named by the library
        if module == ModuleID.credentials_and_registration:
            return our_credentials(id) if id in clients else None
        return held[module].get(id)

    @classmethod
    async def list(cls, module, role, filters, *args, **kwargs):
        first = filters["offset"]
        page = list(held[module].values())[first : first + filters["limit"]]
        return page, len(held[module]), first + len(page) >= len(held[module])

    @classmethod
    async def create(cls, module, role, data, *args, **kwargs):
        if module != ModuleID.credentials_and_registration:
            held[module][key(data)] = data
            return data
        bootstrap.discard(kwargs["auth_token"])
        return new_client(data)

    @classmethod
    async def update(cls, module, role, data, id, *args, **kwargs):  # noqa: A002  # named by the library
        if module != ModuleID.credentials_and_registration:
            held[module][id] = data
            return data
        clients.pop(kwargs["auth_token"])
        return new_client(data)

    @classmethod
    async def delete(cls, module, role, id, *args, **kwargs):  # noqa: A002  # named by the library
        clients.pop(id)

    @classmethod
    async def do(cls, module, role, action, *args, data, **kwargs):
        assert action == Action.authorize_token
        token = held[module][data["token_uid"]]
        return {
            "allowed": "ALLOWED" if token["valid"] else "BLOCKED",
            "token": token,
            "location": data["location_reference"],
            "authorization_reference": f"auth-{data['token_uid']}",
        }


def new_client(data):
    token = str(uuid.uuid4())
    clients[token] = data
    return our_credentials(token)


def our_credentials(token):
    return {
        "token": token,
        "url": f"http://127.0.0.1:{port}/ocpi/versions",
        "roles": [{"role": role, "business_details": {"name": "TNM"}, "party_id": "TNM", "country_code": "NL"}],
    }


application = get_application(
    version_numbers=[VersionNumber.v_2_2_1],
    roles=[RoleEnum(role)],
    modules=[ModuleID.credentials_and_registration, *MODULES],
    authenticator=Tokens,
    crud=Storage,
    http_push=True,
)
print(port, flush=True)
uvicorn.Server(uvicorn.Config(application, log_level="error")).run(sockets=[listener])
