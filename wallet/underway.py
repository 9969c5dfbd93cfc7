"""What was begun with another party and is not settled yet: no crash loses it [WAL-SEND-1].

An answer is written down, with what it will mean for the history, before it is sent. Until the
firm's reply is noted the same bytes are sent again: a firm that took them tells its receipt
once more, and one that never got them takes them now. In the same way an offer's access
token outlives a crash between its code and its credentials, and the word to the issuer
that they arrived is said until it is heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ssi.encoding import JSONObject, b64url_encode, canonical_json, sha256
from ssi.errors import SSIError, Unavailable
from ssi.oid4vci import Notification, NotificationEvent, TokenResponse, parse_token_response
from wallet import history, web
from wallet.context import Context
from wallet.history import Did
from wallet.store import Names, remember_shared
from wallet.vault import Row, Vault

KEPT_FOR = timedelta(days=1)  # a firm remembers a verified answer as long


def digest_of(text: str) -> str:
    """Return what is kept of a link or code: enough to know it again."""
    return b64url_encode(sha256(text.strip().encode("utf-8")))


# --- answers to firms -------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """An answer whose end is not known."""

    id: int
    party: str
    client_id: str
    names: Names
    response_uri: str
    body: bytes = field(repr=False)
    record_id: str | None
    line: int
    at: int


_SENDING = "id, party, client_id, names, response_uri, body, record_id, line, at"


def keep_answer(  # noqa: PLR0913 - one column each
    ctx: Context,
    *,
    link: str,
    party: str,
    client_id: str,
    names: Names,
    response_uri: str,
    body: bytes,
    record_id: str | None,
    address_version: int | None,
    details: JSONObject,
) -> Sending:
    """Write an answer down before it is sent: it may have been shared from now on."""
    with ctx.vault.transaction():
        remember_shared(
            ctx.vault,
            party=party,
            names=names,
            at=ctx.seconds(),
            address_version=address_version,
            record_id=record_id,
        )
        line = history.record(
            ctx.vault,
            Did.SHARED,
            at=ctx.now(),
            party=party,
            names=names,
            outcome="unknown",
            details=details,
        )
        ctx.vault.write(
            "INSERT INTO answers(link, party, client_id, names, response_uri, body, record_id,"
            " line, at) VALUES (?,?,?,?,?,?,?,?,?)",
            (
                digest_of(link),
                party,
                client_id,
                names.to_text(),
                response_uri,
                body,
                record_id,
                line,
                ctx.seconds(),
            ),
        )
        return _select(ctx.vault, "line = ?", line)[0]


def answer_to(vault: Vault, link: str) -> Sending | None:
    """Return the unsettled answer to the request behind a link."""
    found = _select(vault, "link = ?", digest_of(link))
    return found[-1] if found else None


def answers(ctx: Context) -> tuple[Sending, ...]:
    """Return the answers that are still to be settled; what is too old stays unknown for good."""
    oldest = ctx.seconds() - int(KEPT_FOR.total_seconds())
    ctx.vault.write("DELETE FROM answers WHERE at < ?", (oldest,))
    return _select(ctx.vault, "at >= ?", oldest)


def settle(vault: Vault, sending: Sending, *, outcome: str, code: str | None) -> None:
    """Note how an answer ended; it is not sent again."""
    with vault.transaction():
        history.amend(vault, sending.line, outcome=outcome, code=code)
        vault.write("DELETE FROM answers WHERE id = ?", (sending.id,))


def _select(vault: Vault, where: str, value: object) -> tuple[Sending, ...]:
    rows = vault.read(f"SELECT {_SENDING} FROM answers WHERE {where} ORDER BY id", (value,))  # noqa: S608 - constant text
    return tuple(map(_sending, rows))


def _sending(row: Row) -> Sending:
    return Sending(
        id=row[0],
        party=row[1],
        client_id=row[2],
        names=Names.from_text(row[3]),
        response_uri=row[4],
        body=row[5],
        record_id=row[6],
        line=row[7],
        at=row[8],
    )


# --- offers being taken up --------------------------------------------------


def keep_grant(ctx: Context, code: str, token: TokenResponse) -> None:
    """Keep the access token of an offer until its credentials are in the vault."""
    oldest = ctx.seconds() - int(KEPT_FOR.total_seconds())
    ctx.vault.write("DELETE FROM grants WHERE at < ?", (oldest,))
    ctx.vault.write(
        "INSERT OR REPLACE INTO grants(code, token, at) VALUES (?, ?, ?)",
        (digest_of(code), canonical_json(token.to_json()).decode(), ctx.seconds()),
    )


def grant_of(vault: Vault, code: str) -> TokenResponse | None:
    """Return the access token that an offer's code gave, when its use was cut short."""
    rows = vault.read("SELECT token FROM grants WHERE code = ?", (digest_of(code),))
    return parse_token_response(rows[0][0]) if rows else None


def forget_grant(vault: Vault, code: str) -> None:
    """Forget an access token: it was used, or the issuer does not take it any more."""
    vault.write("DELETE FROM grants WHERE code = ?", (digest_of(code),))


# --- words to issuers -------------------------------------------------------


def keep_notices(
    ctx: Context, endpoint: str | None, token: TokenResponse, names: Sequence[str]
) -> None:
    """Write down that issuers are to hear of credentials that arrived."""
    if endpoint is None:
        return
    for name in names:
        ctx.vault.write(
            "INSERT INTO notices(endpoint, token, name, at) VALUES (?, ?, ?, ?)",
            (endpoint, token.access_token, name, ctx.seconds()),
        )


def send_notices(ctx: Context) -> None:
    """Tell issuers what arrived (OpenID4VCI 1.0 section 11); who does not answer hears it later."""
    oldest = ctx.seconds() - int(KEPT_FOR.total_seconds())
    ctx.vault.write("DELETE FROM notices WHERE at < ?", (oldest,))
    for number, endpoint, token, name in ctx.vault.read(
        "SELECT id, endpoint, token, name FROM notices ORDER BY id"
    ):
        message = Notification(notification_id=name, event=NotificationEvent.ACCEPTED)
        try:
            web.post_json(ctx.fetch, endpoint, message.to_json(), token=token)
        except Unavailable:
            continue
        except SSIError as error:
            if not web.is_quiet(error):
                raise
        ctx.vault.write("DELETE FROM notices WHERE id = ?", (number,))
