"""What a stapled proof weighs and costs: accreditation, key, status and anchor under one block.

The size on the wire, and the processor time from the text to proven records, beside the physical
limit in the same run: the bare signature checks of as many validators. Nothing is kept between two
rounds.

    python benchmarks/bundle.py [--keys 1000000] [--validators 1 4 7 13] [--write]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nacl.bindings import crypto_sign_open

from registry_chain import jmt
from registry_chain.light import (
    BatchItem,
    BlockId,
    Timestamp,
    TxInclusionProof,
    UntrustedLightBlock,
    ValidatorSet,
    build_bundle,
    compact_bundle,
    inflate_bundle,
    parse_bundle,
    slim_light_block,
    validators_hash,
    verify_bundle,
    vote_sign_bytes,
)
from registry_chain.records import (
    ACTIVE,
    COMMITTED,
    AnchorRecord,
    IssuerRecord,
    KeyRecord,
    Record,
    StatusRecord,
)
from registry_chain.store import Store
from registry_chain.transactions.fields import Name
from ssi.encoding import b64url_encode, canonical_json
from ssi.keys import Alg, SoftwareSigner
from ssi.merkle import inclusion_path, root_hash
from ssi.x509 import create_ca
from tests.support.firm_world import der
from tests.support.light import (
    CHAIN,
    GENESIS,
    genesis_trust,
    header,
    key,
    signed,
    validator,
    validator_set,
)

NOW = GENESIS + timedelta(hours=1)
ROUNDS = 31
SLICE = 0.05
BATCH = 256
RESULTS = Path(__file__).parent / "results" / "bundle.json"
NAMES = "abcdefghijklmnopqrstuvwxyz"


def digest(text: str) -> str:
    return b64url_encode(sha256(text.encode()).digest())


ENTRIES = [sha256(b"credential %d" % number).digest() for number in range(BATCH)]
ANCHOR = "anchor/citizen-centre/20261124-0007"


def asked() -> dict[str, Record]:
    """The four records that a firm needs of one credential, as an issuer really has them."""
    signer = SoftwareSigner.from_secret(Alg.ES256, sha256(b"issuer").digest())
    thumbprint = signer.public_key.thumbprint()
    begin, until = int(NOW.timestamp()) - 900, int(NOW.timestamp()) + 10**8
    ca = create_ca(
        "Warifu City KYC Root CA 2026",
        secret=sha256(b"root").digest(),
        serial=1,
        not_before=NOW - timedelta(days=30),
        not_after=NOW + timedelta(days=3650),
    )
    common: dict[str, Any] = {"state": ACTIVE, "height": 81_234, "time": begin}
    issuer = IssuerRecord(
        **common,
        name=Name(ja="株式会社市民本人確認センター", en="Citizen Identity Verification Centre"),
        corporate_number="7000012050002",
        url="https://kyc.citizen-centre.example",
        credential_types=("urn:warifu:kyc:1", "urn:warifu:address:1"),
        ca=(der(ca),),
        trust_framework="https://warifu.example/trust_framework/jp_sharing",
        valid_from=begin,
        valid_until=until,
        contact="registry@kyc.citizen-centre.example",
    )
    signing = KeyRecord(
        **common,
        issuer="citizen-centre",
        thumbprint=thumbprint,
        jwk=signer.public_key.jwk,
        use="credential",
        valid_from=begin,
        valid_until=until,
        next_digest=digest("next key"),
    )
    status = StatusRecord(
        **common,
        sequence=1207,
        digest=digest("the status list token"),
        uri="https://kyc.citizen-centre.example/status-lists/main-1",
        bits=2,
        size=1_048_576,
        issued_at=begin,
        list_digest=digest("the entries"),
        expires_at=until,
    )
    anchor = AnchorRecord(
        state=COMMITTED,
        height=81_230,
        time=begin,
        root=b64url_encode(root_hash(ENTRIES)),
        size=BATCH,
    )
    return {
        "issuer/citizen-centre": issuer,
        f"key/citizen-centre/{thumbprint}": signing,
        "status/citizen-centre/main-1": status,
        ANCHOR: anchor,
    }


# --- a map of as many keys as wanted ---


def fillers(count: int) -> dict[str, bytes]:
    return {
        f"consent/{digest(f'consent {number}')}": b'{"n":%d,"state":"given"}' % number
        for number in range(count)
    }


def plain_root(records: Mapping[str, bytes]) -> bytes:
    """The root by the definition alone: sort, split, hash. No page, no store."""
    leaves = sorted((jmt.key_hash(name), jmt.value_hash(value)) for name, value in records.items())
    places = [int.from_bytes(leaf[0], "big") for leaf in leaves]

    def below(low: int, high: int, depth: int, prefix: int) -> bytes:
        if high - low < 2:
            return (
                jmt.EMPTY
                if low == high
                else sha256(b"JMT::LeafNode" + b"".join(leaves[low])).digest()
            )
        right = prefix | 1 << (255 - depth)
        middle = bisect_left(places, right, low, high)
        return jmt.inner_hash(
            below(low, middle, depth + 1, prefix), below(middle, high, depth + 1, right)
        )

    return below(0, len(leaves), 0, 0)


def filled(path: Path, keys: int) -> Store:
    """A store with this many records, the four among them."""
    wanted = {name: record.to_bytes() for name, record in asked().items()}
    records = fillers(keys - len(wanted)) | wanted
    store = Store(path)
    store.bulk_load(81_235, sorted(records.items()), root=plain_root(records))
    return store


# --- the block ---


def block(root: bytes, validators: ValidatorSet, names: str) -> UntrustedLightBlock:
    """A block in the middle of a chain, each vote with its own time."""
    before = BlockId(
        hash=sha256(b"block before").digest(), parts_total=1, parts_hash=sha256(b"parts").digest()
    )
    made = header(
        81_236,
        time=Timestamp(int(NOW.timestamp()) - 20, 481_516_234),
        app_hash=root,
        last_block_id=before,
        last_commit_hash=sha256(b"last commit").digest(),
        next_validators_hash=validators_hash(validators),
        proposer_address=validators.validators[0].address,
    )
    one = signed(made, validators, names)
    by_address = {validators.validators[at].address: at for at in range(len(names))}
    secrets = {one.address: name for name, one in keyed(names).items()}
    votes = tuple(
        replace(
            vote,
            time=Timestamp(
                made.time.seconds + 1, int.from_bytes(sha256(vote.address).digest()[:3], "big") * 59
            ),
        )
        for vote in one.commit.signatures
    )
    unsigned = replace(one.commit, signatures=votes)
    sealed = tuple(
        replace(
            vote,
            signature=key(secrets[vote.address])
            .sign(vote_sign_bytes(CHAIN, unsigned, by_address[vote.address]))
            .signature,
        )
        for vote in votes
    )
    return replace(one, commit=replace(one.commit, signatures=sealed))


def keyed(names: str) -> dict[str, Any]:
    return {name: validator(name) for name in names}


# --- measuring ---


def micros(work: Callable[[], object]) -> float:
    """Microseconds of processor time a call, over a slice of it."""
    count, start = 0, time.process_time()
    while time.process_time() - start < SLICE:
        work()
        count += 1
    return (time.process_time() - start) * 1e6 / count


def measure(store: Store, names: str) -> dict[str, Any]:
    validators = validator_set(**dict.fromkeys(names, 1))
    head = block(store.root, validators, names)
    proofs = [store.prove(name) for name in asked()]
    path = tuple(inclusion_path(ENTRIES, 77))
    entry = BatchItem(
        anchor=ANCHOR,
        entry=ENTRIES[77],
        proof=TxInclusionProof(index=77, total=BATCH, path=path),
    )
    whole = {}
    for label, items in (("records", proofs), ("with entry", [*proofs, entry])):
        bundle = build_bundle(head, items)
        whole[label] = {
            "json": len(canonical_json(bundle)),
            "wire": len(compact_bundle(bundle)),
        }
    bundle = build_bundle(head, proofs)
    text = compact_bundle(bundle)
    trusted = genesis_trust(validators)
    signatures = [
        (vote.signature + vote_sign_bytes(CHAIN, head.commit, at), one.public_key)
        for at, (vote, one) in enumerate(
            zip(head.commit.signatures, validators.validators, strict=True)
        )
    ]

    def bare() -> None:
        for message, public_key in signatures:
            crypto_sign_open(message, public_key)

    def whole_way() -> None:
        verify_bundle(parse_bundle(inflate_bundle(text)), trusted=trusted, now=NOW)

    limits, takes = [], []
    for _ in range(ROUNDS):
        limits.append(micros(bare))
        takes.append(micros(whole_way))
    ratios = [limit / took for limit, took in zip(limits, takes, strict=True)]
    return {
        "validators": len(names),
        "bytes": whole,
        "siblings": [len(proof.siblings) for proof in proofs],
        "light_block_json": len(canonical_json(slim_light_block(head))),
        "limit_us": round(statistics.median(limits)),
        "verify_us": round(statistics.median(takes)),
        "ratio": round(statistics.median(ratios), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--validators", type=int, nargs="+", default=[1, 4, 7, 13])
    parser.add_argument("--write", action="store_true", help="keep the results in the repository")
    chosen = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        store = filled(Path(folder) / "map.db", chosen.keys)
        for count in chosen.validators:
            one = measure(store, NAMES[:count])
            found.append(one)
            wire, more = (one["bytes"][kind]["wire"] for kind in ("records", "with entry"))
            print(
                f"{chosen.keys:>8} keys, {count:>2} validators | {wire} B on the wire,"
                f" with a batch entry {more} B"
                f" | verify {one['verify_us']} us, bare signatures {one['limit_us']} us,"
                f" ratio {one['ratio']:.2f}"
            )
        store.close()
    if chosen.write:
        RESULTS.write_text(json.dumps({"keys": chosen.keys, "results": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
