"""Errors told to people: what happened, was anything shared, what to do next [WAL-ERR-1]."""

from __future__ import annotations

from dataclasses import dataclass

from ssi.errors import Misbehaviour, Refused, SSIError, Unavailable, WalletError
from wallet.labels import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Three lines and a code: what happened, what was shared, what to do."""

    happened: str
    shared: str
    next_step: str
    code: str

    def lines(self) -> tuple[str, ...]:
        """Return the lines a person reads."""
        return (self.happened, self.shared, self.next_step, f"({self.code})")


NOTHING_SHARED = Words("何も共有されていません。", "Nothing was shared.")
MAYBE_SHARED = Words(
    "送信の途中で切れました。相手に届いた可能性があります。",
    "The line broke while sending. The firm may have received it.",
)
SHARED = Words("画面に示した項目だけを共有しました。", "Only the items shown were shared.")

# What happened and what to do, by the code's first words; the longest match wins.
_ADVICE: dict[str, tuple[Words, Words]] = {
    "keystore.locked": (
        Words(
            "別のプログラムがこのウォレットを開いています。",
            "Another program has this wallet open.",
        ),
        Words("そちらを閉じてからやり直してください。", "Close it, then try again."),
    ),
    "keystore.missing": (
        Words("ここにはウォレットがありません。", "There is no wallet here."),
        Words("「warifu wallet init」で作ってください。", "Make one with: warifu wallet init"),
    ),
    "keystore.exists": (
        Words("ここにはすでにウォレットがあります。", "There is a wallet here already."),
        Words("別の WARIFU_HOME を指定してください。", "Name another folder in WARIFU_HOME."),
    ),
    "keystore.tampered": (
        Words(
            "ウォレットのファイルが壊れているか書き換えられています。",
            "A file of the wallet is damaged or was changed.",
        ),
        Words(
            "ファイルはそのまま残しています。控えから戻すか、再発行を受けてください。",
            "It was left as it is. Put a copy back, or have your credentials re-issued.",
        ),
    ),
    "keystore.permissions": (
        Words("ほかの利用者がウォレットを読める状態です。", "Others can read the wallet's folder."),
        Words(
            "フォルダーを 0700、ファイルを 0600 にしてください。",
            "Set the folder to 0700 and its files to 0600.",
        ),
    ),
    "keystore": (
        Words("ウォレットの保管場所を使えません。", "The wallet's store cannot be used."),
        Words(
            "ディスクの空きと権限を確かめてください。",
            "Check the disk's free space and permissions.",
        ),
    ),
    "config": (
        Words(
            "設定ファイル wallet.toml に誤りがあります。", "The settings in wallet.toml are wrong."
        ),
        Words("示された項目を直してください。", "Correct the field that is named."),
    ),
    "wallet.wrong_passphrase": (
        Words("パスフレーズが違います。", "The passphrase is wrong."),
        Words("もう一度入力してください。", "Type it again."),
    ),
    "wallet.no_matching_credential": (
        Words(
            "求められた証明がこのウォレットにありません。",
            "This wallet holds no credential that answers.",
        ),
        Words("発行者から証明を受け取ってください。", "Get the credential from an issuer first."),
    ),
    "credential.used_up": (
        Words(
            "一度きりの証明を使い切りました。", "Every one-time copy of the credential is used up."
        ),
        Words("発行者から新しい証明を受け取ってください。", "Get new ones from the issuer."),
    ),
    "credential": (
        Words("証明が有効ではありません。", "The credential is not valid."),
        Words("発行者から新しい証明を受け取ってください。", "Get a new one from the issuer."),
    ),
    "issuance": (
        Words(
            "発行者の答えが決まりに合わないため、受け取りませんでした。",
            "The issuer's answer broke a rule, so nothing was kept.",
        ),
        Words(
            "発行者に連絡し、新しい案内を受け取ってください。",
            "Tell the issuer and ask for a new offer.",
        ),
    ),
    "issuance.claims_not_accredited": (
        Words(
            "発行者が認定の範囲を超えた項目を証明しているため、受け取りませんでした。",
            "The issuer attests more than it is accredited for, so nothing was kept.",
        ),
        Words("発行者に連絡してください。", "Tell the issuer."),
    ),
    "issuance.tx_code_form": (
        Words("確認コードの形が違います。", "The code has another form."),
        Words(
            "発行者から伝えられたとおりに入力してください。",
            "Type it exactly as the issuer told you.",
        ),
    ),
    "issuance.tx_code_needed": (
        Words("確認コードが必要です。", "A code is needed."),
        Words(
            "発行者から別の方法で伝えられたコードを入力してください。",
            "Type the code the issuer told you by another way.",
        ),
    ),
    "issuance.tx_code": (
        Words(
            "確認コードが違うか、案内の期限が切れています。",
            "The code is wrong or the offer has expired.",
        ),
        Words(
            "発行者が別の方法で伝えた確認コードを入力してください。",
            "Type the code the issuer told you by another way.",
        ),
    ),
    "request.over_asking": (
        Words(
            "登録された目的に不要な項目を求めています。",
            "The firm asks for more than its registered purpose allows.",
        ),
        Words(
            "共有しないでください。窓口に連絡できます。",
            "Do not share. You can complain to the firm.",
        ),
    ),
    "request.not_registered": (
        Words("この相手は台帳に登録されていません。", "This party is not on the register."),
        Words(
            "共有できません。リンクの出どころを確かめてください。",
            "Sharing is not possible. Check where the link came from.",
        ),
    ),
    "request.expired": (
        Words("この依頼は期限切れです。", "This request has expired."),
        Words(
            "事業者のページで新しい依頼を開いてください。", "Open a new request on the firm's page."
        ),
    ),
    "request.unavailable": (
        Words(
            "この依頼は終わっているか、すでに答えられています。",
            "This request is over, or was answered already.",
        ),
        Words(
            "事業者のページで新しい依頼を開いてください。", "Open a new request on the firm's page."
        ),
    ),
    "request": (
        Words("相手の依頼が正しくありません。", "The firm's request is not correct."),
        Words(
            "事業者のページで新しい依頼を開いてください。", "Open a new request on the firm's page."
        ),
    ),
    "query": (
        Words(
            "求められた項目にこのウォレットでは答えられません。",
            "This wallet cannot answer what is asked.",
        ),
        Words(
            "必要な証明を受け取ってからやり直してください。",
            "Get the credential that is needed, then try again.",
        ),
    ),
    "link": (
        Words("このリンクは読めません。", "This link cannot be read."),
        Words("QRコードかリンク全体をもう一度貼り付けてください。", "Paste the whole link again."),
    ),
    "name.rejected": (
        Words(
            "相手の名称に紛らわしい文字があります。",
            "The party's name holds misleading characters.",
        ),
        Words("共有できません。", "Sharing is not possible."),
    ),
    "fetch.blocked": (
        Words("許されない接続先です。", "The address is one this wallet never connects to."),
        Words("リンクの出どころを確かめてください。", "Check where the link came from."),
    ),
    "fetch": (
        Words("相手につながりません。", "Nobody answered."),
        Words(
            "通信を確かめ、しばらくしてからやり直してください。",
            "Check the network and try again later.",
        ),
    ),
    "light": (
        Words(
            "台帳の新しい状態を確かめられません。", "The register's present state cannot be proved."
        ),
        Words("しばらくしてからやり直してください。", "Try again later."),
    ),
    "consent.declined": (
        Words("共有を断りました。", "You declined."),
        Words("何もする必要はありません。", "There is nothing more to do."),
    ),
    "move.too_late": (
        Words("取り消せる時間を過ぎています。", "The time to undo is over."),
        Words(
            "新しい住所変更として訂正を送ってください。",
            "Send a correction as a new change of address.",
        ),
    ),
    "input.postal_code": (
        Words("郵便番号は7桁の数字です。", "The postal code has seven digits."),
        Words("「100-8926」のように入力してください。", "Type it as in 100-8926."),
    ),
    "input.region": (
        Words("都道府県が空か、長すぎます。", "The prefecture is empty or too long."),
        Words("都道府県を入力してください。", "Type the prefecture."),
    ),
    "input.locality": (
        Words("市区町村が空か、長すぎます。", "The city is empty or too long."),
        Words("市区町村を入力してください。", "Type the city."),
    ),
    "input.street_address": (
        Words("町名・番地・建物名が空か、長すぎます。", "The street is empty or too long."),
        Words("町名・番地・建物名を入力してください。", "Type street, number and building."),
    ),
    "input.address": (
        Words(
            "住所のファイルを読めないか、項目が足りません。",
            "The address file cannot be read, or lacks a field.",
        ),
        Words(
            "postal_code、region、locality、street_address を書いてください。",
            "It has postal_code, region, locality and street_address.",
        ),
    ),
    "input.date": (
        Words(
            "日付が正しくないか、一年より先です。",
            "The date is not right, or more than a year ahead.",
        ),
        Words("「2026-04-01」のように入力してください。", "Type it as in 2026-04-01."),
    ),
    "input.no_terminal": (
        Words("尋ねるための端末がありません。", "There is no terminal to ask on."),
        Words(
            "--yes や --tx-code で答えを渡してください。--help に例があります。",
            "Give the answer by --yes or --tx-code; --help has examples.",
        ),
    ),
    "input.passphrase": (
        Words("パスフレーズを読めません。", "The passphrase cannot be read."),
        Words(
            "端末で入力するか、本人だけが読めるファイルを "
            "WARIFU_PASSPHRASE_FILE で示してください。",
            "Type it on a terminal, or name a file that only you can read in"
            " WARIFU_PASSPHRASE_FILE.",
        ),
    ),
    "input.config": (
        Words(
            "--genesis、--node、--mailbox のどれかが足りません。",
            "One of --genesis, --node and --mailbox is missing.",
        ),
        Words("三つとも指定してください。", "Give all three."),
    ),
    "input.config_exists": (
        Words("ここにはすでに設定があります。", "There are settings here already."),
        Words("別のフォルダーを --home で指定してください。", "Name another folder with --home."),
    ),
    "input.unknown_move": (
        Words("その番号の引っ越しはありません。", "There is no change of address of that number."),
        Words(
            "登録したときに表示された番号を指定してください。", "Give the number that move printed."
        ),
    ),
    "input.unknown_batch": (
        Words("その名前の証明はありません。", "There is no credential of that name."),
        Words(
            "「warifu wallet credentials」で名前を確かめてください。",
            "See the names with: warifu wallet credentials",
        ),
    ),
    "input.unknown_record": (
        Words("その番号の同意はありません。", "There is no consent of that number."),
        Words(
            "「warifu wallet consents」で番号を確かめてください。",
            "See the numbers with: warifu wallet consents",
        ),
    ),
    "input": (
        Words("入力に誤りがあります。", "What was entered is not right."),
        Words("示された項目を直してください。", "Correct the field that is named."),
    ),
}

_BY_CLASS: tuple[tuple[type[SSIError], Words, Words], ...] = (
    (Unavailable, *_ADVICE["fetch"]),
    (
        Misbehaviour,
        Words(
            "台帳に矛盾する二つの記録があります。証拠を保存しました。",
            "The register signed two statements that contradict each other; both were kept.",
        ),
        Words("使用をやめ、運営者に知らせてください。", "Stop, and tell the register's operators."),
    ),
    (
        Refused,
        Words("台帳の規則により受け付けられませんでした。", "A rule of the register forbids it."),
        Words("示された規則を確かめてください。", "See the rule that is named."),
    ),
    (
        WalletError,
        Words("ウォレットの操作ができませんでした。", "The wallet could not do it."),
        Words("もう一度お試しください。", "Try again."),
    ),
)
_OTHERWISE = (
    Words("相手から届いたデータが正しくありません。", "The other side's data is not right."),
    Words(
        "時間をおいてやり直すか、相手に連絡してください。",
        "Try again later or tell the other side.",
    ),
)


def explain(error: SSIError, lang: str, *, shared: Words = NOTHING_SHARED) -> Explanation:
    """Return what a person is told about an error.

    Args:
        error: what happened.
        lang: the reader's language.
        shared: what is known about data having left the wallet.
    """
    happened, next_step = _advice(error)
    return Explanation(
        happened=happened.text(lang),
        shared=shared.text(lang),
        next_step=next_step.text(lang),
        code=error.code,
    )


def _advice(error: SSIError) -> tuple[Words, Words]:
    prefix = error.code
    while prefix:
        if prefix in _ADVICE:
            return _ADVICE[prefix]
        prefix = prefix.rpartition(".")[0]
    for kind, happened, next_step in _BY_CLASS:
        if isinstance(error, kind):
            return happened, next_step
    return _OTHERWISE
