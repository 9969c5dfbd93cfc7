"""Links that lead to a request."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from ssi.encoding import canonical_json
from ssi.errors import (
    Malformed,
)
from ssi.oid4vp import (
    RequestFetch,
    RequestLink,
    RequestUriMethod,
    parse_request_fetch,
    parse_request_link,
)
from tests.support.openid4vp import BY_HASH, NONCE, built, plain, verified, verify_plain

LINK = RequestLink(
    client_id=BY_HASH.text,
    request_uri="https://firm.example.com/r/1",
    method=RequestUriMethod.POST,
)


@pytest.mark.parametrize("base", ["openid4vp://", "haip-vp://", "https://wallet.example.com/open"])
def test_a_link_by_reference_reads_back(base):
    """[PRE-REQ-1]."""
    assert parse_request_link(LINK.to_link(base)) == LINK


@pytest.mark.parametrize(
    "text",
    [
        "HTTPS://FIRM.EXAMPLE.COM/R/ABCDEFGHIJ234567",
        "https://firm.example.com/R/ABCDEFGHIJ234567",
    ],
)
def test_a_short_link_is_an_address_to_post_to(text):
    """[PRE-REQ-1]."""
    assert parse_request_link(text) == RequestLink(
        client_id=None,
        request_uri="https://firm.example.com/R/ABCDEFGHIJ234567",
        method=RequestUriMethod.POST,
    )


def test_only_the_reference_is_taken_from_a_link_by_reference():
    """[PRE-REQ-1]."""
    extra = urlencode(
        {"nonce": "x", "response_uri": "https://evil.example.com/", "dcql_query": "{"}
    )
    assert parse_request_link(f"{LINK.to_link()}&{extra}") == LINK


def test_a_plain_link_carries_its_parameters():
    """[PRE-REQ-1]."""
    values = {
        name: value if isinstance(value, str) else canonical_json(value).decode()
        for name, value in plain().items()
    }
    link = parse_request_link(f"openid4vp://?{urlencode(values)}")
    assert link.parameters == plain()
    assert verify_plain(link.parameters).request.nonce == NONCE


def test_a_link_may_carry_the_object():
    """[PRE-REQ-1]."""
    values = urlencode({"client_id": BY_HASH.text, "request": built()})
    link = parse_request_link(f"openid4vp://?{values}")
    assert verified(link.request_object, client_id=link.client_id).client_id == BY_HASH


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "request.link"),
        ("hello", "request.link"),
        ("openid-credential-offer://?credential_offer=%7B%7D", "request.link"),
        ("openid4vp://?request_uri=https%3A%2F%2Ffirm.example.com", "request.link"),
        ("openid4vp://?client_id=a&client_id=b", "request.link"),
        ("openid4vp://?client_id=a&request_uri=http%3A%2F%2Ffirm.example.com", "request.link"),
        ("openid4vp://?client_id=a&request_uri=https%3A%2F%2F10.0.0.1%2F", "request.link"),
        ("openid4vp://?client_id=a&request_uri=file%3A%2F%2F%2Fetc", "request.link"),
        ("openid4vp://?client_id=a&request_uri_method=post", "request.link"),
        (f"{LINK.to_link()}&request=x", "request.link"),
        (f"{LINK.to_link()}#x", "request.link"),
        (LINK.to_link().replace("=post", "=POST"), "request.uri_method"),
        (LINK.to_link().replace("=post", "=put"), "request.uri_method"),
        ("https://10.0.0.1/R/ABCDEFGHIJ234567", "request.link"),
        ("openid4vp://?client_id=" + "a" * 20000, "request.link"),
        ("openid4vp://[?client_id=a", "request.link"),
        (LINK.to_link(f"openid4vp://{'a' * 20000}"), "request.link"),
        ("openid4vp://?client_id=a&dcql_query=%7B", "json.malformed"),
    ],
)
def test_bad_links_are_refused(text, code):
    """[PRE-REQ-1] W-06 W-07."""
    with pytest.raises(Malformed) as caught:
        parse_request_link(text)
    assert caught.value.code == code


@pytest.mark.parametrize("missing", ["client_id", "request_uri"])
def test_only_a_reference_is_written_as_a_link(missing):
    """[PRE-REQ-1]."""
    with pytest.raises(ValueError, match="by reference"):
        replace(LINK, **{missing: None}).to_link()


def test_what_a_wallet_posts_for_a_request_reads_back():
    """[PRE-REQ-13]."""
    fetch = RequestFetch(wallet_nonce=NONCE, wallet_metadata={"vp_formats_supported": {}})
    assert parse_request_fetch(fetch.to_form()) == fetch
    assert parse_request_fetch(b"") == RequestFetch()
    for form in (b"wallet_nonce=a%20b", b"wallet_metadata=%5B%5D", b"a=1&a=2", b"\xff"):
        with pytest.raises(Malformed):
            parse_request_fetch(form)
