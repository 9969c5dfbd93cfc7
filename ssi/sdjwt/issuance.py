"""SD-JWTs made, cut down and presented (RFC 9901 §6, §7.2)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ssi.encoding import JSON, JSONObject, b64url_encode, canonical_json
from ssi.jose import sign_jws
from ssi.keys import Random, Signer
from ssi.sdjwt.key_binding import KB_TYPE, sd_hash, transaction_hash
from ssi.sdjwt.processing import VerifiedSdJwt, process, read_payload
from ssi.sdjwt.wire import RESERVED_NAMES, SD_JWT_TYPE, UntrustedSdJwt, digest_of, parse_sdjwt

SALT_SIZE: Final = 16
_DIGEST_SIZE = 32


@dataclass(frozen=True, slots=True)
class Sd:
    """Marks a member's value or an array element as selectively disclosable; may nest."""

    value: Any = field(repr=False)


def issue(  # noqa: PLR0913 - what an issuer decides
    payload: Mapping[str, Any],
    signer: Signer,
    *,
    random: Random,
    header: Mapping[str, JSON] | None = None,
    typ: str = SD_JWT_TYPE,
    decoys: int = 0,
) -> str:
    """Issue an SD-JWT [CRED-SD-3].

    Args:
        payload: The claims; what is wrapped in `Sd` becomes disclosable.
        signer: The issuer's key.
        random: Returns that many unpredictable bytes, for the salts.
        header: Further protected header members (``kid``, ``x5c``).
        typ: The type of the token.
        decoys: How many digests that stand for nothing to add at the top level.

    Returns:
        ``<jwt>~<disclosure>~...~``.

    Raises:
        ValueError: a claim has a reserved name.
    """
    builder = _Builder(random)
    claims = builder.object(payload, decoys=decoys)
    if builder.disclosures or decoys:
        claims["_sd_alg"] = "sha-256"
    token = sign_jws(claims, signer, typ=typ, header=header)
    return "~".join([token, *builder.disclosures, ""])


class _Builder:
    """Collects the disclosures of one SD-JWT."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.disclosures: list[str] = []

    def object(self, members: Mapping[str, Any], *, decoys: int = 0) -> JSONObject:
        plain: JSONObject = {}
        digests = [b64url_encode(self._random(_DIGEST_SIZE)) for _ in range(decoys)]
        for name, value in members.items():
            if name in RESERVED_NAMES:
                raise ValueError("a claim name is reserved by RFC 9901")
            if isinstance(value, Sd):
                digests.append(self._disclose(name, value))
            else:
                plain[name] = self.value(value)
        if digests:
            # Sorted, so that the order tells nothing about which claims are there.
            plain["_sd"] = list[JSON](sorted(digests))
        return plain

    def value(self, value: Any) -> JSON:
        if isinstance(value, Mapping):
            return self.object(value)
        if isinstance(value, (list, tuple)):
            return [
                {"...": self._disclose(None, item)} if isinstance(item, Sd) else self.value(item)
                for item in value
            ]
        if value is None or isinstance(value, (bool, int, str)):
            return value
        raise ValueError("a claim is of a type JSON does not have")

    def _disclose(self, name: str | None, marked: Sd) -> str:
        salt = b64url_encode(self._random(SALT_SIZE))
        value = self.value(marked.value)
        array: list[JSON] = [salt, value] if name is None else [salt, name, value]
        encoded = b64url_encode(canonical_json(array))
        self.disclosures.append(encoded)
        return digest_of(encoded)


def select(sdjwt: str, paths: Iterable[Sequence[str | int | None]]) -> str:
    """Cut an SD-JWT down to the claims at ``paths``, what lies below them and their parents.

    Args:
        sdjwt: What the issuer issued, without key binding.
        paths: Claim paths as in DCQL; None stands for every element of an array.

    Returns:
        The SD-JWT with just those disclosures.

    Raises:
        Rejected: the SD-JWT is malformed.
        ValueError: the SD-JWT carries a key binding.
    """
    untrusted = parse_sdjwt(sdjwt)
    if untrusted.kb is not None:
        raise ValueError("an SD-JWT with key binding cannot be cut down")
    whole = _contents(untrusted)
    wanted = [tuple(path) for path in paths]
    kept = [
        disclosure.encoded
        for at, disclosure in whole.disclosed.items()
        if any(_overlap(at, path) for path in wanted)
    ]
    token = sdjwt.split("~", 1)[0]
    return "~".join([token, *kept, ""])


def _contents(untrusted: UntrustedSdJwt) -> VerifiedSdJwt:
    """Where each disclosure belongs; the holder verified the signature when storing it."""
    return process(read_payload(untrusted.jwt.payload, untrusted), untrusted)


def _overlap(at: tuple[str | int, ...], path: tuple[str | int | None, ...]) -> bool:
    """Tell whether one is the other's beginning: a parent, the claim itself, or below it."""
    return all(
        part == step or (step is None and isinstance(part, int))
        for part, step in zip(at, path, strict=False)
    )


def present(  # noqa: PLR0913 - what a holder signs
    selected: str,
    signer: Signer,
    *,
    audience: str,
    nonce: str,
    now: datetime,
    transaction_data: Sequence[str] = (),
) -> str:
    """Add the holder's key binding (RFC 9901 §4.3) [CRED-KB-2].

    Args:
        selected: What `select` returned.
        signer: The key that ``cnf`` names.
        audience: The verifier's full client identifier.
        nonce: The nonce of its request.
        now: The present.
        transaction_data: The request's transaction data strings, as received.

    Returns:
        The presentation.

    Raises:
        ValueError: ``selected`` carries a key binding already.
    """
    if not selected.endswith("~"):
        raise ValueError("a key binding is there already")
    claims: JSONObject = {
        "iat": int(now.timestamp()),
        "aud": audience,
        "nonce": nonce,
        "sd_hash": sd_hash(selected),
    }
    if transaction_data:
        hashes: list[JSON] = [transaction_hash(text) for text in transaction_data]
        claims |= {"transaction_data_hashes": hashes, "transaction_data_hashes_alg": "sha-256"}
    return selected + sign_jws(claims, signer, typ=KB_TYPE)
