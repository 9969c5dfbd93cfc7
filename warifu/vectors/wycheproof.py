"""Project Wycheproof files: every group that has code in the product runs through that code.

Our profile is narrower than the files. A case whose primitive the product does not have, or of an
algorithm, curve or encoding we do not take, is reported as unsupported and counted in neither sum;
where the product reads such a case all the same, it must refuse it.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ssi.encoding import b64url_decode, b64url_encode
from ssi.errors import InvalidSignature, Malformed
from ssi.jwe import open_content
from ssi.keys import AgreementKey, Alg, PublicKey, public_key_from_jwk
from warifu.vectors import wycheproof_jose
from warifu.vectors.case import ACCEPT, EITHER, REJECT, CaseResult, judge, unsupported

Group = dict[str, Any]
Case = dict[str, Any]
_EXPECTED = {"valid": ACCEPT, "invalid": REJECT, "acceptable": EITHER}
_POINT_SIZE = 65
_KEY_SIZE = 32


def run(path: Path) -> Iterator[CaseResult]:
    """Judge every case of one file, or of every file of a folder."""
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    for file in files:
        data = json.loads(file.read_text("utf-8"))
        for group in data["testGroups"]:
            for case in group["tests"]:
                yield _judge(str(data.get("algorithm", "JOSE")), group, case)


def _judge(algorithm: str, group: Group, case: Case) -> CaseResult:
    case_id = f"{group['type']}/{case['tcId']}"
    expected = _EXPECTED[case["result"]]
    kind = (group["type"], algorithm) if group["type"] == "AeadTest" else (group["type"], None)
    known = _KINDS.get(kind)
    if known is None:
        why = f"the product has no code for {group['type']} {algorithm}"
        return unsupported(case_id, expected, why)
    in_profile, check = known
    if in_profile(group, case):
        return judge(case_id, expected, lambda: check(group, case))
    if check is not wycheproof_jose.check:  # the product would not even be asked
        return unsupported(case_id, expected, f"outside our profile: {group['type']} {algorithm}")
    refused = judge(case_id, REJECT, lambda: check(group, case))
    if expected == REJECT or refused.got != REJECT:
        return refused
    return unsupported(case_id, expected, f"outside our profile, and refused: {group['type']}")


def _always(_group: Group, _case: Case) -> bool:
    return True


def _is_p256_sha256(group: Group, _case: Case) -> bool:
    return bool(group["publicKey"]["curve"] == "secp256r1" and group["sha"] == "SHA-256")


def _ecdsa(group: Group, case: Case) -> None:
    if "publicKeyJwk" in group:
        key = public_key_from_jwk(group["publicKeyJwk"])
    else:
        key = PublicKey(Alg.ES256, bytes.fromhex(group["publicKey"]["uncompressed"])[1:])
    if not _is_p256_sha256(group, case):
        raise Malformed("ES256 is P-256 with SHA-256", code="jose.algorithm")
    key.verify(bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))


def _eddsa(group: Group, case: Case) -> None:
    key = PublicKey(Alg.EDDSA, bytes.fromhex(group["publicKey"]["pk"]))
    key.verify(bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))


def _is_p256(group: Group, _case: Case) -> bool:
    return group["curve"] in {"P-256", "secp256r1"}


def _ecdh_jwk(_group: Group, case: Case) -> None:
    scalar = int.from_bytes(b64url_decode(case["private"]["d"]))
    _agree(scalar, case["public"], case["shared"])


def _has_plain_point(group: Group, case: Case) -> bool:
    """Only JWKs carry keys here: a compressed point has no coordinates to put into one."""
    point = bytes.fromhex(case["public"])
    return _is_p256(group, case) and len(point) == _POINT_SIZE


def _ecdh_point(_group: Group, case: Case) -> None:
    point = bytes.fromhex(case["public"])
    if len(point) != _POINT_SIZE or point[0] != 4:  # noqa: PLR2004 - SEC 1: uncompressed
        raise Malformed("a JWK holds two full coordinates", code="jose.key")
    x, y = b64url_encode(point[1:33]), b64url_encode(point[33:])
    jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    _agree(int(case["private"], 16), jwk, case["shared"])


def _agree(scalar: int, public: dict[str, Any], shared: str) -> None:
    key = AgreementKey.from_secret(scalar.to_bytes(_KEY_SIZE))
    if key.agree(public) != bytes.fromhex(shared):
        raise InvalidSignature("the shared secret differs", code="jwe.decrypt")


def _is_jwe_gcm(group: Group, _case: Case) -> bool:
    sizes = (group["ivSize"], group["tagSize"])
    return sizes == (96, 128) and group["keySize"] in {128, 256}


def _aes_gcm(_group: Group, case: Case) -> None:
    key, iv, aad, ct, tag, msg = (
        bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "ct", "tag", "msg")
    )
    if open_content(key, iv, ct, tag, aad) != msg:
        raise InvalidSignature("the plaintext differs", code="jwe.decrypt")


_Check = Callable[[Group, Case], None]
_Profile = Callable[[Group, Case], bool]
_KINDS: dict[tuple[str, str | None], tuple[_Profile, _Check]] = {
    ("EcdsaP1363Verify", None): (_is_p256_sha256, _ecdsa),
    ("EddsaVerify", None): (_always, _eddsa),
    ("EcdhWebcryptoTest", None): (_is_p256, _ecdh_jwk),
    ("EcdhEcpointTest", None): (_has_plain_point, _ecdh_point),
    ("AeadTest", "AES-GCM"): (_is_jwe_gcm, _aes_gcm),
    ("JsonWebSignature", None): (wycheproof_jose.in_profile, wycheproof_jose.check),
    ("JsonWebKey", None): (wycheproof_jose.in_profile, wycheproof_jose.check),
    ("JsonWebCrypto", None): (wycheproof_jose.in_profile, wycheproof_jose.check),
    ("JsonWebEncryption", None): (wycheproof_jose.in_profile, wycheproof_jose.check),
}
