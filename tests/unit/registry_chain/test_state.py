import pytest

from registry_chain.state import Overlay, check_changes, is_key


def test_an_overlay_changes_nothing_below_it() -> None:
    base = {"a/1": b"1"}
    block = Overlay(base)
    transaction = Overlay(block)
    transaction.put("a/2", b"2")
    transaction.put("a/1", b"3")
    assert (block.get("a/1"), block.get("a/2"), base) == (b"1", None, {"a/1": b"1"})
    assert (transaction.get("a/1"), transaction.get("a/3")) == (b"3", None)


def test_an_empty_value_hides_the_one_below() -> None:
    overlay = Overlay({"a": b"1"})
    overlay.put("a", b"")
    assert overlay.get("a") == b""


def test_changes_come_in_the_order_of_keys() -> None:
    overlay = Overlay({})
    for key in ("b", "a/2", "a/1", "B"):
        overlay.put(key, b"")
    assert list(overlay.changes()) == ["B", "a/1", "a/2", "b"]


@pytest.mark.parametrize("key", ["", "x" * 129, "a b", "é", "a\n", "a\x7f", "日"])
def test_what_is_no_key(key: str) -> None:
    """[REG-MAP-1]"""
    assert not is_key(key)
    with pytest.raises(ValueError, match="key"):
        check_changes({key: b""})


def test_keys_and_values_up_to_their_bounds() -> None:
    """[REG-MAP-1]"""
    check_changes({"x" * 128: b"1" * 65_536})
    with pytest.raises(ValueError, match="65536"):
        check_changes({"x": b"1" * 65_537})
