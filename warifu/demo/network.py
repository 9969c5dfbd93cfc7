"""The demo network: its folder, its programs, and a file that says where everything is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from registry_chain.cli_network import Ports
from ssi.encoding import JSONObject
from ssi.sharing_terms import LocalText
from verifier_sdk.profiles import BY_CODE
from warifu.demo import cast
from warifu.demo.consortium import (
    TRUST_FRAMEWORK,
    Consortium,
    Decision,
    accredit_issuer,
    found_chain,
    register_operator,
)
from warifu.demo.processes import Program, free_ports
from warifu.new_firm import NewFirm, set_up

OPERATOR_PASSWORD_BYTES = 18
CHAIN = "chain"


class CommandError(RuntimeError):
    """A command of ours failed; holds what it said."""


def command(*words: str, stdin: str | None = None, env: dict[str, str] | None = None) -> str:
    """Run a ``warifu`` command as its own process and return its standard output.

    Raises:
        CommandError: it failed.
    """
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "warifu", *words],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **(env or {})},
        check=False,
    )
    if done.returncode:
        raise CommandError(f"warifu {words[0]} {words[1]}: {done.stderr.strip()[-800:]}")
    return done.stdout


@dataclass(slots=True)
class Network:
    """All programs of the demo and where they are."""

    home: Path
    programs: dict[str, Program] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    founding: Decision | None = None

    def url(self, name: str) -> str:
        """Return a program's address."""
        return self.programs[name].url

    @property
    def chain(self) -> list[str]:
        """The programs that run the chain."""
        return [name for name in self.programs if name.partition("-")[0] == CHAIN]

    @property
    def chain_urls(self) -> list[str]:
        """The addresses of all nodes of the chain."""
        return [self.programs[name].url for name in self.chain]

    @property
    def genesis(self) -> Path:
        """The pinned genesis file."""
        return self.home / "chain" / "genesis.json"

    def start(self, *names: str) -> None:
        """Start programs (all when none is named) and wait until each answers."""
        chosen = [self.programs[name] for name in names or self.programs]
        for program in chosen:
            program.start()
        for program in chosen:
            program.wait_ready()

    def stop(self) -> None:
        """Stop every program."""
        with ThreadPoolExecutor(len(self.programs) or 1) as pool:
            list(pool.map(Program.stop, self.programs.values()))

    def describe(self) -> JSONObject:
        """Return what the doctor and a person need to find everything."""
        return {
            "home": str(self.home),
            "genesis": str(self.genesis),
            "programs": {name: program.url for name, program in self.programs.items()},
        }


def build(home: Path, validators: int = 1) -> Network:
    """Lay out the network's folder: keys, settings, genesis. Nothing runs yet.

    Args:
        home: The network's folder.
        validators: How many nodes run the chain: one alone, or several with CometBFT.
    """
    for folder in ("logs", "firms"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    nodes = tuple(CHAIN if n == 1 else f"{CHAIN}-{n}" for n in range(1, validators + 1))
    names = (*nodes, "issuer", "mailbox", *(firm.id for firm in cast.FIRMS))
    numbers = free_ports(len(names) + 2 * validators)
    ports = dict(zip(names, numbers, strict=False))
    inner = numbers[len(names) :]
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    asked = [word for name in nodes for word in ("--node", urls[name])]
    network = Network(home=home)
    genesis = home / "chain" / "genesis.json"
    told = json.loads(
        command(
            "issuer", "init", str(home / "issuer"), "--id", cast.ISSUER_ID,
            "--url", urls["issuer"], "--name", *cast.ISSUER_NAME,
            "--trust-framework", TRUST_FRAMEWORK, "--genesis", str(genesis),
            *asked, "--loopback",
        )
    )  # fmt: skip
    operator = json.loads(
        command(
            "mailbox", "init", str(home / "mailbox"), "--url", urls["mailbox"],
            "--operator", cast.OPERATOR_ID, "--genesis", str(genesis),
            *asked, "--loopback",
        )
    )  # fmt: skip
    operator = {name: value for name, value in operator.items() if name != "alg"}
    now = datetime.now(UTC)
    found_chain(
        home / "chain",
        ports=[
            Ports(http=ports[name], p2p=inner[2 * at], rpc=inner[2 * at + 1])
            for at, name in enumerate(nodes)
        ],
        members={
            cast.ISSUER_ID: (cast.ISSUER_NAME, told["account"], "issuer"),
            cast.OPERATOR_ID: (cast.OPERATOR_NAME, operator, "operator"),
        },
        now=now,
    )
    _append(home / "issuer" / "issuer.toml", port=ports["issuer"])
    _append(
        home / "mailbox" / "mailbox.toml",
        port=ports["mailbox"],
        commit_interval_ms=300,
        push_interval_ms=300,
    )
    (home / "issuer" / "ca.txt").write_text(told["ca"])
    words = {
        "issuer": ("issuer", "serve", "--config", str(home / "issuer" / "issuer.toml")),
        "mailbox": ("mailbox", "serve", "--config", str(home / "mailbox" / "mailbox.toml")),
    }
    words |= {
        name: ("chain", "node", "--home", str(home / CHAIN / folder))
        for name, folder in zip(nodes, _folders(validators), strict=True)
    }
    words |= {
        firm.id: ("firm", "serve", "--home", str(home / "firms" / firm.id)) for firm in cast.FIRMS
    }
    for name in names:
        network.programs[name] = Program(
            name=name, arguments=words[name], url=urls[name], log=home / "logs" / f"{name}.log"
        )
    return network


def _folders(validators: int) -> list[str]:
    """The folder of each node below the chain's: of the only one it is that itself."""
    return ["."] if validators == 1 else [f"node-{n}" for n in range(1, validators + 1)]


def _append(path: Path, **settings: int) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(f"{name} = {value}\n" for name, value in settings.items())


def found(network: Network) -> None:
    """Start the chain and let the consortium take its first decisions; then start the rest."""
    home = network.home
    network.start(*network.chain)
    now = datetime.now(UTC)
    actions = [
        accredit_issuer(network.url("issuer"), (home / "issuer" / "ca.txt").read_text(), now),
        register_operator(network.url("mailbox")),
    ]
    for firm in cast.FIRMS:
        actions += set_up(home / "firms" / firm.id, new_firm(network, firm), now=now)
    consortium = Consortium(home / "chain", network.chain_urls)
    network.founding = consortium.decide(actions, "Founding of the demonstration network", now)
    config = str(home / "issuer" / "issuer.toml")
    command("issuer", "register-keys", "--config", config)
    for name, role in cast.OPERATORS:
        password = os.urandom(OPERATOR_PASSWORD_BYTES).hex()
        network.passwords[name] = password
        command(
            "issuer", "add-operator", name, "--role", role, "--config", config,
            "--password-fd", "0", stdin=password + "\n",
        )  # fmt: skip
    network.start(*(name for name in network.programs if name not in network.chain))
    (home / "network.json").write_text(json.dumps(network.describe(), indent=2) + "\n")


def new_firm(network: Network, firm: cast.FirmRole) -> NewFirm:
    """Return what a firm of the demo says of itself."""
    listening = {"poll": not firm.push, "push": firm.push} if firm.updates else {}
    return NewFirm(
        verifier_id=firm.id,
        name=LocalText(ja=firm.name_ja, en=firm.name_en),
        corporate_number=firm.corporate_number,
        contact=f"privacy@{firm.id}.example",
        base_url=f"{network.url(firm.id)}/kyc",
        profiles=(BY_CODE[firm.profile],),
        genesis=network.genesis,
        nodes=network.chain_urls,
        mailbox=network.url("mailbox") if firm.updates else None,
        loopback=True,
        settings={
            "state": "verifier.db",
            "require_attested": firm.require_attested,
            **listening,
        },
    )


@contextmanager
def running(home: Path, validators: int = 1) -> Iterator[Network]:
    """Build and run a whole network; stop it at the end whatever happens."""
    network = build(home, validators)
    try:
        found(network)
        yield network
    finally:
        network.stop()
