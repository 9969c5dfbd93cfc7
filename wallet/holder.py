"""What a person can do with the wallet: the use cases, free of any user interface.

Screens and the command line call these methods and nothing below them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Self

from registry_chain.client import HeadMemory, RegistryClient, TrustRoot
from ssi.encoding import JSONObject
from ssi.errors import NoMatchingCredential, VaultError
from ssi.fetch import Fetch, FetchPolicy, http_fetch
from ssi.rights import RightsKind
from ssi.updates import Assurance, Reason
from wallet import (
    agreements,
    attested,
    history,
    issuance,
    moves,
    outbox,
    presenting,
    relationships,
    returns,
    statuses,
    store,
    underway,
)
from wallet.config import WalletConfig
from wallet.consents import ConsentPlan
from wallet.context import Context, utc_now
from wallet.copies import Stock, stock
from wallet.history import HistoryEntry
from wallet.issuance import OfferReview, Received
from wallet.keyfile import STANDARD, KdfProfile
from wallet.moves import FirmAddress, MoveEvent
from wallet.outbox import Item, Kind
from wallet.presenting import Outcome
from wallet.relationships import StoredConsent
from wallet.returns import Synced
from wallet.vault import Vault

_TRUSTED_FOR = timedelta(days=730)  # a wallet may rest between two moves [REG-LIGHT-3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The wallet at a glance; no values."""

    credentials: int
    unused: int
    firms: int
    live_consents: int
    unsent: int
    unanswered: int


class Holder:
    """The holder's use cases over an open vault.

    Args:
        vault: the open vault; ``close`` closes it.
        registry: reads the ledger with proofs.
        fetch: reaches issuers, firms and the mailbox.
        config: the wallet's settings.
        random: the source of keys and nonces.
        clock: the present.
    """

    def __init__(  # noqa: PLR0913 - the ports
        self,
        vault: Vault,
        registry: RegistryClient,
        fetch: Fetch,
        config: WalletConfig,
        *,
        random: Callable[[int], bytes] = os.urandom,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sending = threading.Lock()
        self._ctx = Context(
            vault=vault,
            registry=registry,
            fetch=fetch,
            random=random,
            clock=clock,
            config=config,
        )

    @classmethod
    def open(cls, config: WalletConfig, passphrase: str, *, floor: KdfProfile = STANDARD) -> Self:
        """Open the wallet in ``config.home`` on the real network.

        Raises:
            VaultError, WrongPassphrase: as ``Vault.open``.
        """
        vault = Vault.open(config.home, passphrase, floor=floor)
        try:
            fetch = http_fetch(FetchPolicy(allow_loopback_http=config.loopback))
            return cls(vault, _registry(config, fetch), fetch, config)
        except BaseException:
            vault.close()
            raise

    def close(self) -> None:
        """Lock the wallet."""
        self._ctx.vault.close()

    def __enter__(self) -> Self:
        """Return the holder itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Lock the wallet."""
        self.close()

    @property
    def config(self) -> WalletConfig:
        """The wallet's settings."""
        return self._ctx.config

    # --- getting credentials ---

    def review_offer(self, link: str) -> OfferReview:
        """Read an offer and prove its issuer; nothing of the holder's is sent."""
        return issuance.review_offer(self._ctx, link)

    def accept_review(self, review: OfferReview, tx_code: str | None = None) -> Received:
        """Get and store the credentials of a reviewed offer."""
        return issuance.accept(self._ctx, review, tx_code)

    def accept_offer(self, link: str, tx_code: str | None = None) -> Received:
        """Review an offer and accept it at once."""
        return self.accept_review(self.review_offer(link), tx_code)

    def credentials(self) -> tuple[Stock, ...]:
        """Return every batch of credentials with its count, the newest first."""
        return stock(
            store.credentials(self._ctx.vault),
            now=self._ctx.seconds(),
            names=history.known_names(self._ctx.vault),
        )

    def delete_credentials(self, batch: str) -> int:
        """Delete a batch of credentials and their keys [WAL-DEL-1].

        Raises:
            VaultError: ``input.unknown_batch``.
        """
        with self._ctx.vault.transaction():
            found = next((item for item in self.credentials() if item.batch == batch), None)
            if found is None:
                raise VaultError("there is no such batch", code="input.unknown_batch")
            deleted = store.delete_batch(self._ctx.vault, batch)
            history.record(
                self._ctx.vault,
                history.Did.DELETED,
                at=self._ctx.now(),
                details={"vcts": [found.vct], "copies": deleted},
            )
        return deleted

    # --- sharing ---

    def review(self, link: str) -> ConsentPlan:
        """Read a request, prove its sender, and plan the answer; nothing is sent."""
        return presenting.review(self._ctx, link)

    def answer(self, plan: ConsentPlan, *, accept_updates: bool = False) -> Outcome:
        """Present exactly what the plan shows."""
        return presenting.answer(self._ctx, plan, accept_updates=accept_updates)

    def resume(self, link: str) -> Outcome | None:
        """Settle the answer to a link that a crash cut short; ``None`` when there is none."""
        return presenting.resume(self._ctx, link)

    def decline(self, plan: ConsentPlan) -> None:
        """Refuse; the firm learns no more than that."""
        presenting.decline(self._ctx, plan)

    def consents(self) -> tuple[StoredConsent, ...]:
        """Return every consent, the newest first."""
        return relationships.consents(self._ctx.vault)

    def withdraw(self, record_id: str) -> StoredConsent:
        """Take a consent back and send that at once if the network allows."""
        agreements.withdraw(self._ctx, record_id)
        self.send_due()
        return relationships.consent(self._ctx.vault, record_id)

    def ask_rights(self, record_id: str, kind: RightsKind) -> str:
        """Demand one's rights of a firm and send that at once if the network allows."""
        event_id = agreements.ask_rights(self._ctx, record_id, kind)
        self.send_due()
        return event_id

    # --- moving house ---

    def move(
        self,
        new_address: JSONObject,
        moved_on: date,
        *,
        reason: Reason = Reason.MOVE,
        supersedes: str | None = None,
    ) -> MoveEvent:
        """Note a change of address; it is sent after the undo window by ``send_due``."""
        return moves.start(self._ctx, new_address, moved_on, reason=reason, supersedes=supersedes)

    def undo(self, event_id: str) -> MoveEvent:
        """Take a change of address back while nothing has been sent."""
        return moves.undo(self._ctx, event_id)

    def moves(self) -> tuple[MoveEvent, ...]:
        """Return every change of address, the newest first."""
        return moves.events(self._ctx.vault)

    def send_due(self, *, asked: bool = False) -> tuple[Item, ...]:
        """Send what is due, also again what a firm wants attested and now can be.

        When the person ``asked`` for it, what was not delivered is tried again [WAL-OUT-2].
        """
        # Two senders at once would build one message twice [WAL-OUT-1].
        with self._sending:
            self._attest_what_can_be()
            sent = outbox.send_due(self._ctx, asked=asked)
            relationships.record_on_chain(self._ctx)
        return sent

    def sync(self) -> Synced:
        """Settle what was cut short, fetch the firms' answers, then send what is not delivered.

        How the credentials stand is read before anything is sent with one [WAL-STAT-1].
        """
        presenting.resume_all(self._ctx)
        underway.send_notices(self._ctx)
        before = returns.poll(self._ctx)
        unchecked = statuses.check_all(self._ctx)
        self.send_due(asked=True)
        return replace(before, unchecked=unchecked)

    def tend(self) -> None:
        """Send what became due and fetch the answers that are awaited [WAL-OUT-4].

        Nothing is asked of the network while no message is under way.
        """
        if outbox.is_under_way(self._ctx.vault, self._ctx.now()):
            returns.poll(self._ctx)
            self.send_due()

    def attest(self, event_id: str) -> int:
        """Send a change of address again, now vouched for by the issuer.

        Raises:
            NoMatchingCredential: ``move.no_attestation``: no credential holds this address.
        """
        event = moves.event(self._ctx.vault, event_id)
        waiting = [item for item in self.deliveries(event_id) if _wants_proof(item)]
        ready = [item for item in waiting if self._proof_for(event, item)]
        if not ready:
            raise NoMatchingCredential(
                "no credential vouches for this address", code="move.no_attestation"
            )
        return outbox.requeue_attested(self._ctx, ready)

    def deliveries(self, event_id: str | None = None) -> tuple[Item, ...]:
        """Return the messages to firms, of one change of address or all."""
        if event_id is None:
            return outbox.items(self._ctx.vault)
        return outbox.of_move(self._ctx.vault, event_id)

    def who_has_my_address(self) -> tuple[FirmAddress, ...]:
        """Return every party that ever got an address, and what it has now."""
        return moves.who_has_my_address(self._ctx.vault, self._ctx.now())

    # --- looking back ---

    def history(self, *, limit: int = 500) -> tuple[HistoryEntry, ...]:
        """Return what happened, the newest first; never a value."""
        return history.entries(self._ctx.vault, limit=limit)

    def forget_history(self) -> int:
        """Delete the log."""
        return history.forget(self._ctx.vault, at=self._ctx.now())

    def status(self) -> Status:
        """Return the wallet at a glance."""
        batches = self.credentials()
        queued = [item for item in self.deliveries() if item.state in {"queued", "unreachable"}]
        return Status(
            credentials=len(batches),
            unused=sum(batch.unused for batch in batches),
            firms=len(relationships.every(self._ctx.vault)),
            live_consents=len(relationships.live_subscriptions(self._ctx.vault, self._ctx.now())),
            unsent=len(queued),
            unanswered=sum(item.state == "delivered" for item in self.deliveries()),
        )

    def setting(self, name: str, default: str = "") -> str:
        """Return a setting kept in the vault."""
        return store.setting(self._ctx.vault, name, default)

    def set_setting(self, name: str, value: str) -> None:
        """Keep a setting in the vault."""
        store.set_setting(self._ctx.vault, name, value)

    def _attest_what_can_be(self) -> None:
        for event in moves.events(self._ctx.vault):
            waiting = [item for item in self.deliveries(event.event_id) if _wants_proof(item)]
            ready = [item for item in waiting if self._proof_for(event, item)]
            if ready:
                outbox.requeue_attested(self._ctx, ready)

    def _proof_for(self, event: MoveEvent, item: Item) -> bool:
        return attested.find(self._ctx, event.address, item.verifier_id) is not None


def _wants_proof(item: Item) -> bool:
    """Return whether a firm asked for a verified address and has not been sent one."""
    return (
        item.kind is Kind.ADDRESS_UPDATE
        and item.state == "needs_attestation"
        and item.assurance != Assurance.ATTESTED.value
    )


def _registry(config: WalletConfig, fetch: Fetch) -> RegistryClient:
    try:
        root = TrustRoot.load(config.genesis)
    except OSError as error:
        raise VaultError("the genesis file cannot be read", code="config.genesis") from error
    memory = HeadMemory.open(config.home / "heads.sqlite")
    return RegistryClient(
        config.nodes, root, fetch, memory, max_age=config.max_age, trusting_period=_TRUSTED_FOR
    )
