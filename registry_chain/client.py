"""A client of the chain that believes nothing: it verifies, remembers, and never goes back.

Everything is proven from a genesis its user pinned [REG-CLI-1]. This module is the door through
which the products read the ledger; records and errors they need are exported here.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from registry_chain import records as r
from registry_chain.follower import Follower
from registry_chain.genesis import Genesis
from registry_chain.light import (
    DEFAULT_OPTIONS,
    MAX_PATH_BLOCKS,
    TxInclusionProof,
    UntrustedLightBlock,
    VerifiedLightBlock,
    compact_bundle,
    data_hash,
    inflate_bundle,
    parse_bundle,
    parse_light_block,
    slim_light_block,
    verify_bundle,
    verify_tx_inclusion,
)
from registry_chain.memory import HeadMemory
from registry_chain.proven import (
    Kept,
    Proven,
    ProvenMany,
    SomeRecord,
    many_of,
    proven_records,
    settled,
)
from registry_chain.records import (
    AckRecord,
    AnchorRecord,
    ClientRecord,
    ConsentRecord,
    IssuerRecord,
    KeyRecord,
    MemberRecord,
    NoticeRecord,
    OperatorRecord,
    PurposeRecord,
    SchemaRecord,
    StatusRecord,
    VerifierRecord,
)
from registry_chain.submitter import Committed, Submitter
from registry_chain.transactions import MAX_TX_BYTES, tx_id_of
from registry_chain.transport import LIMITS, Nodes
from registry_chain.trust_root import TrustRoot, trust_from_genesis
from registry_chain.witnesses import NodesCompared, Witnesses
from ssi.encoding import (
    JSON,
    Fields,
    JSONObject,
    b64url_decode,
    b64url_encode,
    parse_json_object,
    sha256,
)
from ssi.errors import InvalidProof, Malformed, Misbehaviour, Refused, Rejected, Untrusted
from ssi.fetch import Fetch

__all__ = [
    "AckRecord",
    "AnchorRecord",
    "ClientRecord",
    "Committed",
    "ConsentRecord",
    "Genesis",
    "HeadMemory",
    "IssuerRecord",
    "KeyRecord",
    "MemberRecord",
    "NodesCompared",
    "NoticeRecord",
    "OperatorRecord",
    "Proven",
    "ProvenMany",
    "PurposeRecord",
    "RegistryClient",
    "SchemaRecord",
    "StatusRecord",
    "Submitter",
    "TrustRoot",
    "VerifierRecord",
]

MAX_AGE = timedelta(minutes=5)
MAX_KEYS = 64
MAX_TXS = 100_000


class RegistryClient:
    """Reads and submits through any of several nodes of one chain. Safe to share between threads.

    Args:
        urls: The nodes' addresses.
        root: What a person pinned: a genesis, or a trust root with a checkpoint.
        fetch: Bounded HTTP.
        memory: What was verified before; shared by the processes of one program.
        max_age: How old the newest header may be for `issuer` and its siblings.
        cache_for: How long a verified single value may be used again; never beyond ``max_age``.
        trusting_period: For how long a remembered block vouches for later ones.
    """

    def __init__(  # noqa: PLR0913 - three periods with defaults
        self,
        urls: Sequence[str],
        root: Genesis | TrustRoot,
        fetch: Fetch,
        memory: HeadMemory,
        *,
        max_age: timedelta = MAX_AGE,
        cache_for: timedelta = timedelta(0),
        trusting_period: timedelta = DEFAULT_OPTIONS.trusting_period,
    ) -> None:
        self._nodes = Nodes(urls, fetch)
        self._root = root if isinstance(root, TrustRoot) else TrustRoot(genesis=root)
        self._max_age = max_age
        self._cache_for = cache_for
        self._follower = Follower(self._root, memory, trusting_period=trusting_period)
        self._witnesses = Witnesses(self._nodes, self._follower)
        self._kept: dict[str, Kept] = {}

    @property
    def chain_id(self) -> str:
        """The chain's id."""
        return self._root.genesis.chain_id

    # --- reading ---

    def head(self, now: datetime, *, max_age: timedelta | None = None) -> VerifiedLightBlock:
        """The newest header any node has, verified and remembered.

        Args:
            now: The present.
            max_age: How old it may be; any age when ``None``.

        Returns:
            The verified light block; see `compare` for what the other nodes have.

        Raises:
            Unavailable: No node has a header that is new enough.
            Rejected: What the nodes say does not verify.
            Misbehaviour: The validators contradict themselves.
        """
        floor = self._follower.height

        def ask(url: str) -> VerifiedLightBlock:
            found = parse_light_block(self._nodes.get(f"{url}/v1/light/latest"))
            return self._newest(url, found, floor, now, max_age)

        return self._nodes.each(ask)

    def compare(self, now: datetime) -> tuple[VerifiedLightBlock, NodesCompared]:
        """The newest header, and how many nodes have the same; raises as `head`."""
        floor = self._follower.height

        def ask(url: str) -> VerifiedLightBlock:
            found = parse_light_block(self._nodes.get(f"{url}/v1/light/latest"))
            return self._newest(url, found, floor, now, None)

        told = self._nodes.first(ask)
        return told.answer, self._witnesses.compare(
            told.answer, told_by=told.url, failed=told.failed, now=now
        )

    def block_at(self, height: int, now: datetime) -> VerifiedLightBlock:
        """The light block of an earlier height, verified forwards or backwards.

        Raises:
            Unavailable: No node has it.
            Rejected: What they have does not verify, or is too far back to be reached.
        """
        return self._nodes.each(
            lambda url: self._follower.at(height, ask=self._ask_block(url), now=now)
        )

    def transactions(
        self, height: int, now: datetime
    ) -> tuple[VerifiedLightBlock, tuple[bytes, ...]]:
        """All transactions of a block, as its verified header binds them.

        Raises:
            Unavailable: No node has the block.
            Rejected: What they have is not the block's, or the header does not verify.
        """
        block = self.block_at(height, now)

        def ask(url: str) -> tuple[bytes, ...]:
            line = self._nodes.get_text(f"{url}/v1/blocks?from={height}&limit=1")
            fields = Fields(
                parse_json_object(line.strip(), limits=LIMITS), where="block", code="chain.answer"
            )
            texts = fields.take_strs("txs", max_items=MAX_TXS, max_len=2 * MAX_TX_BYTES)
            txs = tuple(b64url_decode(text) for text in texts)
            if data_hash(txs) != block.data_hash:
                raise InvalidProof("a node gave other transactions", code="chain.answer")
            return txs

        return block, self._nodes.each(ask)

    def height(self, now: datetime) -> int:
        """The newest verified height."""
        return self.head(now).height

    def read(self, key: str, *, now: datetime, max_age: timedelta | None = None) -> Proven:
        """The value at a key, proven present or absent.

        Args:
            key: The record's key.
            now: The present.
            max_age: How old the header may be; the client's own limit when ``None``.

        Raises:
            Unavailable: ``light.stale`` or ``chain.*``: no proof that is new enough.
            Rejected: The answers do not verify.
        """
        limit = self._max_age if max_age is None else max_age
        kept = self._kept.get(key)
        if kept is not None and self._usable(kept, now, limit):
            return kept.proven
        many = self.read_many((key,), now=now, max_age=limit)
        proven = Proven(
            key=key,
            value=many.values[key],
            height=many.height,
            time=many.time,
            validators=many.validators,
        )
        if self._cache_for:
            if len(self._kept) > 1000:  # noqa: PLR2004 - a bound, not a rule
                self._kept.clear()
            self._kept[key] = Kept(proven, now)
        return proven

    def read_many(
        self, keys: Sequence[str], *, now: datetime, max_age: timedelta | None = None
    ) -> ProvenMany:
        """Values of up to 64 keys under one light block, with the bundle that proves them."""
        asked = tuple(dict.fromkeys(keys))
        if not 1 <= len(asked) <= MAX_KEYS:
            raise ValueError("one to 64 keys can be read at once")
        limit = self._max_age if max_age is None else max_age
        floor = self._follower.height

        def ask(url: str) -> tuple[VerifiedLightBlock, ProvenMany]:
            names: list[JSON] = list(asked)
            bundle = self._nodes.post(f"{url}/v1/records", {"keys": names})
            parsed = parse_bundle(bundle)
            head = self._newest(url, parsed.light_block, floor, now, limit)
            return head, many_of(head, proven_records(parsed, asked, head), bundle)

        told = self._nodes.first(ask)
        head, many = told.answer
        compared = self._witnesses.compare(head, told_by=told.url, failed=told.failed, now=now)
        return replace(many, nodes=compared)

    def staple(
        self, keys: Sequence[str], *, now: datetime, max_age: timedelta | None = None
    ) -> str:
        """The proof of up to 64 keys as text, for a reader who trusts only the genesis.

        Where the validators have changed so much that the genesis does not lead to the newest
        block, the way that a node offers goes along, if it leads there.

        Raises:
            Unavailable, Rejected, Misbehaviour: As `read_many`.
        """
        many = self.read_many(keys, now=now, max_age=max_age)
        if self._leads(many.bundle, now):
            return many.stapled
        blocks = self._nodes.each(lambda url: self._path(url, 1))
        parsed = [parse_light_block(block) for block in blocks[-MAX_PATH_BLOCKS:]]
        way: list[JSON] = [slim_light_block(one) for one in parsed if one.height < many.height]
        longer = many.bundle | {"path": way}
        return compact_bundle(longer) if self._leads(longer, now) else many.stapled

    def _leads(self, bundle: JSONObject, now: datetime) -> bool:
        """Whether somebody who trusts the genesis alone would believe a bundle."""
        root = trust_from_genesis(self._root.genesis)
        options = replace(self._follower.options, max_age=None)
        try:
            verify_bundle(parse_bundle(bundle), trusted=root, now=now, options=options)
        except Rejected:
            return False
        return True

    def verify_stapled(
        self, bundle: JSONObject | str, *, now: datetime, max_age: timedelta | None = None
    ) -> ProvenMany:
        """Judge a bundle that somebody stapled, without asking any node.

        Args:
            bundle: The bundle, as JSON or as its text on the wire.
            now: The present.
            max_age: How old its header may be; the client's own limit when ``None``.

        Raises:
            Rejected: It does not verify.
            Stale: ``light.stale``.
        """
        obj = inflate_bundle(bundle) if isinstance(bundle, str) else bundle
        parsed = parse_bundle(obj)
        limit = self._max_age if max_age is None else max_age
        trusted = self._follower.trusted(parsed.light_block.height)
        onward = tuple(block for block in parsed.path if block.height > trusted.height)
        options = replace(self._follower.options, max_age=limit)
        verified = self._follower.judge(
            lambda known: verify_bundle(
                replace(parsed, path=onward), trusted=known, now=now, options=options
            ),
            trusted,
        )
        self._follower.remember(verified.light_block)
        return many_of(verified.light_block, verified.records, obj)

    def _newest(
        self,
        url: str,
        found: UntrustedLightBlock,
        floor: int,
        now: datetime,
        max_age: timedelta | None,
    ) -> VerifiedLightBlock:
        return self._follower.newest(
            found,
            floor=floor,
            path=lambda start: self._path(url, start),
            ask=self._ask_block(url),
            now=now,
            max_age=max_age,
        )

    def _path(self, url: str, start: int) -> list[JSON]:
        answer = self._nodes.get(f"{url}/v1/trust-path?from={start}")
        return Fields(answer, where="trust path", code="chain.answer").take_list("light_blocks")

    def _ask_block(self, url: str) -> Callable[[int], JSON]:
        return lambda height: self._nodes.get(f"{url}/v1/light/{height}")

    # --- typed records ---

    def issuer(self, issuer_id: str, now: datetime) -> IssuerRecord:
        """The issuer's record; ``Untrusted`` (``chain.issuer_unknown``) when there is none."""
        return self._known(IssuerRecord, r.issuer_key(issuer_id), now)

    def issuer_key(self, issuer_id: str, thumbprint: str, now: datetime) -> KeyRecord:
        """An issuer's signing key; ``Untrusted`` (``chain.key_unknown``) when there is none."""
        return self._known(KeyRecord, r.signing_key_key(issuer_id, thumbprint), now)

    def verifier(self, verifier_id: str, now: datetime) -> VerifierRecord:
        """The firm's record; ``Untrusted`` (``chain.verifier_unknown``) when there is none."""
        return self._known(VerifierRecord, r.verifier_key(verifier_id), now)

    def verifier_by_client_id(self, x509_hash: str, now: datetime) -> VerifierRecord:
        """The firm a certificate belongs to; ``Untrusted`` when it belongs to none any more."""
        client = self._known(ClientRecord, r.client_key(x509_hash), now)
        firm = self.verifier(client.verifier, now)
        if client.state != r.ACTIVE or x509_hash not in firm.profile.client_hashes:
            raise Untrusted("the certificate is no firm's any more", code="chain.client_unknown")
        return firm

    def operator(self, operator_id: str, now: datetime) -> OperatorRecord:
        """A mailbox operator; ``Untrusted`` (``chain.operator_unknown``) when there is none."""
        return self._known(OperatorRecord, r.operator_key(operator_id), now)

    def status_record(self, issuer_id: str, status_list: str, now: datetime) -> StatusRecord:
        """The newest edition of a list; ``Untrusted`` (``chain.status_unknown``) when none is."""
        return self._known(StatusRecord, r.status_key(issuer_id, status_list), now)

    def status_token(self, record: StatusRecord) -> str:
        """The token a status record names, checked by its digest.

        Raises:
            Unavailable: No node has it.
            InvalidProof: What the nodes have is something else.
        """

        def ask(url: str) -> str:
            token = self._nodes.get_text(f"{url}/v1/status-list/{record.digest}")
            if b64url_encode(sha256(token.encode())) != record.digest:
                raise InvalidProof("a node gave another status list", code="chain.answer")
            return token

        return self._nodes.each(ask)

    def schema(self, name: str, version: int, now: datetime) -> SchemaRecord:
        """A credential type; ``Untrusted`` (``chain.schema_unknown``) when there is none."""
        return self._known(SchemaRecord, r.schema_key(name, version), now)

    def consent(self, commitment: str, now: datetime) -> ConsentRecord | None:
        """A consent, or ``None`` when it is proven that none is recorded."""
        return self._maybe(ConsentRecord, r.consent_key(commitment), now)

    def notice(self, commitment: str, now: datetime) -> NoticeRecord | None:
        """A notice, or ``None`` when it is proven that none is recorded."""
        return self._maybe(NoticeRecord, r.notice_key(commitment), now)

    def ack(self, notice: str, now: datetime) -> AckRecord | None:
        """The answer to a notice, or ``None`` when it is proven that there is none."""
        return self._maybe(AckRecord, r.ack_key(notice), now)

    def anchor(self, issuer_id: str, batch: str, now: datetime) -> AnchorRecord | None:
        """A batch anchor, or ``None`` when it is proven that there is none."""
        return self._maybe(AnchorRecord, r.anchor_key(issuer_id, batch), now)

    def _maybe(self, kind: type[SomeRecord], key: str, now: datetime) -> SomeRecord | None:
        proven = self.read(key, now=now)
        return None if proven.value is None else settled(kind.from_json(proven.value), proven.time)

    def _known(self, kind: type[SomeRecord], key: str, now: datetime) -> SomeRecord:
        record = self._maybe(kind, key, now)
        if record is None:
            raise Untrusted("the register does not know it", code=f"chain.{kind.PREFIX}_unknown")
        return record

    # --- submitting ---

    def next_seq(self, account: str, lane: int, now: datetime) -> int:
        """The number the next transaction of a lane must have."""
        value = self.read(r.lanes_key(account), now=now).value
        seqs = [] if value is None else Fields(value, where="lanes").take_list("seqs")
        last = seqs[lane] if lane < len(seqs) else 0
        if type(last) is not int:
            raise Malformed("a lane's counter is no number", code="chain.record")
        return 1 + last

    def submit(self, raw_tx: str, *, now: datetime) -> Committed:
        """Submit a transaction and wait until it is in the chain, proven.

        Args:
            raw_tx: The transaction; submitting it again is safe [REG-CLI-5].
            now: The present.

        Returns:
            Where it stands.

        Raises:
            Refused: A rule forbids it; the chain has not changed.
            Unavailable: Its fate is unknown; submit the same bytes again.
        """
        self._kept.clear()

        def ask(url: str) -> Committed:
            answer = self._nodes.post(f"{url}/v1/tx?wait=commit", {"tx": raw_tx})
            reading = Fields(answer, where="outcome", code="chain.answer")
            if reading.take_int("code") != 0:
                code, rule = reading.take_str("error"), reading.take_str("rule")
                raise Refused(f"the chain refuses this by {rule}", code=code, rule=rule)
            return self._included(url, raw_tx, now)

        return self._nodes.each(ask)

    def _included(self, url: str, raw_tx: str, now: datetime) -> Committed:
        tx_id = tx_id_of(raw_tx)
        answer = self._nodes.get(f"{url}/v1/tx/{tx_id}?proof=1")
        reading = Fields(answer, where="transaction", code="chain.answer")
        light = parse_light_block(reading.take_object("light_block"))
        proof = TxInclusionProof.parse(reading.take_object("inclusion"))
        block = self._follower.verify(light, now)
        verify_tx_inclusion(sha256(raw_tx.encode()), proof, block.data_hash)
        self._follower.expect(block.height + 1)  # the header that signs the changed state
        return Committed(tx_id=tx_id, height=block.height, index=proof.index)

    def _usable(self, kept: Kept, now: datetime, limit: timedelta) -> bool:
        recent = timedelta(0) <= now - kept.read_at <= min(self._cache_for, limit)
        return recent and now - kept.proven.time <= limit


def evidence(error: Misbehaviour) -> tuple[JSONObject, JSONObject]:
    """The two contradicting light blocks of a misbehaviour, to be shown to others."""
    return (
        parse_json_object(error.first, limits=LIMITS),
        parse_json_object(error.second, limits=LIMITS),
    )
