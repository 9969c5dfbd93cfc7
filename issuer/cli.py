"""Setting an issuer up: keys, certificates, operators, registering keys on the chain."""

import argparse
import getpass
import json
import os
import secrets
import sys
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from issuer import accounts
from issuer.applications import Role
from issuer.config import Config
from issuer.db import Database
from registry_chain.client import Genesis, HeadMemory, RegistryClient, Submitter
from registry_chain.transactions.keyproofs import register_key
from ssi.encoding import JSONObject, b64url_encode
from ssi.fetch import FetchPolicy, http_fetch
from ssi.files import read_secret
from ssi.keys import Alg, SoftwareSigner, generate_signer
from ssi.x509 import create_ca, create_leaf, der_of

OK, BAD_INPUT = 0, 3
_PRIVATE = 0o600
_CA_DAYS, _LEAF_DAYS, _KEY_DAYS = 3650, 730, 720


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the sub-commands that need no server."""
    init = commands.add_parser(
        "init",
        help="write settings, keys and certificates / 設定と鍵と証明書を作ります",
        epilog="warifu issuer init issuer --id city-kyc --url https://kyc.example"
        " --name 市民KYC 'City KYC' --trust-framework https://kyc.example/rules"
        " --genesis genesis.json --node https://node1.example",
    )
    init.add_argument("folder", type=Path, help="a new folder / 新しいフォルダー")
    init.add_argument(
        "--id", required=True, help="the issuer's account on the chain / 台帳での発行者の ID"
    )
    init.add_argument(
        "--url", required=True, help="credential issuer identifier / 発行者の公開 URL"
    )
    init.add_argument(
        "--name", required=True, nargs=2, metavar=("JA", "EN"), help="its names / 名称（日・英）"
    )
    init.add_argument(
        "--trust-framework",
        required=True,
        metavar="URL",
        help="by which rules it checks people / 確認の規則を示す URL",
    )
    init.add_argument(
        "--genesis", required=True, type=Path, help="the chain's genesis file / 台帳の創世ファイル"
    )
    init.add_argument(
        "--node",
        required=True,
        action="append",
        metavar="URL",
        help="a node (repeatable) / ノードの URL（繰り返せます）",
    )
    init.add_argument(
        "--loopback", action="store_true", help="a network on this machine / この端末だけの通信"
    )
    for name, text, example in (
        (
            "add-operator",
            "give a person access to the operators' pages / 担当者を登録します",
            "warifu issuer add-operator ito --role maker --config issuer/issuer.toml",
        ),
        (
            "register-keys",
            "put the credential and status keys on the chain / 鍵を台帳に登録します",
            "warifu issuer register-keys --config issuer/issuer.toml",
        ),
    ):
        command = commands.add_parser(name, help=text, epilog=example)
        command.add_argument(
            "--config",
            type=Path,
            default=Path("issuer.toml"),
            help="the settings; issuer.toml when absent / 設定ファイル（なければ issuer.toml）",
        )
        if name == "add-operator":
            command.add_argument("name", help="a name to log in with / ログインに使う名前")
            command.add_argument(
                "--role",
                choices=(Role.MAKER, Role.CHECKER),
                required=True,
                help="who checks, or who issues / 確認する人か、発行する人か",
            )
            command.add_argument(
                "--password-fd",
                type=int,
                metavar="N",
                help="read the password there, do not ask / 合言葉を読む記述子の番号",
            )


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    if args.action == "init":
        return _init(args)
    try:
        config = Config.load(args.config)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{args.config}: {error}\n")
        return BAD_INPUT
    return _add_operator(config, args) if args.action == "add-operator" else _register(config)


def _init(args: argparse.Namespace) -> int:
    folder: Path = args.folder
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "issuer.toml"
    if settings.exists():
        sys.stderr.write(f"{settings} is there already\n")
        return BAD_INPUT
    now = datetime.now(UTC) - timedelta(minutes=5)
    root_secret = generate_signer(Alg.ES256, os.urandom).secret
    root = create_ca(
        f"{args.name[1]} CA",
        secret=root_secret,
        not_before=now,
        not_after=now + timedelta(days=_CA_DAYS),
        serial=secrets.randbits(120) | 1,
    )
    _write(folder / "ca.key", b64url_encode(root_secret) + "\n")
    for use in ("credential", "status"):
        signer = generate_signer(Alg.ES256, os.urandom)
        leaf = create_leaf(
            f"{args.name[1]} {use}",
            public_key=signer.public_key,
            issuer=(root, root_secret),
            not_before=now,
            not_after=now + timedelta(days=_LEAF_DAYS),
            serial=secrets.randbits(120) | 1,
        )
        _write(folder / f"{use}.key", b64url_encode(signer.secret) + "\n")
        (folder / f"{use}.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    account = generate_signer(Alg.EDDSA, os.urandom)
    _write(folder / "account.key", b64url_encode(account.secret) + "\n")
    lines = {
        "issuer_id": args.id,
        "url": args.url,
        "name_ja": args.name[0],
        "name_en": args.name[1],
        "trust_framework": args.trust_framework,
        "credential_key": "credential.key",
        "credential_chain": "credential.pem",
        "status_key": "status.key",
        "status_chain": "status.pem",
        "account_key": "account.key",
        "genesis": str(args.genesis.absolute()),
        "nodes": args.node,
        "loopback": args.loopback,
    }
    # JSON strings, arrays of strings and booleans are TOML as well.
    text = "".join(f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in lines.items())
    settings.write_text(text, "utf-8")
    Config.load(settings)
    told: JSONObject = {
        "account": account.public_key.jwk,
        "ca": b64encode(der_of(root)).decode(),
        "config": str(settings),
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return OK


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(text)


def _add_operator(config: Config, args: argparse.Namespace) -> int:
    if args.password_fd is None:
        password = getpass.getpass("password: ")
    else:
        with os.fdopen(args.password_fd, encoding="utf-8") as stream:
            password = stream.readline().rstrip("\n")
    database = Database(config.database)
    database.migrate()
    try:
        accounts.add_operator(database, args.name, Role(args.role), password, random=os.urandom)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_INPUT
    finally:
        database.close()
    return OK


def _register(config: Config) -> int:
    """Register both keys; a key that is there already is left alone."""
    genesis = Genesis.load(config.genesis)
    fetch = http_fetch(FetchPolicy(allow_loopback_http=config.loopback))
    memory = HeadMemory.open(config.memory)
    client = RegistryClient(config.nodes, genesis, fetch, memory)
    account = SoftwareSigner.from_secret(Alg.EDDSA, read_secret(config.account_key))
    submitter = Submitter(client, config.issuer_id, account, config.lane)
    now = datetime.now(UTC)
    for use, path in (("credential", config.credential_key), ("status", config.status_key)):
        body = register_key(
            SoftwareSigner.from_secret(Alg.ES256, read_secret(path)),
            chain_id=genesis.chain_id,
            issuer=config.issuer_id,
            use=use,
            valid_from=int(now.timestamp()) - 300,
            valid_until=int((now + timedelta(days=_KEY_DAYS)).timestamp()),
        )
        done = submitter.submit(body, now)
        sys.stdout.write(json.dumps({"use": use, "height": done.height}) + "\n")
    return OK
