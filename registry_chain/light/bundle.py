"""Proof bundles: everything a verifier without network needs, under one light block [REG-PROOF-5].

A bundle may carry light blocks that lead from what its reader trusts to its own, and three kinds of
content: records, transactions, and entries of an anchored batch. It is one JSON value; as text it
travels deflated [REG-PROOF-8].
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from registry_chain.light.dictionary import DICTIONARY
from registry_chain.light.inclusion import TxInclusionProof, verify_tx_inclusion
from registry_chain.light.light_block import UntrustedLightBlock
from registry_chain.light.map_proof import MapProof
from registry_chain.light.multiproof import MultiProof, verify_multi_proof
from registry_chain.light.slim import expand_light_block, slim_light_block
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
    b64url_decode,
    b64url_encode,
    canonical_json,
    canonical_parsed,
    parse_json_object,
)
from ssi.errors import InvalidProof, Malformed
from ssi.merkle import leaf_hash, verify_inclusion

VERSION: Final = 2
MAX_ITEMS: Final = 64
MAX_PATH_BLOCKS: Final = 16
MAX_COMPACT: Final = 262_144
BUNDLE_LIMITS: Final = JsonLimits(
    max_bytes=1_048_576, max_depth=24, max_members=60_000, max_string=400_000
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


Item: TypeAlias = TxItem | BatchItem


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedBundle:
    """A bundle that parses; nothing in it is true before `verify_bundle`."""

    light_block: UntrustedLightBlock
    records: MultiProof
    items: tuple[Item, ...] = ()
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
    items: Sequence[MapProof | Item],
    *,
    path: Sequence[UntrustedLightBlock] = (),
) -> JSONObject:
    """Return a bundle as its JSON value.

    Args:
        light_block: The block all of it is proven under.
        items: Proofs of records under its ``app_hash``, transactions under its ``data_hash``, and
            entries of batches whose anchors are among the records.
        path: Light blocks that lead to it from one that the reader trusts.

    Raises:
        ValueError: The proofs are not under one root, or the light block contradicts itself.
    """
    records = MultiProof.of([item for item in items if isinstance(item, MapProof)])
    others = [_item_to_json(item) for item in items if not isinstance(item, MapProof)]
    bundle: JSONObject = {
        "v": VERSION,
        "light_block": slim_light_block(light_block),
        **records.to_json(),
    }
    if others:
        bundle["items"] = others
    if path:
        bundle["path"] = [slim_light_block(block) for block in path]
    return bundle


def parse_bundle(data: JSONObject | bytes | str) -> UntrustedBundle:
    """Read a bundle that someone sent, as JSON text or as parsed JSON.

    Raises:
        Malformed: ``proof.malformed``, ``light.malformed``, ``json.*`` or ``encoding.base64url``.
    """
    obj = data if isinstance(data, dict) else parse_json_object(data, limits=BUNDLE_LIMITS)
    fields = Fields(obj, where="bundle", code=_CODE)
    if fields.take_int("v") != VERSION:
        raise Malformed("the bundle is of another version", code=_CODE)
    items = fields.take_objects("items", max_items=MAX_ITEMS) if fields.has("items") else ()
    bundle = UntrustedBundle(
        light_block=expand_light_block(fields.take_object("light_block")),
        records=MultiProof.parse(fields),
        items=tuple(_item(item) for item in items),
        path=tuple(
            expand_light_block(block)
            for block in fields.opt_list("path", max_items=MAX_PATH_BLOCKS) or ()
        ),
    )
    fields.done()
    return bundle


def compact_bundle(bundle: JSONObject) -> str:
    """Return a bundle as text for the wire: its canonical JSON, deflated, in base64url."""
    stream = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9, zdict=DICTIONARY)
    return b64url_encode(stream.compress(canonical_json(bundle)) + stream.flush())


def inflate_bundle(text: str) -> JSONObject:
    """Return the JSON value of a bundle from the wire [REG-PROOF-8].

    Raises:
        Malformed: ``proof.malformed``, ``json.*`` or ``encoding.base64url``: too long, too long
            when inflated, cut, followed by something, or not canonical.
    """
    if len(text) > MAX_COMPACT:
        raise Malformed("the bundle is too long", code=_CODE)
    packed = b64url_decode(text)
    stream = zlib.decompressobj(zdict=DICTIONARY)
    try:
        data = stream.decompress(packed, BUNDLE_LIMITS.max_bytes)
    except zlib.error as error:
        raise Malformed("the bundle is not deflated", code=_CODE) from error
    if not stream.eof or stream.unused_data:
        raise Malformed("the bundle is cut, too long, or followed by something", code=_CODE)
    obj = parse_json_object(data, limits=BUNDLE_LIMITS)
    if canonical_parsed(obj) != data:
        raise Malformed("the bundle is not canonical", code=_CODE)
    return obj


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
    records = verify_multi_proof(bundle.records, app_hash=head.app_hash)
    transactions, entries = set(), set()
    for item in bundle.items:
        if isinstance(item, TxItem):
            verify_tx_inclusion(item.tx_hash, item.proof, head.data_hash)
            transactions.add(item.tx_hash)
        else:
            _verify_batch(item, records)
            entries.add((item.anchor, item.entry))
    return VerifiedBundle(
        light_block=head,
        records=records,
        transactions=frozenset(transactions),
        entries=frozenset(entries),
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
    proof = item.proof.to_json()
    if isinstance(item, TxItem):
        return {"type": "tx", "tx_hash": b64url_encode(item.tx_hash), "proof": proof}
    return {
        "type": "batch",
        "anchor": item.anchor,
        "entry": b64url_encode(item.entry),
        "proof": proof,
    }
