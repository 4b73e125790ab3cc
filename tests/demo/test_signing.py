"""Signed meter values of the demo verify with the key that comes with them, and within what OCPI may carry."""

import base64
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from backoffice.demo.simulator.signing import signed, signs
from ocpi.wire import json as wire_json
from ocpi.wire.cdrs import SignedData

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
BEGUN, ENDED = (NOW, Decimal("1234.567")), (NOW + timedelta(minutes=3), Decimal("1240.001"))


def test_both_readings_verify_and_another_reading_does_not() -> None:
    tree = signed("DE*RDK*E0001*1", "04A1B2C3D4E5F6", begun=BEGUN, ended=ENDED)
    value = wire_json.validate(SignedData, tree)
    assert value.public_key
    key = load_der_public_key(base64.b64decode(value.public_key))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert [each.nature for each in value.signed_values] == ["Start", "End"]
    for each, (_, kwh) in zip(value.signed_values, (BEGUN, ENDED), strict=True):
        kind, payload, trailer = base64.b64decode(each.signed_data).decode().split("|")
        assert (kind, payload) == ("OCMF", each.plain_data)
        assert len(payload) <= 512
        assert json.loads(payload, parse_float=Decimal)["RD"][0]["RV"] == kwh
        signature = bytes.fromhex(json.loads(trailer)["SD"])
        key.verify(signature, payload.encode(), ec.ECDSA(hashes.SHA256()))
        with pytest.raises(InvalidSignature):
            key.verify(signature, payload.replace("1234.567", "1234.56").encode() + b" ", ec.ECDSA(hashes.SHA256()))


def test_a_meter_keeps_its_key_and_only_german_ones_sign() -> None:
    one, again, other = (signed(evse_id, "U", begun=BEGUN, ended=ENDED) for evse_id in ("DE*A", "DE*A", "DE*B"))
    assert one == again
    assert one["public_key"] != other["public_key"]
    assert (signs("DE*RDK*E0001*1"), signs("GB*RDK*E0025*1")) == (True, False)
