"""Our credential profile: SD-JWT VCs about a person, for Japan's sharing services.

Identity data stand under OpenID Identity Assurance ``verified_claims``; each claim is disclosable
on its own, the trust framework is always shown. Names and addresses are signed exactly as
received: no normalisation, ever. Clauses: ``specs/credential.md``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from ssi.encoding import JSON, Fields, JSONObject, sha256
from ssi.errors import BindingMismatch, Expired, Malformed, NotYetValid
from ssi.sdjwt import Sd

DAY: Final = 86400
DEFAULT_LEEWAY: Final = timedelta(seconds=60)
KANA_NAME: Final = "name#ja-Kana-JP"
_MAJORITY, _TWENTY = 18, 20


class CredentialType(StrEnum):
    """The ``vct`` values of this system."""

    KYC = "urn:warifu:kyc:1"
    LICENCE = "urn:warifu:driving-licence:1"
    ADDRESS = "urn:warifu:address:1"
    ADDRESS_SELF = "urn:warifu:address-self:1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A Japanese address: ``formatted`` is what the resident wrote, to the code point [CRED-3]."""

    formatted: str = field(repr=False)
    postal_code: str = field(repr=False)
    region: str = field(repr=False)
    locality: str = field(repr=False)
    street_address: str = field(repr=False)
    country: str = "JP"
    country_code: str = "JPN"

    def to_json(self) -> JSONObject:
        """The ``address`` claim (OpenID Connect Core §5.1.1, country_code of OIDC4IDA)."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, value: JSON) -> "Address":
        """Read an ``address`` claim; unknown members are ignored.

        Raises:
            Malformed: ``credential.address``.
        """
        if not isinstance(value, dict):
            raise Malformed("the address is no object", code="credential.address")
        fields = Fields(value, where="address", code="credential.address")
        return cls(
            formatted=fields.take_str("formatted", max_len=400),
            postal_code=fields.take_str("postal_code", max_len=16),
            region=fields.take_str("region", max_len=64),
            locality=fields.take_str("locality", max_len=128),
            street_address=fields.take_str("street_address", max_len=400),
            country=fields.take_str("country", max_len=2),
            country_code=fields.opt_str("country_code", max_len=3) or "JPN",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofing:
    """How the issuer checked the person: the ``verification`` element (OIDC4IDA §5)."""

    trust_framework: str
    organization: str
    checked_on: date
    procedure: str
    document_type: str = "jp_drivers_license"
    check_methods: tuple[str, ...] = ("vri", "data")


@dataclass(frozen=True, slots=True, kw_only=True)
class KycData:
    """What a KYC credential says about a person."""

    name: str = field(repr=False)
    name_kana: str = field(repr=False)
    birthdate: date = field(repr=False)
    address: Address = field(repr=False)
    portrait_checked: bool = field(repr=False, default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceData:
    """What a driving licence credential says."""

    name: str = field(repr=False)
    birthdate: date = field(repr=False)
    address: Address = field(repr=False)
    number: str = field(repr=False)
    classes: tuple[str, ...] = field(repr=False)
    conditions: tuple[str, ...] = field(repr=False)
    expiry: date = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReference:
    """Where the credential's status stands (Token Status List §6)."""

    uri: str
    index: int

    def to_json(self) -> JSONObject:
        """The ``status`` claim."""
        return {"status_list": {"idx": self.index, "uri": self.uri}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What every credential carries beside the person's data.

    Times are rounded to whole days, so that they join no two copies [CRED-6].
    """

    issuer_url: str
    issued_at: datetime
    expires_at: datetime
    holder_jwk: JSONObject
    status: StatusReference

    def claims(self, vct: CredentialType) -> dict[str, Any]:
        """The always visible claims [CRED-1]."""
        issued = int(self.issued_at.timestamp())
        expires = int(self.expires_at.timestamp())
        return {
            "iss": self.issuer_url,
            "vct": vct.value,
            "iat": issued - issued % DAY,
            "exp": expires - expires % DAY,
            "cnf": {"jwk": {n: v for n, v in self.holder_jwk.items() if n in _KEY_MEMBERS}},
            "status": self.status.to_json(),
        }


_KEY_MEMBERS = frozenset({"kty", "crv", "x", "y"})


def age_on(birthdate: date, today: date) -> int:
    """Return the age in Japan, where a person of 29 February turns a year older on 1 March.

    >>> age_on(date(2004, 2, 29), date(2022, 2, 28)), age_on(date(2004, 2, 29), date(2022, 3, 1))
    (17, 18)
    """
    had = (today.month, today.day) >= (birthdate.month, birthdate.day)
    return today.year - birthdate.year - (not had)


def kyc_payload(
    data: KycData, proofing: Proofing, envelope: Envelope, *, today: date
) -> dict[str, Any]:
    """Return the claims of a KYC credential, marked for selective disclosure [CRED-4].

    Args:
        data: The person's data, exactly as received.
        proofing: How they were checked.
        envelope: Issuer, times, holder key and status.
        today: The date in Japan, for the age claims.
    """
    age = age_on(data.birthdate, today)
    claims = {
        "name": data.name,
        KANA_NAME: data.name_kana,
        "birthdate": data.birthdate.isoformat(),
        "address": data.address.to_json(),
        "age_over_18": age >= _MAJORITY,
        "age_over_20": age >= _TWENTY,
        "portrait_checked": data.portrait_checked,
    }
    return envelope.claims(CredentialType.KYC) | _verified_claims(claims, proofing)


def licence_payload(data: LicenceData, proofing: Proofing, envelope: Envelope) -> dict[str, Any]:
    """Return the claims of a driving licence credential [CRED-5].

    The licence number stays with a person for life: it is in this credential only, for the
    purposes that the law asks it for.
    """
    claims = {
        "name": data.name,
        "birthdate": data.birthdate.isoformat(),
        "address": data.address.to_json(),
        "licence_number": data.number,
        # Each class can be shown alone; conditions only together, so that none can be hidden.
        "licence_classes": [Sd(name) for name in data.classes],
        "licence_conditions": list(data.conditions),
        "licence_expiry": data.expiry.isoformat(),
    }
    return envelope.claims(CredentialType.LICENCE) | _verified_claims(claims, proofing)


def address_payload(
    address: Address, moved_on: date, proofing: Proofing, envelope: Envelope
) -> dict[str, Any]:
    """Return the claims of an attested new address."""
    claims: dict[str, Any] = {"address": address.to_json(), "moved_on": moved_on.isoformat()}
    return envelope.claims(CredentialType.ADDRESS) | _verified_claims(claims, proofing)


def address_self_payload(
    address: Address, moved_on: date, *, did: str, holder_jwk: JSONObject, now: datetime
) -> dict[str, Any]:
    """Return the claims of a new address the resident asserts alone [CRED-7].

    It has no ``verified_claims``: nobody has verified anything.
    """
    return {
        "iss": did,
        "vct": CredentialType.ADDRESS_SELF.value,
        "iat": int(now.timestamp()),
        "cnf": {"jwk": {n: v for n, v in holder_jwk.items() if n in _KEY_MEMBERS}},
        "address": Sd(address.to_json()),
        "moved_on": Sd(moved_on.isoformat()),
        "assurance": "self_asserted",
    }


def _verified_claims(claims: Mapping[str, Any], proofing: Proofing) -> dict[str, Any]:
    evidence = {
        "type": "document",
        "check_details": [
            {"check_method": method, "organization": proofing.organization}
            for method in proofing.check_methods
        ],
        # No document number: it would join what two firms know [CRED-4].
        "document_details": {"type": proofing.document_type},
    }
    verification = {
        "trust_framework": proofing.trust_framework,
        "assurance_process": Sd({"procedure": proofing.procedure}),
        "time": Sd(f"{proofing.checked_on.isoformat()}T00:00Z"),
        "evidence": [Sd(evidence)],
    }
    marked = {name: Sd(value) for name, value in claims.items()}
    return {"verified_claims": {"verification": verification, "claims": marked}}


def claim_path(name: str) -> tuple[str, str, str]:
    """Return the DCQL path of a verified claim.

    >>> claim_path("name")
    ('verified_claims', 'claims', 'name')
    """
    return ("verified_claims", "claims", name)


def person_claims(claims: JSONObject) -> JSONObject:
    """Return the disclosed claims under ``verified_claims.claims``; empty when there are none."""
    verified = claims.get("verified_claims")
    inner = verified.get("claims") if isinstance(verified, dict) else None
    return inner if isinstance(inner, dict) else {}


def check_type(claims: JSONObject, accepted: Collection[str]) -> str:
    """Return the ``vct`` when it is one we asked for [CRED-2]; nothing else can stand for it.

    Raises:
        BindingMismatch: ``credential.type``.
    """
    vct = claims.get("vct")
    if not isinstance(vct, str) or vct not in accepted:
        raise BindingMismatch("the credential is of a type we did not ask", code="credential.type")
    return vct


def verify_times(claims: JSONObject, *, now: datetime, leeway: timedelta = DEFAULT_LEEWAY) -> None:
    """Check ``iat``, ``nbf`` and ``exp`` (RFC 9901 §7.1; RFC 7519 §4.1) [CRED-6].

    Args:
        claims: The processed claims.
        now: The present.
        leeway: How far the issuer's clock may be ahead of ours.

    Raises:
        Rejected: ``credential.malformed``, ``credential.expired`` or
            ``credential.not_yet_valid``.
    """
    at = int(now.timestamp())
    ahead = at + int(leeway.total_seconds())
    if "exp" in claims and _seconds(claims["exp"]) <= at:
        raise Expired("the credential has expired", code="credential.expired")
    for name in ("iat", "nbf"):
        if name in claims and _seconds(claims[name]) > ahead:
            raise NotYetValid("the credential is not yet valid", code="credential.not_yet_valid")


def _seconds(value: JSON) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Malformed("a time of the credential is no number", code="credential.malformed")
    return value


def status_reference(claims: JSONObject) -> StatusReference:
    """Return where the credential's status stands [CRED-ST-1].

    Raises:
        Malformed: ``status.missing``, ``status.index`` or ``status.malformed``.
    """
    status = claims.get("status")
    member = status.get("status_list") if isinstance(status, dict) else None
    if not isinstance(member, dict):
        raise Malformed("the credential has no status", code="status.missing")
    index, uri = member.get("idx"), member.get("uri")
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        raise Malformed("the status index is no index", code="status.index")
    if not isinstance(uri, str) or not uri:
        raise Malformed("the status list has no address", code="status.malformed")
    return StatusReference(uri=uri, index=index)


def kid_of(issuer_id: str, thumbprint: str) -> str:
    """Return the ``kid`` of an issuer's key: who, and which key."""
    return f"{issuer_id}#{thumbprint}"


def kid_parts(header: JSONObject) -> tuple[str, str]:
    """Return issuer id and key thumbprint from a ``kid``: hints where to look, nothing more.

    Raises:
        Malformed: ``credential.key_unknown``.
    """
    kid = header.get("kid")
    issuer_id, mark, thumbprint = kid.partition("#") if isinstance(kid, str) else ("", "", "")
    if not (issuer_id and mark and thumbprint):
        raise Malformed("the credential does not say whose key", code="credential.key_unknown")
    return issuer_id, thumbprint


def anchor_entry(salt: bytes, issuer_jwt: str) -> bytes:
    """Return what a batch anchor holds for one credential [CRED-AN-1].

    The salt is fresh per credential and stays off the chain: without it the entry says nothing.

    Args:
        salt: 32 random bytes, given to the holder.
        issuer_jwt: The issuer-signed JWT, without disclosures.

    Returns:
        SHA-256 of both, the entry whose RFC 6962 leaf the anchored root commits to.
    """
    return sha256(salt + issuer_jwt.encode("ascii"))


def disclosed_names(paths: Sequence[tuple[str | int, ...]]) -> tuple[str, ...]:
    """Return the names of the disclosed person claims, for records that hold no values."""
    under = ("verified_claims", "claims")
    names = (str(path[2]) for path in paths if path[:2] == under and len(path) > len(under))
    return tuple(dict.fromkeys(names))
