"""Credentials: accept, list, delete."""

from __future__ import annotations

from ssi.errors import VaultError
from wallet import cli, passphrase, plain
from wallet.console import Console
from wallet.context import utc_now
from wallet.display import show_name


def offer(console: Console) -> int:
    """Accept a credential offer, asking for its code when one is needed."""
    args = console.args
    with console.holder() as holder:
        review = holder.review_offer(console.link())
        code = args.tx_code
        if args.tx_code_fd is not None:
            code = passphrase.read_descriptor(args.tx_code_fd)
        if review.tx_code is not None and not code:
            issuer = show_name(review.issuer.names.in_language(console.lang))
            console.say(f"{issuer} <{show_name(review.issuer.url)}>")
            code = console.ask(console.words("確認コード: ", "Code: "))
        received = holder.accept_review(review, code or None)
    console.out(
        plain.received_json(received),
        [
            console.words(
                f"{received.copies} 枚の証明を受け取りました。",
                f"Received {received.copies} copies.",
            )
        ],
    )
    return cli.EXIT_OK


def credentials(console: Console) -> int:
    """List credentials and how they stand, without values."""
    with console.holder() as holder:
        found = holder.credentials()
    console.out(plain.stock_json(found), plain.stock_lines(found, utc_now(), console.lang))
    return cli.EXIT_OK


def delete(console: Console) -> int:
    """Delete a batch of credentials and their keys, once the person is sure [WAL-DEL-1]."""
    args = console.args
    with console.holder() as holder:
        found = [item for item in holder.credentials() if item.batch == args.batch]
        if not found:
            raise VaultError("there is no such batch", code="input.unknown_batch")
        if not args.yes:
            console.say(*plain.stock_lines(found, utc_now(), console.lang))
            prompt = console.words(
                "この証明と鍵を削除しますか。元に戻せません。削除するなら yes と入力: ",
                "Delete these credentials and their keys? It cannot be undone."
                " Type yes to delete: ",
            )
            if console.ask(prompt).strip().lower() != "yes":
                kept = console.words("何も削除していません。", "Nothing was deleted.")
                console.out({"deleted": 0, "batch": args.batch}, [kept])
                return cli.EXIT_DECLINED
        deleted = holder.delete_credentials(args.batch)
    console.out(
        {"deleted": deleted, "batch": args.batch},
        [console.words(f"{deleted} 枚を削除しました。", f"Deleted {deleted} copies.")],
    )
    return cli.EXIT_OK
