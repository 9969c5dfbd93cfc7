"""What tests of several areas share: simulators, vectors, peers."""
