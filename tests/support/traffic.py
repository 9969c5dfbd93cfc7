"""Random traffic for a chain of `tests.support.registry`'s members, and its mutations.

Everything comes from one ``random.Random``; the same seed is the same traffic.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

from registry_chain.rules import lane_seq
from registry_chain.state import View
from registry_chain.transactions import (
    TX_TYP,
    AckItem,
    AnchorBatch,
    Body,
    CommitAcks,
    CommitNotices,
    NoticeItem,
    RecordConsents,
    ReinstateIssuer,
    ReinstateMember,
    SuspendIssuer,
    SuspendMember,
    WithdrawConsents,
    build_consent_item,
    build_tx,
    build_withdrawal_item,
)
from ssi.encoding import JSON, b64url_decode, canonical_json, parse_json_object
from ssi.jose import sign_jws
from tests.support.registry import (
    CHAIN,
    T0,
    YEAR,
    accreditation,
    digest_of,
    operation,
    proposal,
    registration,
    signer,
)

ACCOUNTS = ("council", "city-kyc", "minpaku-one", "yubin-box", "watcher", "car-two")
NAMES = 40
SPICE: tuple[JSON, ...] = (
    None, True, -1, 0, 1, 2**31, 2**53 - 1, 2**53, 2**64, 10**30, "", "é", "council", "\u0000",
    "ｶﾅ", "../..", "A" * 5000, [], {}, [[]], {"a": {"b": []}}, [None], "e30", "member/council",
)  # fmt: skip


@dataclass
class Traffic:
    """Makes transactions that are next in their lane; whether a rule allows them is chance."""

    source: random.Random
    batches: int = 0
    at: int = T0 + 60
    _makers: tuple[Callable[[], tuple[str, Body]], ...] = field(init=False)

    def __post_init__(self) -> None:
        self._makers = (
            self._anchor, self._consent, self._withdrawal, self._notice, self._notice,
            self._ack, self._stop_member, self._start_member, self._stop_issuer,
            self._start_issuer, self._wrong_account,
        )  # fmt: skip

    def next(self, view: View, height: int) -> bytes:
        """A transaction for a block soon after ``height``."""
        account, body = self.source.choice(self._makers)()
        return self.signed(view, height, account, body, lane=self.source.randrange(4))

    def signed(self, view: View, height: int, account: str, body: Body, lane: int = 0) -> bytes:
        return build_tx(
            chain_id=CHAIN,
            account=account,
            lane=lane,
            seq=lane_seq(view, account, lane) + 1,
            valid_until_height=height + self.source.randint(1, 900),
            body=body,
            signer=signer(account),
        ).encode()

    def settling(self) -> list[Body]:
        """What must be decided before firms and operators may write."""
        return [proposal(one, at=self.at) for one in (accreditation(), registration(), operation())]

    def _name(self) -> str:
        return digest_of(f"n{self.source.randrange(NAMES)}")

    def _holder(self, name: str) -> str:
        return f"holder of {name if self.source.random() < 0.9 else 'another'}"

    def _anchor(self) -> tuple[str, Body]:
        self.batches += 1
        number = self.batches if self.source.random() < 0.9 else 1
        root = digest_of(f"root {number}")
        return "city-kyc", AnchorBatch(batch=f"batch-{number}", root=root, size=number)

    def _consent(self) -> tuple[str, Body]:
        name = self._name()
        item = build_consent_item(
            signer(self._holder(name)), chain_id=CHAIN, commitment=name, until=T0 + YEAR
        )
        return "yubin-box", RecordConsents(items=(item,))

    def _withdrawal(self) -> tuple[str, Body]:
        name = self._name()
        item = build_withdrawal_item(signer(self._holder(name)), chain_id=CHAIN, commitment=name)
        return "yubin-box", WithdrawConsents(items=(item,))

    def _notice(self) -> tuple[str, Body]:
        names = [digest_of(f"notice {self.source.randrange(10**6)}") for _ in range(3)]
        items = tuple(NoticeItem(commitment=name, deadline=T0 + YEAR) for name in names)
        return "yubin-box", CommitNotices(items=items)

    def _ack(self) -> tuple[str, Body]:
        item = AckItem(notice=self._name(), ack=self._name())
        return "yubin-box", CommitAcks(items=(item,))

    def _stop_member(self) -> tuple[str, Body]:
        body = SuspendMember(member=self.source.choice(("watcher", "car-two")), reason="x")
        return "council", self._proposed(body)

    def _start_member(self) -> tuple[str, Body]:
        body = ReinstateMember(member=self.source.choice(("watcher", "car-two")))
        return "council", self._proposed(body)

    def _stop_issuer(self) -> tuple[str, Body]:
        return "city-kyc", SuspendIssuer(issuer="city-kyc", reason="x")

    def _start_issuer(self) -> tuple[str, Body]:
        return "city-kyc", ReinstateIssuer(issuer="city-kyc")

    def _wrong_account(self) -> tuple[str, Body]:
        _, body = self.source.choice(self._makers[:-1])()
        return self.source.choice(ACCOUNTS), body

    def _proposed(self, body: Body) -> Body:
        return proposal(body, at=self.at, id=f"decision-r{self.source.randrange(10**12)}")


def spice(source: random.Random) -> JSON:
    """Something that does not belong there; its own copy, for it may be bent in its turn."""
    return deepcopy(source.choice(SPICE))


def spoiled(source: random.Random, good: bytes, others: tuple[bytes, ...]) -> bytes:
    """A transaction with bytes changed that its signature covers, or with its signature changed."""
    raw = bytearray(good)
    while bytes(raw) == good or bytes(raw) in others:
        at = source.randrange(len(raw))
        match source.randrange(6):
            case 0:
                raw[at] ^= 1 << source.randrange(8)
            case 1:
                del raw[at : at + source.randint(1, 40)]
            case 2:
                raw[at:at] = raw[at : at + source.randint(1, 40)]
            case 3:
                raw[at:at] = source.choice((b".", b"=", b"\x00", b"\xff", b"e30", b"..", b"-"))
            case 4:
                raw = raw[:at] + bytearray(source.choice(others)[at:])
            case _:
                raw[at : at + 4] = bytes(source.randrange(256) for _ in range(4))
        raw = raw or bytearray(b".")
    return bytes(raw)


def bent(source: random.Random, good: bytes) -> bytes:
    """A transaction whose content was bent before its own member signed it."""
    payload = parse_json_object(b64url_decode(good.split(b".")[1].decode()))
    account = str(payload["account"])
    for _ in range(source.randint(1, 3)):
        _bend(source, payload)
    key = signer(account)
    try:
        return sign_jws(
            canonical_json(payload),
            key,
            typ=TX_TYP,
            header={"kid": key.public_key.thumbprint()},
        ).encode()
    except (ValueError, TypeError):  # our own writer refuses what no canonical JSON can hold
        return b"."


def _bend(source: random.Random, value: JSON) -> None:
    """Change one place somewhere inside."""
    while True:
        if isinstance(value, dict):
            if not value or source.random() < 0.05:
                value[source.choice(("x", "seq", "name", ""))] = spice(source)
                return
            name = source.choice(sorted(value))
            inner = value[name]
            if isinstance(inner, dict | list) and inner and source.random() < 0.8:
                value = inner
                continue
            if source.random() < 0.15:
                del value[name]
            else:
                value[name] = _other(source, inner)
            return
        assert isinstance(value, list)
        at = source.randrange(len(value))
        inner = value[at]
        if isinstance(inner, dict | list) and inner and source.random() < 0.8:
            value = inner
            continue
        match source.randrange(3):
            case 0:
                del value[at]
            case 1:
                value.append(inner)
            case _:
                value[at] = _other(source, inner)
        return


def _other(source: random.Random, value: JSON) -> JSON:
    if isinstance(value, int) and source.random() < 0.5:
        return value + source.choice((-1, 1, 1000))
    if isinstance(value, str) and value and source.random() < 0.5:
        at = source.randrange(len(value))
        return value[:at] + source.choice("-_/A9é ") + value[at + 1 :]
    return spice(source)
