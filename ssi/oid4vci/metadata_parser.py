"""Reading the metadata of issuers and authorization servers (OpenID4VCI 1.0 §12, RFC 8414)."""

from typing import Final

from ssi.dcql_query import parse_path
from ssi.encoding import JSON, Fields, JsonLimits, parse_json_object
from ssi.errors import BindingMismatch, Malformed
from ssi.message_urls import check_issuer_url, check_web_url
from ssi.oid4vci.metadata import (
    OPTIONAL_ENDPOINTS,
    SERVER_ENDPOINTS,
    AuthorizationServerMetadata,
    ClaimDescription,
    CredentialConfiguration,
    Display,
    IssuerMetadata,
    ProofType,
    RequestEncryptionSupport,
    ResponseEncryptionSupport,
)

METADATA_LIMITS: Final = JsonLimits(
    max_bytes=512 << 10, max_members=40_000, max_string=131_072, max_depth=24
)
ISSUER_WELL_KNOWN: Final = "openid-credential-issuer"
SERVER_WELL_KNOWN: Final = "oauth-authorization-server"
_CODE = "issuance.metadata_malformed"
_MAX_CONFIGURATIONS = 256


def well_known_url(identifier: str, name: str) -> str:
    """Insert a well-known path between host and path (RFC 8414 §3.1) [ISS-META-1].

    Args:
        identifier: The issuer identifier.
        name: The well-known name.

    Returns:
        `https://host/.well-known/<name>/<path>`.

    Raises:
        Malformed: `issuance.metadata_malformed` when the identifier is no issuer address.
    """
    check_issuer_url(identifier, where="issuer identifier", code=_CODE)
    scheme, _, rest = identifier.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority}/.well-known/{name}{slash}{path}".rstrip("/")


def issuer_metadata_url(credential_issuer: str) -> str:
    """Where the metadata of a credential issuer is (§12.2.2)."""
    return well_known_url(credential_issuer, ISSUER_WELL_KNOWN)


def authorization_server_metadata_url(issuer: str) -> str:
    """Where the metadata of an authorization server is (RFC 8414 §3)."""
    return well_known_url(issuer, SERVER_WELL_KNOWN)


def parse_issuer_metadata(data: bytes | str, *, issuer: str) -> IssuerMetadata:
    """Read credential issuer metadata (§12.2.4) [ISS-META-2].

    Args:
        data: The JSON text.
        issuer: The identifier whose well-known address it came from.

    Returns:
        The metadata; unknown members are ignored.

    Raises:
        Malformed: `issuance.metadata_malformed` or a `json.*` code.
        BindingMismatch: `issuance.metadata_mismatch` when it is about another issuer.
    """
    fields = Fields(
        parse_json_object(data, limits=METADATA_LIMITS), where="issuer metadata", code=_CODE
    )
    # Simple string comparison, no normalisation (§12.2.4).
    if fields.take_str("credential_issuer") != issuer:
        raise _mismatch()
    check_issuer_url(issuer, where="credential_issuer", code=_CODE)
    configurations = fields.take_object("credential_configurations_supported")
    if len(configurations) > _MAX_CONFIGURATIONS:
        raise Malformed("too many credential configurations", code=_CODE)
    servers = fields.opt_strs("authorization_servers", max_items=16, max_len=2048)
    if servers == ():
        raise Malformed("authorization_servers is empty", code=_CODE)
    batch = fields.opt_fields("batch_credential_issuance")
    return IssuerMetadata(
        credential_issuer=issuer,
        credential_endpoint=check_web_url(
            fields.take_str("credential_endpoint"), where="credential_endpoint", code=_CODE
        ),
        configurations={
            name: _parse_configuration(entry) for name, entry in configurations.items()
        },
        authorization_servers=tuple(
            check_issuer_url(server, where="authorization_servers", code=_CODE)
            for server in servers or ()
        ),
        request_encryption=_parse_request_encryption(
            fields.opt_fields("credential_request_encryption")
        ),
        response_encryption=_parse_response_encryption(
            fields.opt_fields("credential_response_encryption")
        ),
        batch_size=1 if batch is None else batch.take_int("batch_size", minimum=2),
        display=_parse_display(fields),
        **_endpoints(fields, OPTIONAL_ENDPOINTS),
    )


def parse_authorization_server_metadata(
    data: bytes | str, *, issuer: str
) -> AuthorizationServerMetadata:
    """Read authorization server metadata (RFC 8414 §2) [ISS-META-3].

    Args:
        data: The JSON text.
        issuer: The identifier whose well-known address it came from.

    Returns:
        The metadata; unknown members are ignored.

    Raises:
        Malformed: `issuance.metadata_malformed` or a `json.*` code.
        BindingMismatch: `issuance.metadata_mismatch` when it is about another server.
    """
    fields = Fields(
        parse_json_object(data, limits=METADATA_LIMITS), where="server metadata", code=_CODE
    )
    if fields.take_str("issuer") != issuer:
        raise _mismatch()
    grants = fields.opt_strs("grant_types_supported")
    return AuthorizationServerMetadata(
        issuer=check_issuer_url(issuer, where="issuer", code=_CODE),
        # RFC 8414 §2: the default when absent.
        grant_types=("authorization_code", "implicit") if grants is None else grants,
        code_challenge_methods=fields.opt_strs("code_challenge_methods_supported") or (),
        dpop_signing_algs=fields.opt_strs("dpop_signing_alg_values_supported") or (),
        pre_authorized_grant_anonymous_access=fields.opt_bool(
            "pre-authorized_grant_anonymous_access_supported"
        )
        is True,
        **_endpoints(fields, SERVER_ENDPOINTS),
    )


def _mismatch() -> BindingMismatch:
    return BindingMismatch("the metadata is about somebody else", code="issuance.metadata_mismatch")


def _endpoints(fields: Fields, names: tuple[str, ...]) -> dict[str, str]:
    given = {name: fields.opt_str(name) for name in names}
    return {
        name: check_web_url(url, where=name, code=_CODE)
        for name, url in given.items()
        if url is not None
    }


def _parse_configuration(obj: JSON) -> CredentialConfiguration:
    fields = _object_fields(obj, "credential_configurations_supported")
    methods = fields.opt_strs("cryptographic_binding_methods_supported") or ()
    proof_types = fields.opt_object("proof_types_supported") or {}
    if bool(methods) is not bool(proof_types):  # [ISS-META-6]
        raise Malformed("binding methods and proof types do not go together", code=_CODE)
    format_ = fields.take_str("format", max_len=64)
    usage = fields.opt_fields("credential_metadata")
    return CredentialConfiguration(
        format=format_,
        vct=fields.opt_str("vct", max_len=1024) if format_ == "dc+sd-jwt" else None,
        scope=fields.opt_str("scope", max_len=1024),
        signing_algs=_parse_algs(fields.opt_list("credential_signing_alg_values_supported")),
        binding_methods=methods,
        proof_types={name: _parse_proof_type(entry) for name, entry in proof_types.items()},
        display=() if usage is None else _parse_display(usage),
        claims=() if usage is None else _parse_claims(usage.opt_list("claims")),
    )


def _parse_algs(values: list[JSON] | None) -> tuple[str | int, ...]:
    """JOSE names, or COSE integers for mdoc (Appendix A)."""
    algs = tuple(
        value for value in values or () if isinstance(value, str | int) and value is not True
    )
    if values is not None and (not algs or len(algs) != len(values)):
        raise Malformed("a signing algorithm is neither a name nor a number", code=_CODE)
    return algs


def _parse_proof_type(obj: JSON) -> ProofType:
    fields = _object_fields(obj, "proof_types_supported")
    algs = fields.take_strs("proof_signing_alg_values_supported", max_len=64)
    if not algs:
        raise Malformed("proof_signing_alg_values_supported is empty", code=_CODE)
    attestation = fields.opt_object("key_attestations_required")
    return ProofType(signing_algs=algs, key_attestation_required=attestation is not None)


def _parse_display(fields: Fields) -> tuple[Display, ...]:
    display = tuple(_parse_name(entry) for entry in fields.opt_list("display", max_items=256) or ())
    locales = [entry.locale for entry in display if entry.locale is not None]
    if len(set(locales)) != len(locales):
        raise Malformed("display has one locale twice", code=_CODE)
    return display


def _parse_name(obj: JSON) -> Display:
    fields = _object_fields(obj, "display")
    logo = fields.opt_fields("logo")
    return Display(
        name=fields.opt_str("name", allow_empty=True),
        locale=fields.opt_str("locale", max_len=64),
        description=fields.opt_str("description", allow_empty=True),
        logo_uri=None if logo is None else logo.opt_str("uri", max_len=131_072),
    )


def _parse_claims(entries: list[JSON] | None) -> tuple[ClaimDescription, ...]:
    claims: list[ClaimDescription] = []
    for entry in entries or ():
        fields = _object_fields(entry, "claims")
        claims.append(
            ClaimDescription(
                path=parse_path(fields.take_list("path"), code=_CODE),
                mandatory=fields.opt_bool("mandatory") is True,
                display=_parse_display(fields),
            )
        )
    return tuple(claims)


def _parse_request_encryption(fields: Fields | None) -> RequestEncryptionSupport | None:
    if fields is None:
        return None
    keys = fields.take_fields("jwks").take_objects("keys", max_items=16)
    names = [key.get("kid") for key in keys]
    if not keys or not all(isinstance(name, str) and name for name in names):
        raise Malformed("an encryption key has no kid", code=_CODE)  # [ISS-META-4]
    return RequestEncryptionSupport(
        keys=keys,
        encs=fields.take_strs("enc_values_supported", max_len=64),
        required=fields.take_bool("encryption_required"),
    )


def _parse_response_encryption(fields: Fields | None) -> ResponseEncryptionSupport | None:
    if fields is None:
        return None
    return ResponseEncryptionSupport(
        algs=fields.take_strs("alg_values_supported", max_len=64),
        encs=fields.take_strs("enc_values_supported", max_len=64),
        required=fields.take_bool("encryption_required"),
    )


def _object_fields(obj: JSON, where: str) -> Fields:
    if not isinstance(obj, dict):
        raise Malformed(f"{where} holds something that is not an object", code=_CODE)
    return Fields(obj, where=where, code=_CODE)
