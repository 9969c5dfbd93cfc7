"""What the issuer signed, with the disclosed claims put in their places (RFC 9901 §7.1)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ssi.encoding import JSON, JSONObject, parse_json_object
from ssi.errors import BindingMismatch, InvalidSignature, Malformed
from ssi.jose import verify_signature
from ssi.keys import PublicKey
from ssi.sdjwt.wire import SD_JWT_TYPE, Disclosure, UntrustedSdJwt

Path = tuple[str | int, ...]

# SD-JWT VC §3.2.2.2: what a verifier's checks rest on is never the holder's choice.
NEVER_DISCLOSABLE: Final = frozenset(
    {"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "aka_vcts"}
)
_HASH = "sha-256"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedSdJwt:
    """The claims an issuer's key stands for, as far as they were disclosed.

    Times, issuer, type and status are not judged here: `ssi.credential` and the verifier do that.
    ``disclosed`` maps the path of every disclosed claim to its disclosure.
    """

    claims: JSONObject = field(repr=False)
    header: JSONObject
    disclosed: dict[Path, Disclosure] = field(repr=False)

    @property
    def disclosed_paths(self) -> tuple[Path, ...]:
        """The paths of the disclosed claims."""
        return tuple(self.disclosed)


def verify_issuer_jwt(
    untrusted: UntrustedSdJwt, key: PublicKey, *, typ: str = SD_JWT_TYPE
) -> VerifiedSdJwt:
    """Check the issuer's signature and every disclosure (RFC 9901 §7.1, all steps) [CRED-SD-2].

    Args:
        untrusted: The parsed SD-JWT.
        key: The issuer's key, from a source the token did not choose.
        typ: The exact type asked for.

    Raises:
        Rejected: ``jose.algorithm``, ``credential.typ``, ``credential.signature``,
            ``credential.malformed``, ``json.duplicate_key`` or ``sdjwt.*``.
    """
    # (1) Type, algorithm and signature, before a byte of the payload is read.
    if untrusted.jwt.header.get("typ") != typ:
        raise BindingMismatch("the credential is of another type", code="credential.typ")
    try:
        payload = verify_signature(untrusted.jwt, key)
    except InvalidSignature as error:
        message = "the issuer's signature does not verify"
        raise InvalidSignature(message, code="credential.signature") from error
    # (2)-(5) The payload, its digests and the disclosures.
    return process(read_payload(payload, untrusted), untrusted)


def unverified_claims(untrusted: UntrustedSdJwt) -> JSONObject:
    """Return what the SD-JWT *says*, to look up whose key should verify it; never to act on.

    Raises:
        Malformed: ``credential.malformed`` or ``json.duplicate_key``.
    """
    return read_payload(untrusted.jwt.payload, untrusted)


def read_payload(payload: bytes, untrusted: UntrustedSdJwt) -> JSONObject:
    """Read the issuer's payload strictly; `Malformed` when it is no claims set."""
    try:
        return parse_json_object(payload, limits=untrusted.limits.json)
    except Malformed as error:
        kept = "json.duplicate_key" if error.code == "json.duplicate_key" else None
        raise Malformed(str(error), code=kept or "credential.malformed") from error


def process(payload: JSONObject, untrusted: UntrustedSdJwt) -> VerifiedSdJwt:
    """Put the disclosures in their places; the caller has verified the payload's signature."""
    # (2) The hash algorithm is ours to accept, at the top level only (§4.1.1).
    if payload.pop("_sd_alg", _HASH) != _HASH:
        raise _bad_hash()
    reader = _Reader(untrusted.disclosures, untrusted.limits.json.max_depth)
    # (3) Replace digests by what they stand for, recursively.
    claims = reader.object(payload, ())
    # (4) Every disclosure must have been referenced (§7.1 step 5).
    if len(reader.disclosed) != len(untrusted.disclosures):
        raise Malformed(
            "a disclosure is referenced by no digest", code="sdjwt.disclosure_unreferenced"
        )
    return VerifiedSdJwt(claims=claims, header=untrusted.jwt.header, disclosed=reader.disclosed)


class _Reader:
    """Walks the payload once. State: the digests seen and the disclosures used."""

    def __init__(self, disclosures: Iterable[Disclosure], max_depth: int) -> None:
        self._max_depth = max_depth
        self._by_digest = {item.digest: item for item in disclosures}
        self._seen: set[str] = set()
        self.disclosed: dict[Path, Disclosure] = {}

    def object(self, value: JSONObject, path: Path) -> JSONObject:
        digests = value.get("_sd")
        if "..." in value:
            raise Malformed("an element's digest stands in an object", code="sdjwt.sd_malformed")
        if "_sd_alg" in value:
            raise _bad_hash()
        # Most members are plain values: only what can hold a digest is walked.
        plain = {
            name: self.value(item, (*path, name)) if isinstance(item, (dict, list)) else item
            for name, item in value.items()
            if name != "_sd"
        }
        if "_sd" in value:
            self._members(digests, plain, path)
        return plain

    def value(self, value: JSON, path: Path) -> JSON:
        if isinstance(value, dict):
            return self.object(value, path)
        if isinstance(value, list):
            return self._array(value, path)
        return value

    def _members(self, digests: JSON, plain: JSONObject, path: Path) -> None:
        if not isinstance(digests, list):
            raise Malformed("_sd is not an array", code="sdjwt.sd_malformed")
        for digest in digests:
            disclosure = self._take(digest)
            if disclosure is None:
                continue
            name = disclosure.name
            if name is None:
                raise Malformed(
                    "a claim's disclosure has no name", code="sdjwt.disclosure_malformed"
                )
            if name in plain:
                raise Malformed("a disclosed claim is there already", code="sdjwt.claim_collision")
            plain[name] = self._place(disclosure, (*path, name))

    def _array(self, items: list[JSON], path: Path) -> list[JSON]:
        shown: list[JSON] = []
        for position, item in enumerate(items):
            here = (*path, position)
            if not (isinstance(item, dict) and "..." in item):
                shown.append(self.value(item, here))
                continue
            if len(item) != 1:
                raise Malformed("an element's digest has company", code="sdjwt.sd_malformed")
            disclosure = self._take(item["..."])
            if disclosure is None:
                continue
            if disclosure.name is not None:
                raise Malformed(
                    "an element's disclosure has a name", code="sdjwt.disclosure_malformed"
                )
            shown.append(self._place(disclosure, here))
        return shown

    def _place(self, disclosure: Disclosure, here: Path) -> JSON:
        if here[0] in NEVER_DISCLOSABLE:
            raise Malformed(
                "a claim that must always be visible was made disclosable",
                code="sdjwt.claim_not_selectively_disclosable",
            )
        # Each text was bounded when it was parsed; disclosures inside disclosures add up.
        if len(here) > self._max_depth:
            raise Malformed("the disclosures are nested too deep", code="limits.sdjwt")
        self.disclosed[here] = disclosure
        return self.value(disclosure.value, here)

    def _take(self, digest: JSON) -> Disclosure | None:
        if not isinstance(digest, str):
            raise Malformed("a digest is not a string", code="sdjwt.sd_malformed")
        if digest in self._seen:
            raise Malformed("a digest occurs twice", code="sdjwt.digest_duplicate")
        self._seen.add(digest)
        return self._by_digest.get(digest)


def _bad_hash() -> Malformed:
    return Malformed("the digest algorithm is not ours", code="sdjwt.hash_algorithm")
