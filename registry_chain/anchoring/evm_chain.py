"""An EVM node: put a hash into the contract, and get the proof when its block is final.

JSON-RPC goes through `Fetch`, like all our I/O; ``eth-account`` signs (extra ``evm``).
"""

import json
from dataclasses import dataclass, field
from importlib import resources
from typing import Final

import rlp
from eth_account import Account
from eth_hash.auto import keccak

from registry_chain.anchoring.ethereum import mapping_slot
from registry_chain.anchoring.evm import HASHES_SLOT, StorageProof
from ssi.encoding import JSON, Fields, JsonLimits, JSONObject, canonical_json, parse_json_object
from ssi.errors import Misbehaviour, Refused, Unavailable, Unreachable
from ssi.fetch import Fetch, Request

_LIMITS: Final = JsonLimits(max_bytes=1 << 20, max_members=20_000, max_string=1 << 18)
_OK: Final = 200
_WORD: Final = 32
_ADDRESS: Final = 20
ANCHOR_GAS: Final = 150_000
DEPLOY_GAS: Final = 1_500_000
_TIP: Final = 1_000_000_000
_HEADER: Final = (
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
)
_LATER: Final = (
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
)
_NUMBERS: Final = frozenset(
    {
        "difficulty",
        "number",
        "gasLimit",
        "gasUsed",
        "timestamp",
        "baseFeePerGas",
        "blobGasUsed",
        "excessBlobGas",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalBlock:
    """A block that the node calls final."""

    number: int
    hash: bytes
    header: bytes = field(repr=False)


class EvmNode:
    """A node of one EVM chain, and the key that pays and attests.

    Args:
        url: The JSON-RPC address.
        chain_id: The chain's EIP-155 id, which the node must have.
        fetch: Bounded HTTP.
        secret: The 32 bytes of the account's key; ``None`` to read only.
        confirmations: How many blocks on top make one final; ``None`` to follow the chain's own
            ``finalized``.
    """

    def __init__(
        self,
        url: str,
        chain_id: int,
        fetch: Fetch,
        secret: bytes | None = None,
        confirmations: int | None = None,
    ) -> None:
        self._url = url
        self._chain_id = chain_id
        self._fetch = fetch
        self._account = None if secret is None else Account.from_key(secret)
        self._confirmations = confirmations

    @property
    def address(self) -> str:
        """The account's address."""
        if self._account is None:
            raise ValueError("this node was opened without a key")
        return str(self._account.address)

    def call(self, method: str, *params: JSON) -> JSON:
        """One JSON-RPC call.

        Raises:
            Unreachable: ``anchor.evm_rpc``: no answer, or an error.
        """
        question: JSONObject = {"id": 1, "jsonrpc": "2.0", "method": method, "params": list(params)}
        answer = self._fetch(
            Request(
                url=self._url,
                method="POST",
                headers={"Content-Type": "application/json"},
                body=canonical_json(question),
            )
        )
        told = parse_json_object(answer.body, limits=_LIMITS) if answer.status == _OK else {}
        if "result" not in told:
            raise Unreachable("the EVM node gives no answer", code="anchor.evm_rpc")
        return told["result"]

    def kept(self, contract: bytes, height: int, block: str = "latest") -> bytes:
        """The hash that the contract keeps at a height; 32 zero bytes for none."""
        return self._word(contract, "hashOf(uint64)", height, block=block)

    def last_height(self, contract: bytes) -> int:
        """The highest height that the contract keeps."""
        return int.from_bytes(self._word(contract, "lastHeight()"))

    def anchor(self, contract: bytes, height: int, block_hash: bytes, epoch: str) -> str:
        """Put a hash into the contract [ANC-EVM-1].

        Returns:
            The transaction's hash; it is not in a block yet.

        Raises:
            Refused: ``anchor.evm_late``: the contract keeps a higher height already.
            Unavailable: ``anchor.not_final``: an earlier transaction of the account still waits;
                ``anchor.evm_funds``.
        """
        if self.last_height(contract) >= height:
            raise Refused(
                "the contract takes rising heights only", code="anchor.evm_late", rule="ANC-EVM-1"
            )
        text = epoch.encode()
        data = (
            _selector("anchor(uint64,bytes32,string)")
            + height.to_bytes(_WORD)
            + block_hash
            + (3 * _WORD).to_bytes(_WORD)
            + len(text).to_bytes(_WORD)
            + text.ljust(-(-len(text) // _WORD) * _WORD, b"\0")
        )
        return self._send(data, ANCHOR_GAS, to=contract)

    def receipt(self, tx: str) -> JSONObject | None:
        """What became of a transaction; ``None`` while it is in no block."""
        told = self.call("eth_getTransactionReceipt", tx)
        return told if isinstance(told, dict) else None

    def parties(self, contract: bytes) -> tuple[bytes, bytes]:
        """The addresses of the contract's owner and of its attester."""
        owner, attester = (self._word(contract, name) for name in ("owner()", "attester()"))
        return owner[-_ADDRESS:], attester[-_ADDRESS:]

    def deploy(self, attester: bytes) -> str:
        """Found the contract; the account becomes its owner.

        Returns:
            The transaction's hash.

        Raises:
            Unavailable: ``anchor.evm_funds``, ``anchor.not_final``, ``anchor.evm_rpc``.
        """
        code = resources.files("registry_chain.anchoring").joinpath("anchor_contract.json")
        bytecode = bytes.fromhex(json.loads(code.read_text("utf-8"))["bytecode"])
        return self._send(bytecode + attester.rjust(_WORD, b"\0"), DEPLOY_GAS, to=None)

    def final_block(self) -> FinalBlock:
        """The newest block that counts as final [ANC-EVM-3].

        Raises:
            Unavailable: ``anchor.not_final``.
            Misbehaviour: ``anchor.evm_node``: the node's header is not the one it names.
        """
        if self._confirmations is None:
            return self._block("finalized")
        newest = int(str(self.call("eth_blockNumber")), 16)
        if newest < self._confirmations:
            raise Unavailable("the chain is too short", code="anchor.not_final")
        return self._block(hex(newest - self._confirmations))

    def final_hash(self, number: int) -> bytes:
        """The hash of the block at a number, which is final.

        Raises:
            Unavailable: ``anchor.not_final``.
        """
        if number > self.final_block().number:
            raise Unavailable("the block is not final yet", code="anchor.not_final")
        return self._block(hex(number)).hash

    def proof(self, contract: bytes, height: int, block_hash: bytes) -> tuple[FinalBlock, bytes]:
        """The proof that the contract keeps a hash, under the newest final block.

        Raises:
            Unavailable: ``anchor.not_final``: the final state does not hold it yet, or any more.
        """
        final = self.final_block()
        number = hex(final.number)
        if self.kept(contract, height, number) != block_hash:
            raise Unavailable("the hash is not in a final block yet", code="anchor.not_final")
        slot = "0x" + mapping_slot(height, HASHES_SLOT).hex()
        told = self.call("eth_getProof", "0x" + contract.hex(), [slot], number)
        reading = Fields(
            told if isinstance(told, dict) else {}, where="eth_getProof", code="anchor.evm_form"
        )
        entry = Fields(
            reading.take_objects("storageProof")[0], where="storageProof", code="anchor.evm_form"
        )
        proof = StorageProof(
            header=final.header,
            account=tuple(_hex(node) for node in reading.take_list("accountProof")),
            storage=tuple(_hex(node) for node in entry.take_list("proof")),
        )
        return final, proof.to_bytes()

    def _word(self, contract: bytes, signature: str, *words: int, block: str = "latest") -> bytes:
        data = _selector(signature) + b"".join(word.to_bytes(_WORD) for word in words)
        question: JSONObject = {"to": "0x" + contract.hex(), "data": "0x" + data.hex()}
        found = _hex(self.call("eth_call", question, block))
        if len(found) != _WORD:
            raise Unreachable("there is no such contract", code="anchor.evm_rpc")
        return found

    def _send(self, data: bytes, gas: int, *, to: bytes | None) -> str:
        if int(str(self.call("eth_chainId")), 16) != self._chain_id:
            raise Unreachable("the node is of another chain", code="anchor.evm_rpc")
        waiting, mined = (
            int(str(self.call("eth_getTransactionCount", self.address, block)), 16)
            for block in ("pending", "latest")
        )
        if waiting != mined:
            raise Unavailable("an earlier transaction still waits", code="anchor.not_final")
        price = int(str(self.call("eth_gasPrice")), 16)
        most = 2 * price + _TIP
        if int(str(self.call("eth_getBalance", self.address, "latest")), 16) < gas * most:
            raise Unavailable("the account has too little to pay for it", code="anchor.evm_funds")
        transaction = {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": mined,
            "gas": gas,
            "maxPriorityFeePerGas": min(_TIP, price),
            "maxFeePerGas": most,
            "value": 0,
            "data": "0x" + data.hex(),
        } | ({} if to is None else {"to": _checksummed(to)})
        if self._account is None:
            raise ValueError("this node was opened without a key")
        signed = self._account.sign_transaction(transaction)
        return str(self.call("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex()))

    def _block(self, which: str) -> FinalBlock:
        told = self.call("eth_getBlockByNumber", which, False)
        if not isinstance(told, dict):
            raise Unavailable("the node knows no final block", code="anchor.not_final")
        names = [*_HEADER, *(name for name in _LATER if name in told)]
        raw = rlp.encode([_field(name, told.get(name)) for name in names])
        if keccak(raw) != _hex(told.get("hash")):
            raise Misbehaviour(
                "the node's header does not have the hash it names",
                code="anchor.evm_node",
                first=raw,
                second=_hex(told.get("hash")),
            )
        return FinalBlock(number=int(str(told["number"]), 16), hash=keccak(raw), header=raw)


def read_secret(text: str) -> bytes:
    """An account's key as 64 hexadecimal digits.

    Raises:
        ValueError: It is something else.
    """
    secret = bytes.fromhex(text.strip().removeprefix("0x"))
    if len(secret) != _WORD:
        raise ValueError("an account's key has 32 bytes")
    return secret


def made_at(receipt: JSON) -> bytes:
    """The address of the contract that a receipt's transaction made."""
    reading = Fields(
        receipt if isinstance(receipt, dict) else {}, where="receipt", code="anchor.evm_form"
    )
    return _hex(reading.take_str("contractAddress"))


def _field(name: str, value: JSON) -> bytes:
    if name not in _NUMBERS:
        return _hex(value)
    number = int(str(value), 16)
    return number.to_bytes((number.bit_length() + 7) // 8)


def _hex(value: JSON) -> bytes:
    try:
        return bytes.fromhex(str(value).removeprefix("0x"))
    except ValueError:
        raise Unreachable(
            "the EVM node's answer is not hexadecimal", code="anchor.evm_rpc"
        ) from None


def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


def _checksummed(address: bytes) -> str:
    """EIP-55, which the signing library demands."""
    plain = address.hex()
    marks = keccak(plain.encode()).hex()
    return "0x" + "".join(
        char.upper() if int(mark, 16) > 7 else char  # noqa: PLR2004 - EIP-55
        for char, mark in zip(plain, marks, strict=False)
    )
