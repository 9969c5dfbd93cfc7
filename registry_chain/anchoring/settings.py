"""``anchoring.toml``: which authorities a member asks, and which he believes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from registry_chain.anchoring.epochs import Period
from registry_chain.anchoring.policy import AnchorPolicy, BitcoinPolicy, EvmPolicy, TimeAuthority
from registry_chain.transactions.fields import slug
from ssi.encoding import Fields
from ssi.errors import Malformed
from ssi.files import read_file, read_toml
from ssi.x509 import load_pem_chain

_MAX_HEADERS = 128 << 20
_CODE = "config.malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server to ask, and our name for it."""

    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvmPlace:
    """The node of an EVM chain to ask, and the file with the key that attests, if we do."""

    url: str
    key: Path | None
    confirmations: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorSettings:
    """Whom to ask and whom to believe."""

    period: Period
    authorities: tuple[Place, ...]
    calendars: tuple[Place, ...]
    policy: AnchorPolicy
    evm: EvmPlace | None = None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file; its paths are relative to its folder.

        Raises:
            Malformed: ``config.malformed``, or as `ssi.files.read_file`.
        """
        reading = Fields(read_toml(path), where=path.name, code=_CODE)
        period = reading.opt_str("period") or Period.HOUR.value
        if period not in list(Period):
            raise Malformed("a period is hour or day", code=_CODE)
        stamps = [
            _authority(Fields(one, where="tsa", code=_CODE), path.parent)
            for one in reading.take_objects("tsa")
        ]
        calendars = [
            _place(Fields(one, where="calendar", code=_CODE))
            for one in (reading.take_objects("calendar") if reading.has("calendar") else ())
        ]
        bitcoin, evm = reading.opt_fields("bitcoin"), reading.opt_fields("evm")
        evm_policy, evm_place = (None, None) if evm is None else _evm(evm, path.parent)
        policy = AnchorPolicy(
            authorities=tuple(authority for authority, _ in stamps),
            bitcoin=None if bitcoin is None else _bitcoin(bitcoin, path.parent),
            evm=evm_policy,
            least=reading.opt_int("least", 1) or 2,
            tolerance=timedelta(seconds=reading.opt_int("tolerance_seconds") or 3600),
        )
        reading.done()
        places = tuple(place for _, place in stamps)
        names = [place.name for place in (*places, *calendars)]
        names += [] if evm_policy is None else [evm_policy.name]
        if len(set(names)) != len(names):
            raise Malformed("two authorities have one name", code=_CODE)
        return cls(
            period=Period(period),
            authorities=places,
            calendars=tuple(calendars),
            policy=policy,
            evm=evm_place,
        )


def _place(reading: Fields) -> Place:
    place = Place(name=slug(reading.take_str("name"), "name"), url=reading.take_str("url"))
    reading.done()
    return place


def _authority(reading: Fields, home: Path) -> tuple[TimeAuthority, Place]:
    accuracy = reading.opt_int("accuracy_seconds")
    most = reading.opt_int("max_accuracy_seconds")
    until = reading.opt_int("distrusted_from")
    chain = load_pem_chain(read_file(home / reading.take_str("certificates")))
    place = _place(reading)
    authority = TimeAuthority(
        name=place.name,
        certificate=chain[0],
        issuers=chain[1:],
        accuracy=None if accuracy is None else timedelta(seconds=accuracy),
        max_accuracy=timedelta(seconds=60 if most is None else most),
        distrusted_from=None if until is None else datetime.fromtimestamp(until, UTC),
    )
    return authority, place


def _bitcoin(reading: Fields, home: Path) -> BitcoinPolicy:
    headers: dict[int, bytes] = {}
    for one in reading.take_objects("headers"):
        run = Fields(one, where="bitcoin.headers", code=_CODE)
        headers[run.take_int("start")] = read_file(home / run.take_str("file"), most=_MAX_HEADERS)
        run.done()
    pins: dict[int, str] = {}
    for one in reading.take_objects("checkpoint") if reading.has("checkpoint") else ():
        pin = Fields(one, where="bitcoin.checkpoint", code=_CODE)
        pins[pin.take_int("height")] = pin.take_str("hash", max_len=64).lower()
        pin.done()
    default = BitcoinPolicy()
    target = reading.opt_str("max_target", max_len=64)
    policy = BitcoinPolicy(
        headers=headers,
        checkpoints=pins,
        confirmations=reading.opt_int("confirmations", 1) or default.confirmations,
        max_target=default.max_target if target is None else int(target, 16),
    )
    reading.done()
    return policy


def _evm(reading: Fields, home: Path) -> tuple[EvmPolicy, EvmPlace | None]:
    finals: dict[int, bytes] = {}
    for one in reading.take_objects("final_block") if reading.has("final_block") else ():
        final = Fields(one, where="evm.final_block", code=_CODE)
        finals[final.take_int("number")] = hex_bytes(final.take_str("hash", max_len=66), 32)
        final.done()
    policy = EvmPolicy(
        name=slug(reading.take_str("name"), "name"),
        chain_id=reading.take_int("chain_id", 1),
        contract=hex_bytes(reading.take_str("contract", max_len=42), 20),
        final_blocks=finals,
    )
    url, key = reading.opt_str("url"), reading.opt_str("key")
    confirmations = reading.opt_int("confirmations", 1)
    reading.done()
    place = None
    if url is not None:
        key_file = None if key is None else home / key
        place = EvmPlace(url=url, key=key_file, confirmations=confirmations)
    return policy, place


def hex_bytes(text: str, size: int) -> bytes:
    """An address or hash of so many bytes, with or without ``0x``.

    Raises:
        Malformed: ``config.malformed``.
    """
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != size:
        raise Malformed("an EVM address or hash is not one", code=_CODE)
    return raw
