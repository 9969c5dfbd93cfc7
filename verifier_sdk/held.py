"""Answers that wait for the browser: what one device was asked, only that browser may finish.

Whoever begins a request and lets somebody else's wallet answer it would otherwise have the other
person's identity in his own session (OpenID4VP 1.0 §14.2). A request for the same device is
therefore finished by the browser that opened its page and comes back with the response code; until
then the answer lies sealed, as it came, and nobody is told [TRUST-WEB-3].
"""

from dataclasses import dataclass, field
from datetime import datetime

from ssi.encoding import JSONObject
from verifier_sdk.store import Store, dump, load, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A sealed answer, and what the wallet was told about its consent."""

    form: bytes = field(repr=False)
    extra: JSONObject = field(repr=False)


def mark(store: Store, request_id: str) -> None:
    """Note that a request is for the device it was begun on."""
    with store.write() as db:
        db.execute("INSERT INTO same_device (request_id) VALUES (?)", (request_id,))


def is_marked(store: Store, request_id: str) -> bool:
    """Whether a request is for the device it was begun on."""
    found = store.rows("SELECT 1 FROM same_device WHERE request_id = ?", (request_id,))
    return bool(found)


def hold(store: Store, request_id: str, held: Held, response_code: str, now: datetime) -> bool:
    """Keep an answer until the browser comes: of any number of answers, one gets ``True``."""
    at = seconds(now)
    with store.write() as db:
        changed = db.execute(
            "UPDATE requests SET state = 'held', response_code = ?"
            " WHERE id = ? AND state = 'open' AND expires_at > ?",
            (response_code, request_id, at),
        )
        if changed.rowcount == 1:
            db.execute(
                "UPDATE same_device SET form = ?, extra = ? WHERE request_id = ?",
                (held.form, dump(held.extra), request_id),
            )
        return changed.rowcount == 1


def find(store: Store, request_id: str) -> Held | None:
    """The answer that is kept for a request."""
    rows = store.rows(
        "SELECT form, extra FROM same_device WHERE request_id = ? AND form IS NOT NULL",
        (request_id,),
    )
    return Held(form=bytes(rows[0][0]), extra=load(rows[0][1])) if rows else None


def claim(store: Store, request_id: str, now: datetime) -> bool:
    """Take a held answer for ourselves: of any number of browsers' tabs, one gets ``True``."""
    return _change(
        store,
        "UPDATE requests SET state = 'claimed', claimed_at = ? WHERE id = ? AND state = 'held'",
        (seconds(now), request_id),
    )


def give_back(store: Store, request_id: str, *, claimed_at: datetime) -> None:
    """Hold an answer again that we claimed then, because the firm's own handler failed."""
    _change(
        store,
        "UPDATE requests SET state = 'held' WHERE id = ? AND state = 'claimed' AND claimed_at = ?",
        (request_id, seconds(claimed_at)),
    )


def reject(store: Store, request_id: str, code: str) -> None:
    """End a held answer that does not verify any more; the key to it is thrown away."""
    _change(
        store,
        "UPDATE requests SET state = 'rejected', code = ?, secret = NULL"
        " WHERE id = ? AND state = 'held'",
        (code, request_id),
    )
    forget(store, request_id)


def forget(store: Store, request_id: str) -> None:
    """Throw a sealed answer away."""
    _change(store, "UPDATE same_device SET form = NULL WHERE request_id = ?", (request_id,))


def _change(store: Store, sql: str, values: tuple[object, ...]) -> bool:
    with store.write() as db:
        return db.execute(sql, values).rowcount == 1
