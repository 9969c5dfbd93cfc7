"""The map's hashes against the vectors the Rust crate publishes (sha2_256_vectors.json).

Crate ``jmt``, commit 9b363c6, src/tests. The file has these three maps; their roots are kept
here as facts.
"""

import pytest

from registry_chain import jmt

ROOTS = {
    (): b"SPARSE_MERKLE_PLACEHOLDER_HASH__".hex(),
    ("hello",): "6b97115f56e533f2fd443f7e76e4d1ff94d34e6b2e233f2dbdf5cfd1ec39a30c",
    ("hello", "goodbye"): "e1e1e220d4b4a9611a9a09dbcee964b4a6c3a40f6f4dee265ad45cf64568790b",
}


@pytest.mark.parametrize("keys", ROOTS, ids=len)
def test_the_root_is_the_crates_root(keys: tuple[str, ...]) -> None:
    """[REG-MAP-2]"""
    assert jmt.root_of(dict.fromkeys(keys, b"world")).hex() == ROOTS[keys]
