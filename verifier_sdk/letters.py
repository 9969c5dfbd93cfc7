"""A firm's letters: what holders send and what is answered, through its box at the mailbox."""

from datetime import datetime

from registry_chain.client import VerifierRecord
from registry_chain.records import verifier_key
from ssi.errors import Unavailable
from ssi.fetch import Fetch
from ssi.keys import Random, SoftwareSigner
from verifier_sdk import answers, updates
from verifier_sdk.answers import Desk, Firm
from verifier_sdk.config import VerifierConfig, load_agreement_key
from verifier_sdk.events import Handlers
from verifier_sdk.ledger import OnlineLedger, Registry
from verifier_sdk.mail import Mail
from verifier_sdk.policy import Policy
from verifier_sdk.relationships import StoredReceipt
from verifier_sdk.status import StatusLists
from verifier_sdk.store import Store


class Letters:
    """The firm's side of the mailbox; safe to share between threads.

    Args:
        config: The firm's settings.
        store: Its state.
        registry: The client of the chain.
        statuses: The status lists.
        handlers: The firm's own code.
        policy: How strict it is.
        fetch: Bounded HTTP.
        random: The randomness.
        receipt_key: What receipts are signed with; ``None`` where updates are not taken.
    """

    def __init__(  # noqa: PLR0913 - the ports
        self,
        config: VerifierConfig,
        *,
        store: Store,
        registry: Registry,
        statuses: StatusLists,
        handlers: Handlers,
        policy: Policy,
        fetch: Fetch,
        random: Random,
        receipt_key: SoftwareSigner | None,
    ) -> None:
        self._config = config
        self._store = store
        self._registry = registry
        self._statuses = statuses
        self._handlers = handlers
        self._policy = policy
        self._fetch = fetch
        self._random = random
        self._receipt_key = receipt_key
        self._sealing = {
            kid: load_agreement_key(path) for kid, path in config.encryption_keys.items()
        }
        self._box = config.box

    def receive(self, token: str, now: datetime) -> StoredReceipt:
        """Take one envelope; see `verifier_sdk.updates.receive_update`."""
        return updates.receive_update(self.desk(now), token, now)

    def poll(self, now: datetime) -> int:
        """Empty the box, send what is due, and return how many envelopes were taken.

        Raises:
            Unavailable: The mailbox or the ledger does not answer.
            ValueError: No mailbox is set.
        """
        if self._config.mailbox is None:
            raise ValueError("no mailbox is set")
        desk = self.desk(now)
        mail = self._mail(desk.firm)
        answers.apply_due(desk, now)
        taken = mail.poll(lambda token, when: updates.receive_update(desk, token, when), now)
        mail.push_due(now)
        return taken

    def push(self, now: datetime) -> int:
        """Send what is due, where envelopes are pushed to us."""
        desk = self.desk(now)
        answers.apply_due(desk, now)
        return self._mail(desk.firm).push_due(now)

    def announce(self, now: datetime) -> None:
        """Tell the mailbox to push to our ``/updates``; raises as `Mail.open_box`."""
        mail = self._mail(self.desk(now).firm)
        mail.open_box(now, push_url=f"{self._config.base_url}/updates")

    def desk(self, now: datetime) -> Desk:
        """Return what a letter is judged with.

        Raises:
            ValueError: No receipt key is set.
            Unavailable: The ledger does not name our box now.
        """
        if self._receipt_key is None or self._config.receipt_kid is None:
            raise ValueError("updates need a receipt_key")
        firm = Firm(
            verifier_id=self._config.verifier_id,
            box=self.own_box(now),
            receipt_key=self._receipt_key,
            receipt_kid=self._config.receipt_kid,
            encryption_keys=self._sealing,
            require_attested=self._config.require_attested,
        )
        return Desk(
            firm=firm,
            store=self._store,
            ledger=OnlineLedger(self._registry, max_age=self._policy.max_age),
            statuses=self._statuses,
            handlers=self._handlers,
            policy=self._policy,
            random=self._random,
            keep_evidence=self._config.keep_evidence,
        )

    def own_box(self, now: datetime) -> str:
        """Return our box, from the settings or as the ledger has it."""
        if self._box is None:
            name = verifier_key(self._config.verifier_id)
            many = self._registry.read_many((name,), now=now, max_age=self._policy.max_age)
            record = many.record(VerifierRecord, name)
            if record is None or record.profile.mailbox is None:
                raise Unavailable("the ledger names no box of ours", code="update.box")
            self._box = record.profile.mailbox.box
        return self._box

    def _mail(self, firm: Firm) -> Mail:
        return Mail(
            self._config.mailbox or "",
            firm=firm,
            store=self._store,
            fetch=self._fetch,
            random=self._random,
        )
