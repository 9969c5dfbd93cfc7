"""Before a chain goes on: is the file what the last header says? [REG-ENG-5]."""

from collections.abc import Iterator

from registry_chain import jmt
from registry_chain.engines import ledgerfile as file
from registry_chain.engines.blocks import Tip, tip_of
from registry_chain.genesis import Genesis
from registry_chain.light import (
    TrustOptions,
    commit_hash,
    header_hash,
    results_hash,
    verify_light_block,
    verify_map_proof,
)
from registry_chain.store import MAX_ITEMS, Store
from registry_chain.trust_root import trust_from_genesis
from ssi.errors import Rejected, SSIError, Unavailable

RECOMPUTED = 5000
FOLLOWED = 500
_ANY_AGE = TrustOptions(max_age=None)


def require_sound(store: Store, genesis: Genesis) -> Tip:
    """Check the newest blocks and the root of the state.

    The last header is verified like a stranger's, its link to the block before is followed, and
    the root is computed anew from the records when there are not too many of them, else the records
    written last are followed through the map; ``warifu audit replay`` checks everything.

    Args:
        store: The open store.
        genesis: The genesis the operator gave.

    Returns:
        The tip to build on.

    Raises:
        SSIError: ``chain.corrupt``.
        ValueError: The file belongs to another genesis.
    """
    try:
        digest = store.read(file.genesis_digest)
        last = store.read(lambda db: file.block_at(db, None))
    except (Rejected, Unavailable) as error:
        raise corrupt("the ledger's blocks cannot be read") from error
    if digest != genesis.digest():
        raise ValueError("the ledger was founded with another genesis")
    if last is None:
        raise corrupt("the ledger has no blocks")
    try:
        block = last.block
        verify_light_block(
            block,
            trusted=trust_from_genesis(genesis),
            now=block.header.time.moment,
            options=_ANY_AGE,
        )
    except Rejected as error:
        raise corrupt("the last block does not verify") from error
    before = store.read(lambda db: file.block_at(db, last.height - 1))
    if before is not None:
        codes = store.read(lambda db: file.codes_at(db, before.height))
        try:
            _require_link(before, last, codes)
        except Rejected as error:
            raise corrupt("the block before the last cannot be read") from error
    if block.header.app_hash != store.root or last.state > store.version:
        raise corrupt("the state is not the one the last header signs")
    _require_root(store)
    return tip_of(block, store.read(lambda db: file.codes_at(db, last.height)))


def _require_link(before: file.StoredBlock, last: file.StoredBlock, codes: tuple[int, ...]) -> None:
    header = last.block.header
    own = before.block
    linked = header.last_block_id.hash == header_hash(own.header) == before.hash
    voted = header.last_commit_hash == commit_hash(own.commit)
    if not linked or not voted or header.last_results_hash != results_hash(codes):
        raise corrupt("the last block does not follow the one before")


def _require_root(store: Store) -> None:
    """Compute the root of a small map anew; of a big one, follow what was written last."""
    newest = store.newest(RECOMPUTED + 1)
    if len(newest) > RECOMPUTED:
        newest = newest[:FOLLOWED]
    else:
        require_state(store)
    for key in newest:  # each page on the way is checked against the hash above it
        try:
            known = verify_map_proof(store.prove(key), app_hash=store.root, key=key)
        except Rejected:
            known = None
        if known is None:
            raise corrupt("a record is not the one the root was made of")


def require_state(store: Store) -> None:
    """Compute the root from all records; takes about a minute for each million.

    Raises:
        SSIError: ``chain.corrupt``.
    """
    leaves = (jmt.leaf_of(key, value) for key, value in _records(store))
    if jmt.root_over(leaves) != store.root:
        raise corrupt("the records are not those the root was made of")


def _records(store: Store) -> Iterator[tuple[str, bytes]]:
    last: str | None = None
    while page := store.items("", after=last, limit=MAX_ITEMS):
        yield from page
        last = page[-1][0]


def corrupt(fact: str) -> SSIError:
    """The refusal to go on with a damaged file."""
    return SSIError(fact, code="chain.corrupt")
