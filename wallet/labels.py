"""Plain words for claims, credentials, states and errors, in Japanese and English."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ssi.encoding import JSON
from ssi.errors import Misbehaviour, Refused, SSIError, Unavailable, WalletError

Lang = Literal["ja", "en"]


class Words(NamedTuple):
    """One text in both languages."""

    ja: str
    en: str

    def text(self, lang: str) -> str:
        """Return the text for a reader of ``lang``."""
        return self.ja if lang == "ja" else self.en


CREDENTIALS: dict[str, Words] = {
    "urn:warifu:kyc:1": Words("本人確認済みの証明", "Verified identity"),
    "urn:warifu:driving-licence:1": Words("運転免許の証明", "Driving licence"),
    "urn:warifu:address:1": Words("住所の証明", "Verified address"),
    "urn:warifu:address-self:1": Words("ご自身が申告した住所", "Address declared by yourself"),
    "urn:warifu:delegation:1": Words("委任の証明", "Delegation"),
}

CLAIMS: dict[str, Words] = {
    "name": Words("氏名", "Name"),
    "name#ja-Kana-JP": Words("氏名（カナ）", "Name in kana"),
    "birthdate": Words("生年月日", "Date of birth"),
    "address": Words("住所", "Address"),
    "age_over_18": Words("18歳以上か", "18 or older"),
    "age_over_20": Words("20歳以上か", "20 or older"),
    "portrait_checked": Words("顔の照合の有無", "Face was compared"),
    "licence_number": Words("免許証の番号", "Licence number"),
    "licence_classes": Words("免許の種類", "Licence classes"),
    "licence_conditions": Words("免許の条件等", "Licence conditions"),
    "licence_expiry": Words("免許の有効期限", "Licence expiry"),
    "licence_colour": Words("免許証の色", "Licence colour"),
    "moved_on": Words("異動日", "Date of move"),
    "evidence": Words("確認した書類", "Evidence that was checked"),
    "assurance_process": Words("確認の方法", "How it was checked"),
    "time": Words("確認した日時", "When it was checked"),
    "formatted": Words("全文", "Whole address"),
    "country": Words("国", "Country"),
    "country_code": Words("国コード", "Country code"),
    "postal_code": Words("郵便番号", "Postal code"),
    "region": Words("都道府県", "Prefecture"),
    "locality": Words("市区町村", "City"),
    "street_address": Words("町名・番地・建物", "Street and building"),
}

DELIVERY: dict[str, Words] = {
    "waiting": Words("[待] 取り消せます", "[wait] can still be undone"),
    "queued": Words("[送] 送信待ち", "[send] waiting to be sent"),
    "delivered": Words("[届] 届きました。返事待ち", "[there] delivered, no answer yet"),
    "accepted": Words("[済] 反映されました", "[done] the firm has it"),
    "accepted_pending": Words("[予] 受付済み。後日反映", "[later] accepted, applies later"),
    "needs_attestation": Words("[証] 証明付きの住所が必要", "[proof] a verified address is needed"),
    "rejected": Words("[否] 受け付けられませんでした", "[no] the firm refused it"),
    "unreachable": Words("[×] 届きません。再送します", "[retry] unreachable, will retry"),
    "expired": Words("[切] 期限切れ", "[over] no answer in time"),
    "not_subscribed": Words("[自] ご自身で連絡", "[self] tell the firm yourself"),
    "current": Words("[済] 最新の住所です", "[done] has your present address"),
    "cancelled": Words("[消] 取り消しました", "[undone] taken back"),
}

NEXT_STEP: dict[str, Words] = {
    "waiting": Words("時間になると送信します", "It is sent when the time has come"),
    "queued": Words("「同期」で送信します", "Sync sends it"),
    "delivered": Words("返事を待っています", "Waiting for the answer"),
    "accepted": Words("何もする必要はありません", "Nothing to do"),
    "current": Words("何もする必要はありません", "Nothing to do"),
    "accepted_pending": Words("反映日まで旧住所です", "The old address stands until that day"),
    "needs_attestation": Words(
        "発行者で住所の証明を更新し、受け取ってください",
        "Renew your address at the issuer and accept the new credential",
    ),
    "rejected": Words("事業者に直接ご連絡ください", "Contact the firm yourself"),
    "unreachable": Words("自動で送り直します", "It is sent again by itself"),
    "expired": Words("事業者に直接ご連絡ください", "Contact the firm yourself"),
    "not_subscribed": Words("事業者に直接ご連絡ください", "Contact the firm yourself"),
    "cancelled": Words("何も送っていません", "Nothing was sent"),
}


def claim_label(path: Sequence[str | int | None], lang: str) -> str:
    """Return plain words for a claim; an unknown one is shown by its own name."""
    named = [step for step in path if isinstance(step, str)]
    last = named[-1] if named else "?"
    words = CLAIMS.get(last)
    label = words.text(lang) if words else last
    parent = named[-2] if len(named) > 1 else ""
    if parent in CLAIMS and parent != last:
        return f"{CLAIMS[parent].text(lang)} > {label}"
    return label


def credential_label(vct: str, lang: str) -> str:
    """Return plain words for a credential type."""
    words = CREDENTIALS.get(vct)
    return words.text(lang) if words else vct


def value_text(value: JSON, lang: str) -> str:
    """Return a claim's value as a person reads it; the caller makes it safe to show."""
    match value:
        case True:
            return Words("はい", "yes").text(lang)
        case False:
            return Words("いいえ", "no").text(lang)
        case None:
            return "-"
        case dict() if isinstance(value.get("formatted"), str):
            postal = value.get("postal_code")
            mark = f"〒{postal} " if isinstance(postal, str) else ""
            return f"{mark}{value['formatted']}"
        case dict():
            return ", ".join(f"{name}: {value_text(item, lang)}" for name, item in value.items())
        case list():
            return ", ".join(value_text(item, lang) for item in value)
        case _:
            return str(value)


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
        Words("別のプログラムがこのウォレットを開いています。", "Another program has this wallet open."),
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
        Words("ウォレットのファイルが壊れているか書き換えられています。", "A file of the wallet is damaged or was changed."),
        Words("ファイルはそのまま残しています。控えから戻すか、再発行を受けてください。",
              "It was left as it is. Put a copy back, or have your credentials re-issued."),
    ),
    "keystore.permissions": (
        Words("ほかの利用者がウォレットを読める状態です。", "Others can read the wallet's folder."),
        Words("フォルダーを 0700、ファイルを 0600 にしてください。", "Set the folder to 0700 and its files to 0600."),
    ),
    "keystore": (
        Words("ウォレットの保管場所を使えません。", "The wallet's store cannot be used."),
        Words("ディスクの空きと権限を確かめてください。", "Check the disk's free space and permissions."),
    ),
    "config": (
        Words("設定ファイル wallet.toml に誤りがあります。", "The settings in wallet.toml are wrong."),
        Words("示された項目を直してください。", "Correct the field that is named."),
    ),
    "wallet.wrong_passphrase": (
        Words("パスフレーズが違います。", "The passphrase is wrong."),
        Words("もう一度入力してください。", "Type it again."),
    ),
    "wallet.no_matching_credential": (
        Words("求められた証明がこのウォレットにありません。", "This wallet holds no credential that answers."),
        Words("発行者から証明を受け取ってください。", "Get the credential from an issuer first."),
    ),
    "credential.used_up": (
        Words("一度きりの証明を使い切りました。", "Every one-time copy of the credential is used up."),
        Words("発行者から新しい証明を受け取ってください。", "Get new ones from the issuer."),
    ),
    "credential": (
        Words("証明が有効ではありません。", "The credential is not valid."),
        Words("発行者から新しい証明を受け取ってください。", "Get a new one from the issuer."),
    ),
    "issuance": (
        Words("発行者の答えが決まりに合わないため、受け取りませんでした。", "The issuer's answer broke a rule, so nothing was kept."),
        Words("発行者に連絡し、新しい案内を受け取ってください。", "Tell the issuer and ask for a new offer."),
    ),
    "issuance.tx_code": (
        Words("確認コードが違うか、案内の期限が切れています。", "The code is wrong or the offer has expired."),
        Words("発行者が別の方法で伝えた確認コードを入力してください。", "Type the code the issuer told you by another way."),
    ),
    "request.over_asking": (
        Words("登録された目的に不要な項目を求めています。", "The firm asks for more than its registered purpose allows."),
        Words("共有しないでください。窓口に連絡できます。", "Do not share. You can complain to the firm."),
    ),
    "request.not_registered": (
        Words("この相手は台帳に登録されていません。", "This party is not on the register."),
        Words("共有できません。リンクの出どころを確かめてください。", "Sharing is not possible. Check where the link came from."),
    ),
    "request.expired": (
        Words("この依頼は期限切れです。", "This request has expired."),
        Words("事業者のページで新しい依頼を開いてください。", "Open a new request on the firm's page."),
    ),
    "request": (
        Words("相手の依頼が正しくありません。", "The firm's request is not correct."),
        Words("事業者のページで新しい依頼を開いてください。", "Open a new request on the firm's page."),
    ),
    "query": (
        Words("求められた項目にこのウォレットでは答えられません。", "This wallet cannot answer what is asked."),
        Words("必要な証明を受け取ってからやり直してください。", "Get the credential that is needed, then try again."),
    ),
    "link": (
        Words("このリンクは読めません。", "This link cannot be read."),
        Words("QRコードかリンク全体をもう一度貼り付けてください。", "Paste the whole link again."),
    ),
    "name.rejected": (
        Words("相手の名称に紛らわしい文字があります。", "The party's name holds misleading characters."),
        Words("共有できません。", "Sharing is not possible."),
    ),
    "fetch.blocked": (
        Words("許されない接続先です。", "The address is one this wallet never connects to."),
        Words("リンクの出どころを確かめてください。", "Check where the link came from."),
    ),
    "fetch": (
        Words("相手につながりません。", "Nobody answered."),
        Words("通信を確かめ、しばらくしてからやり直してください。", "Check the network and try again later."),
    ),
    "light": (
        Words("台帳の新しい状態を確かめられません。", "The register's present state cannot be proved."),
        Words("しばらくしてからやり直してください。", "Try again later."),
    ),
    "consent.declined": (
        Words("共有を断りました。", "You declined."),
        Words("何もする必要はありません。", "There is nothing more to do."),
    ),
    "move.too_late": (
        Words("取り消せる時間を過ぎています。", "The time to undo is over."),
        Words("新しい住所変更として訂正を送ってください。", "Send a correction as a new change of address."),
    ),
    "input": (
        Words("入力に誤りがあります。", "What was entered is not right."),
        Words("示された項目を直してください。", "Correct the field that is named."),
    ),
}  # fmt: skip

_BY_CLASS: tuple[tuple[type[SSIError], Words, Words], ...] = (
    (Unavailable, *_ADVICE["fetch"]),
    (
        Misbehaviour,
        Words("台帳に矛盾する二つの記録があります。証拠を保存しました。", "The register signed two statements that contradict each other; both were kept."),
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
)  # fmt: skip
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
