"""Proof bundles: everything a verifier without network needs, under one light block [REG-PROOF-5].

A bundle may carry light blocks that lead from what its reader trusts to its own, and three kinds of
items: records, transactions, and entries of an anchored batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from registry_chain.light.inclusion import TxInclusionProof, verify_tx_inclusion
from registry_chain.light.light_block import (
    UntrustedLightBlock,
    light_block_to_json,
    parse_light_block,
)
from registry_chain.light.map_proof import MapProof, verify_map_proof
from registry_chain.light.trust import (
    DEFAULT_OPTIONS,
    TrustedState,
    TrustOptions,
    VerifiedLightBlock,
    verify_light_block,
)
from ssi.encoding import (
    JSON,
    Fields,
    JsonLimits,
    JSONObject,
    b64url_encode,
    parse_json_object,
)
from ssi.errors import InvalidProof, Malformed
from ssi.merkle import leaf_hash, verify_inclusion

VERSION: Final = 1
MAX_ITEMS: Final = 64
MAX_PATH_BLOCKS: Final = 16
BUNDLE_LIMITS: Final = JsonLimits(
    max_bytes=1_048_576, max_depth=12, max_members=60_000, max_string=90_000
)
_CODE: Final = "proof.malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TxItem:
    """A transaction in the bundle's block, by the SHA-256 of its bytes."""

    tx_hash: bytes
    proof: TxInclusionProof


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """An entry of an anchored batch; the anchor's record must be an item of the same bundle."""

    anchor: str
    entry: bytes
    proof: TxInclusionProof


Item: TypeAlias = MapProof | TxItem | BatchItem


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedBundle:
    """A bundle that parses; nothing in it is true before `verify_bundle`."""

    light_block: UntrustedLightBlock
    items: tuple[Item, ...]
    path: tuple[UntrustedLightBlock, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedBundle:
    """What a bundle proved, all under one header.

    ``records`` tells for every key its value, or ``None`` when it is proven absent; a key that is
    not in it was not spoken of. ``entries`` pairs anchors with entries of their batches.
    """

    light_block: VerifiedLightBlock
    records: dict[str, bytes | None] = field(repr=False)
    transactions: frozenset[bytes]
    entries: frozenset[tuple[str, bytes]]


def build_bundle(
    light_block: UntrustedLightBlock,
    items: Sequence[Item],
    *,
    path: Sequence[UntrustedLightBlock] = (),
) -> JSONObject:
    """Return a bundle as its JSON value."""
    bundle: JSONObject = {
        "v": VERSION,
        "light_block": light_block_to_json(light_block),
        "items": [_item_to_json(item) for item in items],
    }
    if path:
        bundle["path"] = [light_block_to_json(block) for block in path]
    return bundle


def parse_bundle(data: JSONObject | bytes | str) -> UntrustedBundle:
    """Read a bundle that someone sent, as text or as parsed JSON.

    Raises:
        Malformed: ``proof.malformed``, ``light.malformed``, ``json.*`` or ``encoding.base64url``.
    """
    obj = data if isinstance(data, dict) else parse_json_object(data, limits=BUNDLE_LIMITS)
    fields = Fields(obj, where="bundle", code=_CODE)
    if fields.take_int("v") != VERSION:
        raise Malformed("the bundle is of another version", code=_CODE)
    bundle = UntrustedBundle(
        light_block=parse_light_block(fields.take_object("light_block")),
        items=tuple(_item(item) for item in fields.take_objects("items", max_items=MAX_ITEMS)),
        path=tuple(
            parse_light_block(block)
            for block in fields.opt_list("path", max_items=MAX_PATH_BLOCKS) or ()
        ),
    )
    fields.done()
    return bundle


def verify_bundle(
    bundle: UntrustedBundle,
    *,
    trusted: TrustedState,
    now: datetime,
    options: TrustOptions = DEFAULT_OPTIONS,
) -> VerifiedBundle:
    """Return what a bundle proves; one false item spoils it.

    Args:
        bundle: The bundle to judge.
        trusted: What is known of the chain already.
        now: The aware time of judging.
        options: How strict to be; ``max_age`` applies to the bundle's own header.

    Raises:
        Rejected: ``light.*`` or ``proof.invalid``.
        Stale: ``light.stale``.
    """
    on_the_way = replace(options, max_age=None)
    for block in bundle.path:
        trusted = verify_light_block(block, trusted=trusted, now=now, options=on_the_way).trusted
    head = verify_light_block(bundle.light_block, trusted=trusted, now=now, options=options)
    records: dict[str, bytes | None] = {}
    transactions, batches = set(), []
    for item in bundle.items:
        if isinstance(item, MapProof):
            records[item.key] = verify_map_proof(item, app_hash=head.app_hash, key=item.key)
        elif isinstance(item, TxItem):
            verify_tx_inclusion(item.tx_hash, item.proof, head.data_hash)
            transactions.add(item.tx_hash)
        else:
            batches.append(item)
    for batch in batches:
        _verify_batch(batch, records)
    return VerifiedBundle(
        light_block=head,
        records=records,
        transactions=frozenset(transactions),
        entries=frozenset((batch.anchor, batch.entry) for batch in batches),
    )


def _verify_batch(item: BatchItem, records: dict[str, bytes | None]) -> None:
    """An entry is in a batch when its path ends at the root and size the anchor's record has."""
    record = records.get(item.anchor)
    if record is None:
        raise InvalidProof("the anchor of a batch is not proven")
    fields = Fields(parse_json_object(record), where="anchor", code=_CODE)
    verify_inclusion(
        root=fields.take_bytes("root", size=32),
        leaf_hash=leaf_hash(item.entry),
        index=item.proof.index,
        size=fields.take_int("size", minimum=1),
        path=item.proof.path,
    )


def _item(obj: JSONObject) -> Item:
    fields = Fields(obj, where="bundle item", code=_CODE)
    kind = fields.take_str("type", max_len=16)
    if kind == "map":
        return MapProof.parse(fields.rest())
    if kind not in ("tx", "batch"):
        raise Malformed("a bundle item is of an unknown type", code=_CODE)
    proof = TxInclusionProof.parse(fields.take_object("proof"))
    item: Item
    if kind == "tx":
        item = TxItem(tx_hash=fields.take_bytes("tx_hash", size=32), proof=proof)
    else:
        entry = fields.take_bytes("entry", size=32)
        item = BatchItem(anchor=fields.take_str("anchor", max_len=128), entry=entry, proof=proof)
    fields.done()
    return item


def _item_to_json(item: Item) -> JSON:
    if isinstance(item, MapProof):
        return {"type": "map", **item.to_json()}
    proof = item.proof.to_json()
    if isinstance(item, TxItem):
        return {"type": "tx", "tx_hash": b64url_encode(item.tx_hash), "proof": proof}
    return {
        "type": "batch",
        "anchor": item.anchor,
        "entry": b64url_encode(item.entry),
        "proof": proof,
    }
