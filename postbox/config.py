"""What the operator of a mailbox decides. A message decides none of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from ssi.files import load_settings

DEFAULT_DATABASE = "sqlite:///mailbox.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one mailbox.

    Args:
        url: The public base URL, as firms' records on the chain name it; no slash at the end.
        operator_id: The operator's account on the chain.
        operator_key: File with the operator's Ed25519 seed in base64url.
        secret: File with 32 bytes in base64url that make pseudonyms of senders in counters.
        genesis: The pinned genesis file of the chain.
        nodes: Base URLs of the chain's nodes.
        database: An SQLAlchemy URL; a relative SQLite path is relative to the config file.
        memory: File that remembers the newest block seen.
        loopback: Allow http to 127.0.0.1, for networks on one machine.
        lane: The account's counter used by the committer.
        commit_interval_ms: How often batches go to the chain.
        push_interval_ms: How often due deliveries are looked for.
        push_threads: How many firms are pushed to at once by one process.
        retention_days: How long an envelope waits for its reader.
        box_messages: The most envelopes waiting in one box.
        box_bytes: The most bytes waiting in one box.
        sender_per_hour: The most envelopes one key may send in an hour.
        boxes_per_hour: The most boxes opened from one network address in an hour.
        consents_per_hour: The most chain records asked for from one network address in an hour.
        poll_wait_seconds: How long a poll may wait for mail.
        trusted_proxies: How many reverse proxies of our own stand in front.
        ca_file: Trust these authorities instead of the system's when fetching.
        host: The address to listen on.
        port: The port to listen on.
        workers: Processes that serve.
    """

    url: str
    operator_id: str
    operator_key: Path
    secret: Path
    genesis: Path
    nodes: tuple[str, ...]
    database: str = field(default=DEFAULT_DATABASE, repr=False)
    memory: Path = Path("mailbox-chain.db")
    loopback: bool = False
    lane: int = 0
    commit_interval_ms: int = 1000
    push_interval_ms: int = 1000
    push_threads: int = 4
    retention_days: int = 30
    box_messages: int = 10_000
    box_bytes: int = 256 << 20
    sender_per_hour: int = 600
    boxes_per_hour: int = 120
    consents_per_hour: int = 1200
    poll_wait_seconds: int = 20
    trusted_proxies: int = 0
    ca_file: str | None = None
    host: str = "127.0.0.1"
    port: int = 8300
    workers: int = 1

    def __post_init__(self) -> None:
        """Refuse settings that make no sense, at the start rather than at night."""
        if self.url.endswith("/") or not self.url.startswith(("https://", "http://")):
            raise ValueError("url must be an http(s) URL without a slash at the end")
        if self.url.startswith("http://") and not self.loopback:
            raise ValueError("an http url needs loopback = true")
        if not self.nodes:
            raise ValueError("nodes must name at least one node of the chain")
        positive = ("commit_interval_ms", "push_interval_ms", "push_threads", "retention_days",
                    "box_messages", "box_bytes", "sender_per_hour", "boxes_per_hour",
                    "consents_per_hour", "workers")  # fmt: skip
        for name in positive:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a TOML file; paths in it are relative to the file.

        Args:
            path: The file.

        Returns:
            The settings.

        Raises:
            ValueError: A setting is unknown, missing or senseless.
            Malformed: ``config.*``: the file cannot be read.
        """
        return load_settings(
            cls, Path(path), nodes=[], database=DEFAULT_DATABASE, memory="mailbox-chain.db"
        )
