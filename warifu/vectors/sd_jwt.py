"""Hostile SD-JWT presentations: one trusted issuer key, our nonce and audience, our policy."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ssi.credential import check_type, status_reference, verify_times
from ssi.encoding import JsonLimits
from ssi.errors import BindingMismatch, Malformed, PolicyNotMet, Untrusted
from ssi.keys import Alg, public_key_from_jwk
from ssi.sdjwt import (
    KeyBindingPolicy,
    SdJwtLimits,
    parse_sdjwt,
    verify_issuer_jwt,
    verify_key_binding,
)
from ssi.status_list import new_status_list
from warifu.vectors.case import CaseResult, judge

LIST_SIZE = 2**20
ISSUER = "https://issuer.example"
_REGISTERED = frozenset(
    {"iss", "sub", "aud", "iat", "nbf", "exp", "jti", "cnf", "status", "vct"}
    | {"vct#integrity", "aka_vcts"}
)


class _OtherClaims(Exception):
    """Accepted, but with other claims than the file says: never a pass."""


def run(path: Path) -> Iterator[CaseResult]:
    """Judge every presentation of the file as a verifier with that profile would."""
    data = json.loads(path.read_text("utf-8"))
    for case in data["cases"]:
        yield judge(
            str(case["id"]),
            str(case["expect"]),
            partial(_verify, case, data),
            code=case.get("error"),
        )


def _verify(case: dict[str, Any], profile: dict[str, Any]) -> None:
    policy = profile["policy"]
    limits = SdJwtLimits(
        max_disclosures=policy["max_disclosures"],
        json=JsonLimits(max_depth=policy["max_json_depth"]),
    )
    now = datetime.fromtimestamp(profile["now"], UTC)
    untrusted = parse_sdjwt(case["presentation"], limits=limits)
    trusted = profile["issuer_jwk"]
    if untrusted.jwt.kid is not None and untrusted.jwt.kid != trusted["kid"]:
        raise Untrusted("the key is not in the store", code="credential.key_unknown")
    key = public_key_from_jwk(trusted)
    if key.alg not in {Alg(name) for name in policy["alg"]}:
        raise Malformed("the algorithm is not allowed", code="jose.algorithm")
    verified = verify_issuer_jwt(untrusted, key)
    if verified.claims.get("iss") != profile.get("expected_iss", ISSUER):
        raise BindingMismatch("the issuer is not the key's owner", code="credential.issuer")
    check_type(verified.claims, {profile["expected_vct"]})
    verify_times(verified.claims, now=now)
    if case.get("key_binding_required", True) or untrusted.kb is not None:
        verify_key_binding(
            untrusted,
            verified,
            audience=profile["expected_aud"],
            nonce=profile["expected_nonce"],
            now=now,
            policy=KeyBindingPolicy(
                past=timedelta(seconds=policy["kb_past_s"]),
                future=timedelta(seconds=policy["kb_future_s"]),
            ),
        )
    if "status" in verified.claims:
        reference = status_reference(verified.claims)
        if new_status_list(LIST_SIZE).get(reference.index):
            raise PolicyNotMet("revoked", code="credential.revoked")
    _compare(case.get("claims"), verified.claims)


def _compare(expected: dict[str, Any] | None, claims: dict[str, Any]) -> None:
    """Exactly the claims the file names: a missing, other or further one is no pass."""
    if expected is None:
        return
    shown = {name: claims[name] for name in claims if name in expected or name not in _REGISTERED}
    # As text, because `True == 1` in Python.
    if json.dumps(shown, sort_keys=True) != json.dumps(expected, sort_keys=True):
        raise _OtherClaims
