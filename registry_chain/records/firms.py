"""The records of firms: their profile, and what only one firm may have."""

from dataclasses import dataclass
from typing import Self

from registry_chain.records.base import RECORD_VERSION, Record, Stoppable, halt, life, opened
from registry_chain.transactions.verifiers import Purpose, VerifierProfile
from ssi.encoding import Fields, b64url_encode, sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierRecord(Stoppable):
    """A registered firm."""

    PREFIX = "verifier"
    verifier: str
    profile: VerifierProfile

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        verifier = reading.take_str("verifier")
        inner = opened({"v": RECORD_VERSION} | reading.take_object("profile"), "verifier.profile")
        profile = VerifierProfile.read(inner)
        inner.done()
        return cls(
            **halt(reading),
            verifier=verifier,
            profile=profile,
        )

    def purpose(self, code: str) -> Purpose | None:
        """The purpose registered under ``code``."""
        return next((item for item in self.profile.purposes if item.code == code), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OwnedRecord(Record):
    """Which firm something belongs to that only one firm may have."""

    verifier: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        return cls(**life(reading), verifier=reading.take_str("verifier"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRecord(_OwnedRecord):
    """Which firm a certificate belongs to."""

    PREFIX = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxRecord(_OwnedRecord):
    """Which firm a mailbox's box belongs to."""

    PREFIX = "box"


def verifier_key(verifier: str) -> str:
    """The map key of a firm."""
    return f"verifier/{verifier}"


def client_key(x509_hash: str) -> str:
    """The map key of a firm's certificate."""
    return f"client/{x509_hash}"


def box_key(url: str, box: str) -> str:
    """The map key of a box at a mailbox."""
    place = f"{url.rstrip('/')}\n{box}".encode()
    return f"box/{b64url_encode(sha256(place))}"
