"""``warifu chain anchors deploy``: found the contract on an EVM chain [ANC-EVM-4]."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from registry_chain.anchoring.evm_chain import EvmNode, made_at
from ssi.errors import InvalidProof, Unavailable

PAUSE = 1.0  # seconds between two looks for the receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """A contract that is there, as the node tells; not final yet."""

    contract: bytes
    owner: bytes
    attester: bytes
    transaction: str

    def settings(self, name: str, chain_id: int, url: str, key: str | None) -> Iterator[str]:
        """The lines for ``anchoring.toml``; without a key they are a reader's."""
        yield "[evm]"
        yield f'name = "{name}"'
        yield f"chain_id = {chain_id}"
        yield f'contract = "0x{self.contract.hex()}"'
        yield f'url = "{url}"'
        if key is not None:
            yield f'key = "{key}"'


def deploy(
    node: EvmNode,
    attester: bytes | None,
    *,
    sent: str | None = None,
    looks: int,
    pause: Callable[[float], None],
) -> Founded:
    """Send the contract, wait for its block, and look whether it is what was sent.

    Args:
        node: A node, opened with the key of the account that pays and becomes the owner.
        attester: Whose transactions the contract will take; the account's own when ``None``.
        sent: The transaction of an earlier try, which is waited for instead of sending another.
        looks: How many times to look for the receipt.
        pause: Waits a number of seconds.

    Raises:
        Unavailable: ``anchor.evm_funds``, ``anchor.not_final``, ``anchor.evm_rpc``;
            ``anchor.evm_waits``: it is in no block yet.
        InvalidProof: ``anchor.evm_deploy``: the chain made no contract, or one of other parties.
    """
    account = bytes.fromhex(node.address.removeprefix("0x"))
    wanted = account if attester is None else attester
    transaction = node.deploy(wanted) if sent is None else sent
    for _ in range(looks):
        receipt = node.receipt(transaction)
        if receipt is not None:
            break
        pause(PAUSE)
    else:
        raise Unavailable(
            f"the transaction {transaction} is in no block yet", code="anchor.evm_waits"
        )
    if receipt.get("status") != "0x1":
        raise InvalidProof("the chain did not make the contract", code="anchor.evm_deploy")
    contract = made_at(receipt)
    if node.parties(contract) != (account, wanted):
        raise InvalidProof("the contract has another owner or attester", code="anchor.evm_deploy")
    return Founded(contract=contract, owner=account, attester=wanted, transaction=transaction)
