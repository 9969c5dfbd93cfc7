"""The token rules that the status list attack file states in words, each as a case of its own."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from registry_chain.records import signing_key_key, status_key
from registry_chain.transport import Nodes
from ssi.errors import Rejected, SSIError, Unavailable
from ssi.fetch import Response
from ssi.status_list import (
    SUSPENDED,
    StatusList,
    decode_status_list,
    encode_status_list,
    new_status_list,
    parse_status_token,
    verify_status_token,
)
from tests.support.credentials import raw_jws
from tests.support.firm_world import (
    ISSUER,
    LIST_URI,
    NOW,
    STATUS_SIGNER,
    key,
    kid,
    make_ledger,
    publish,
)
from tests.support.vectors import vectors_dir
from verifier_sdk.status import StatusLists
from verifier_sdk.store import Store

AT = int(NOW.timestamp())
LIST = new_status_list(1024, bits=2)


def token(signer=STATUS_SIGNER, header=None, **changes):
    claims = {"sub": LIST_URI, "iat": AT, "ttl": 300, "status_list": encode_status_list(LIST)}
    head = {"typ": "statuslist+jwt", "kid": kid(signer)} | (header or {})
    return raw_jws(json.dumps(claims | changes).encode(), signer, head)


def verified(text):
    key_of_list = STATUS_SIGNER.public_key
    return verify_status_token(parse_status_token(text), key_of_list, now=NOW, uri=LIST_URI)


def code_of(text):
    with pytest.raises(Rejected) as caught:
        verified(text)
    return caught.value.code


class Firm:
    """The part of a firm that reads status lists, before a ledger."""

    def __init__(self, folder):
        self.ledger = make_ledger()
        store = Store(folder / "firm.db", verifier_id="firm")
        self.lists = StatusLists(self.ledger, store, max_age=timedelta(days=1))

    def read(self, now=NOW):
        record = self.ledger.records[status_key(ISSUER, "list-1")]
        return self.lists.status_list(ISSUER, "list-1", record, now=now)

    def code(self, now=NOW):
        with pytest.raises(SSIError) as caught:
            self.read(now)
        return caught.value.code


@pytest.fixture
def firm(tmp_path):
    return Firm(tmp_path)


def other_subject(_firm):
    assert code_of(token(sub=LIST_URI + "/other")) == "status.subject"


def other_type(_firm):
    assert code_of(token(header={"typ": "JWT"})) == "status.typ"


def other_issuer(firm):
    other = key("another accredited issuer")
    record = firm.ledger.records[signing_key_key(ISSUER, STATUS_SIGNER.public_key.thumbprint())]
    thumbprint = other.public_key.thumbprint()
    theirs = replace(record, issuer="other-kyc", thumbprint=thumbprint, jwk=other.public_key.jwk)
    firm.ledger.put(signing_key_key("other-kyc", thumbprint), theirs)
    publish(firm.ledger, LIST, sequence=2, signer=other, header={"kid": kid(other, "other-kyc")})
    assert firm.code() == "status.issuer"
    publish(firm.ledger, LIST, sequence=3, signer=other, header={"kid": kid(other)})
    assert firm.code() == "status.key"


def expired(_firm):
    assert code_of(token(exp=AT)) == "status.expired"
    assert verified(token(exp=AT + 1)).ttl == 300


def rollback(firm):
    publish(firm.ledger, LIST, sequence=2)
    firm.read()
    publish(firm.ledger, LIST, sequence=1)
    assert firm.code() == "status.rollback"


def ttl(_firm):
    for value in (0, -1, "60", True, 60.5, None):
        assert code_of(token(ttl=value)) == "status.malformed"
    assert [verified(token(ttl=value)).ttl for value in (1, 10**12)] == [60, 86400]


def endless(firm):
    publish(firm.ledger, LIST, sequence=2, expires_at=None)
    issued = NOW - timedelta(minutes=10)
    firm.read(issued + timedelta(hours=24))
    with pytest.raises(Unavailable) as caught:
        firm.read(issued + timedelta(hours=24, seconds=1))
    assert caught.value.code == "status.stale"


def bit_order(_firm):
    read = decode_status_list(encode_status_list(StatusList(1, b"\xb9")))
    assert [read.get(index) for index in range(8)] == [1, 0, 0, 1, 1, 1, 0, 1]


def one_bit(_firm):
    read = decode_status_list(encode_status_list(StatusList(1, bytes(range(256)))))
    assert SUSPENDED not in {read.get(index) for index in range(len(read))}


class Answers:
    """One registry client whose only node answers as told."""

    def __init__(self, ledger, answer):
        self._ledger = ledger
        self._nodes = Nodes(["https://node.example"], answer)

    def __getattr__(self, name):
        return getattr(self._ledger, name)

    def status_token(self, record):
        text = self._nodes.each(lambda url: self._nodes.get_text(f"{url}/{record.digest}"))
        if not text.startswith("ey"):
            raise Rejected("another list", code="chain.answer")
        return text


def unreachable(firm):
    def silent(_request):
        raise Unavailable("no answer in time", code="fetch.failed")

    def says(status, body=b"", kind="text/html"):
        return lambda request: Response(
            status=status, headers={"Content-Type": kind}, body=body, url=request.url
        )

    html = says(200, "<p>こんにちは</p>".encode())
    for answer in (html, says(200, b"<p>hello</p>"), says(304), says(404), says(500), silent):
        firm.lists._registry = Answers(firm.ledger, answer)
        with pytest.raises(Unavailable) as caught:
            firm.read()
        assert caught.value.code == "status.unavailable"


RULES = {
    "sub != uri": other_subject,
    "typ != statuslist+jwt": other_type,
    "signed by another accredited issuer": other_issuer,
    "exp in the past": expired,
    "iat older than the newest seen": rollback,
    "ttl 0, -1": ttl,
    "no exp and no ttl": endless,
    "index bit order": bit_order,
    "SUSPENDED (2) with 1-bit list": one_bit,
    "HTTP 200 text/html, 304": unreachable,
}


@pytest.mark.parametrize("rule", RULES)
def test_a_token_rule_holds(rule, firm):
    """[CRED-ST-2]."""
    RULES[rule](firm)


def test_every_rule_of_the_file_has_its_case():
    data = json.loads((vectors_dir("status_list_attacks") / "cases.json").read_text("utf-8"))
    proven = {
        text: [rule for rule in RULES if text.startswith(rule)] for text in data["token_cases"]
    }
    assert [text for text, rules in proven.items() if len(rules) != 1] == []
