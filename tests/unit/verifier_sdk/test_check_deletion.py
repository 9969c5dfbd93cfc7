"""Every check of a verification is needed: without it, its attack gets through [TRUST-1].

The checks are found in the source itself: each ``if ...: raise`` of the modules that judge, and
each call made only for what it may raise. One at a time is taken out of the running program. With
the check in place its attack must end in the check's own refusal, without it otherwise: accepted,
or with a reason that is not the true one. A check without a row fails, as does a row without check.
"""

from __future__ import annotations

import ast
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

import pytest

from registry_chain.records import REVOKED, SUSPENDED, issuer_key, signing_key_key, status_key
from registry_chain.transactions import Attestable
from ssi.errors import SSIError
from ssi.keys import Alg, generate_signer
from ssi.oid4vp import AuthorizationError, build_error_response, build_response
from ssi.sdjwt import issue
from ssi.sdjwt.processing import process, read_payload
from ssi.status_list import new_status_list
from ssi.x509 import public_key_of, to_x5c
from tests.support.firm_world import (
    ISSUER,
    ISSUER_SIGNER,
    ISSUER_URL,
    NOW,
    OTHER_ROOT,
    OTHER_SECRET,
    STATUS_SIGNER,
    Holder,
    World,
    kid,
    leaf,
    make_world,
    publish,
)
from tests.unit.verifier_sdk.test_each_check import purpose_of
from verifier_sdk import credentials, profiles, status, verifier

JUDGES = (verifier, credentials, status)
ISSUER_RECORD = issuer_key(ISSUER)
KEY_RECORD = signing_key_key(ISSUER, ISSUER_SIGNER.public_key.thumbprint())
STATUS_KEY = signing_key_key(ISSUER, STATUS_SIGNER.public_key.thumbprint())
LIST_RECORD = status_key(ISSUER, "list-1")
SOON = int(NOW.timestamp()) + 3600
STRANGER = generate_signer(Alg.ES256, os.urandom)
LIST = new_status_list(1024, bits=2)
ME = Holder()


# --- the checks, found in the source ---


@dataclass(frozen=True, kw_only=True)
class Check:
    """One statement that only refuses."""

    name: str
    module: ModuleType
    function: str
    line: int


def statements(module: ModuleType) -> Iterator[tuple[ast.FunctionDef, ast.stmt, str]]:
    """Each refusing statement of a module, with its function and the code it refuses with."""
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for node in ast.walk(function):
            if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise):
                code = [
                    each.value.value
                    for each in ast.walk(node.body[-1])
                    if isinstance(each, ast.keyword)
                    and each.arg == "code"
                    and isinstance(each.value, ast.Constant)
                ]
                kind = ast.unparse(node.body[-1]).removeprefix("raise ").partition("(")[0]
                yield function, node, str(code[0]) if code else kind
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                called = ast.unparse(node.value.func).rpartition(".")[2]
                if called.lstrip("_").startswith(("check", "verify")) or called == "predicate":
                    yield function, node, called


def checks() -> Iterator[Check]:
    for module in JUDGES:
        counted: Counter[str] = Counter()
        for function, node, code in statements(module):
            key = f"{function.name}: {code}"
            counted[key] += 1
            turn = f" {counted[key]}" if counted[key] > 1 else ""
            yield Check(name=key + turn, module=module, function=function.name, line=node.lineno)


class _Remover(ast.NodeTransformer):
    def __init__(self, line: int) -> None:
        self.line = line

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.If | ast.Expr) and node.lineno == self.line:
            return ast.copy_location(ast.Pass(), node)
        return super().generic_visit(node)


def without(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take one check out of the running program; every importer has the function so changed."""
    path = str(check.module.__file__)
    tree = _Remover(check.line).visit(ast.parse(Path(path).read_text("utf-8")))
    whole = compile(ast.fix_missing_locations(tree), path, "exec")

    def codes(of: CodeType) -> Iterator[CodeType]:
        yield of
        for part in of.co_consts:
            if isinstance(part, CodeType):
                yield from codes(part)

    (code,) = [one for one in codes(whole) if one.co_name == check.function]
    monkeypatch.setattr(function_of(check), "__code__", code)


def function_of(check: Check) -> FunctionType:
    for owner in (check.module, *vars(check.module).values()):
        found = vars(owner).get(check.function) if hasattr(owner, "__dict__") else None
        if isinstance(found, FunctionType) and found.__module__ == check.module.__name__:
            return found
    raise AssertionError(check.name)


# --- the attacks ---

Attack = Callable[[World], bytes]


def honest(world: World, **changes: Any) -> bytes:
    return ME.answer(world.verifier, world.ask().link, **changes)


def bent(alter: Callable[[dict[str, Any]], None]) -> Attack:
    return lambda world: honest(world, credential=ME.credential(alter=alter))


def headed(**header: Any) -> Attack:
    return lambda world: honest(world, credential=ME.credential(header=header))


def after(key: str, **changes: Any) -> Attack:
    """An honest answer, after something happened on the ledger."""

    def attack(world: World) -> bytes:
        form = honest(world)
        world.ledger.change(key, **changes)
        return form

    return attack


def gone(key: str) -> Attack:
    def attack(world: World) -> bytes:
        form = honest(world)
        del world.ledger.records[key]
        return form

    return attack


def listed(value: int) -> Attack:
    def attack(world: World) -> bytes:
        publish(world.ledger, LIST.with_status(7, value), sequence=2)
        return honest(world)

    return attack


def published(**changes: Any) -> Attack:
    def attack(world: World) -> bytes:
        publish(world.ledger, LIST, sequence=2, **changes)
        return honest(world)

    return attack


def another_session(world: World) -> bytes:
    asked, other = (ME.read(world.verifier, world.ask().link) for _ in range(2))
    mixed = replace(asked.request, state=other.request.state)
    tokens = ME.presentation(asked, ME.credential())
    return build_response(mixed, tokens, random=os.urandom)


def late(world: World) -> bytes:
    form = honest(world)
    world.at = NOW + timedelta(minutes=4, seconds=59)
    with world.verifier.store.write() as db:
        db.execute("UPDATE requests SET expires_at = ?", (int(NOW.timestamp()) + 60,))
    return form


def declined(world: World) -> bytes:
    state = ME.read(world.verifier, world.ask().link).request.state
    return build_error_response(state, AuthorizationError.ACCESS_DENIED)


def of_another_purpose(world: World) -> bytes:
    link = world.ask(updates=True).link
    asked = ME.read(world.verifier, link)
    code = replace(purpose_of(asked), code="age_over_18")
    told = ME.consent(asked, "minpaku-one", purposes=(code,))
    return ME.answer(world.verifier, link, consent=told)


def rolled_back(world: World) -> bytes:
    publish(world.ledger, LIST, sequence=5)
    world.verifier.verify(honest(world))
    publish(world.ledger, LIST, sequence=4)
    return honest(world)


def too_young(world: World) -> bytes:
    young = Holder(birthdate=date(2010, 1, 1))
    return young.answer(world.verifier, world.ask(profiles.AGE_OVER_18).link)


def stranger_signed(world: World) -> bytes:
    header = {"kid": kid(ISSUER_SIGNER), "x5c": list(to_x5c([leaf(ISSUER_SIGNER)]))}
    return honest(world, credential=ME.credential(signer=STRANGER, header=header))


def no_certificate(world: World) -> bytes:
    header = {"kid": kid(ISSUER_SIGNER)}
    token = issue(ME.payload(), ISSUER_SIGNER, random=os.urandom, header=header)
    return honest(world, credential=token)


def framework(payload: dict[str, Any]) -> None:
    payload["verified_claims"]["verification"]["trust_framework"] = "https://else.example"


def elsewhere(payload: dict[str, Any]) -> None:
    payload["status"]["status_list"]["uri"] = "https://elsewhere.example/list-1"


def no_name(payload: dict[str, Any]) -> None:
    payload["status"]["status_list"]["uri"] = f"{ISSUER_URL}/status-lists/a b"


# An issuer that may attest ages alone, though every type is its own.
AGES = tuple(
    Attestable(vct=vct, names=("age_over_18", "age_over_20"))
    for vct in ("urn:warifu:kyc:1", "urn:warifu:driving-licence:1", "urn:warifu:address:1")
)


# Each check with the attack that it alone stops.
ROWS: dict[str, Attack] = {
    # (1), (2) the answer and its request
    "_open_answer: consent.declined": declined,
    "verify_presentation: _check_request": another_session,
    "_check_request: session.state": another_session,
    "_check_request: session.expired": late,
    # (1) what it points to
    "read_presentation: credential.key_unknown": headed(kid="a b#" + "t" * 43),
    "read_presentation: status.malformed": bent(no_name),
    # (3) the issuer
    "check_issuer: credential.issuer": headed(kid=kid(ISSUER_SIGNER, "nobody")),
    "check_issuer: credential.issuer 2": after(ISSUER_RECORD, state=SUSPENDED),
    "check_issuer: credential.issuer 3": after(ISSUER_RECORD, url="https://else.example"),
    "check_issuer: credential.issuer 4": after(ISSUER_RECORD, credential_types=(profiles.LICENCE,)),
    "check_issuer: credential.issuer 5": after(ISSUER_RECORD, valid_from=SOON - 7200),
    "check_issuer: credential.key_unknown": gone(KEY_RECORD),
    "_check_key: credential.key_unknown": after(KEY_RECORD, use="status"),
    "_check_key: credential.key_revoked": after(KEY_RECORD, compromised_since=1),
    "_check_key: credential.key_suspended": after(KEY_RECORD, state=SUSPENDED),
    "_check_key: credential.key_unknown 2": after(KEY_RECORD, valid_from=SOON - 7200),
    "_check_key: credential.key_unknown 3": after(KEY_RECORD, jwk=STATUS_SIGNER.public_key.jwk),
    "_chain: credential.chain": no_certificate,
    "_chain: credential.chain 2": headed(x5c=list(to_x5c([leaf(STATUS_SIGNER)]))),
    # (4) signature and disclosures
    "check_signature: credential.trust_framework": bent(framework),
    "check_signature: credential.claims_not_accredited": after(ISSUER_RECORD, attests=AGES),
    # (5) times
    "verify_presentation: verify_times": lambda world: honest(
        world, credential=ME.credential(expires_at=NOW - timedelta(days=1))
    ),
    # (6) key binding, consent
    "verify_presentation: _check_bindings": lambda world: honest(world, signer=STRANGER),
    "_check_bindings: verify_binding": lambda world: honest(world, signer=STRANGER),
    "_check_consent: consent.malformed": lambda world: honest(world, extra={"consent": 5}),
    "_check_consent: consent.binding": of_another_purpose,
    # (7) status
    "check_status: status.unknown": gone(LIST_RECORD),
    "check_status: status.subject": bent(elsewhere),
    "check_status: Revoked": listed(1),
    "check_status: Suspended": listed(2),
    "check_status: status.value": listed(3),
    "status_list: status.rollback": rolled_back,
    "_load: status.issuer": published(header={"kid": kid(STATUS_SIGNER, "other-kyc")}),
    "_key: status.key": after(STATUS_KEY, use="credential"),
    "_key: status.key 2": after(STATUS_KEY, state=REVOKED),
    "_key: status.key 3": after(STATUS_KEY, jwk=STRANGER.public_key.jwk),
    # (8) policy
    "_check_policy: predicate": too_young,
}
# Checks that no presentation can reach alone, with what stands before or behind them.
DOUBLED: dict[str, str] = {
    "_check_request: presentation.replayed": "the store lets one answer claim a request",
    "_open_answer: presentation.replayed": "the store finds no request by a key it threw away",
    "_result: presentation.empty": "an answer without presentations is malformed when it is parsed",
    "status_list: status.expired": "by time alone: test_each_check keeps a list past its end",
    "status_list: check_fresh": "by time alone: test_each_check keeps a list past its life",
    "_key: raise": "a list never seen and no node: test_verifier, no verdict",
}


# The others only give the true reason: what follows them could not go on.
GIVES_THE_REASON = {
    "check_status: Revoked",
    "check_status: Suspended",
    "_open_answer: consent.declined",
    "_check_request: session.expired",
    "_check_consent: consent.malformed",
    "read_presentation: status.malformed",
    "read_presentation: credential.key_unknown",
    "check_issuer: credential.issuer",
    "check_issuer: credential.key_unknown",
    "_check_key: credential.key_unknown 3",
    "_chain: credential.chain",
    "check_status: status.unknown",
    "_key: status.key 3",
}
ACCEPTED_WITHOUT = ROWS.keys() - GIVES_THE_REASON


def outcome(world: World, form: bytes) -> str:
    try:
        world.verifier.verify(form)
    except SSIError as error:
        return error.code
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return f"a crash: {type(error).__name__}"
    return "accepted"


def own_code(name: str) -> str | None:
    """The refusal of a check; a call refuses with codes of its own."""
    code = name.partition(": ")[2].partition(" ")[0]
    return code if "." in code else None


def test_every_check_has_a_row_and_every_row_a_check():
    found = {check.name for check in checks()}
    assert len(found) > 35
    assert found - ROWS.keys() - DOUBLED.keys() == set(), "a check without an attack"
    assert (ROWS.keys() | DOUBLED.keys()) - found == set(), "a row without its check"
    assert not ROWS.keys() & DOUBLED.keys()


@pytest.mark.parametrize("check", [c for c in checks() if c.name in ROWS], ids=lambda c: c.name)
def test_without_the_check_its_attack_ends_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Check
):
    for folder in ("with", "without"):
        (tmp_path / folder).mkdir()
    world = make_world(tmp_path / "with")
    refused = outcome(world, ROWS[check.name](world))
    assert refused != "accepted"
    assert "crash" not in refused
    assert own_code(check.name) in {None, refused}
    world = make_world(tmp_path / "without")
    form = ROWS[check.name](world)
    without(check, monkeypatch)
    got_through = outcome(world, form)
    assert got_through != refused, "another check refuses this too: the attack proves nothing"
    if check.name in ACCEPTED_WITHOUT:
        assert got_through == "accepted"


# --- checks that give something back: a stand-in that judges nothing takes their place ---


def unsigned(untrusted: Any, _key: Any) -> Any:
    return process(read_payload(untrusted.jwt.payload, untrusted), untrusted)


def any_chain(chain: Any, **_: Any) -> Any:
    return SimpleNamespace(public_key=public_key_of(chain[0]), akis=())


STAND_INS: dict[str, tuple[ModuleType, Any, Attack, str]] = {
    "verify_issuer_jwt": (credentials, unsigned, stranger_signed, "credential.signature"),
    "verify_chain": (
        credentials,
        any_chain,
        headed(x5c=list(to_x5c([leaf(ISSUER_SIGNER, OTHER_ROOT, OTHER_SECRET)]))),
        "credential.chain",
    ),
}


@pytest.mark.parametrize("name", STAND_INS)
def test_without_the_judgement_its_attack_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    module, stand_in, attack, code = STAND_INS[name]
    world = make_world(tmp_path)
    assert outcome(world, attack(world)) == code
    monkeypatch.setattr(module, name, stand_in)
    assert outcome(world, attack(world)) == "accepted"
