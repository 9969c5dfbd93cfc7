"""One verification against its limit: two bare signature checks over the same messages.

Verified is everything that belongs to one presentation: parsing, the issuer's signature, digests
and disclosures, times, type, key binding (signature, audience, nonce, time, hash), the status in a
list of a million entries, and that what was asked was answered (DCQL). Nothing is kept between two
verifications but parsed keys and the decoded list; no verdict, no claim, no signature.

All contenders live in one run and are visited in turn in short slices; a figure is operations per
second of processor time, a ratio is the median over rounds against the limit of the same round.

    python benchmarks/verify.py [--rounds 31] [--slice 80]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import nacl.bindings
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwcrypto.jwk import JWK
from sd_jwt.verifier import SDJWTVerifier

from ssi.credential import (
    Address,
    Envelope,
    KycData,
    Proofing,
    StatusReference,
    check_type,
    claim_path,
    kid_of,
    kyc_payload,
    status_reference,
    verify_times,
)
from ssi.dcql import Candidate, ClaimQuery, CredentialQuery, Query, check_response
from ssi.keys import Alg, SoftwareSigner
from ssi.sdjwt import (
    KeyBindingPolicy,
    issue,
    parse_sdjwt,
    present,
    select,
    verify_issuer_jwt,
    verify_key_binding,
)
from ssi.status_list import (
    INVALID,
    VALID,
    build_status_token,
    new_status_list,
    parse_status_token,
    verify_status_token,
)
from tests.support.credentials import dice, key
from tests.support.peers import PEERS, SdJwtVcPeer

COUNT = 64
ENTRIES = 1_000_000
URI = "https://issuer.example/status-lists/main"
AUDIENCE = "x509_hash:NjI0MTE1ZWQyZTVkYzYxNjhiYjc2ZDg4MDZmNTk0ZTc"
VCT = "urn:warifu:kyc:1"
ASKED = ("name", "birthdate", "address", "age_over_18")
QUERY = Query(
    credentials=(
        CredentialQuery(
            id="guest",
            format="dc+sd-jwt",
            accepted_types=(VCT,),
            claims=tuple(ClaimQuery(path=claim_path(name)) for name in ASKED),
        ),
    )
)
PERSON = KycData(
    name="架空 花子",
    name_kana="カクウ ハナコ",
    birthdate=date(1990, 4, 1),
    address=Address(
        formatted="東京都架空区見本町1-2-3 サンプル荘201",
        postal_code="100-0000",
        region="東京都",
        locality="架空区",
        street_address="見本町1-2-3 サンプル荘201",
    ),
    portrait_checked=True,
)
PROOFING = Proofing(
    trust_framework="https://warifu.example/trust_framework/jp_sharing",
    organization="City KYC",
    checked_on=date(2026, 11, 1),
    procedure="two_operators",
)


@dataclass(frozen=True, slots=True)
class Work:
    """The presentations of one run, and what a verifier knows beforehand."""

    now: datetime
    issuer: SoftwareSigner
    holders: tuple[SoftwareSigner, ...]
    presentations: tuple[str, ...]
    nonces: tuple[str, ...]
    status_token: str


def prepare(alg: Alg, now: datetime, *, status: bool = True) -> Work:
    issuer = key("issuer", alg)
    holders = tuple(key(f"holder {number}", alg) for number in range(COUNT))
    nonces = tuple(f"{number:02}-nonce-of-this-request" for number in range(COUNT))
    random = dice()
    presentations = []
    for number, (holder, nonce) in enumerate(zip(holders, nonces, strict=True)):
        envelope = Envelope(
            issuer_url="https://issuer.example",
            issued_at=now - timedelta(days=20),
            expires_at=now + timedelta(days=90),
            holder_jwk=holder.public_key.jwk,
            status=StatusReference(uri=URI, index=number * 15_601),
        )
        payload = kyc_payload(PERSON, PROOFING, envelope, today=now.date())
        if not status:
            del payload["status"]
        header = {"kid": kid_of("city-kyc", issuer.public_key.thumbprint())}
        whole = issue(payload, issuer, random=random, header=header)
        chosen = select(whole, [claim_path(name) for name in ASKED])
        presentations.append(present(chosen, holder, audience=AUDIENCE, nonce=nonce, now=now))
    statuses = new_status_list(ENTRIES)
    for number in range(COUNT):  # some neighbours are revoked, so that the list is not all zeros
        statuses = statuses.with_status(number * 15_601 + 1, INVALID)
    token = build_status_token(
        statuses, issuer, uri=URI, now=now, ttl=300, expires_at=now + timedelta(days=7)
    )
    return Work(now, issuer, holders, tuple(presentations), nonces, token)


# --- contenders: each verifies the presentation with a given number ---

Contender = Callable[[int], object]


def limit(work: Work) -> Contender:
    """Two signature checks by the library we use, keys and signatures parsed beforehand."""
    jobs: list[Callable[[], object]] = []
    scheme = ec.ECDSA(hashes.SHA256())
    for text, holder in zip(work.presentations, work.holders, strict=True):
        untrusted = parse_sdjwt(text)
        binding = untrusted.kb or ""
        kb = parse_sdjwt(f"{binding}~").jwt
        pair = ((untrusted.jwt, work.issuer.public_key), (kb, holder.public_key))
        calls: list[Callable[[], object]] = []
        for jws, public in pair:
            message, signature = jws.signing_input, jws.signature
            if public.alg is Alg.EDDSA:
                calls.append(_ed25519(signature + message, public.raw))
            else:
                handle = ec.EllipticCurvePublicKey.from_encoded_point(
                    ec.SECP256R1(), b"\x04" + public.raw
                )
                r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
                calls.append(_p256(handle, encode_dss_signature(r, s), message, scheme))
        jobs.append(_both(*calls))
    return lambda number: jobs[number]()


def _ed25519(signed: bytes, raw: bytes) -> Callable[[], object]:
    return lambda: nacl.bindings.crypto_sign_open(signed, raw)


def _p256(handle: Any, signature: bytes, message: bytes, scheme: Any) -> Callable[[], object]:
    return lambda: handle.verify(signature, message, scheme)


def _both(first: Callable[[], object], second: Callable[[], object]) -> Callable[[], object]:
    def run() -> None:
        first()
        second()

    return run


def warifu(work: Work) -> Contender:
    issuer = work.issuer.public_key
    token = parse_status_token(work.status_token)
    statuses = verify_status_token(token, issuer, now=work.now, uri=URI)
    policy = KeyBindingPolicy()

    def verify(number: int) -> None:
        now = work.now
        untrusted = parse_sdjwt(work.presentations[number])
        verified = verify_issuer_jwt(untrusted, issuer)
        claims = verified.claims
        vct = check_type(claims, (VCT,))
        verify_times(claims, now=now)
        verify_key_binding(
            untrusted,
            verified,
            audience=AUDIENCE,
            nonce=work.nonces[number],
            now=now,
            policy=policy,
        )
        reference = status_reference(claims)
        assert reference.uri == statuses.uri
        assert statuses.list.get(reference.index) == VALID
        candidate = Candidate(id="guest", format="dc+sd-jwt", vct=vct, claims=claims)
        check_response(QUERY, {"guest": [candidate]})

    return verify


class _AnyAlgorithm(SDJWTVerifier):
    """The library takes key bindings by ES256 only unless told otherwise."""

    algorithm = "ES256"

    def _verify_key_binding_jwt(
        self, expected_aud: str, expected_nonce: str, sign_alg: str | None = None
    ) -> None:
        super()._verify_key_binding_jwt(expected_aud, expected_nonce, sign_alg or self.algorithm)


def pypi(work: Work) -> Contender:
    """The reference library: no times, no type, no status, no query."""
    public = JWK(**work.issuer.public_key.jwk)
    verifier = type("V", (_AnyAlgorithm,), {"algorithm": work.issuer.public_key.alg.value})

    def verify(number: int) -> None:
        text, nonce = work.presentations[number], work.nonces[number]
        verifier(text, lambda *_: public, AUDIENCE, nonce).get_verified_payload()

    return verify


# --- measuring ---


def slice_of(contender: Contender, seconds: float) -> float:
    """Operations per second of processor time, over about ``seconds``."""
    count, end = 0, time.perf_counter() + seconds
    used = time.process_time()
    while time.perf_counter() < end:
        contender(count % COUNT)
        count += 1
    return count / (time.process_time() - used)


def npm_slice(peer: SdJwtVcPeer, work: Work, milliseconds: float, **more: str) -> float:
    answer = peer.ask(
        "bench",
        presentations=work.presentations,
        nonces=work.nonces,
        issuerPublic=work.issuer.public_key.jwk,
        now=int(work.now.timestamp()),
        milliseconds=milliseconds,
        **more,
    )
    return float(answer["count"] / answer["cpuSeconds"])


def measure(alg: Alg, rounds: int, seconds: float, now: datetime) -> dict[str, dict[str, float]]:
    work, plain = prepare(alg, now), prepare(alg, now, status=False)
    runs: dict[str, Callable[[], float]] = {}
    for name, make in (("limit", limit), ("warifu", warifu), ("PyPI sd-jwt", pypi)):
        contender = make(work)
        for number in range(COUNT):  # warm, and right, before anything is measured
            contender(number)
        runs[name] = lambda contender=contender: slice_of(contender, seconds)
    with ExitStack() as stack:
        if shutil.which("node") and (PEERS / "node_modules" / "@sd-jwt").is_dir():
            peer = stack.enter_context(SdJwtVcPeer())
            npm_slice(peer, plain, 1000)
            milliseconds = seconds * 1000
            runs["npm sd-jwt-vc"] = lambda: npm_slice(peer, plain, milliseconds)
            runs["npm sd-jwt-vc, status"] = lambda: npm_slice(
                peer, work, milliseconds, statusToken=work.status_token
            )
        else:
            sys.stderr.write("without the npm peer: it needs Node.js and `make peers`\n")
        figures: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(rounds):
            for name, run in runs.items():
                figures[name].append(run())
    return {
        name: {
            "per_second": round(median(values)),
            "ratio": round(
                median(v / base for v, base in zip(values, figures["limit"], strict=True)), 4
            ),
        }
        for name, values in figures.items()
    }


def table(alg: Alg, figures: dict[str, dict[str, float]]) -> None:
    print(f"\n{alg}: full verification, status in a list of {ENTRIES:,}\n")
    print(f"{'':24}{'per second':>12}{'of the limit':>14}")
    for name, row in figures.items():
        print(f"{name:24}{row['per_second']:>12,}{row['ratio']:>14.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="A verification against two bare signatures.")
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--slice", type=float, default=80.0, help="milliseconds")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results" / "verify.json"
    )
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    now = datetime.now(UTC).replace(microsecond=0)
    results = {}
    for alg in Alg:
        results[alg.value] = measure(alg, options.rounds, options.slice / 1000, now)
        table(alg, results[alg.value])
    options.out.parent.mkdir(exist_ok=True)
    report = {
        "date": now.date().isoformat(),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
        },
        "versions": {name: version(name) for name in ("cryptography", "pynacl", "sd-jwt")},
        "rounds": options.rounds,
        "slice_ms": options.slice,
        "presentations": COUNT,
        "status_entries": ENTRIES,
        "results": results,
    }
    options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
