"""The ledger and the status lists as a pack holds them, behind the verifier's own ports.

So what judges a pack is the code that judged the message when it came, with other sources.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from registry_chain.client import KeyRecord, StatusRecord, VerifierRecord
from registry_chain.light import (
    TrustedState,
    TrustOptions,
    VerifiedBundle,
    parse_bundle,
    verify_bundle,
)
from registry_chain.records import RECORD_LIMITS, signing_key_key
from ssi.encoding import JSONObject, parse_json_object
from ssi.errors import Stale, Unavailable, Untrusted
from ssi.keys import PublicKey, public_key_from_jwk
from ssi.status_list import VerifiedStatusList, parse_status_token, verify_status_token
from verifier_sdk.evidence.manifest import digest_of
from verifier_sdk.ports import Facts
from verifier_sdk.results import LedgerPoint

MAX_AGE: Final = timedelta(hours=24)
# A trusting period protects from keys that were stolen later, by the reader's own clock. Here all
# times are in the pack, so whoever forges it would choose them: what protects is the pinned
# genesis, and anchors outside [EVI-VER-7].
HISTORY: Final = TrustOptions(max_age=None, trusting_period=timedelta(days=36_525))


def verify_proofs(raw: bytes, trusted: TrustedState, at: datetime) -> VerifiedBundle:
    """Verify a bundle of a pack, as of a time.

    Raises:
        Rejected: ``light.*``, ``proof.*``.
    """
    return verify_bundle(parse_bundle(raw), trusted=trusted, now=at, options=HISTORY)


def point_of(bundle: VerifiedBundle) -> LedgerPoint:
    """The block that a bundle stands under."""
    block = bundle.light_block
    return LedgerPoint(
        height=block.height,
        time=block.time,
        validators=block.validators,
        signed=block.signed,
        power=block.power,
        signed_power=block.signed_power,
        stapled=True,
    )


def record_of(bundle: VerifiedBundle, key: str) -> JSONObject | None:
    """The record that a bundle proves, or ``None`` where it proves that there is none.

    Raises:
        Unavailable: ``evidence.proof``: the bundle does not speak of it.
    """
    if key not in bundle.records:
        raise Unavailable("the pack has no proof of a record", code="evidence.proof")
    raw = bundle.records[key]
    return None if raw is None else parse_json_object(raw, limits=RECORD_LIMITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackLedger:
    """The records that a pack proves as of then; see `verifier_sdk.ports.LedgerView`.

    ``bundle`` is ``None`` where nothing of the ledger was needed; then nothing may be asked.
    """

    bundle: VerifiedBundle | None = field(repr=False)

    def records(
        self, keys: Sequence[str], *, now: datetime, limit: timedelta | None = None
    ) -> Facts:
        """Give the records, if their block was new enough then [EVI-VER-3]."""
        if self.bundle is None:
            raise Unavailable("the pack has no proof of then", code="evidence.proof")
        point = point_of(self.bundle)
        if now - point.time > (MAX_AGE if limit is None else min(MAX_AGE, limit)):
            raise Stale("the block was too old then", code="light.stale")
        records = {key: record_of(self.bundle, key) for key in keys}
        return Facts(records=records, point=point)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackStatuses:
    """The status lists that a pack holds; see `verifier_sdk.ports.StatusView`.

    The list is the one whose digest the ledger had then. The key that signed it is taken from the
    later proof: a key's record keeps its whole life.
    """

    tokens: Mapping[str, bytes] = field(repr=False)
    later: VerifiedBundle = field(repr=False)

    def status_list(
        self, issuer: str, name: str, record: StatusRecord, *, now: datetime
    ) -> VerifiedStatusList:
        """Return the list, its signature verified and fresh then [EVI-VER-4]."""
        del name
        raw = self.tokens.get(record.digest)
        if raw is None:
            raise Unavailable("the pack lacks a status list", code="evidence.proof")
        untrusted = parse_status_token(raw.decode("ascii", "replace"))
        signer, _, thumbprint = untrusted.kid.rpartition("#")
        if signer != issuer:
            raise Untrusted("the list is signed by another issuer", code="status.issuer")
        key = self._key(issuer, thumbprint, now)
        verified = verify_status_token(untrusted, key, now=now, uri=record.uri)
        if verified.expires_at is not None and verified.expires_at <= now:
            raise Stale("the status list was over then", code="status.expired")
        verified.check_fresh(now=now)
        return verified

    def _key(self, issuer: str, thumbprint: str, now: datetime) -> PublicKey:
        found = record_of(self.later, signing_key_key(issuer, thumbprint))
        if found is None:
            raise Untrusted("the status key is not registered", code="status.key")
        record, at = KeyRecord.from_json(found), int(now.timestamp())
        leaked = record.compromised_since is not None and record.compromised_since <= at
        if record.use != "status" or record.issuer != issuer or leaked:
            raise Untrusted("the list is not by a good status key", code="status.key")
        if not record.valid_from <= at:
            raise Untrusted("the status key was not valid yet", code="status.key")
        key = public_key_from_jwk(record.jwk)
        if key.thumbprint() != thumbprint:
            raise Untrusted("the key record is of another key", code="status.key")
        return key


def tokens_by_digest(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The status lists among a pack's files, by the digest that the ledger has of them."""
    return {digest_of(raw): raw for name, raw in files.items() if name.startswith("status/")}


def receipt_keys(record: VerifierRecord) -> dict[str, PublicKey]:
    """A firm's registered receipt keys by their kid."""
    return {
        str(jwk["kid"]): public_key_from_jwk({n: v for n, v in jwk.items() if n != "kid"})
        for jwk in record.profile.receipt_keys
        if isinstance(jwk.get("kid"), str)
    }
