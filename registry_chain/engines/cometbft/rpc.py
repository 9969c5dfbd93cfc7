"""What we ask of our own CometBFT: its RPC, over a Unix socket in the node's folder.

Answers are bounded and read strictly. Nothing of a light block is believed for coming from here;
clients verify it, and this node compares its hash with the one it was told to execute.
"""

import http.client
import socket
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry_chain.admission import busy
from registry_chain.light import Commit, Header, UntrustedLightBlock, Validator, ValidatorSet
from registry_chain.light.codec import take_int64
from ssi.encoding import (
    Fields,
    JsonLimits,
    JSONObject,
    canonical_json,
    parse_json_object,
)
from ssi.errors import Malformed, Rejected, Unavailable

MAX_ANSWER: Final = 16 * 1024 * 1024
_TIMEOUT: Final = 10.0
_PAGE: Final = 100
_LIMITS: Final = JsonLimits(
    max_bytes=MAX_ANSWER, max_members=500_000, max_string=4_000_000, max_depth=24
)
_IN_CACHE: Final = "tx already exists in cache"
_FULL: Final = "mempool is full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the mempool said of a transaction; ``code`` 0 when it waits."""

    code: int
    error: str
    log: str
    rule: str
    known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """How far CometBFT is."""

    node_id: str
    version: str
    height: int
    catching_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHeader:
    """A header with its commit; ``final`` once the next block has fixed the commit."""

    header: Header
    commit: Commit
    final: bool


class RPCError(Unavailable):
    """CometBFT answered that it cannot; ``detail`` is its own text."""

    def __init__(self, detail: str) -> None:
        super().__init__("CometBFT refused a question", code="chain.engine", retry_after=1)
        self.detail = detail


class RPC:
    """Asks CometBFT; each call its own connection, so that any thread may ask.

    Args:
        path: The Unix socket on which CometBFT's RPC listens.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def status(self) -> NodeStatus:
        """How far CometBFT is."""
        answer = self._fields(self._ask("status", {}), "status")
        node, sync = answer.take_fields("node_info"), answer.take_fields("sync_info")
        return NodeStatus(
            node_id=node.take_str("id"),
            version=node.take_str("version"),
            height=take_int64(sync, "latest_block_height"),
            catching_up=sync.opt_bool("catching_up") or False,
        )

    def peers(self) -> int:
        """How many peers are connected."""
        return take_int64(self._fields(self._ask("net_info", {}), "net_info"), "n_peers")

    def broadcast(self, raw: bytes) -> Checked:
        """Give a transaction to the mempool and return its verdict.

        Raises:
            Unavailable: ``chain.busy`` when the mempool is full, ``chain.engine``.
        """
        try:
            found = self._ask("broadcast_tx_sync", {"tx": b64encode(raw).decode()})
        except RPCError as error:
            if _IN_CACHE in error.detail:
                return Checked(code=0, error="", log="", rule="", known=True)
            if _FULL in error.detail:
                raise busy() from None
            raise
        answer = self._fields(found, "broadcast_tx_sync")
        return Checked(
            code=answer.take_int("code"),
            error=answer.opt_str("codespace", allow_empty=True) or "",
            log=answer.opt_str("log", allow_empty=True) or "",
            rule=bytes.fromhex(answer.opt_str("data", allow_empty=True) or "").decode("ascii"),
        )

    def commit(self, height: int) -> SignedHeader | None:
        """The header of a height with its commit; ``None`` when it is not here."""
        try:
            found = self._ask("commit", {"height": str(height)})
        except RPCError:
            return None
        answer = self._fields(found, "commit")
        signed = answer.take_fields("signed_header")
        return SignedHeader(
            header=Header.parse(signed.take_object("header")),
            commit=Commit.parse(signed.take_object("commit")),
            final=answer.opt_bool("canonical") or False,
        )

    def validators(self, height: int) -> ValidatorSet:
        """The validators of a height, in CometBFT's order."""
        found: list[Validator] = []
        page, total = 1, 1
        while len(found) < total:
            query: JSONObject = {"height": str(height), "page": str(page), "per_page": str(_PAGE)}
            answer = self._fields(self._ask("validators", query), "validators")
            listed = answer.take_list("validators", max_items=_PAGE)
            found += [Validator.parse(item) for item in listed]
            total, page = take_int64(answer, "total"), page + 1
            if not listed:
                raise Malformed("the validators do not end", code="chain.engine")
        return ValidatorSet(tuple(found))

    def light_block(self, height: int, sets: dict[bytes, ValidatorSet]) -> SignedHeader | None:
        """A signed header whose validators are among ``sets``, which this call fills."""
        signed = self.commit(height)
        if signed is not None and signed.header.validators_hash not in sets:
            sets[signed.header.validators_hash] = self.validators(height)
        return signed

    def evidence(self, height: int) -> list[JSONObject]:
        """The evidence in a block, in CometBFT's JSON."""
        answer = self._fields(self._ask("block", {"height": str(height)}), "block")
        listed = answer.take_fields("block").take_fields("evidence")
        return list(listed.take_objects("evidence", max_items=1000))

    def _fields(self, obj: JSONObject, where: str) -> Fields:
        return Fields(obj, where=where, code="chain.engine")

    def _ask(self, method: str, params: JSONObject) -> JSONObject:
        """One call of JSON-RPC.

        Raises:
            RPCError: CometBFT says no.
            Unavailable: ``chain.engine`` when it does not answer, or not as it should.
        """
        body = canonical_json({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        connection = _UnixConnection(self._path)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            raw = connection.getresponse().read(MAX_ANSWER + 1)
            answer = parse_json_object(raw, limits=_LIMITS)
        except (OSError, http.client.HTTPException, Rejected) as error:
            raise Unavailable(
                "CometBFT does not answer", code="chain.engine", retry_after=1
            ) from error
        finally:
            connection.close()
        failure = answer.get("error")
        if isinstance(failure, dict):
            raise RPCError(f"{failure.get('message')}: {failure.get('data')}"[:500])
        result = answer.get("result")
        if not isinstance(result, dict):
            raise Unavailable("CometBFT does not answer as it should", code="chain.engine")
        return result


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._unix_path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._unix_path))


def joined(signed: SignedHeader, sets: dict[bytes, ValidatorSet]) -> UntrustedLightBlock:
    """A light block of a signed header and its validators."""
    return UntrustedLightBlock(
        header=signed.header,
        commit=signed.commit,
        validators=sets[signed.header.validators_hash],
    )
