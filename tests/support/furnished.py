"""A chain with a record of most families, for everything that shows records to people."""

from __future__ import annotations

from datetime import timedelta

from registry_chain.transactions import (
    AnchorBatch,
    CommitNotices,
    NoticeItem,
    PublishStatus,
    register_key,
)
from ssi.encoding import b64url_encode, sha256
from ssi.keys import Alg
from ssi.status_list import build_status_token, new_status_list
from tests.support.chain import Chain
from tests.support.registry import CHAIN, ISSUER_URL, T0, YEAR, digest_of, signer

SIGNING = signer("signing", Alg.ES256)
STATUS = signer("status", Alg.ES256)


def furnish(chain: Chain) -> None:
    """Add an issuer with keys, a status list and anchors, a firm, an operator, a notice."""
    chain.settle()
    for key, use in ((STATUS, "status"), (SIGNING, "credential")):
        body = register_key(
            key,
            chain_id=CHAIN,
            issuer="city-kyc",
            use=use,
            valid_from=T0,
            valid_until=T0 + YEAR,
        )
        chain.do("city-kyc", body)
    token = build_status_token(
        new_status_list(1024),
        STATUS,
        uri=f"{ISSUER_URL}/status-lists/main",
        now=chain.clock(),
        ttl=300,
        expires_at=chain.clock() + timedelta(days=1),
        header={"kid": f"city-kyc#{STATUS.public_key.thumbprint()}"},
    )
    chain.do("city-kyc", PublishStatus(list="main", sequence=1, token=token))
    for number in range(1, 25):
        body = AnchorBatch(
            batch=f"batch-{number:03}", root=digest_of(f"root {number}"), size=number
        )
        chain.do("city-kyc", body, lane=1)
    notice = NoticeItem(commitment=b64url_encode(sha256(b"notice")), deadline=T0 + YEAR)
    chain.do("yubin-box", CommitNotices(items=(notice,)))
