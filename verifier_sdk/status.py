"""Status lists: fetched whole through the registry client, so that no issuer is asked.

A decoded list is kept by its digest. The chain's sequence of a list never goes back, in any of our
processes: the highest seen is in the store [TRUST-7].
"""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from registry_chain.client import KeyRecord, StatusRecord
from registry_chain.records import REVOKED, SUSPENDED, signing_key_key
from ssi.errors import Rejected, Stale, Unavailable, Untrusted
from ssi.keys import PublicKey, public_key_from_jwk
from ssi.status_list import VerifiedStatusList, parse_status_token, verify_status_token
from verifier_sdk.ledger import Registry
from verifier_sdk.store import Store, dump, load

MAX_KEPT: Final = 32


class StatusLists:
    """The status lists of one firm; safe to share between threads."""

    def __init__(self, registry: Registry, store: Store, *, max_age: timedelta) -> None:
        self._registry = registry
        self._store = store
        self._max_age = max_age
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], VerifiedStatusList] = OrderedDict()

    def status_list(
        self, issuer: str, name: str, record: StatusRecord, *, now: datetime
    ) -> VerifiedStatusList:
        """Return the list a record names; see `verifier_sdk.ports.StatusView`.

        Raises:
            Rejected: ``status.rollback`` when a newer edition was seen before; ``status.*``.
            Unavailable: ``status.unavailable``; ``status.expired`` or ``status.stale`` when the
                newest list is too old [CRED-ST-2].
        """
        seen = self._store.note_status(issuer, name, record.sequence)
        if seen > record.sequence:
            raise Rejected("a newer edition of the list was seen before", code="status.rollback")
        kept = self._find((issuer, record.digest))
        if kept is None:
            kept = self._load(issuer, record, now)
        if kept.expires_at is not None and kept.expires_at <= now:
            raise Unavailable("the newest status list is over", code="status.expired")
        kept.check_fresh(now=now)
        return kept

    def _find(self, key: tuple[str, str]) -> VerifiedStatusList | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def _load(self, issuer: str, record: StatusRecord, now: datetime) -> VerifiedStatusList:
        token = self._store.status_token(record.digest)
        if token is None:
            try:
                token = self._registry.status_token(record)
            except (Unavailable, Rejected) as error:  # a node that answers junk has it not
                raise Unavailable(
                    "no node has the status list", code="status.unavailable"
                ) from error
        untrusted = parse_status_token(token)
        signer, _, thumbprint = untrusted.kid.rpartition("#")
        if signer != issuer:
            raise Untrusted("the list is signed by another issuer", code="status.issuer")
        verified = verify_status_token(
            untrusted, self._key(issuer, thumbprint, now), now=now, uri=record.uri
        )
        self._store.keep_status_token(record.digest, token, now)
        with self._lock:
            self._kept[issuer, record.digest] = verified
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return verified

    def _key(self, issuer: str, thumbprint: str, now: datetime) -> PublicKey:
        """The issuer's status key, as the ledger has it now.

        When no node can be reached: as it was when this program last read it. The token is named
        by its digest in a status record that was proven a moment ago, so the ledger has taken it
        from the issuer; only a list that we have seen before can be read so [TRUST-7].
        """
        name = signing_key_key(issuer, thumbprint)
        try:
            many = self._registry.read_many((name,), now=now, max_age=self._max_age)
        except Stale:
            raise
        except Unavailable:
            known = self._store.setting(name)
            if known is None:
                raise
            return public_key_from_jwk(load(known))
        record = many.record(KeyRecord, name)
        at = int(now.timestamp())
        if record is None or record.use != "status" or record.issuer != issuer:
            raise Untrusted("the list is not by a status key of the issuer", code="status.key")
        if record.state in {REVOKED, SUSPENDED} or not record.valid_from <= at:
            raise Untrusted("the status key is not good", code="status.key")
        key = public_key_from_jwk(record.jwk)
        if key.thumbprint() != thumbprint:
            raise Untrusted("the key record is of another key", code="status.key")
        self._store.set_setting(name, dump(key.to_jwk()))
        return key
