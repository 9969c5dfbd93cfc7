"""Every text of the screens in both languages, by key."""

from __future__ import annotations

from wallet.labels import Words

WORDS: dict[str, Words] = {
    "title": Words("割符ウォレット", "Warifu wallet"),
    "unlock": Words("パスフレーズを入力してください", "Type your passphrase"),
    "create": Words(
        "新しいウォレットのパスフレーズを決めてください（8文字以上）",
        "Choose a passphrase for the new wallet (8 characters or more)",
    ),
    "again": Words("同じパスフレーズをもう一度", "The same passphrase again"),
    "passphrase": Words("パスフレーズ", "Passphrase"),
    "open": Words("開く", "Open"),
    "differ": Words("二つのパスフレーズが違います。", "The two passphrases differ."),
    "working": Words("処理しています…お待ちください", "Working, please wait"),
    "credentials": Words("証明", "Credentials"),
    "no_credentials": Words(
        "まだありません。F3 で受け取ります。", "None yet. F3 accepts an offer."
    ),
    "pending": Words(
        "未送信 {unsent}・返事待ち {unanswered}", "unsent {unsent}, awaiting an answer {unanswered}"
    ),
    "menu_request": Words("F2 依頼に答える（リンクを貼る）", "F2 Answer a request (paste a link)"),
    "menu_offer": Words(
        "F3 証明を受け取る（リンクを貼る）", "F3 Accept a credential (paste a link)"
    ),
    "menu_move": Words("F4 引っ越しを知らせる", "F4 Moving house"),
    "menu_firms": Words("F5 住所を知っている事業者", "F5 Who has my address"),
    "menu_consents": Words("F6 同意と取り下げ", "F6 Consents and withdrawal"),
    "menu_history": Words("F7 履歴", "F7 History"),
    "menu_sync": Words(
        "F8 送信と返事の受け取り、証明の確認", "F8 Send and fetch answers and states"
    ),
    "menu_settings": Words("F9 設定・言語", "F9 Settings, language"),
    "menu_credentials": Words("F10 証明の一覧と削除", "F10 Credentials, deleting them"),
    "keys_home": Words(
        "F2-F10 選ぶ  Enter 決定  ^L 施錠  ^Q 終了", "F2-F10 choose  Enter open  ^L lock  ^Q quit"
    ),
    "keys_back": Words("Esc 戻る  ^Q 終了", "Esc back  ^Q quit"),
    "keys_history": Words("↑↓ 読む  Esc 戻る  ^Q 終了", "Up/Down read  Esc back  ^Q quit"),
    "keys_unlock": Words("Enter 決定  ^Q 終了", "Enter open  ^Q quit"),
    "keys_link": Words("Enter 確かめる  ^U 消す  Esc 戻る", "Enter look  ^U clear  Esc back"),
    "keys_consent": Words(
        "Tab 移る  Enter 決定  ↑↓ 読む  Esc 断る", "Tab move  Enter choose  Up/Down read  Esc deny"
    ),
    "keys_offer": Words("Tab 移る  Enter 決定  Esc やめる", "Tab move  Enter choose  Esc cancel"),
    "keys_move": Words("Tab 移る  F10 登録  Esc 戻る", "Tab move  F10 save  Esc back"),
    "keys_firms": Words(
        "↑↓ 読む  F8 送受信  F4 取り消し  Esc 戻る",
        "Up/Down read  F8 send/fetch  F4 undo  Esc back",
    ),
    "keys_consents": Words(
        "↑↓ 選ぶ  F6 取り下げ  Esc 戻る", "Up/Down choose  F6 withdraw  Esc back"
    ),
    "keys_credentials": Words(
        "↑↓ 選ぶ  F8 状態を確認  F6 削除  Esc 戻る",
        "Up/Down choose  F8 look up  F6 delete  Esc back",
    ),
    "keys_settings": Words("F2 言語  ^L 施錠  Esc 戻る", "F2 language  ^L lock  Esc back"),
    "credentials_title": Words("証明の一覧", "Credentials"),
    "received_on": Words("発行", "issued"),
    "delete_sure": Words(
        "もう一度 F6 を押すと {copies} 枚と鍵を削除します。元に戻せません。"
        "渡した情報は相手に残ります。",
        "Press F6 once more to delete {copies} copies and their keys. It cannot be undone."
        " What firms were given stays with them.",
    ),
    "deleted": Words("{copies} 枚を削除しました。", "Deleted {copies} copies."),
    "unread_lists": Words(
        "証明の状態を確かめられなかった発行者: {count}",
        "issuers whose list could not be read: {count}",
    ),
    "link_title": Words("リンクを確かめる", "Look at a link"),
    "link_prompt": Words(
        "リンクを貼り付けてください。貼り付けただけでは何も送りません。",
        "Paste the link. Pasting alone sends nothing.",
    ),
    "link_bad": Words(
        "依頼のリンクでも発行の案内でもありません。", "Neither a request nor an offer."
    ),
    "look": Words("確かめる", "Look"),
    "cancel": Words("やめる", "Cancel"),
    "offer_title": Words("証明の受け取り", "Accept a credential"),
    "offer_from": Words("台帳で確認した発行者", "Issuer, proven by the register"),
    "number": Words("法人番号", "Corporate number"),
    "address_web": Words("サイト", "Web address"),
    "offer_types": Words("受け取る証明", "Credentials"),
    "tx_code": Words(
        "発行者が電話などで伝えた確認コード", "The code the issuer told you by another way"
    ),
    "accept": Words("受け取る", "Accept"),
    "received": Words(
        "{copies} 枚の一度きりの証明を受け取りました。", "Received {copies} one-time copies."
    ),
    "consent_title": Words("共有の依頼", "Request to share"),
    "who": Words("相手", "Who asks"),
    "contact": Words("窓口", "Contact"),
    "purpose": Words("目的", "Purpose"),
    "ground": Words("根拠", "Legal ground"),
    "kept": Words("保存期間", "Kept for"),
    "items": Words("送る項目と値", "What would be sent"),
    "also": Words(
        "証明の発行者・種類・有効期限も相手に見えます。",
        "The credential's issuer, type and end date are seen as well.",
    ),
    "updates_why": Words(
        "住所が変わったときも、この相手に知らせることができます。任意で、いつでも取り下げられます。",
        "This firm may also be told when you move. It is your choice, and can be withdrawn at any"
        " time.",
    ),
    "updates": Words("今後の引っ越しも知らせる", "Also tell of later moves"),
    "resend": Words(
        "「送信と返事の受け取り」で、同じ内容をもう一度送ります。",
        "Send and fetch answers sends the same again.",
    ),
    "close": Words("閉じる", "Close"),
    "deny": Words("断る", "Deny"),
    "share": Words("共有する", "Share"),
    "not_registered": Words("未登録の相手です", "NOT REGISTERED"),
    "over": Words("✕目的外の要求", "X asked beyond the purpose"),
    "missing": Words("このウォレットにありません", "not in this wallet"),
    "denied": Words("断りました。何も共有されていません。", "Denied. Nothing was shared."),
    "move_title": Words("引っ越し", "Moving house"),
    "postal_code": Words("郵便番号（7桁）", "Postal code (7 digits)"),
    "region": Words("都道府県", "Prefecture"),
    "locality": Words("市区町村", "City"),
    "street_address": Words("町名・番地・建物名", "Street, number, building"),
    "moved_on": Words("異動日（YYYY-MM-DD）", "Day of the move (YYYY-MM-DD)"),
    "bad_date": Words(
        "異動日を YYYY-MM-DD で入力してください。", "Type the day of the move as YYYY-MM-DD."
    ),
    "save": Words("登録する", "Save"),
    "saved": Words(
        "登録しました。取り消せる時間が過ぎると、開いているウォレットが送ります。",
        "Saved. When the time to undo is over, the open wallet sends it.",
    ),
    "move_hint": Words(
        "同意した事業者だけに送ります。{minutes} 分以内なら取り消せます。",
        "Sent only to firms you agreed to. It can be undone for {minutes} minutes.",
    ),
    "move_hint_at_once": Words(
        "同意した事業者だけに、登録するとすぐ送ります。取り消せません。",
        "Sent only to firms you agreed to, as soon as it is saved. It cannot be undone.",
    ),
    "firms_title": Words("住所を知っている事業者", "Who has my address"),
    "no_firms": Words("住所を伝えた事業者はありません。", "No firm has an address of yours."),
    "undo_left": Words(
        "取り消せます（あと {seconds} 秒）: F4", "Can be undone for {seconds} s: F4"
    ),
    "undone": Words("取り消しました。何も送っていません。", "Undone. Nothing was sent."),
    "nothing_to_undo": Words("取り消せる引っ越しはありません。", "There is nothing to undo."),
    "since": Words("時点", "since"),
    "applied": Words("反映日", "applied"),
    "next": Words("次に", "next"),
    "synced": Words("返事 {answers} 件", "{answers} answers"),
    "unreachable": Words("つながらない相手: {count}", "could not be reached: {count}"),
    "consents_title": Words("同意", "Consents"),
    "no_consents": Words("同意はありません。", "There are no consents."),
    "withdraw_sure": Words("もう一度 F6 を押すと取り下げます。", "Press F6 once more to withdraw."),
    "withdrawn": Words("取り下げました。相手に伝えます。", "Withdrawn. The firm will be told."),
    "until": Words("期限", "until"),
    "history_title": Words("履歴（値は残しません）", "History (no values are kept)"),
    "no_history": Words("まだ何もありません。", "Nothing yet."),
    "settings_title": Words("設定", "Settings"),
    "language": Words("言語: 日本語（F2 で英語に）", "Language: English (F2 for Japanese)"),
    "chain": Words("台帳", "Register"),
    "nodes": Words("ノード", "Nodes"),
    "mailbox": Words("電子私書箱", "PO box"),
    "autolock": Words("5分間操作がないと施錠します。", "Locks after five minutes without a key."),
    "loopback": Words(
        "【実演用の設定】この端末だけの通信です。", "[DEMO SETTING] Talks to this machine only."
    ),
    "crashed": Words(
        "予期しない誤りで終了しました。画面の内容は残していません。",
        "Ended by an unexpected error. Nothing of the screen was kept.",
    ),
}


def text(key: str, lang: str, **values: object) -> str:
    """Return a text for a reader, its places filled."""
    return WORDS[key].text(lang).format(**values)
