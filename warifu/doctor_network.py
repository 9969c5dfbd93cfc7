"""The doctor's look at a running network: who answers, and whether the chain can be trusted."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from registry_chain.client import Genesis, HeadMemory, RegistryClient
from ssi.errors import SSIError
from ssi.fetch import FetchPolicy, Request, http_fetch
from ssi.files import read_file
from warifu.demo import cast
from warifu.doctor import Finding, Level
from warifu.doctor_files import check_files

STALE = timedelta(minutes=2)
SKEW = timedelta(seconds=60)
OK = 200
STATUS_LIST = "main-1"


def check_network(home: Path) -> list[Finding]:
    """Look at every program that ``network.json`` names.

    Args:
        home: The network's folder.

    Returns:
        The findings; one that says so when the folder is no network.
    """
    try:
        described = json.loads(read_file(home / "network.json"))
        programs = {str(name): str(url) for name, url in described["programs"].items()}
        genesis = Genesis.load(Path(described["genesis"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SSIError):
        return [
            Finding(
                level=Level.BAD,
                topic=str(home),
                ja="ネットワークのフォルダではありません",
                en="is not the folder of a network",
                mend_ja="warifu demo --keep が示すフォルダを指定してください",
                mend_en="name the folder that warifu demo --keep prints",
            )
        ]
    findings = [finding for name, url in programs.items() for finding in _answers(name, url, home)]
    findings += _chain(programs["chain"], genesis)
    findings += check_files(home)
    return findings


def _answers(name: str, url: str, home: Path) -> Iterator[Finding]:
    fetch = http_fetch(FetchPolicy(allow_loopback_http=True, timeout=3))
    try:
        status = fetch(Request(url=f"{url}/health", method="GET")).status
    except SSIError as error:
        status, code = 0, error.code
    else:
        code = str(status)
    if status == OK:
        yield Finding(level=Level.GOOD, topic=name, ja=f"応答あり {url}", en=f"answers at {url}")
        return
    log = home / "logs" / f"{name}.log"
    if _port_is_taken(url):
        yield Finding(
            level=Level.BAD,
            topic=name,
            ja=f"{url} では別のプログラムが動いているか、止まりかけています（{code}）",
            en=f"another program, or one that hangs, is at {url} ({code})",
            mend_ja="「ss -ltnp」でポートの持ち主を確かめて止め、起動し直してください",
            mend_en="find what holds the port with: ss -ltnp; stop it, then start this one again",
        )
        return
    yield Finding(
        level=Level.BAD,
        topic=name,
        ja=f"動いていません（{url} にだれもいません）",
        en=f"is not running (nobody listens at {url})",
        mend_ja=f"記録 {log} を見て、起動し直してください",
        mend_en=f"read its log {log}, then start it again",
    )


def _port_is_taken(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=1).close()
    except OSError:
        return False
    return True


def _chain(url: str, genesis: Genesis) -> Iterator[Finding]:
    fetch = http_fetch(FetchPolicy(allow_loopback_http=True, timeout=5))
    client = RegistryClient([url], genesis, fetch, HeadMemory.volatile())
    now = datetime.now(UTC)
    try:
        head = client.head(now)
        status = client.status_record(cast.ISSUER_ID, STATUS_LIST, now)
    except SSIError as error:
        yield Finding(
            level=Level.BAD,
            topic="chain",
            ja=f"台帳を確かめられません（{error.code}）",
            en=f"the chain cannot be verified ({error.code})",
            mend_ja=error.diagnostics("ja"),
            mend_en=error.diagnostics("en"),
        )
        return
    age = now - head.time
    yield Finding(
        level=Level.GOOD,
        topic="chain",
        ja=f"高さ {head.height}、検証者 {head.validators}、検証済み",
        en=f"height {head.height}, {head.validators} validator(s), verified",
    )
    if age > STALE or age < -SKEW:
        yield Finding(
            level=Level.BAD,
            topic="clock",
            ja=f"最新のブロックとの時刻差が {int(age.total_seconds())} 秒あります",
            en=f"the newest block is {int(age.total_seconds())} s away from our clock",
            mend_ja="この機械の時計（NTP）とノードの動作を確かめてください",
            mend_en="check this machine's clock (NTP) and whether the node makes blocks",
        )
    listed = now - datetime.fromtimestamp(status.issued_at, UTC)
    yield Finding(
        level=Level.GOOD if listed < timedelta(days=7) else Level.BAD,
        topic="status list",
        ja=f"{status.sequence} 版、{int(listed.total_seconds())} 秒前",
        en=f"edition {status.sequence}, {int(listed.total_seconds())} s old",
        mend_ja="" if listed < timedelta(days=7) else "発行者を起動し直してください",
        mend_en="" if listed < timedelta(days=7) else "start the issuer again",
    )
