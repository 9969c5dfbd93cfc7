"""What is read, sent and verified: forms, signatures, credentials, requests."""

from ssi.advice.form import Advice

ADVICE: dict[str, Advice] = {
    "error": Advice(
        "Something failed, and we do not know more. "
        "Try again; if it happens again, tell the operator the code.",
        "処理に失敗しました。詳しい原因は分かりません。"
        "もう一度お試しください。続く場合は、表示されたコードを運営者に伝えてください。",
    ),
    "rejected": Advice(
        "What was received is not acceptable. Ask the sender for a new one.",
        "受け取ったデータは受け入れられません。送り手に新しいものを依頼してください。",
    ),
    "malformed": Advice(
        "What was received cannot be read. Ask the sender for a new one.",
        "受け取ったデータを読み取れません。送り手に新しいものを依頼してください。",
    ),
    "untrusted": Advice(
        "The sender is not one we trust. Do not go on; check who sent it.",
        "送り手は信頼できる相手として登録されていません。先に進まず、相手を確認してください。",
    ),
    "unavailable": Advice(
        "No answer could be reached yet; nothing was accepted. Try again in a while.",
        "まだ判定できません。何も受け入れていません。しばらくしてからもう一度お試しください。",
    ),
    "json": Advice(
        "The data is not in the form that was agreed. Ask the sender to make it again.",
        "データが取り決めた形式になっていません。送り手に作り直しを依頼してください。",
    ),
    "json.limits": Advice(
        "The data is larger or deeper than we take. Ask the sender for a smaller one.",
        "データが大きすぎるか、階層が深すぎます。送り手に小さいデータを依頼してください。",
    ),
    "json.duplicate_key": Advice(
        "The data gives one name twice, so it has two meanings. "
        "Treat it as an attack and ask the sender.",
        "同じ名前が二度あり、意味が一つに決まりません。"
        "攻撃の可能性があります。送り手に確認してください。",
    ),
    "encoding": Advice(
        "The data was damaged on its way, or never well formed. Scan or copy it again.",
        "データが途中で壊れたか、形式が正しくありません。"
        "もう一度読み取るか、コピーし直してください。",
    ),
    "jose": Advice(
        "A signed message is not of the form or kind that was agreed. "
        "Ask the sender for a new one.",
        "署名付きデータの形式または種類が取り決めと違います。"
        "送り手に新しいものを依頼してください。",
    ),
    "jose.signature": Advice(
        "A signature does not verify: the message was changed, or another key signed it. "
        "Do not use it; ask the sender for a new one.",
        "署名を確認できません。改ざんされたか、別の鍵で署名されています。"
        "使用せず、送り手に新しいものを依頼してください。",
    ),
    "jose.claims": Advice(
        "A signed message is for somebody else, or its time is over. "
        "Ask the sender for a new one, and check this device's clock.",
        "署名付きデータの宛先か期限が合いません。"
        "送り手に新しいものを依頼し、この機器の時計も確認してください。",
    ),
    "jose.private_key": Advice(
        "A message holds a secret key that should never have been sent. "
        "Tell the sender to replace that key.",
        "送られてはならない秘密鍵が含まれています。その鍵を取り替えるよう送り手に伝えてください。",
    ),
    "jwe": Advice(
        "A sealed message cannot be opened with our key. "
        "Ask the sender to seal it to our present key.",
        "封をされたデータを当方の鍵で開けません。"
        "現在の鍵で封をし直すよう送り手に依頼してください。",
    ),
    "sdjwt": Advice(
        "A credential or its disclosed parts do not fit together. "
        "Ask the holder to present it again.",
        "証明書と開示された項目が一致しません。もう一度提示するよう本人に依頼してください。",
    ),
    "kb": Advice(
        "The credential was not presented by its holder, for us, now. "
        "Start a new request and present again.",
        "本人が当方あてに今提示したことを確認できません。"
        "新しい依頼から、もう一度提示してください。",
    ),
    "binding": Advice(
        "The message was made for another occasion. Start again from a new request.",
        "別の場面のために作られたデータです。新しい依頼からやり直してください。",
    ),
    "credential": Advice(
        "The credential cannot be accepted. Ask its issuer for a new one.",
        "証明書を受け入れられません。発行者に新しい証明書を依頼してください。",
    ),
    "credential.expired": Advice(
        "The credential is over its date. Ask its issuer for a new one.",
        "証明書の有効期限が切れています。発行者に新しい証明書を依頼してください。",
    ),
    "credential.not_yet_valid": Advice(
        "The credential is not valid yet. Wait for its first day, and check this device's clock.",
        "証明書の有効期間がまだ始まっていません。開始日を待ち、この機器の時計も確認してください。",
    ),
    "credential.revoked": Advice(
        "The issuer has revoked the credential. Ask its issuer why, and for a new one.",
        "証明書は発行者によって失効されています。"
        "発行者に理由を尋ね、新しい証明書を依頼してください。",
    ),
    "credential.suspended": Advice(
        "The issuer has put the credential on hold. Ask its issuer; it may become valid again.",
        "証明書は発行者によって一時停止されています。"
        "発行者に問い合わせてください。再び有効になることがあります。",
    ),
    "credential.chain": Advice(
        "The issuer's certificate leads to no authority we trust. "
        "Do not accept it; ask the issuer.",
        "発行者の証明書が、信頼する認証局につながりません。"
        "受け入れず、発行者に問い合わせてください。",
    ),
    "credential.claims_not_accredited": Advice(
        "The credential says more than its issuer is accredited to attest. "
        "Do not accept it; ask for a credential of an issuer that may.",
        "発行者が認定の範囲を超えた項目を証明しています。"
        "受け入れず、その項目を証明できる発行者の証明書を求めてください。",
    ),
    "status": Advice(
        "The state of the credential could not be established. Do not accept it; try again later.",
        "証明書の状態を確認できません。受け入れず、後でもう一度お試しください。",
    ),
    "status.unavailable": Advice(
        "The list of revoked credentials could not be had. Do not accept it; try again later.",
        "失効リストを取得できません。受け入れず、後でもう一度お試しください。",
    ),
    "request": Advice(
        "The request is not one this wallet can answer. Nothing was shared. "
        "Ask the firm for a new request; if you did not expect it, ignore it.",
        "このウォレットが応じられる依頼ではありません。何も共有していません。"
        "事業者に新しい依頼を求めてください。心当たりがなければ無視してください。",
    ),
    "query": Advice(
        "What was presented does not answer the question. "
        "Present a credential that holds what was asked.",
        "提示された内容が依頼を満たしていません。求められた項目を含む証明書を提示してください。",
    ),
    "policy": Advice(
        "The credential is good, but is not what was asked for. "
        "Present another credential, or ask what is needed.",
        "証明書は正しいものですが、求められた条件を満たしません。"
        "別の証明書を提示するか、必要なものを尋ねてください。",
    ),
    "presentation": Advice(
        "The presentation cannot be accepted. Start again from a new request.",
        "提示を受け入れられません。新しい依頼からやり直してください。",
    ),
    "presentation.replayed": Advice(
        "This was presented before and counts only once. Start again from a new request.",
        "すでに使われた提示です。一度しか使えません。新しい依頼からやり直してください。",
    ),
    "session.busy": Advice(
        "An answer to this request is being taken right now. Wait half a minute and try again.",
        "この依頼への回答を処理しています。30秒ほど待って、もう一度お試しください。",
    ),
    "session.held": Advice(
        "The answer is good and waits until the customer's browser comes back from the wallet. "
        "Let the customer follow the link that the wallet shows, in the same browser.",
        "回答は有効です。利用者のブラウザーがウォレットから戻るのを待っています。"
        "ウォレットが示すリンクを、同じブラウザーで開くよう案内してください。",
    ),
    "session": Advice(
        "The session is over, or is another one. Start again.",
        "手続きが終了しているか、別の手続きです。最初からやり直してください。",
    ),
    "fetch.blocked": Advice(
        "An address was refused because it could lead into a private network. Nothing was sent. "
        "Do not go on unless you know who sent it.",
        "内部ネットワークに達するおそれのある宛先を拒否しました。何も送っていません。"
        "送り手に心当たりがなければ、先に進まないでください。",
    ),
    "fetch": Advice(
        "The other side did not answer. Nothing was accepted. Check the network and try again.",
        "相手から応答がありません。何も受け入れていません。通信を確認し、もう一度お試しください。",
    ),
    "did": Advice(
        "An identifier is not of a form we take. Ask the sender for another one.",
        "識別子の形式に対応していません。送り手に別の識別子を依頼してください。",
    ),
    "name": Advice(
        "A name holds characters that could deceive a reader. "
        "Do not go on unless you know the sender.",
        "名前に、読み手を惑わす文字が含まれています。"
        "送り手に心当たりがなければ、先に進まないでください。",
    ),
    "type_metadata": Advice(
        "The description of this kind of credential cannot be used. Ask the issuer.",
        "この種類の証明書の定義を使えません。発行者に問い合わせてください。",
    ),
    "limits": Advice(
        "What was received is larger than anything we read. Nothing was kept. "
        "Ask the sender for a smaller one.",
        "受け取ったデータが大きすぎるため、読み取っていません。"
        "小さくして送り直すよう送り手に依頼してください。",
    ),
    "http": Advice(
        "The request is not one that is taken here; nothing was changed. "
        "Check the address, the method and the form of what is sent.",
        "この宛先では受け付けられないリクエストです。何も変わっていません。"
        "アドレス、メソッド、データの形式を確認してください。",
    ),
    "clock": Advice(
        "The clock of this device is wrong. Set the clock and try again.",
        "この機器の時計がずれています。時計を合わせて、もう一度お試しください。",
    ),
    "issuance": Advice(
        "The credential could not be issued. Ask the issuer for a new offer.",
        "証明書を発行できませんでした。発行者に新しい申込案内を依頼してください。",
    ),
    "issuance.claims_not_accredited": Advice(
        "The credential says more than its issuer is accredited to attest, so it was not kept. "
        "Tell the issuer.",
        "発行者が認定の範囲を超えた項目を証明しているため、保存しませんでした。"
        "発行者に連絡してください。",
    ),
}
