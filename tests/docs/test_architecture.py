"""The house stands as it is drawn: packages, doors, the SDK's surface, what a wheel ships."""

from __future__ import annotations

import ast
import configparser
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hatchling.builders.wheel import WheelBuilder

import verifier_sdk

ROOT: Final = Path(__file__).resolve().parents[2]
NOT_SHIPPED: Final = {"tests", "benchmarks", "docs", "specs"}
PRODUCTS: Final = ("wallet", "issuer", "verifier_sdk", "postbox")
# The only doors to the ledger: verify what it says, judge who vouches for its time, say something.
DOORS: Final = {
    "registry_chain.anchoring",
    "registry_chain.client",
    "registry_chain.light",
    "registry_chain.records",
    "registry_chain.transactions",
}
# What a firm builds on: changed only with a line in CHANGELOG.md.
SURFACE: Final = {
    "Accept",
    "AcceptPending",
    "AddressUpdated",
    "Check",
    "NeedsAttestation",
    "Policy",
    "PresentationRequest",
    "Profile",
    "Reject",
    "VerifiedPresentation",
    "Verifier",
    "VerifierConfig",
    "profiles",
    "verify_presentation",
}


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def packages() -> set[str]:
    return {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and path.name not in NOT_SHIPPED and any(path.glob("*.py"))
    }


def test_every_package_is_under_contract_shipped_and_type_checked():
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter", "utf-8")
    roots = set(contracts["importlinter"]["root_packages"].split())
    exhaustive = {
        contracts[name]["containers"].strip()
        for name in contracts.sections()
        if contracts[name].get("exhaustive") == "True"
    }
    tool = pyproject()["tool"]
    assert packages() == roots == exhaustive
    assert packages() == set(tool["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert packages() == set(tool["mypy"]["packages"])


def imports(path: Path) -> Iterator[str]:
    """Every module that a file names, at whatever depth of its code."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_enters_the_ledger_by_its_doors(product: str):
    for path in (ROOT / product).rglob("*.py"):
        for name in imports(path):
            if name.partition(".")[0] == "registry_chain":
                assert ".".join(name.split(".")[:2]) in DOORS, f"{path.relative_to(ROOT)}: {name}"


def test_the_sdk_has_a_small_surface_that_does_not_change_by_accident():
    assert set(verifier_sdk.__all__) == SURFACE
    assert len(SURFACE) <= 15
    assert list(verifier_sdk.__all__) == sorted(verifier_sdk.__all__)
    for name in SURFACE:
        assert getattr(verifier_sdk, name).__doc__, name


def test_a_wheel_holds_every_file_the_programs_read():
    shipped = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    for package in packages():
        assert f"{package}/py.typed" in shipped
        for path in (ROOT / package).rglob("*"):
            wanted = path.is_file() and "__pycache__" not in path.parts
            if wanted and not path.name.endswith((".pyc", ".swp")):
                assert str(path.relative_to(ROOT)) in shipped
