"""The programs of a resident, an issuer, a firm and a PO box."""

from ssi.advice.form import Advice

ADVICE: dict[str, Advice] = {
    "update": Advice(
        "An address update or its receipt cannot be accepted. Send it again from the wallet.",
        "住所変更またはその受領書を受け入れられません。ウォレットからもう一度送ってください。",
    ),
    "update.key": Advice(
        "The message was sealed to a key that is no longer in use. Send it again; the "
        "wallet takes the current key.",
        "使われなくなった鍵で封緘されていました。もう一度送ってください。新しい鍵が使われます。",
    ),
    "update.sequence_conflict": Advice(
        "Two devices sent different changes with one number. Look at both in the wallet "
        "and send the right one.",
        "二つの端末から同じ番号の異なる変更が送られました。"
        "ウォレットで両方を確認し、正しい方を送ってください。",
    ),
    "update.sender": Advice(
        "The message is not from the one it names; it was not opened. Nothing needs to be done.",
        "データは名乗っている相手からのものではないため、開いていません。対応は不要です。",
    ),
    "update.receipt": Advice(
        "A receipt does not match what was sent; the update counts as not confirmed. Ask the firm.",
        "受領書が送った内容と一致しないため、未確認として扱います。事業者に問い合わせてください。",
    ),
    "update.stale": Advice(
        "A newer update was applied already; nothing was changed. Nothing needs to be done.",
        "より新しい変更が適用済みです。何も変わっていません。対応は不要です。",
    ),
    "consent": Advice(
        "The consent or its withdrawal cannot be accepted. "
        "Look at the consent in the wallet and try again.",
        "同意または撤回を受け入れられません。ウォレットで同意を確認し、もう一度お試しください。",
    ),
    "consent.unknown": Advice(
        "No such consent is recorded; nothing was changed. Look at the consents in the wallet.",
        "該当する同意の記録がありません。"
        "何も変わっていません。ウォレットで同意の一覧を確認してください。",
    ),
    "consent.time": Advice(
        "The time of the consent does not fit; nothing was recorded. Check the clock and "
        "try again.",
        "同意の日時が合わないため、記録していません。時計を確認し、もう一度お試しください。",
    ),
    "consent.declined": Advice(
        "You declined. Nothing was shared. Nothing needs to be done.",
        "拒否しました。何も共有していません。対応は不要です。",
    ),
    "config.not_joined": Advice(
        "This folder was not made for a network that runs. Make it by warifu chain join; "
        "keys that are in it already are kept.",
        "このフォルダーは、動いているネットワークのノード用に作られていません。"
        "warifu chain join で作ってください。すでにある鍵はそのまま使われます。",
    ),
    "config.snapshot": Advice(
        "This network began with the ledger of an older chain, which a new node fetches as a "
        "snapshot. Name the CometBFT RPC of a member or two by --snapshot-from.",
        "このネットワークは以前の台帳を引き継いでいるため、新しいノードは状態を取得して始めます。"
        "--snapshot-from で、会員の CometBFT RPC を一つか二つ指定してください。",
    ),
    "keystore": Advice(
        "The wallet's vault cannot be used as it is. "
        "Follow the steps shown, or restore from the recovery words.",
        "ウォレットの保管庫をこのままでは使えません。"
        "表示された手順に従うか、復元の言葉から戻してください。",
    ),
    "wallet": Advice(
        "The wallet could not do that. Nothing was shared. Try again.",
        "ウォレットで処理できませんでした。何も共有していません。もう一度お試しください。",
    ),
    "wallet.locked": Advice(
        "The vault is locked. Nothing was shared. Unlock it with the passphrase.",
        "保管庫がロックされています。何も共有していません。パスフレーズで解錠してください。",
    ),
    "wallet.wrong_passphrase": Advice(
        "The passphrase does not open the vault. Try again; nobody but you knows it.",
        "パスフレーズが違います。もう一度入力してください。パスフレーズは本人しか知りません。",
    ),
    "wallet.no_matching_credential": Advice(
        "You hold nothing that answers this request. Nothing was shared. "
        "Get the credential from an issuer first.",
        "依頼に応じられる証明書がありません。何も共有していません。"
        "先に発行者から証明書を受け取ってください。",
    ),
    "wallet.vault": Advice(
        "The vault cannot be read or written. Nothing was shared. "
        "Check the disk, or restore from the recovery words.",
        "保管庫を読み書きできません。何も共有していません。"
        "ディスクを確認するか、復元の言葉から戻してください。",
    ),
    "input": Advice(
        "What was entered cannot be used. Correct it and try again.",
        "入力された内容を使えません。直して、もう一度お試しください。",
    ),
    "move": Advice(
        "The move could not be recorded. Nothing was sent. Correct what was entered and try again.",
        "引っ越しを記録できませんでした。何も送っていません。入力を直し、もう一度お試しください。",
    ),
    "mailbox": Advice(
        "The electronic PO box did not take the message. Try again later, or ask its operator.",
        "電子私書箱がデータを受け付けませんでした。"
        "後でもう一度試すか、運営者に問い合わせてください。",
    ),
    "mailbox.quota": Advice(
        "Too much was sent in a short time; nothing was stored. Wait as long as was said "
        "and try again.",
        "短い時間に送られた量が多すぎるため、お預かりしていません。"
        "示された時間を待って、もう一度お試しください。",
    ),
    "mailbox.busy": Advice(
        "The electronic PO box is busy; nothing was stored. Try again in a moment.",
        "電子私書箱が混み合っているため、お預かりしていません。"
        "少し待って、もう一度お試しください。",
    ),
    "mailbox.token": Advice(
        "The token opens no box. Open the box again with the key it belongs to.",
        "このトークンで開く私書箱はありません。鍵を使って、もう一度開いてください。",
    ),
    "mailbox.proof": Advice(
        "The proof does not open a box. Check the clock, then ask for the box again.",
        "この証明では私書箱を開けません。時計を確認し、もう一度お申し込みください。",
    ),
    "mailbox.firm": Advice(
        "The register names no such firm at this PO box. Check the firm's record on the ledger.",
        "台帳に、この私書箱を使う事業者として登録がありません。台帳の登録内容を確認してください。",
    ),
    "mailbox.deadline": Advice(
        "The deadline of the message is over or too far ahead; nothing was stored. Make "
        "the message anew.",
        "データの期限が過ぎているか先すぎるため、お預かりしていません。作り直してください。",
    ),
    "mailbox.operator": Advice(
        "The ledger does not let this operator write; everything waits. Check the "
        "operator's registration.",
        "台帳がこの運営者の記録を認めていません。"
        "データは保管したままです。運営者の登録を確認してください。",
    ),
    "portal": Advice(
        "The issuer's portal did not do it; nothing was changed. Look at where the case stands.",
        "ポータルでは処理していません。何も変わっていません。申請の状況を確認してください。",
    ),
    "upload": Advice(
        "The picture cannot be used; it was not kept. Take a new one as JPEG or PNG.",
        "画像を使えないため、保存していません。JPEG または PNG で撮り直してください。",
    ),
    "issuer": Advice(
        "The issuer could not do it now; nothing was issued. Try again in a moment.",
        "発行者の側で今は処理できず、発行していません。少し待って、もう一度お試しください。",
    ),
    "handler": Advice(
        "The firm's own program failed; the message was not taken and will come again. "
        "Mend the handler.",
        "事業者のプログラムで失敗したため、受け取っていません。もう一度届きます。"
        "ハンドラーを直してください。",
    ),
    "display": Advice(
        "A text from outside would not be shown as it is. Tell the makers of this program.",
        "外部の文字列を正しく表示できません。このプログラムの作成者に知らせてください。",
    ),
    "database": Advice(
        "The program's database cannot be used; nothing in it was changed. Look at the file or "
        "the server, put a backup back if it is damaged, and start again.",
        "プログラムのデータベースを使えません。中身は変えていません。"
        "ファイルまたはサーバーを確認し、壊れていれば控えから戻して、起動し直してください。",
    ),
    "config": Advice(
        "The configuration is missing something or is wrong. "
        "Correct the setting that was named and start again.",
        "設定に不足または誤りがあります。示された設定を直し、もう一度起動してください。",
    ),
}
