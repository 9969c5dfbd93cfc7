"""The page of a pack that people read: one HTML file, no script, ja and en, for A4 [EVI-PAGE-2].

It is a function of what was verified, so that whoever verifies can draw it again and compare; the
page of this version is drawn so for ever [EVI-PAGE-1].
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from html import escape
from importlib.resources import files
from typing import Final

from verifier_sdk.claims import PostalAddress
from verifier_sdk.evidence.findings import (
    LIMITS,
    OF_THE_READER,
    Both,
    EvidenceStep,
    Finding,
    Limit,
    Matter,
    Party,
)
from verifier_sdk.evidence.manifest import Kind, Manifest
from verifier_sdk.evidence.outside import Outside
from verifier_sdk.results import NOT_INCLUDED

PAGE: Final = "index.html"
_JAPAN: Final = timezone(timedelta(hours=9))

_STYLE: Final = files("verifier_sdk.evidence").joinpath("page.css").read_text("utf-8")

_CLAIMS: Final = (
    ("name", "氏名", "Name"),
    ("name_kana", "フリガナ", "Kana"),
    ("birthdate", "生年月日", "Date of birth"),
    ("address", "住所", "Address"),
    ("age_over_18", "18歳以上", "18 or older"),
    ("age_over_20", "20歳以上", "20 or older"),
    ("portrait_checked", "顔写真の照合済み", "Portrait compared"),
    ("moved_on", "転居日", "Moved on"),
    ("licence_number", "免許証番号", "Licence number"),
    ("licence_classes", "免許の種類", "Licence classes"),
    ("licence_conditions", "免許の条件", "Licence conditions"),
    ("licence_expiry", "免許の有効期限", "Licence valid until"),
    ("licence_colour", "免許の色区分", "Licence colour"),
)
_KINDS: Final = {
    Kind.PRESENTATION: ("本人確認情報の提示", "Presentation of identity data"),
    Kind.ADDRESS_UPDATE: ("住所変更の通知", "Notice of a change of address"),
}
_NOT_PROVEN: Final = (
    Both(
        "発行者が申請時に正しく確認したか、また提示した人が証明書の本人であったか（鍵を持っていたことだけを証明します）",
        "that the issuer checked rightly, or that whoever presented was the person named: what is "
        "proven is that the key was held",
    ),
    Both(
        "受け取った時刻そのもの（台帳のブロック時刻より前ではないことと、本人の署名時刻との一致を確かめています）",
        "the exact time of receipt: it is not before the block's time, and agrees with the time "
        "that the person signed",
    ),
    Both(
        "受け取りの後に起きたこと（下の「記録」にあるものを除く）",
        "what happened after receipt, but for what is under “Recorded”",
    ),
    Both("事業者がこの情報を何に使ったか", "what the firm did with the data"),
)


def render(
    manifest: Manifest, matter: Matter, limits: Sequence[Limit], findings: Sequence[Finding]
) -> bytes:
    """Draw the page.

    Args:
        manifest: Of the pack; its list of files is not shown, for the page is one of them.
        matter: What was verified.
        limits: What it does not establish; whether the genesis was compared, and whether proofs
            from outside are believed, is not the page's to say: it depends on who reads it.
        findings: The verdicts of the steps before this one.
    """
    kind = _KINDS[manifest.kind]
    parts = [
        "<!doctype html>",
        '<html lang="ja"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        _POLICY,
        f"<title>証拠 / Evidence {_e(manifest.subject)}</title>",
        f"<style>{_STYLE}</style></head><body>",
        f'<h1>証拠書類：{_e(kind[0])}</h1><p class="en" lang="en">Evidence: {_e(kind[1])}</p>',
        _table(_overview(manifest)),
        _heading("だれが", "Who"),
        _table(_who(matter)),
        _heading("なにを", "What"),
        _table(_what(matter)),
        _heading("いつ・どの台帳で", "When, and by which ledger"),
        _table(_when(manifest, matter)),
        *([] if matter.outside is None else _outside(matter.outside)),
        _heading("検査したこと", "What was checked"),
        _steps(findings),
        _heading("この証拠が示さないこと", "What this does not prove"),
        _list(_unproven(limits)),
        _heading("この書類の確かめ方", "How to check this yourself"),
        _HOW,
        "</body></html>\n",
    ]
    return "\n".join(parts).encode("utf-8")


# Whether the genesis was compared is for each reader to do; paper cannot say that he did.
_SUBSTANCE: Final = range(EvidenceStep.LEDGER, EvidenceStep.PAGE)
_POLICY: Final = (
    '<meta http-equiv="Content-Security-Policy"'
    " content=\"default-src 'none'; style-src 'unsafe-inline'\">"
)
_OUTSIDE: Final = (
    "<p>台帳の外の機関が、このブロックのハッシュに時刻を付けました。証明が成り立てば、"
    "このブロックとその下のブロックは、その時刻より前に存在しました。それ以降に検証者の鍵が盗まれて"
    "も、この過去を作り替えることはできません。内容が正しいことの証明ではありません。"
    "どの機関を信じるかは読む人が決めます。<code>--anchor-policy</code> に信頼する機関の設定を"
    '与えて検証したときに、時刻が示されます。</p><p class="en" lang="en">Authorities outside the '
    "ledger put a time to this block’s hash. If the proofs hold, the block and those below it "
    "existed before that time: validators’ keys that were stolen afterwards cannot have made "
    "another past. They do not prove that what it says is true. Whom to believe is the reader’s "
    "choice: verify with <code>--anchor-policy</code> and the authorities you trust, and the time "
    "is shown.</p>"
)
_COMMAND: Final = "<code>warifu evidence verify PACK.zip --genesis-digest SHA256</code>"
_HOW: Final = (
    f"<p>この ZIP ファイルを変えずに、{_COMMAND}（または ZIP 内の <code>verify.py</code>）を"
    "実行します。ネットワークもサーバーも要りません。SHA256 は、台帳の会員が公表する創世ファイルの"
    '値を使います。</p><p class="en" lang="en">Run '
    f"{_COMMAND} (or <code>verify.py</code> from the ZIP) on the unchanged ZIP file. It needs no "
    "network and no server. Take the SHA256 of the genesis from what the ledger’s members "
    "publish.</p>"
)


def _overview(manifest: Manifest) -> list[tuple[str, str, str]]:
    return [
        ("識別子", "Id", f"<code>{_e(manifest.subject)}</code>"),
        ("受領", "Received", _time(manifest.as_of)),
        ("この書類の作成", "This pack made", _time(manifest.exported_at)),
    ]


def _who(matter: Matter) -> list[tuple[str, str, str]]:
    rows = [("受け取った事業者", "Receiving firm", _party(matter.firm))]
    rows += [("発行者", "Issuer", _party(issuer)) for issuer in matter.issuers]
    if matter.self_asserted:
        rows.append(("発行者", "Issuer", "なし（本人の申告） / none: the person’s own statement"))
    rows += [
        ("確認の枠組み", "Trust framework", f"<code>{_e(one)}</code>")
        for one in matter.trust_frameworks
    ]
    return rows


def _what(matter: Matter) -> list[tuple[str, str, str]]:
    rows = [
        (ja, en, _value(value))
        for name, ja, en in _CLAIMS
        if (value := getattr(matter.claims, name)) is not None
    ]
    if matter.moved_on is not None and matter.claims.moved_on is None:
        rows.append(("転居日", "Moved on", _e(matter.moved_on)))
    if matter.purpose is not None:
        rows.append(("示された利用目的", "Purpose shown", _both(matter.purpose)))
    if matter.retention is not None:
        rows.append(("示された保存期間", "Retention shown", _both(matter.retention)))
    return rows


def _when(manifest: Manifest, matter: Matter) -> list[tuple[str, str, str]]:
    rows = [
        ("台帳", "Ledger", _e(manifest.chain_id)),
        (
            "創世ファイルの SHA-256",
            "SHA-256 of the genesis",
            f"<code>{_e(manifest.genesis)}</code>",
        ),
    ]
    if matter.block_height is not None and matter.block_time is not None:
        signed = f"署名した検証者 / validators that signed {matter.signed}/{matter.validators}"
        rows.append(
            (
                "受領時に用いたブロック",
                "Block used at receipt",
                f"{matter.block_height}: {_time(matter.block_time)}<br>{signed}",
            )
        )
    rows += [
        ("用いた失効リストの発行", "Status list issued", _time(at))
        for at in matter.status_issued_at
    ]
    if matter.consent_id is not None and matter.consent_given_at is not None:
        consent = f"<code>{_e(matter.consent_id)}</code><br>{_time(matter.consent_given_at)}"
        rows.append(("同意", "Consent", consent))
    rows += [
        ("記録", "Recorded", f"<code>{_e(key)}</code><br>{height}: {_time(at)}")
        for key, height, at in matter.recorded
    ]
    if matter.withdrawn_at is not None:
        rows.append(("同意の撤回", "Consent withdrawn", _time(matter.withdrawn_at)))
    return rows


def _outside(outside: Outside) -> list[str]:
    methods = Counter(proof.method.value for proof in outside.proofs)
    kinds = ", ".join(f"{_e(name)} × {count}" for name, count in sorted(methods.items()))
    covers = ", ".join(str(height) for height in outside.covers)
    rows = [
        ("証明の対象", "Stamped", f"{outside.block.height}: {_time(outside.block.time)}"),
        ("そのハッシュ", "Its hash", f"<code>{outside.block.header_hash.hex()}</code>"),
        ("証明の種類と数", "Kinds of proof", f"{kinds} ({_e(outside.epoch)})"),
        ("この書類のうち含まれるブロック", "Blocks of this pack below it", covers),
    ]
    return [
        _heading("外部の時刻証明", "Proofs of time from outside"),
        _table(rows),
        _OUTSIDE,
    ]


def _steps(findings: Iterable[Finding]) -> str:
    items = []
    for one in findings:
        if one.step not in _SUBSTANCE:
            continue
        notes = "".join(f"<br><small>{_e(ja)} / {_e(en)}</small>" for ja, en in one.notes)
        english = f'<span class="en" lang="en">{_e(one.name("en"))}</span>'
        items.append(f"<li>{_e(one.name('ja'))} {english}{notes}</li>")
    return f"<ol>{''.join(items)}</ol>"


def _unproven(limits: Sequence[Limit]) -> list[tuple[str, str]]:
    own = [LIMITS[limit] for limit in limits if limit not in OF_THE_READER]
    return [*own, *_NOT_PROVEN, *NOT_INCLUDED]


def _heading(ja: str, en: str) -> str:
    return f'<h2>{_e(ja)} <small lang="en">{_e(en)}</small></h2>'


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    lines = "".join(
        f'<tr><th>{_e(ja)}<br><small lang="en">{_e(en)}</small></th><td>{html}</td></tr>'
        for ja, en, html in rows
    )
    return f"<table>{lines}</table>"


def _list(texts: Iterable[tuple[str, str]]) -> str:
    items = "".join(
        f'<li>{_e(ja)} <span class="en" lang="en">{_e(en)}</span></li>' for ja, en in texts
    )
    return f"<ul>{items}</ul>"


def _party(party: Party) -> str:
    return (
        f"{_e(party.name_ja)} / {_e(party.name_en)}<br>法人番号 {_e(party.corporate_number)}"
        f" · <code>{_e(party.id)}</code>"
    )


def _value(value: object) -> str:
    match value:
        case bool():
            return "はい / yes" if value else "いいえ / no"
        case PostalAddress():
            return _e(str(value))
        case tuple():
            return _e(", ".join(str(one) for one in value))
    return _e(str(value))


def _both(texts: tuple[str, str]) -> str:
    return f'{_e(texts[0])}<br><span class="en" lang="en">{_e(texts[1])}</span>'


def _time(at: datetime) -> str:
    japan = at.astimezone(_JAPAN).strftime("%Y年%m月%d日 %H:%M:%S（日本時間）")
    return f"{japan}<br><small>{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC</small>"


def _e(text: str) -> str:
    return escape(text, quote=True)
