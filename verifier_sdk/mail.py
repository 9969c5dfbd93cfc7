"""The firm's side of the electronic PO box: polling (RFC 8936) and pushing answers (RFC 8935)."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from ssi.box_proof import BoxProof, build_firm_box_proof
from ssi.encoding import (
    Fields,
    JsonLimits,
    JSONObject,
    canonical_json,
    parse_json_object,
)
from ssi.envelope import MAX_SET_BYTES, SET_MEDIA_TYPE
from ssi.errors import Rejected, SSIError, Unavailable, Unreachable
from ssi.fetch import Fetch, Request
from ssi.keys import Random
from ssi.names import random_name
from verifier_sdk.answers import Firm
from verifier_sdk.relationships import StoredReceipt
from verifier_sdk.store import Store, seconds

BATCH: Final = 20
ROUNDS: Final = 50
PUSH_BATCH: Final = 50
_OK, _CREATED, _ACCEPTED, _BAD, _UNAUTHORIZED, _FORBIDDEN = 200, 201, 202, 400, 401, 403
_TOKEN: Final = "mailbox_token"  # noqa: S105 - the name of a setting
_BACK_OFF: Final = (1, 5, 30, 120, 600, 3600)
_LIMITS: Final = JsonLimits(max_bytes=1 << 20, max_members=20_000, max_string=MAX_SET_BYTES)

Receive = Callable[[str, datetime], StoredReceipt]


class Mail:
    """The line to one mailbox."""

    def __init__(self, url: str, *, firm: Firm, store: Store, fetch: Fetch, random: Random) -> None:
        self._url = url
        self._firm = firm
        self._store = store
        self._fetch = fetch
        self._random = random

    def open_box(self, now: datetime, *, push_url: str | None = None) -> None:
        """Show the mailbox that the registered box is ours, and remember its token.

        Args:
            now: The present.
            push_url: Where envelopes are to be pushed; polled when ``None``.

        Raises:
            Rejected: ``update.box`` when it refuses.
            Unavailable: It does not answer.
        """
        proof = BoxProof(
            mailbox_url=self._url,
            jti=random_name(self._random),
            issued_at=now,
            push_url=push_url,
        )
        token = build_firm_box_proof(
            proof,
            self._firm.receipt_key,
            verifier_id=self._firm.verifier_id,
            kid=self._firm.receipt_kid,
        )
        answer = self._post("/boxes/firm", {"proof": token})
        if answer[0] not in {_OK, _CREATED}:
            raise _refused(answer[0])
        fields = Fields(parse_json_object(answer[1]), where="box", code="update.box")
        self._store.set_setting(_TOKEN, fields.take_str("token", max_len=256))

    def poll(self, receive: Receive, now: datetime) -> int:
        """Take what waits in the box; what is stored is acknowledged with the next request.

        Args:
            receive: Takes one envelope and stores it.
            now: The present.

        Returns:
            How many envelopes were taken.

        Raises:
            Unavailable: The mailbox does not answer.
            Rejected: ``update.box`` when it refuses.
        """
        taken = 0
        done: list[str] = []
        bad: dict[str, str] = {}
        waiting: set[str] = set()
        for _ in range(ROUNDS):
            sets = self._page(done, bad, now)
            done, bad = [], {}
            fresh = {jti: token for jti, token in sets.items() if jti not in waiting}
            if not fresh:
                break
            for jti, token in fresh.items():
                try:
                    receive(token, now)
                except Rejected as error:
                    bad[jti] = error.code
                except Unavailable:
                    waiting.add(jti)
                else:
                    done.append(jti)
                    taken += 1
        if done or bad:
            self._page(done, bad, now, most=0)
        return taken

    def _page(
        self, done: list[str], bad: dict[str, str], now: datetime, *, most: int = BATCH
    ) -> dict[str, str]:
        body: JSONObject = {"maxEvents": most, "returnImmediately": True, "ack": list(done)}
        if bad:
            body["setErrs"] = {
                jti: {"err": "invalid_request", "description": code} for jti, code in bad.items()
            }
        status, raw = self._post("/poll", body, token=self._token(now))
        if status in {_UNAUTHORIZED, _FORBIDDEN}:  # the operator forgot us: show the key again
            self.open_box(now)
            status, raw = self._post("/poll", body, token=self._token(now))
        if status != _OK:
            raise _refused(status)
        fields = Fields(parse_json_object(raw, limits=_LIMITS), where="poll", code="update.box")
        sets = fields.opt_object("sets") or {}
        return {jti: token for jti, token in sets.items() if isinstance(token, str)}

    def _token(self, now: datetime) -> str:
        token = self._store.setting(_TOKEN)
        if token is None:
            self.open_box(now)
            token = self._store.setting(_TOKEN) or ""
        return token

    def _post(self, path: str, body: JSONObject, *, token: str | None = None) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        answer = self._fetch(
            Request(url=self._url + path, method="POST", headers=headers, body=canonical_json(body))
        )
        return answer.status, answer.body

    def push_due(self, now: datetime) -> int:
        """Send the answers whose time has come, each to the box its holder named.

        Returns:
            How many were taken by their mailbox.
        """
        at = seconds(now)
        due = self._store.rows(
            "SELECT jti, mailbox, token, deadline, tries FROM outbox"
            " WHERE state = 'queued' AND next_at <= ? ORDER BY next_at LIMIT ?",
            (at, PUSH_BATCH),
        )
        sent = 0
        for jti, mailbox, token, deadline, tries in due:
            pause = _BACK_OFF[min(tries, len(_BACK_OFF) - 1)]
            if not self._take(jti, tries, at + pause):
                continue
            if deadline <= at:
                self._settle(jti, "expired", "update.deadline")
                continue
            try:
                status = self._push(mailbox, token)
            except SSIError as error:
                if isinstance(error, Rejected):  # e.g. fetch.blocked: an address nobody may open
                    self._settle(jti, "failed", error.code)
                continue
            if status == _ACCEPTED:
                self._settle(jti, "sent", None)
                sent += 1
            elif _BAD <= status < 500 and status not in {408, 429}:  # noqa: PLR2004 - HTTP's classes
                self._settle(jti, "failed", f"http.{status}")
        return sent

    def _take(self, jti: str, tries: int, next_at: int) -> bool:
        """Of any number of senders, one takes this try."""
        with self._store.write() as db:
            changed = db.execute(
                "UPDATE outbox SET tries = tries + 1, next_at = ?"
                " WHERE jti = ? AND tries = ? AND state = 'queued'",
                (next_at, jti, tries),
            )
            return changed.rowcount == 1

    def _settle(self, jti: str, state: str, code: str | None) -> None:
        with self._store.write() as db:
            db.execute("UPDATE outbox SET state = ?, code = ? WHERE jti = ?", (state, code, jti))

    def _push(self, mailbox: str, token: str) -> int:
        answer = self._fetch(
            Request(
                url=f"{mailbox.rstrip('/')}/push",
                method="POST",
                headers={"Content-Type": SET_MEDIA_TYPE, "Accept": "application/json"},
                body=token.encode("ascii"),
            )
        )
        return answer.status


def _refused(status: int) -> SSIError:
    if status >= 500:  # noqa: PLR2004 - HTTP's class
        return Unreachable("the mailbox failed", code="update.mailbox")
    if status in {408, 429}:
        return Unavailable("the mailbox asks to wait", code="update.mailbox")
    return Rejected("the mailbox refuses us", code="update.box")
