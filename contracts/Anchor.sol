// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Keeps the block hashes of one chain, by height, for ever [ANC-EVM-1].
/// Heights only rise and nothing is ever changed, not even by the attester; whoever holds his key
/// can add false hashes, which readers find out by comparing with the chain's own light blocks.
contract Anchor {
    /// A hash was kept; `epoch` is the name of its hour or day.
    event Anchored(uint64 indexed height, bytes32 blockHash, string epoch);
    event AttesterChanged(address attester);

    /// Storage slot 0: the hash of each height.
    mapping(uint64 => bytes32) public hashOf;
    /// Storage slot 1: the highest height that is kept, and who may add.
    uint64 public lastHeight;
    address public attester;
    /// Who may name another attester, such as a wallet that needs several members.
    address public immutable owner;

    error NotAttester();
    error NotOwner();
    error HeightNotHigher();
    error EmptyHash();

    constructor(address firstAttester) {
        owner = msg.sender;
        attester = firstAttester;
        emit AttesterChanged(firstAttester);
    }

    function anchor(uint64 height, bytes32 blockHash, string calldata epoch) external {
        if (msg.sender != attester) revert NotAttester();
        if (height <= lastHeight) revert HeightNotHigher();
        if (blockHash == 0) revert EmptyHash();
        lastHeight = height;
        hashOf[height] = blockHash;
        emit Anchored(height, blockHash, epoch);
    }

    function changeAttester(address next) external {
        if (msg.sender != owner) revert NotOwner();
        attester = next;
        emit AttesterChanged(next);
    }
}
