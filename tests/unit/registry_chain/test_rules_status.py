"""Status lists on the chain."""

from dataclasses import replace

import pytest

from registry_chain.blocktime import utc
from registry_chain.records import StatusRecord
from registry_chain.transactions import (
    PublishStatus,
    RevokeKey,
    SuspendIssuer,
    register_key,
)
from registry_chain.transactions.statuses import (
    earlier_list,
    list_digest,
    publish_status,
    revives,
    status_changes,
)
from ssi.encoding import b64url_encode, sha256
from ssi.keys import Alg, SoftwareSigner
from ssi.status_list import INVALID, StatusList, build_status_token, new_status_list
from tests.support.refusals import refused
from tests.support.registry import CHAIN, ISSUER_URL, T0, YEAR, Ledger, settled, signer

STATUS_KEY = signer("status", Alg.ES256)
URI = f"{ISSUER_URL}/status-lists/main"


def token(
    entries: StatusList | None = None,
    *,
    at: int = T0 + 60,
    key: SoftwareSigner = STATUS_KEY,
    uri: str = URI,
    kid: str | None = None,
    expires: int | None = None,
) -> str:
    return build_status_token(
        entries or new_status_list(1024),
        key,
        uri=uri,
        now=utc(at),
        ttl=300,
        expires_at=None if expires is None else utc(expires),
        header={"kid": kid or f"city-kyc#{key.public_key.thumbprint()}"},
    )


def edition(sequence: int, text: str | None = None, after: str | None = None) -> PublishStatus:
    """An edition; from the second on it follows ``after``, else the plain first list."""
    if sequence == 1:
        return PublishStatus(list="main", sequence=1, token=text or token())
    try:
        return publish_status("main", sequence, text or token(), after or token())
    except ValueError:  # of another shape: a publisher of ours would not even try
        return PublishStatus(list="main", sequence=sequence, token=text or token(), changes="eJw")


@pytest.fixture
def ledger() -> Ledger:
    found = settled()
    for key, use in ((STATUS_KEY, "status"), (signer("signing", Alg.ES256), "credential")):
        found.do(
            "city-kyc",
            register_key(
                key,
                chain_id=CHAIN,
                issuer="city-kyc",
                use=use,
                valid_from=T0,
                valid_until=T0 + YEAR,
            ),
        )
    return found


def test_an_edition_is_recorded_by_its_digest(ledger: Ledger) -> None:
    """[REG-STA-1], [REG-STA-6]"""
    text = token()
    ledger.do("city-kyc", edition(1, text))
    record = StatusRecord.from_bytes(ledger.state["status/city-kyc/main"])
    assert record.digest == b64url_encode(sha256(text.encode()))
    assert (record.sequence, record.uri, record.bits, record.size) == (1, URI, 1, 1024)
    later = token(new_status_list(1024).with_status(7, INVALID), at=T0 + 70)
    ledger.do("city-kyc", edition(2, later))


def test_only_an_accredited_issuer_publishes(ledger: Ledger) -> None:
    """[REG-STA-1]"""
    with refused(ledger, "REG-STA-1", "issuer_unknown"):
        ledger.do("car-two", edition(1))
    ledger.decide(SuspendIssuer(issuer="city-kyc", reason="x"))
    with refused(ledger, "REG-STA-1", "issuer_suspended"):
        ledger.do("city-kyc", edition(1))


def test_editions_are_numbered(ledger: Ledger) -> None:
    """[REG-STA-2]"""
    with refused(ledger, "REG-STA-2", "status_sequence"):
        ledger.do("city-kyc", edition(2))
    ledger.do("city-kyc", edition(1))
    with refused(ledger, "REG-STA-2", "status_sequence"):
        ledger.do("city-kyc", edition(1))


OTHER = signer("other", Alg.ES256)
WRONG_KEYS: dict[str, tuple[str, str]] = {
    "not registered": (token(key=OTHER), "status_key"),
    "for credentials": (token(key=signer("signing", Alg.ES256)), "status_key"),
    "another issuer's": (token(kid="car-two#x"), "status_key"),
    "no kid at all": (token(kid="x"), "status_key"),
    "signed by another": (
        token(key=OTHER, kid=f"city-kyc#{STATUS_KEY.public_key.thumbprint()}"),
        "status_token",
    ),
    "cut": (token()[:-9], "status_token"),
    "junk": ("a.b.c", "status_token"),
}


@pytest.mark.parametrize(("text", "code"), WRONG_KEYS.values(), ids=WRONG_KEYS.keys())
def test_an_edition_is_signed_by_a_status_key(ledger: Ledger, text: str, code: str) -> None:
    """[REG-STA-3]"""
    with refused(ledger, "REG-STA-3", code):
        ledger.do("city-kyc", edition(1, text))


def test_a_revoked_status_key_signs_nothing(ledger: Ledger) -> None:
    """[REG-STA-3]"""
    print_ = STATUS_KEY.public_key.thumbprint()
    ledger.do("city-kyc", RevokeKey(issuer="city-kyc", thumbprint=print_, compromised_since=None))
    with refused(ledger, "REG-STA-3", "status_key"):
        ledger.do("city-kyc", edition(1))


def test_a_bomb_is_not_unpacked(ledger: Ledger) -> None:
    """[REG-STA-3]"""
    bomb = token(StatusList(1, bytes(5 * 1024 * 1024)))
    with refused(ledger, "REG-STA-3", "status_token"):
        ledger.do("city-kyc", edition(1, bomb))


@pytest.mark.parametrize(
    "uri", ["https://evil.example/main", f"{ISSUER_URL}.evil.example/x", ISSUER_URL]
)
def test_a_list_is_under_its_issuers_address(ledger: Ledger, uri: str) -> None:
    """[REG-STA-4]"""
    with refused(ledger, "REG-STA-4", "status_uri"):
        ledger.do("city-kyc", edition(1, token(uri=uri)))


def test_a_list_neither_moves_nor_shrinks(ledger: Ledger) -> None:
    """[REG-STA-4]"""
    ledger.do("city-kyc", edition(1))
    with refused(ledger, "REG-STA-4", "status_uri"):
        ledger.do("city-kyc", edition(2, token(uri=f"{URI}-2")))
    for entries in (new_status_list(512), new_status_list(1024, bits=2)):
        with refused(ledger, "REG-STA-4", "status_shape"):
            ledger.do("city-kyc", edition(2, token(entries)))
    ledger.do("city-kyc", edition(2, token(new_status_list(2048))))


def test_an_edition_is_of_its_time(ledger: Ledger) -> None:
    """[REG-STA-5]"""
    with refused(ledger, "REG-STA-5", "status_time"):
        ledger.do("city-kyc", edition(1, token(at=T0 + 3600)))
    with refused(ledger, "REG-STA-5", "status_time"):
        ledger.do("city-kyc", edition(1, token(expires=T0 + 61)))
    ledger.do("city-kyc", edition(1))
    with refused(ledger, "REG-STA-5", "status_time"):
        ledger.do("city-kyc", edition(2, token(at=T0 + 59)))


def test_a_list_of_a_million_fits(ledger: Ledger) -> None:
    entries = new_status_list(1_000_000)
    for index in range(0, 1_000_000, 997):
        entries = entries if index % 10 else entries.with_status(index, INVALID)
    ledger.do("city-kyc", edition(1, token(entries)))


def changed(*entries: tuple[int, int], bits: int = 1, size: int = 1024) -> StatusList:
    found = new_status_list(size, bits=bits)
    for index, status in entries:
        found = found.with_status(index, status)
    return found


def test_what_is_revoked_stays_revoked(ledger: Ledger) -> None:
    """[REG-STA-7]"""
    ledger.do("city-kyc", edition(1))
    revoked = token(changed((7, INVALID)))
    ledger.do("city-kyc", edition(2, revoked))
    with refused(ledger, "REG-STA-7", "status_revived"):
        ledger.do("city-kyc", edition(3, token(), revoked))
    with refused(ledger, "REG-STA-7", "status_revived"):
        ledger.do("city-kyc", edition(3, token(changed((8, INVALID))), revoked))
    longer = token(changed((7, INVALID), (1999, INVALID), size=2048))
    ledger.do("city-kyc", edition(3, longer, revoked))
    record = StatusRecord.from_bytes(ledger.state["status/city-kyc/main"])
    assert record.list_digest == list_digest(changed((7, INVALID), (1999, INVALID), size=2048))


def test_the_changes_must_be_those_since_the_last_edition(ledger: Ledger) -> None:
    """[REG-STA-7]: nobody hides a revocation by telling another past."""
    ledger.do("city-kyc", edition(1))
    ledger.do("city-kyc", edition(2, token(changed((7, INVALID)))))
    body = edition(3)
    for changes in (None, body.changes, "eJw", "AAAA", status_changes(changed(), changed())[:-4]):
        with refused(ledger, "REG-STA-7", "status_changes"):
            ledger.do("city-kyc", replace(body, changes=changes))


SUSPENDED, OTHER_STATUS = 2, 3


@pytest.mark.parametrize(
    ("before", "after", "bits", "revived"),
    [
        (INVALID, 0, 1, True), (INVALID, INVALID, 1, False), (0, INVALID, 1, False),
        (INVALID, SUSPENDED, 2, True), (INVALID, OTHER_STATUS, 2, True), (SUSPENDED, 0, 2, False),
        (OTHER_STATUS, 0, 2, False), (INVALID, 0, 4, True), (9, 0, 4, False),
        (9, INVALID, 4, False),
        (INVALID, 5, 4, True), (INVALID, 0, 8, True), (0x81, 0, 8, False), (INVALID, 0x81, 8, True),
    ],
)  # fmt: skip
def test_only_invalid_is_final(*, before: int, after: int, bits: int, revived: bool) -> None:
    """[REG-STA-7]"""
    for index in (0, 5, 1023):
        was, now = (changed((index, status), bits=bits) for status in (before, after))
        assert revives(was, now) is revived
        assert earlier_list(now, status_changes(was, now), size=1024) == was
