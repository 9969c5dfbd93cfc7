"""Replay: believe no node, no store and no index; compute everything again from the genesis.

What is compared at every height: the header's hash and its link to the one before, the votes, the
transactions' root, the results' root, the commit's hash, the block's id, and the root of the state
after all transactions so far [REG-AUD-1].
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from registry_chain.application import Application
from registry_chain.engines.blocks import MAX_BLOCK_BYTES, NO_GAS_LIMIT
from registry_chain.genesis import Genesis
from registry_chain.light import (
    Commit,
    TrustedState,
    TrustOptions,
    Validator,
    ValidatorSet,
    VerifiedLightBlock,
    block_id,
    commit_hash,
    consensus_hash,
    data_hash,
    parse_light_block,
    results_hash,
    validators_hash,
    verify_light_block,
)
from registry_chain.rules import Offence
from registry_chain.store import Store
from registry_chain.trust_root import trust_from_genesis
from ssi.encoding import (
    Fields,
    JsonLimits,
    JSONObject,
    b64url_decode,
    parse_json_object,
)
from ssi.errors import Malformed, Rejected, Unavailable, Unreachable
from ssi.fetch import Fetch, Request
from ssi.merkle import EMPTY_ROOT

LINE_LIMITS = JsonLimits(max_bytes=8_000_000, max_depth=24, max_members=200_000, max_string=400_000)
PAGE = 100
_OK = 200
_ANY_AGE = TrustOptions(max_age=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """What a replay found. ``height`` is the last height at which everything was equal."""

    ok: bool
    height: int
    roots_checked: int
    txs: int
    refused: int
    head: str
    first_difference: str | None = None

    def to_json(self) -> JSONObject:
        """The report as JSON."""
        return {
            "ok": self.ok,
            "height": self.height,
            "roots_checked": self.roots_checked,
            "txs": self.txs,
            "refused": self.refused,
            "head": self.head,
            "first_difference": self.first_difference,
        }


class _Difference(Exception):
    """The first thing that is not as computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exported:
    """One block of an export, read but not believed."""

    light_block: JSONObject
    txs: tuple[bytes, ...]
    codes: tuple[int, ...]
    offences: tuple[Offence, ...] = ()


def replay(blocks: Iterable[JSONObject], genesis: Genesis) -> ReplayReport:
    """Compute a chain again and compare.

    Args:
        blocks: The export, from height 1 on.
        genesis: The pinned genesis.

    Returns:
        A report; ``first_difference`` says where and what, if anything differs.
    """
    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        store = Store(Path(folder) / "state.db")
        try:
            return _Replay(genesis, store).run(blocks)
        finally:
            store.close()


class _Replay:
    """The state of one replay."""

    def __init__(self, genesis: Genesis, store: Store) -> None:
        self._store = store
        self._app = Application(store, genesis.chain_id)
        self._root = self._app.init_genesis(genesis)
        self._app.commit()
        self._trusted: TrustedState = trust_from_genesis(genesis)
        self._powers = {one.public_key: one.power for one in self._trusted.validators.validators}
        self._commit: Commit | None = None
        self._codes: tuple[int, ...] = ()
        self._height = self._txs = self._refused = 0
        self._head = ""

    def run(self, blocks: Iterable[JSONObject]) -> ReplayReport:
        difference: str | None = None
        try:
            for block in blocks:
                self._step(block)
        except _Difference as found:
            difference = f"height {self._height + 1}: {found}"
        except (Rejected, Unavailable) as error:
            difference = f"height {self._height + 1}: {error.code}: {error}"
        return ReplayReport(
            ok=difference is None and self._height > 0,
            height=self._height,
            roots_checked=self._height,
            txs=self._txs,
            refused=self._refused,
            head=self._head,
            first_difference=difference if self._height or difference else "there are no blocks",
        )

    def _step(self, exported: JSONObject) -> None:
        block = _read(exported)
        verified = self._verified(block)
        self._compare(verified, block.txs)
        results: Sequence[int] = ()
        if block.txs or block.offences:
            time = verified.block.header.time.seconds
            judged = self._app.finalize(verified.height, time, block.txs, block.offences)
            results = tuple(result.code for result in judged.results)
            self._app.commit()
            self._root = judged.app_hash
            self._powers |= {one.public_key: one.power for one in judged.validator_updates}
        if tuple(results) != block.codes:
            raise _Difference("the results of the transactions differ")
        self._codes, self._commit = tuple(results), verified.block.commit
        self._trusted = verified.trusted
        self._height, self._head = verified.height, verified.header_hash.hex()
        self._txs += len(block.txs)
        self._refused += sum(code != 0 for code in results)

    def _verified(self, block: _Exported) -> VerifiedLightBlock:
        light = parse_light_block(block.light_block)
        if light.height != self._height + 1:
            raise _Difference("a height is missing or stands twice")
        moment = light.header.time.moment
        return verify_light_block(light, trusted=self._trusted, now=moment, options=_ANY_AGE)

    def _compare(self, verified: VerifiedLightBlock, txs: tuple[bytes, ...]) -> None:
        header, commit = verified.block.header, verified.block.commit
        version = self._app.supported_rules(verified.height)
        if header.app_protocol != version:
            raise _Difference("the version of the rules differs")
        # A network that took over from one validator begins without a commit [REG-MIG-3].
        before = None if header.last_block_id.is_zero else self._commit
        expected: dict[str, tuple[object, object]] = {
            "app_hash": (header.app_hash, self._root),
            "data_hash": (header.data_hash, data_hash(txs)),
            "last_results_hash": (header.last_results_hash, results_hash(self._codes)),
            "last_commit_hash": (header.last_commit_hash, commit_hash(before)),
            "next_validators_hash": (header.next_validators_hash, _set_hash(self._powers)),
            "consensus_hash": (
                header.consensus_hash,
                consensus_hash(max_bytes=MAX_BLOCK_BYTES, max_gas=NO_GAS_LIMIT),
            ),
        }
        if header.evidence_hash == EMPTY_ROOT:
            # Evidence is not exported; the header, which every vote names, binds it anyway.
            expected["block_id"] = (commit.block_id, block_id(header, txs, before))
        for name, (said, computed) in expected.items():
            if said != computed:
                raise _Difference(f"{name} differs")


def _set_hash(powers: Mapping[bytes, int]) -> bytes:
    """The hash of the validators that have power."""
    seats = [Validator(public_key=key, power=power) for key, power in powers.items() if power]
    return validators_hash(ValidatorSet.of(seats))


def _offence(item: JSONObject) -> Offence:
    reading = Fields(item, where="misbehaviour", code="audit.block")
    offence = Offence(
        kind=reading.take_str("kind"),
        address=reading.take_str("address"),
        height=reading.take_int("height"),
        time=reading.take_int("time"),
        power=reading.take_int("power"),
    )
    reading.done()
    return offence


def _read(exported: JSONObject) -> _Exported:
    reading = Fields(exported, where="block", code="audit.block")
    results = reading.take_objects("results", max_items=100_000)
    block = _Exported(
        light_block=reading.take_object("light_block"),
        txs=tuple(
            b64url_decode(tx) for tx in reading.take_strs("txs", max_items=100_000, max_len=400_000)
        ),
        codes=tuple(
            Fields(result, where="result", code="audit.block").take_int("code")
            for result in results
        ),
    )
    reading.take_int("height")
    if reading.has("misbehaviour"):
        told = reading.take_objects("misbehaviour", max_items=1000)
        block = replace(block, offences=tuple(_offence(item) for item in told))
    reading.done()
    return block


def read_export(lines: Iterable[bytes]) -> Iterator[JSONObject]:
    """Read an export: one JSON object a line."""
    for line in lines:
        if line.strip():
            yield parse_json_object(line.strip(), limits=LINE_LIMITS)


def fetch_blocks(url: str, fetch: Fetch) -> Iterator[JSONObject]:
    """Fetch a node's whole export, page by page.

    Raises:
        Unreachable: The node did not give it.
        Malformed: What it gave is no export.
    """
    start = 1
    while True:
        page = f"{url.rstrip('/')}/v1/blocks?from={start}&limit={PAGE}"
        answer = fetch(Request(url=page))
        if answer.status != _OK:
            raise Unreachable("the node does not give its blocks", code="audit.export")
        blocks = list(read_export(answer.body.splitlines()))
        if not blocks:
            return
        yield from blocks
        last = blocks[-1].get("height")
        if not isinstance(last, int) or last < start:
            raise Malformed("the export does not go forward", code="audit.block")
        start = last + 1
