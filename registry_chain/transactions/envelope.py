"""The envelope of a transaction: a compact JWS over canonical JSON [REG-TX-1].

The transaction's id is the SHA-256 of its signing input, so another encoding of the signature
does not make a second transaction [REG-TX-4].
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from registry_chain.transactions import bodies as b
from registry_chain.transactions import bridges, disputes, keys
from registry_chain.transactions import commitments as c
from registry_chain.transactions import decisions as d
from registry_chain.transactions import fields as f
from registry_chain.transactions import governance as g
from registry_chain.transactions import validators as n
from registry_chain.transactions import verifiers as v
from registry_chain.transactions.bodies import Body
from ssi.encoding import Fields, JsonLimits, JSONObject, parse_json_object, sha256
from ssi.errors import Malformed
from ssi.jose import UntrustedJws, parse_jws, sign_jws
from ssi.keys import Signer

TX_TYP = "registry-tx+jwt"
MAX_TX_BYTES = 262_144
LANES = 64
VALIDITY_WINDOW = 1000
_LIMITS = JsonLimits(max_bytes=MAX_TX_BYTES, max_depth=24, max_members=8000, max_string=b.MAX_TOKEN)

_ALL: tuple[type[Body], ...] = (
    b.AdmitMember,
    b.UpdateMemberKeys,
    b.SuspendMember,
    b.ReinstateMember,
    b.AccreditIssuer,
    b.SuspendIssuer,
    b.ReinstateIssuer,
    keys.RegisterKey,
    keys.RotateKey,
    keys.RevokeKey,
    v.RegisterVerifier,
    v.UpdateVerifier,
    v.SuspendVerifier,
    v.ReinstateVerifier,
    b.RegisterOperator,
    b.PublishSchema,
    b.PublishStatus,
    b.AnchorBatch,
    bridges.AttestBridge,
    c.RecordConsents,
    c.WithdrawConsents,
    c.CommitNotices,
    c.CommitAcks,
    g.Propose,
    g.Vote,
    g.Execute,
    g.EmergencySuspend,
    disputes.OpenDispute,
    disputes.ResolveDispute,
    d.ExpelMember,
    d.SetRoles,
    d.RatifySuspension,
    d.LiftSuspension,
    d.PauseFamilies,
    d.PlanUpgrade,
    d.CancelUpgrade,
    d.SetParams,
    d.AssignArbiters,
    n.AddValidator,
    n.RemoveValidator,
    n.ReweighValidator,
    n.ReplaceValidator,
    n.RejoinValidator,
    n.Migrate,
)
TX_TYPES: Mapping[str, type[Body]] = MappingProxyType({kind.TYPE: kind for kind in _ALL})


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedTx:
    """A well-formed transaction whose signature and right nobody has checked yet."""

    tx_id: str
    chain_id: str
    account: str
    lane: int
    seq: int
    valid_until_height: int
    type: str
    body: Body
    kid: str
    jws: UntrustedJws = field(repr=False)


def tx_id_of(token: str) -> str:
    """The id of a transaction: SHA-256 of ``header.payload`` in hex [REG-TX-4]."""
    return sha256(token.rpartition(".")[0].encode()).hex()


def build_tx(  # noqa: PLR0913 - one argument per member of the envelope
    *,
    chain_id: str,
    account: str,
    lane: int,
    seq: int,
    valid_until_height: int,
    body: Body,
    signer: Signer,
) -> str:
    """Build and sign a transaction.

    Args:
        chain_id: The chain it is for.
        account: The member who acts.
        lane: One of 64 independent counters of the account.
        seq: The lane's last number plus one.
        valid_until_height: The last height at which it may enter a block.
        body: What is asked for; its class gives the type.
        signer: One of the account's Ed25519 keys.

    Returns:
        The transaction as a compact JWS.
    """
    payload: JSONObject = {
        "account": account,
        "body": f.plain(body),
        "chain_id": chain_id,
        "lane": lane,
        "seq": seq,
        "type": body.TYPE,
        "valid_until_height": valid_until_height,
    }
    kid = signer.public_key.thumbprint()
    return sign_jws(f.canonical(payload), signer, typ=TX_TYP, header={"kid": kid})


def parse_tx(token: str | bytes) -> UntrustedTx:
    """Read a transaction that a stranger sent.

    Args:
        token: The compact JWS.

    Returns:
        The transaction, untrusted.

    Raises:
        Malformed: ``tx.*``, ``jose.*`` or ``json.*``; nothing about it can be judged.
    """
    if len(token) > MAX_TX_BYTES:
        raise Malformed("the transaction is too long", code="tx.too_big")
    text = _ascii(token)
    jws = parse_jws(text, limits=_LIMITS)
    if jws.header.get("typ") != TX_TYP or jws.header.get("alg") != "EdDSA":
        raise Malformed("not a registry transaction", code="tx.envelope")
    payload = parse_json_object(jws.payload, limits=_LIMITS)
    if f.canonical(payload) != jws.payload:
        raise Malformed("the transaction is not canonical JSON", code="tx.not_canonical")
    return _read(payload, jws)


def _ascii(token: str | bytes) -> str:
    try:
        return token.decode("ascii") if isinstance(token, bytes) else token.encode("ascii").decode()
    except UnicodeError:
        raise Malformed("the transaction is not ASCII", code="tx.envelope") from None


def _read(payload: JSONObject, jws: UntrustedJws) -> UntrustedTx:
    if jws.header.keys() != {"alg", "typ", "kid"}:
        raise Malformed("the header has other members", code="tx.envelope")
    reading = Fields(payload, where="tx", code="tx.envelope")
    header = Fields(jws.header, where="tx header", code="tx.envelope")
    kind = reading.take_str("type", max_len=64)
    if kind not in TX_TYPES:
        raise Malformed("the transaction type is unknown", code="tx.type")
    tx = UntrustedTx(
        tx_id=sha256(jws.signing_input).hex(),
        chain_id=reading.take_str("chain_id", max_len=64),
        account=f.slug(reading.take_str("account", max_len=64), "account"),
        lane=reading.take_int("lane"),
        seq=reading.take_int("seq", minimum=1),
        valid_until_height=reading.take_int("valid_until_height", minimum=1),
        type=kind,
        body=TX_TYPES[kind].from_json(reading.take_object("body")),
        kid=f.digest(header.take_str("kid", max_len=64), "kid"),
        jws=jws,
    )
    reading.done()
    if tx.lane >= LANES:
        raise Malformed("the lane does not exist", code="tx.lane")
    return tx
