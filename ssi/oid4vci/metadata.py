"""What an issuer and its authorization server say about themselves (OpenID4VCI 1.0 §12)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ssi.dcql_query import Path
from ssi.encoding import JSON, JSONObject
from ssi.errors import BindingMismatch

OPTIONAL_ENDPOINTS: Final = (
    "nonce_endpoint",
    "deferred_credential_endpoint",
    "notification_endpoint",
)
SERVER_ENDPOINTS: Final = (
    "token_endpoint",
    "authorization_endpoint",
    "pushed_authorization_request_endpoint",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """A name in one language; `locale` is a BCP 47 tag or absent."""

    name: str | None
    locale: str | None = None
    description: str | None = None
    logo_uri: str | None = None

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {
            name: value
            for name, value in (
                ("name", self.name),
                ("locale", self.locale),
                ("description", self.description),
            )
            if value is not None
        }
        return members if self.logo_uri is None else {**members, "logo": {"uri": self.logo_uri}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimDescription:
    """One claim a credential can hold (Appendix B.2)."""

    path: Path
    mandatory: bool = False
    display: tuple[Display, ...] = ()

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {"path": list(self.path), "mandatory": self.mandatory}
        return _with_display(members, self.display)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofType:
    """Algorithms for one kind of key proof, and whether a key attestation must be inside."""

    signing_algs: tuple[str, ...]
    key_attestation_required: bool = False

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {"proof_signing_alg_values_supported": list(self.signing_algs)}
        if self.key_attestation_required:
            members["key_attestations_required"] = {}
        return members


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialConfiguration:
    """One kind of credential the issuer issues.

    `vct` is set for `dc+sd-jwt`; a configuration of a format we do not know is kept by name so
    that it can be told apart from one that does not exist.
    """

    format: str
    vct: str | None = None
    scope: str | None = None
    signing_algs: tuple[str | int, ...] = ()
    binding_methods: tuple[str, ...] = ()
    proof_types: Mapping[str, ProofType] = field(default_factory=dict)
    display: tuple[Display, ...] = ()
    claims: tuple[ClaimDescription, ...] = ()

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {"format": self.format}
        if self.scope is not None:
            members["scope"] = self.scope
        if self.vct is not None:
            members["vct"] = self.vct
        if self.signing_algs:
            members["credential_signing_alg_values_supported"] = list[JSON](self.signing_algs)
        if self.binding_methods:
            members["cryptographic_binding_methods_supported"] = list(self.binding_methods)
        if self.proof_types:
            members["proof_types_supported"] = {
                name: kind.to_json() for name, kind in self.proof_types.items()
            }
        usage = _with_display({}, self.display)
        if self.claims:
            usage["claims"] = [claim.to_json() for claim in self.claims]
        return {**members, "credential_metadata": usage} if usage else members


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEncryptionSupport:
    """The issuer's keys for sealed requests; every key has a `kid` [ISS-META-4]."""

    keys: tuple[JSONObject, ...]
    encs: tuple[str, ...]
    required: bool

    def to_json(self) -> JSONObject:
        """The wire form."""
        return {
            "jwks": {"keys": list[JSON](self.keys)},
            "enc_values_supported": list(self.encs),
            "encryption_required": self.required,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEncryptionSupport:
    """How the issuer can seal its answers."""

    algs: tuple[str, ...]
    encs: tuple[str, ...]
    required: bool

    def to_json(self) -> JSONObject:
        """The wire form."""
        return {
            "alg_values_supported": list(self.algs),
            "enc_values_supported": list(self.encs),
            "encryption_required": self.required,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerMetadata:
    """Credential issuer metadata (§12.2.4)."""

    credential_issuer: str
    credential_endpoint: str
    configurations: Mapping[str, CredentialConfiguration]
    authorization_servers: tuple[str, ...] = ()
    nonce_endpoint: str | None = None
    deferred_credential_endpoint: str | None = None
    notification_endpoint: str | None = None
    request_encryption: RequestEncryptionSupport | None = None
    response_encryption: ResponseEncryptionSupport | None = None
    batch_size: int = 1
    display: tuple[Display, ...] = ()

    def authorization_server(self, hint: str | None = None) -> str:
        """The authorization server to use (§4.1.1, §12.2.4) [ISS-META-5].

        Args:
            hint: `authorization_server` of the offer's grant.

        Raises:
            BindingMismatch: `issuance.metadata_mismatch` when the hint is not listed, or the
                choice is open.
        """
        servers = self.authorization_servers or (self.credential_issuer,)
        if hint is None and len(servers) == 1:
            return servers[0]
        if hint is None or hint not in self.authorization_servers:
            raise BindingMismatch(
                "the authorization server is not one of the issuer's",
                code="issuance.metadata_mismatch",
            )
        return hint

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {"credential_issuer": self.credential_issuer}
        if self.authorization_servers:
            members["authorization_servers"] = list(self.authorization_servers)
        members["credential_endpoint"] = self.credential_endpoint
        for name in OPTIONAL_ENDPOINTS:
            value = getattr(self, name)
            if value is not None:
                members[name] = value
        if self.request_encryption is not None:
            members["credential_request_encryption"] = self.request_encryption.to_json()
        if self.response_encryption is not None:
            members["credential_response_encryption"] = self.response_encryption.to_json()
        if self.batch_size > 1:
            members["batch_credential_issuance"] = {"batch_size": self.batch_size}
        members["credential_configurations_supported"] = {
            name: entry.to_json() for name, entry in self.configurations.items()
        }
        return _with_display(members, self.display)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationServerMetadata:
    """Authorization server metadata (RFC 8414 §2, OpenID4VCI 1.0 §12.3)."""

    issuer: str
    token_endpoint: str | None = None
    authorization_endpoint: str | None = None
    pushed_authorization_request_endpoint: str | None = None
    grant_types: tuple[str, ...] = ("authorization_code", "implicit")
    code_challenge_methods: tuple[str, ...] = ()
    dpop_signing_algs: tuple[str, ...] = ()
    pre_authorized_grant_anonymous_access: bool = False

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {"issuer": self.issuer}
        for name in SERVER_ENDPOINTS:
            value = getattr(self, name)
            if value is not None:
                members[name] = value
        members["grant_types_supported"] = list(self.grant_types)
        if self.authorization_endpoint is not None:
            members["response_types_supported"] = ["code"]
        if self.code_challenge_methods:
            members["code_challenge_methods_supported"] = list(self.code_challenge_methods)
        if self.dpop_signing_algs:
            members["dpop_signing_alg_values_supported"] = list(self.dpop_signing_algs)
        members["pre-authorized_grant_anonymous_access_supported"] = (
            self.pre_authorized_grant_anonymous_access
        )
        return members


def _with_display(members: JSONObject, display: tuple[Display, ...]) -> JSONObject:
    return {**members, "display": [entry.to_json() for entry in display]} if display else members
