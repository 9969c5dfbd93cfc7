"""Certificate chains (V-19)."""

import os
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ssi.encoding import b64url_encode, sha256
from ssi.errors import Expired, Malformed, NotYetValid, Rejected, Untrusted
from ssi.keys import Alg, generate_signer
from ssi.x509 import (
    create_ca,
    create_leaf,
    load_pem_chain,
    parse_x5c,
    to_x5c,
    verify_chain,
    x509_hash,
)

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DAY = timedelta(days=1)
DATES = {"not_before": NOW - DAY, "not_after": NOW + DAY}
ROOT_SECRET, MIDDLE_SECRET, LEAF = (generate_signer(Alg.ES256, os.urandom) for _ in range(3))
ROOT_SECRET, MIDDLE_SECRET = ROOT_SECRET.secret, MIDDLE_SECRET.secret
ROOT = create_ca("Root", secret=ROOT_SECRET, serial=1, **DATES)
MIDDLE = create_ca(
    "Middle", secret=MIDDLE_SECRET, serial=2, issuer=(ROOT, ROOT_SECRET), path_length=0, **DATES
)


def leaf(issuer=(MIDDLE, MIDDLE_SECRET), name="Leaf", key=LEAF.public_key, **changes):
    options = {**DATES, "serial": 3, "dns_names": ["issuer.example"], **changes}
    return create_leaf(name, public_key=key, issuer=issuer, **options)


GOOD = (leaf(), MIDDLE)


def verify(chain, anchors=(ROOT,), now=NOW, **options):
    return verify_chain(parse_x5c(to_x5c(chain)), anchors=anchors, now=now, **options)


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def refused(chain, kind=Rejected, **options):
    with pytest.raises(kind) as caught:
        verify(chain, **options)
    assert caught.value.code == "credential.chain"
    return str(caught.value)


def test_a_good_chain_gives_the_leafs_key_hash_and_authorities():
    found = verify(GOOD, dns_name="Issuer.example")
    assert found.public_key == LEAF.public_key
    assert found.sha256 == sha256(der(GOOD[0]))
    assert x509_hash(der(GOOD[0])) == b64url_encode(found.sha256)
    assert len(found.akis) == 2
    assert found.anchor == ROOT
    assert verify((leaf(issuer=(ROOT, ROOT_SECRET)),)).public_key == LEAF.public_key
    assert verify(GOOD, anchors=[der(ROOT)]).anchor == ROOT
    ed25519 = generate_signer(Alg.EDDSA, os.urandom).public_key
    assert verify((leaf(key=ed25519), MIDDLE)).public_key == ed25519


def test_wrong_order_and_extra_certificates_are_refused():
    refused((MIDDLE, GOOD[0]), Untrusted)
    other = create_ca("Other", secret=os.urandom(32), serial=9, **DATES)
    refused((*GOOD, other), Untrusted)
    refused((GOOD[0], GOOD[0], MIDDLE), Untrusted)
    refused((GOOD[0],), Untrusted)


def test_the_root_stays_out_of_the_message():
    assert "anchor" in refused((*GOOD, ROOT), Untrusted)


def test_a_self_signed_leaf_is_refused_even_when_it_is_the_anchor():
    alone = create_ca("Alone", secret=LEAF.secret, serial=5, **DATES)
    refused((alone,), Untrusted)
    refused((alone,), Untrusted, anchors=(alone,))


def test_fifty_certificates_are_refused_before_any_is_read():
    with pytest.raises(Malformed):
        parse_x5c(to_x5c([ROOT]) * 50)
    with pytest.raises(Malformed):
        parse_x5c([])
    with pytest.raises(Malformed):
        verify_chain([GOOD[0]] * 6, anchors=[ROOT], now=NOW)


@pytest.mark.parametrize("now", [NOW - 2 * DAY, NOW - DAY - timedelta(seconds=1)])
def test_a_chain_that_is_not_valid_yet_is_refused(now):
    refused(GOOD, NotYetValid, now=now)


def test_an_expired_leaf_intermediate_or_anchor_is_refused():
    early = {"not_before": NOW - 3 * DAY, "not_after": NOW - DAY}
    refused((leaf(**early), MIDDLE), Expired)
    old = create_ca("Middle", secret=MIDDLE_SECRET, serial=2, issuer=(ROOT, ROOT_SECRET), **early)
    refused((GOOD[0], old), Expired)
    refused(GOOD, Expired, anchors=(create_ca("Root", secret=ROOT_SECRET, serial=1, **early),))


def test_a_leaf_cannot_issue():
    no_authority = create_leaf(
        "Middle",
        public_key=generate_signer(Alg.ES256, lambda _: MIDDLE_SECRET).public_key,
        issuer=(ROOT, ROOT_SECRET),
        serial=6,
        **DATES,
    )
    assert "no authority" in refused((GOOD[0], no_authority), Untrusted)


def test_an_authority_is_no_leaf_and_a_path_length_is_kept():
    assert "leaf" in refused((MIDDLE,), Untrusted)
    low_secret = generate_signer(Alg.ES256, os.urandom).secret
    low = create_ca("Low", secret=low_secret, serial=7, issuer=(MIDDLE, MIDDLE_SECRET), **DATES)
    assert "longer" in refused((leaf(issuer=(low, low_secret)), low, MIDDLE), Untrusted)


def test_another_root_of_the_same_name_is_no_anchor():
    twin = create_ca(
        "Root", secret=generate_signer(Alg.ES256, os.urandom).secret, serial=1, **DATES
    )
    refused(GOOD, Untrusted, anchors=(twin,))
    assert verify(GOOD, anchors=(twin, ROOT)).anchor == ROOT
    refused(GOOD, Untrusted, anchors=())


@pytest.mark.parametrize("name", ["example", "evil.example", "*.example", "issuer.example.", ""])
def test_the_leaf_must_carry_the_name(name):
    refused(GOOD, Untrusted, dns_name=name)
    refused((leaf(dns_names=()), MIDDLE), Untrusted, dns_name="issuer.example")


@pytest.mark.parametrize(
    "value", ["", "AAAA", "not base64!", b64encode(der(ROOT) + b"x").decode(), "A" * 20000]
)
def test_what_is_no_certificate_is_refused(value):
    with pytest.raises(Malformed) as caught:
        parse_x5c([value], code="request.chain")
    assert caught.value.code == "request.chain"


def test_base64_has_one_spelling():
    good = to_x5c([ROOT])[0]
    for bad in (good + "\n", good.rstrip("=") + "====", good[:10] + "\n" + good[10:]):
        with pytest.raises(Malformed):
            parse_x5c([bad])


def custom(key, *extensions, algorithm=None, critical=True):
    """Make a leaf below the root with the key and extensions of an odd authority."""
    root = ec.derive_private_key(int.from_bytes(ROOT_SECRET), ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Odd")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(ROOT.subject)
    builder = builder.public_key(key).serial_number(8)
    builder = builder.not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(root, algorithm or hashes.SHA256())


def test_odd_keys_hashes_and_critical_extensions_are_refused():
    p256 = ec.derive_private_key(int.from_bytes(LEAF.secret), ec.SECP256R1()).public_key()
    assert verify((custom(p256),)).public_key == LEAF.public_key
    assert verify((custom(p256, x509.OCSPNoCheck(), critical=False),))
    refused((custom(p256, x509.OCSPNoCheck()),), Untrusted)
    refused((custom(ec.generate_private_key(ec.SECP384R1()).public_key()),), Malformed)
    refused((custom(p256, algorithm=hashes.SHA224()),), Untrusted)
    no_sign = x509.KeyUsage(**dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False),
        key_agreement=True)  # fmt: skip
    assert "may not sign" in refused((custom(p256, no_sign),), Untrusted)


def test_an_operators_pem_file_is_read():
    pem = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in GOOD)
    assert load_pem_chain(pem) == GOOD


def test_the_same_input_makes_the_same_certificate():
    again = create_ca("Root", secret=ROOT_SECRET, serial=1, **DATES)
    assert der(again) == der(ROOT)
