"""Meter values that the meter has signed, as German calibration law asks for: OCMF, with a key of each meter's own.

The signatures are real. The keys are not secret: they follow from the EVSE's id, so that a meter keeps its key without a file.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ocpi.wire import json as wire_json

METHOD = "OCMF"
_CURVE = ec.SECP256R1()


def signs(evse_id: str) -> bool:
    """Whether the meter of that EVSE signs what it measures."""
    return evse_id.startswith("DE*")


def signed(
    evse_id: str, uid: str, *, begun: tuple[datetime, Decimal], ended: tuple[datetime, Decimal]
) -> dict[str, Any]:
    """A SignedData tree with the first and the last reading, each a time and the meter in kWh."""
    key = _key(evse_id)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    readings = (("Start", "B", *begun), ("End", "E", *ended))
    return {
        "encoding_method": METHOD,
        "encoding_method_version": 1,
        "public_key": base64.b64encode(public).decode(),
        "signed_values": [
            {"nature": nature, "plain_data": payload, "signed_data": _sign(key, payload)}
            for number, (nature, kind, at, kwh) in enumerate(readings, start=1)
            for payload in [_payload(evse_id, uid, number, kind, at, kwh)]
        ],
    }


def _key(evse_id: str) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(hashlib.sha256(f"meter of {evse_id}".encode()).digest()[:30]) + 1
    return ec.derive_private_key(number, _CURVE)


def _payload(evse_id: str, uid: str, number: int, kind: str, at: datetime, kwh: Decimal) -> str:
    reading = {"TM": f"{at:%Y-%m-%dT%H:%M:%S},000+0000 S", "TX": kind, "RV": kwh, "RI": "1-b:1.8.0", "RU": "kWh"}
    identity = {"FV": "1.0", "GI": "RDK DEMO", "GS": evse_id, "PG": f"T{number}", "MV": "RDK", "MS": evse_id}
    identity |= {"IS": True, "IF": [], "IT": "ISO14443", "ID": uid}
    return wire_json.encode(identity | {"RD": [reading]}).decode()


def _sign(key: ec.EllipticCurvePrivateKey, payload: str) -> str:
    signature = key.sign(payload.encode(), ec.ECDSA(hashes.SHA256(), deterministic_signing=True)).hex().upper()
    trailer = wire_json.encode({"SA": "ECDSA-secp256r1-SHA256", "SD": signature}).decode()
    return base64.b64encode(f"OCMF|{payload}|{trailer}".encode()).decode()
