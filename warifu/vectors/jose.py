"""Hostile JWTs: a file of tokens, one trusted key, and the claims a reader expects."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ssi.errors import Untrusted
from ssi.jose import check_jwt_claims, parse_jws, verify_jws
from ssi.keys import public_key_from_jwk
from warifu.vectors.case import CaseResult, judge


def run(path: Path) -> Iterator[CaseResult]:
    """Judge every token of the file as a reader of that profile would."""
    data = json.loads(path.read_text("utf-8"))
    for case in data["cases"]:
        yield judge(
            str(case["id"]),
            str(case["expect"]),
            partial(_read_token, case["token"], data),
            code=case.get("error"),
        )


def _read_token(token: str, profile: dict[str, Any]) -> None:
    """Take the token as its profile says: key by kid from our store, then type and claims."""
    trusted = profile["issuer_jwk"]
    jws = parse_jws(token)
    if jws.kid is not None and jws.kid != trusted["kid"]:
        raise Untrusted("the key is not in the store", code="credential.key_unknown")
    claims = verify_jws(jws, public_key_from_jwk(trusted), typ="JWT")
    check_jwt_claims(
        claims,
        issuer=profile["expected_iss"],
        audience=profile["expected_aud"],
        now=datetime.fromtimestamp(profile["now"], UTC),
        leeway=timedelta(0),
    )
