"""May this validator sign? Not from an old backup: it would vote twice at one height [REG-NET-6].

Two memories are compared with CometBFT's own: the mark in our ledger, for a signing state that was
restored alone; and the votes that other nodes have seen of us, for a folder restored as a whole.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from registry_chain.engines.cometbft import ledger
from registry_chain.engines.cometbft.ledger import Signed
from registry_chain.engines.cometbft.settings import Places, read_signed
from registry_chain.genesis import Genesis, address_of
from registry_chain.light import (
    Flag,
    UntrustedLightBlock,
    parse_light_block,
    vote_sign_bytes,
)
from ssi.encoding import parse_json_object
from ssi.errors import SSIError
from ssi.fetch import Fetch, FetchPolicy, Request, http_fetch

LOOKED_AT: Final = 20
_TIMEOUT: Final = 5.0
_OK: Final = 200


def read_mark(db: Path) -> Signed | None:
    """The mark in a ledger's file, if there is one."""
    if not db.exists():
        return None
    connection = sqlite3.connect(f"{db.absolute().as_uri()}?mode=ro", uri=True)
    try:
        return ledger.signed_mark(connection)
    finally:
        connection.close()


def require_newest(signed: Signed, mark: Signed | None) -> None:
    """Refuse a signing state older than the mark.

    Raises:
        SSIError: ``chain.old_backup``.
    """
    if mark is not None and signed < mark:
        raise _old_backup("the signing state is older than the ledger")


def require_unseen(
    public_key: bytes, places: Places, nodes: Sequence[str], genesis: Genesis, *, loopback: bool
) -> None:
    """Refuse to sign when others have seen votes of ours that we do not remember.

    Only votes that our own key signed count, so that a lying node cannot keep us from signing; one
    that does not answer says nothing.

    Raises:
        SSIError: ``chain.old_backup``.
    """
    signed = read_signed(places.validator_state)
    fetch = http_fetch(FetchPolicy(allow_loopback_http=loopback, timeout=_TIMEOUT))
    for node in nodes:
        first = signed.height + 1
        for height in range(first, first + LOOKED_AT):
            block = _shown(fetch, node, height, genesis.chain_id)
            if block is None:
                break
            if _voted(block, public_key):
                raise _old_backup("other nodes have seen votes of ours that we do not remember")


def _shown(fetch: Fetch, node: str, height: int, chain_id: str) -> UntrustedLightBlock | None:
    """The light block of a height, as a node shows it; ``None`` when it does not."""
    try:
        answer = fetch(Request(url=f"{node.rstrip('/')}/v1/light/{height}"))
        if answer.status != _OK:
            return None
        block = parse_light_block(parse_json_object(answer.body))
    except SSIError:
        return None
    return block if block.header.chain_id == chain_id and block.height == height else None


def _voted(block: UntrustedLightBlock, public_key: bytes) -> bool:
    """Whether a key signed a vote for this block."""
    own = bytes.fromhex(address_of(public_key))
    for index, vote in enumerate(block.commit.signatures):
        if vote.address == own and vote.flag is not Flag.ABSENT:
            message = vote_sign_bytes(block.header.chain_id, block.commit, index)
            with suppress(BadSignatureError, ValueError):
                crypto_sign_open(vote.signature + message, public_key)
                return True
    return False


def _old_backup(fact: str) -> SSIError:
    return SSIError(fact, code="chain.old_backup")
