"""The DCQL query itself: its parts and its strict parser (OpenID4VP 1.0 §6).

Unknown members are ignored as the standard demands; everything known is checked, because a
query that a wallet reads differently from its verifier discloses the wrong thing.
"""

import re
from dataclasses import dataclass

from ssi.encoding import JSON, Fields, JSONObject, b64url_decode
from ssi.errors import Malformed

MAX_CREDENTIALS = 16
MAX_CLAIMS = 64
MAX_SETS = 32
MAX_OPTIONS = 64
MAX_VALUES = 64
MAX_PATH = 16
MAX_TEXT = 1024

Path = tuple[str | int | None, ...]
"""A claims path pointer: object key, array index, or `None` for every array element."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_CODE = "query.malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimQuery:
    """One requested claim (§6.3)."""

    path: Path
    id: str | None = None
    values: tuple[str | int | bool, ...] | None = None
    intent_to_retain: bool | None = None

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {"path": list(self.path)}
        if self.id is not None:
            members["id"] = self.id
        if self.values is not None:
            members["values"] = list(self.values)
        if self.intent_to_retain is not None:
            members["intent_to_retain"] = self.intent_to_retain
        return members


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedAuthority:
    """One acceptable authority or trust framework (§6.1.1)."""

    type: str
    values: tuple[str, ...]

    def to_json(self) -> JSONObject:
        """The wire form."""
        return {"type": self.type, "values": list(self.values)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialQuery:
    """One requested credential (§6.1).

    `accepted_types` are the `vct_values`, or the one `doctype_value`; `type_values` are the W3C
    alternatives. A format we do not know has neither and therefore never matches.
    """

    id: str
    format: str
    accepted_types: tuple[str, ...] = ()
    type_values: tuple[frozenset[str], ...] = ()
    multiple: bool = False
    require_cryptographic_holder_binding: bool = True
    trusted_authorities: tuple[TrustedAuthority, ...] = ()
    claims: tuple[ClaimQuery, ...] = ()
    claim_sets: tuple[tuple[str, ...], ...] = ()

    def claim_options(self) -> tuple[tuple[ClaimQuery, ...], ...]:
        """The combinations of claims that answer, the verifier's favourite first (§6.4.1)."""
        if not self.claim_sets:
            return (self.claims,)
        by_id = {claim.id: claim for claim in self.claims}
        return tuple(tuple(by_id[name] for name in names) for names in self.claim_sets)

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {"id": self.id, "format": self.format, "meta": self._meta()}
        if self.multiple:
            members["multiple"] = True
        if not self.require_cryptographic_holder_binding:
            members["require_cryptographic_holder_binding"] = False
        if self.trusted_authorities:
            members["trusted_authorities"] = [entry.to_json() for entry in self.trusted_authorities]
        if self.claims:
            members["claims"] = [claim.to_json() for claim in self.claims]
        if self.claim_sets:
            members["claim_sets"] = [list(names) for names in self.claim_sets]
        return members

    def _meta(self) -> JSONObject:
        if self.format == "dc+sd-jwt":
            return {"vct_values": list(self.accepted_types)}
        if self.format == "mso_mdoc":
            return {"doctype_value": self.accepted_types[0]}
        if self.type_values:
            return {"type_values": [list[JSON](sorted(kind)) for kind in self.type_values]}
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSetQuery:
    """Alternatives for one need of the verifier (§6.2)."""

    options: tuple[tuple[str, ...], ...]
    required: bool = True

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {"options": [list(option) for option in self.options]}
        if not self.required:
            members["required"] = False
        return members


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A DCQL query."""

    credentials: tuple[CredentialQuery, ...]
    credential_sets: tuple[CredentialSetQuery, ...] = ()

    def sets(self) -> tuple[CredentialSetQuery, ...]:
        """The credential sets; without any, one required set of every credential (§6.4.2)."""
        everything = CredentialSetQuery(options=(tuple(entry.id for entry in self.credentials),))
        return self.credential_sets or (everything,)

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {"credentials": [entry.to_json() for entry in self.credentials]}
        if self.credential_sets:
            members["credential_sets"] = [entry.to_json() for entry in self.credential_sets]
        return members


def parse_query(obj: JSON) -> Query:
    """Read a DCQL query strictly (OpenID4VP 1.0 §6) [PRE-QUERY-1].

    Args:
        obj: The decoded JSON value of `dcql_query`.

    Returns:
        The query.

    Raises:
        Malformed: `query.malformed`.
    """
    fields = _fields(obj, "dcql_query")
    credentials = tuple(
        _parse_credential(entry)
        for entry in _bounded(fields.take_list("credentials"), MAX_CREDENTIALS)
    )
    names = frozenset(entry.id for entry in credentials)
    if len(names) != len(credentials):
        raise _malformed("a credential query id is used twice")  # [PRE-QUERY-2]
    sets = fields.opt_list("credential_sets")
    return Query(
        credentials=credentials,
        credential_sets=()
        if sets is None
        else tuple(_parse_set(entry, names) for entry in _bounded(sets, MAX_SETS)),
    )


def parse_path(value: JSON, *, code: str = _CODE) -> Path:
    """Read a claims path pointer (OpenID4VP 1.0 §7) [PRE-QUERY-5].

    Args:
        value: The decoded JSON value.
        code: The error code of this place.

    Raises:
        Malformed: with `code`.
    """
    if not isinstance(value, list) or not 0 < len(value) <= MAX_PATH:
        raise Malformed("a claims path pointer is not a short, non-empty array", code=code)
    path: list[str | int | None] = []
    for component in value:
        if isinstance(component, str):
            known = len(component) <= MAX_TEXT
        elif isinstance(component, int):
            known = component >= 0 and not isinstance(component, bool)
        else:
            known = component is None
        if not known or isinstance(component, float | list | dict):
            raise Malformed("a pointer component is not a key, index or null", code=code)
        path.append(component)
    return tuple(path)


def _parse_credential(obj: JSON) -> CredentialQuery:
    fields = _fields(obj, "dcql_query.credentials")
    name = _identifier(fields.take_str("id"))
    kind = fields.take_str("format", max_len=64)
    accepted_types, type_values = _parse_meta(kind, fields.take_object("meta"))
    multiple = fields.opt_bool("multiple")
    binding = fields.opt_bool("require_cryptographic_holder_binding")
    authorities = fields.opt_list("trusted_authorities")
    claims = _parse_claims(fields.opt_list("claims"), mdoc=kind == "mso_mdoc")
    return CredentialQuery(
        id=name,
        format=kind,
        accepted_types=accepted_types,
        type_values=type_values,
        multiple=multiple is True,
        require_cryptographic_holder_binding=binding is not False,
        trusted_authorities=()
        if authorities is None
        else tuple(_parse_authority(entry) for entry in _bounded(authorities, MAX_OPTIONS)),
        claims=claims,
        claim_sets=_parse_claim_sets(fields.opt_list("claim_sets"), claims),
    )


def _parse_meta(kind: str, meta: JSONObject) -> tuple[tuple[str, ...], tuple[frozenset[str], ...]]:
    """Types asked for; the format profiles make them mandatory (Appendix B) [PRE-QUERY-3]."""
    fields = _fields(meta, "dcql_query.credentials.meta")
    if kind == "dc+sd-jwt":
        return _texts(fields.take_list("vct_values")), ()
    if kind == "mso_mdoc":
        return (fields.take_str("doctype_value", max_len=MAX_TEXT),), ()
    if kind in {"ldp_vc", "jwt_vc_json", "jwt_vc_json-ld"}:
        alternatives = _bounded(fields.take_list("type_values"), MAX_OPTIONS)
        return (), tuple(frozenset(_texts(entry)) for entry in alternatives)
    return (), ()


def _parse_claims(entries: list[JSON] | None, *, mdoc: bool) -> tuple[ClaimQuery, ...]:
    if entries is None:
        return ()
    claims = tuple(_parse_claim(entry, mdoc=mdoc) for entry in _bounded(entries, MAX_CLAIMS))
    names = [claim.id for claim in claims if claim.id is not None]
    if len(set(names)) != len(names):
        raise _malformed("a claim id is used twice")  # [PRE-QUERY-2]
    # Wallets ignore a claim that is asked again (§6.1).
    return tuple(dict.fromkeys(claims))


def _parse_claim(obj: JSON, *, mdoc: bool) -> ClaimQuery:
    fields = _fields(obj, "dcql_query.credentials.claims")
    name = fields.opt_str("id")
    path = parse_path(fields.take_list("path"))
    if mdoc and (len(path) != 2 or not all(isinstance(part, str) for part in path)):  # noqa: PLR2004 - namespace and element
        raise _malformed("an mdoc claim path is not a namespace and an element")
    values = fields.opt_list("values")
    return ClaimQuery(
        path=path,
        id=None if name is None else _identifier(name),
        values=None if values is None else tuple(map(_value, _bounded(values, MAX_VALUES))),
        intent_to_retain=fields.opt_bool("intent_to_retain"),
    )


def _value(value: JSON) -> str | int | bool:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise _malformed("an expected value is too long")
    if not isinstance(value, str | int):
        raise _malformed("an expected value is not a string, integer or boolean")
    return value


def _parse_claim_sets(
    entries: list[JSON] | None, claims: tuple[ClaimQuery, ...]
) -> tuple[tuple[str, ...], ...]:
    if entries is None:
        return ()
    if not claims or any(claim.id is None for claim in claims):
        raise _malformed("claim_sets needs claims that all have an id")  # [PRE-QUERY-4]
    names = frozenset(claim.id for claim in claims)
    options = tuple(_texts(entry) for entry in _bounded(entries, MAX_OPTIONS))
    if not all(names.issuperset(option) for option in options):
        raise _malformed("claim_sets names a claim that is not in claims")
    return tuple(tuple(dict.fromkeys(option)) for option in options)


def _parse_authority(obj: JSON) -> TrustedAuthority:
    fields = _fields(obj, "dcql_query.credentials.trusted_authorities")
    authority = TrustedAuthority(
        type=fields.take_str("type", max_len=64), values=_texts(fields.take_list("values"))
    )
    if authority.type == "aki":
        for value in authority.values:
            b64url_decode(value)
    return authority


def _parse_set(obj: JSON, names: frozenset[str]) -> CredentialSetQuery:
    fields = _fields(obj, "dcql_query.credential_sets")
    options = tuple(_texts(e) for e in _bounded(fields.take_list("options"), MAX_OPTIONS))
    if not all(names.issuperset(option) for option in options):
        raise _malformed("credential_sets names a credential that is not in credentials")
    required = fields.opt_bool("required")
    return CredentialSetQuery(
        options=tuple(tuple(dict.fromkeys(option)) for option in options),
        required=required is not False,
    )


def _identifier(name: str) -> str:
    if not _ID.fullmatch(name):
        raise _malformed("an id is not made of letters, digits, underscore and hyphen")
    return name


def _texts(value: JSON) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _malformed("a list of strings is not an array")
    texts: list[str] = []
    for text in _bounded(value, MAX_OPTIONS):
        if not isinstance(text, str) or not 0 < len(text) <= MAX_TEXT:
            raise _malformed("a list of strings holds something else")
        texts.append(text)
    return tuple(texts)


def _bounded(values: list[JSON], most: int) -> list[JSON]:
    if not 0 < len(values) <= most:
        raise _malformed("a list in the query is empty or too long")
    return values


def _fields(obj: JSON, where: str) -> Fields:
    if not isinstance(obj, dict):
        raise _malformed("a part of the query is not an object")
    return Fields(obj, where=where, code=_CODE)


def _malformed(fact: str) -> Malformed:
    return Malformed(fact, code=_CODE)
