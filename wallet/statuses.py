"""How the wallet's credentials stand, by the status lists the ledger names [WAL-STAT-1].

A list is fetched whole from a node of the chain: which entry matters leaves no trace, and the
issuer is not asked at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from ssi.errors import BindingMismatch, Rejected, SSIError, Untrusted
from ssi.status_list import (
    INVALID,
    SUSPENDED,
    VALID,
    StatusList,
    parse_status_token,
    verify_status_token,
)
from wallet import register, web
from wallet.context import Context
from wallet.copies import standing_of
from wallet.store import Standing, StoredCredential, credentials, note_standings

_MEANS: Final[Mapping[int, Standing]] = {
    VALID: Standing.VALID,
    INVALID: Standing.REVOKED,
    SUSPENDED: Standing.SUSPENDED,
}
_FINAL = frozenset({Standing.REVOKED, Standing.EXPIRED})


def check_all(ctx: Context) -> tuple[str, ...]:
    """Read the newest edition of every list the credentials name, and note each verdict.

    Returns:
        The ids of the issuers of whose list nothing was learned: what was known stays, with
        its age [WAL-STAT-2].
    """
    now = ctx.now()
    lists: dict[tuple[str, str], list[StoredCredential]] = {}
    for copy in credentials(ctx.vault):
        if standing_of(copy, now=ctx.seconds()) not in _FINAL:
            lists.setdefault((copy.issuer_id, copy.status_uri), []).append(copy)
    unread: list[str] = []
    for (issuer_id, uri), copies in sorted(lists.items(), key=lambda item: item[0]):
        try:
            entries = _newest(ctx, issuer_id, uri, now)
            standings = {copy.id: _standing(entries, copy.status_index) for copy in copies}
        except SSIError as error:
            if not web.is_quiet(error):
                raise
            unread.append(issuer_id)
            continue
        note_standings(ctx.vault, standings, at=ctx.seconds())
    return tuple(dict.fromkeys(unread))


def _newest(ctx: Context, issuer_id: str, uri: str, now: datetime) -> StatusList:
    """Return the newest edition of a list; the chain proves which one that is.

    Raises:
        Rejected, Unavailable: ``status.*``, ``chain.*``, ``light.stale``: no verdict.
    """
    record = ctx.registry.status_record(issuer_id, uri.rsplit("/", 1)[-1], now)
    if record.uri != uri:
        raise BindingMismatch("the ledger's list has another address", code="status.subject")
    untrusted = parse_status_token(ctx.registry.status_token(record))
    signer, _, thumbprint = untrusted.kid.rpartition("#")
    if signer != issuer_id:
        raise Untrusted("the list is signed by another issuer", code="status.issuer")
    key = register.status_key(ctx, issuer_id, thumbprint, now=now)
    verified = verify_status_token(untrusted, key, now=now, uri=uri)
    verified.check_fresh(now=now)
    return verified.list


def _standing(entries: StatusList, index: int) -> Standing:
    """Return what an entry means; an entry without a meaning is no verdict."""
    standing = _MEANS.get(entries.get(index))
    if standing is None:
        raise Rejected("the status has no meaning to us", code="status.value")
    return standing
