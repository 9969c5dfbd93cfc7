"""Every word a person reads on a page, in Japanese and English [POR-WORDS-1]."""

from typing import Literal, NamedTuple

Language = Literal["ja", "en"]


class Text(NamedTuple):
    """One text in both languages."""

    ja: str
    en: str


class Advice(NamedTuple):
    """What happened, what it means, what to do next."""

    happened: str
    means: str
    todo: str


def text(key: str, lang: Language) -> str:
    """Return a text.

    Raises:
        KeyError: There is no such text; a test looks every key up.
    """
    return getattr(TEXTS[key], lang)  # type: ignore[no-any-return]  # a NamedTuple of str


def advice(code: str, lang: Language) -> Advice:
    """Return what a person is told about an error, by its code or the nearest prefix."""
    name = code
    while name and name not in ERRORS:
        name = name.rpartition(".")[0]
    both = ERRORS.get(name, ERRORS["error"])
    return both[0] if lang == "ja" else both[1]


TEXTS: dict[str, Text] = {
    "site": Text("本人確認ポータル", "Identity portal"),
    "skip": Text("本文へ移動", "Skip to content"),
    "switch": Text("English", "日本語"),
    "required": Text("必須", "Required"),
    "optional": Text("任意", "Optional"),
    "choose": Text("選んでください", "Choose one"),
    "back": Text("戻る", "Back"),
    # The welcome page.
    "welcome.title": Text("本人確認は、一度だけ。", "Prove who you are once."),
    "welcome.lead": Text(
        "運転免許証で本人確認をすると、スマートフォンやパソコンのウォレットに証明書をお渡しします。"
        "シェアリングサービスには、必要な項目だけをご自身で選んで提示できます。",
        "Show your driving licence here and receive credentials in your own wallet. "
        "Sharing services then get only what they need, and only what you choose.",
    ),
    "welcome.apply": Text("申請を始める", "Apply"),
    "welcome.operator": Text("職員の方はこちら", "For operators"),
    "welcome.steps": Text("お手続きの流れ", "How it works"),
    "welcome.step1": Text(
        "氏名、住所、免許証の番号を入力し、免許証のおもて面の写真を送ります。",
        "Enter your name, address and licence number, and send a picture of the licence's front.",
    ),
    "welcome.step2": Text(
        "職員二人が別々に確認します。", "Two members of staff check it, one after the other."
    ),
    "welcome.step3": Text(
        "電話で6桁の番号をお伝えします。ウォレットで受け取ってください。",
        "We tell you a number of six digits by phone. Receive your credentials with your wallet.",
    ),
    "welcome.never": Text(
        "マイナンバー（個人番号）、本籍、暗証番号は一切お預かりしません。入力しないでください。",
        "We never take My Number, registered domicile or a PIN. Do not enter them.",
    ),
    # The application form.
    "apply.title": Text("新規申請", "Application"),
    "apply.person": Text("ご本人", "You"),
    "apply.address": Text("住所", "Address"),
    "apply.licence": Text("運転免許証", "Driving licence"),
    "apply.consent_title": Text("同意", "Consent"),
    "apply.submit": Text("申請する", "Send the application"),
    "field.family_name": Text("氏", "Family name"),
    "field.given_name": Text("名", "Given name"),
    "field.name_kana": Text("フリガナ（氏名）", "Name in katakana"),
    "field.birthdate": Text("生年月日", "Date of birth"),
    "field.postal_code": Text("郵便番号", "Postal code"),
    "field.region": Text("都道府県", "Prefecture"),
    "field.locality": Text("市区町村", "City, ward or town"),
    "field.street_address": Text("町名・番地・建物名", "Street, number and building"),
    "field.formatted": Text("住所（連結）", "Address (joined)"),
    "field.licence_number": Text("免許証の番号", "Licence number"),
    "field.licence_classes": Text("免許の種類", "Classes"),
    "field.licence_conditions": Text("免許の条件", "Conditions"),
    "field.licence_expiry": Text("有効期限", "Valid until"),
    "field.licence_photo": Text("免許証のおもて面の写真", "Picture of the licence's front"),
    "field.number_is_licence": Text(
        "この番号は、運転免許証に書かれた番号です。", "This number is from my driving licence."
    ),
    "field.consent": Text(
        "入力した内容と写真を、本人確認と証明書の発行のために使うことに同意します。"
        "写真は決定のあと一定期間で削除されます。",
        "I agree that what I entered and the picture are used to check my identity and to issue "
        "credentials. Pictures are deleted some time after the decision.",
    ),
    "field.moved_on": Text("転居した日", "Date of the move"),
    "field.evidence_photo": Text(
        "新しい住所が分かる書類の写真", "Picture of a document with the new address"
    ),
    "hint.family_name": Text(
        "免許証のとおりに入力してください。異体字もそのまま記録します。",
        "As on the licence. Variant characters are kept exactly as you enter them.",
    ),
    "hint.name_kana": Text("例：ヤマダ ハナコ", "For example ヤマダ ハナコ"),
    "hint.postal_code": Text("7桁の数字", "Seven digits"),
    "hint.street_address": Text(
        "例：金町二丁目10番地3 203号室", "For example 金町二丁目10番地3 203号室"
    ),
    "hint.licence_number": Text(
        "12桁の半角数字。マイナンバーは入力しないでください。",
        "Twelve digits. Never enter a My Number.",
    ),
    "hint.number_is_licence": Text(
        "確認をお願いした場合だけ、チェックしてください。", "Tick this only when we ask you to."
    ),
    "hint.picture": Text(
        "JPEGかPNG、5MBまで。マイナンバーカードの裏面は送らないでください。",
        "JPEG or PNG, at most 5 MB. Never send the back of a My Number card.",
    ),
    # The status page.
    "status.title": Text("申請の状況", "Your application"),
    "status.number": Text("受付番号", "Reference"),
    "status.keep": Text(
        "このページは、申請したブラウザーでだけ開けます。",
        "Only the browser you applied with can open this page.",
    ),
    "status.withdraw": Text("申請を取り下げる", "Withdraw the application"),
    "status.move": Text("引っ越しを届け出る", "Tell us about a move"),
    "status.follower": Text("転居の届出を見る", "See the application for the move"),
    "status.offer": Text("ウォレットで受け取る", "Receive with the wallet"),
    "status.offer_how": Text(
        "QRコードをウォレットで読み取るか、下のリンクを開いてください。"
        "職員が電話でお伝えする6桁の番号が必要です。",
        "Scan the code with your wallet or open the link. "
        "You need the six digits that our staff tell you by phone.",
    ),
    "status.offer_link": Text("ウォレットを開く", "Open the wallet"),
    "status.offer_qr": Text("証明書を受け取るQRコード", "QR code of the credential offer"),
    "status.offer_over": Text(
        "受け取りの期限が切れました。職員に再発行を依頼してください。",
        "The offer has run out. Ask our staff for a new one.",
    ),
    "state.submitted": Text("確認を待っています", "Waiting to be checked"),
    "state.approved": Text("一人目の確認が終わりました", "The first check is done"),
    "state.offered": Text("受け取りの準備ができました", "Ready to be received"),
    "state.issued": Text("証明書を発行しました", "Credentials issued"),
    "state.rejected": Text("発行できませんでした", "Not issued"),
    "state.withdrawn": Text("取り下げられました", "Withdrawn"),
    "kind.new": Text("新規", "New"),
    "kind.move": Text("転居", "Move"),
    # The form that tells of a move.
    "move.title": Text("転居の届出", "Application for a new address"),
    "move.lead": Text(
        "新しい住所だけを入力してください。氏名などは前の申請から引き継ぎます。",
        "Enter the new address only. Your name and the rest come from the earlier application.",
    ),
    "move.submit": Text("届け出る", "Send"),
    # The operators' pages.
    "login.title": Text("職員サインイン", "Operator sign-in"),
    "login.name": Text("職員名", "Name"),
    "login.password": Text("パスワード", "Password"),
    "login.submit": Text("サインイン", "Sign in"),
    "login.failed": Text(
        "サインインできませんでした。職員名とパスワードを確かめてください。"
        "続けて間違えると、しばらく使えなくなります。",
        "You are not signed in. Check name and password. "
        "After several wrong tries the account rests for a while.",
    ),
    "logout": Text("サインアウト", "Sign out"),
    "queue.title": Text("審査待ち一覧", "Queue"),
    "queue.empty": Text("対象の申請はありません。", "No applications."),
    "queue.reference": Text("受付番号", "Reference"),
    "queue.name": Text("氏名", "Name"),
    "queue.kind": Text("種類", "Kind"),
    "queue.state": Text("状態", "State"),
    "queue.received": Text("受付", "Received"),
    "queue.notes": Text("注意", "Notes"),
    "queue.open": Text("未処理", "Open"),
    "case.title": Text("申請の審査", "Case"),
    "case.data": Text("申請内容", "What was entered"),
    "case.item": Text("項目", "Item"),
    "case.value": Text("値", "Value"),
    "case.before": Text("以前の値", "Before"),
    "case.changed": Text("変更", "Changed"),
    "case.warnings": Text("注意", "Look at these"),
    "case.picture": Text("書類の写真", "Picture of the document"),
    "case.picture_gone": Text("写真は削除されました。", "The picture has been deleted."),
    "case.people": Text("確認した職員", "Who checked"),
    "case.maker": Text("一人目（承認）", "First (approved)"),
    "case.checker": Text("二人目（発行）", "Second (issued)"),
    "case.actions": Text("処理", "What to do"),
    "case.nothing": Text(
        "この申請に、あなたが今できる処理はありません。", "There is nothing for you to do here now."
    ),
    "case.approve": Text("承認する", "Approve"),
    "case.issue": Text("発行する", "Issue"),
    "case.reject": Text("却下する", "Reject"),
    "case.revoke": Text("失効させる", "Revoke"),
    "case.reason": Text("理由", "Reason"),
    "case.previous": Text("前の申請", "Earlier application"),
    "issued.title": Text("番号を本人に伝えてください", "Tell the resident this number"),
    "issued.how": Text(
        "この番号は今だけ表示されます。電話など、申請ページとは別の方法で伝えてください。",
        "The number is shown only now. Tell it by phone or another way outside this site.",
    ),
    "revoked.title": Text("失効させました", "Revoked"),
    "revoked.now": Text("失効は台帳に公開されました。", "The revocation is published."),
    "revoked.soon": Text(
        "失効を記録しました。台帳への公開はまもなく行われます。",
        "The revocation is recorded and will be published soon.",
    ),
    "audit.title": Text("監査ログ", "Audit log"),
    "audit.good": Text(
        "残る行に書き換えはありません。行数：", "No line that is left was changed. Lines: "
    ),
    "audit.bad": Text(
        "ログが書き換えられています。管理者に連絡してください。",
        "The log was changed. Call the administrator.",
    ),
    "audit.at": Text("日時", "Time"),
    "audit.actor": Text("職員", "Who"),
    "audit.action": Text("操作", "What"),
    "audit.subject": Text("対象", "On"),
    "audit.detail": Text("詳細", "Detail"),
    "act.submit": Text("申請", "Applied"),
    "act.withdraw": Text("取り下げ", "Withdrawn"),
    "act.approve": Text("承認", "Approved"),
    "act.reject": Text("却下", "Rejected"),
    "act.issue": Text("発行手続き", "Offered"),
    "act.delivered": Text("ウォレットで受領", "Received by the wallet"),
    "act.revoke": Text("失効", "Revoked"),
    "act.view": Text("閲覧", "Viewed"),
    "act.purge": Text("画像の消去", "Pictures deleted"),
    "act.operator": Text("職員の登録", "Operator registered"),
    "act.sign_in": Text("サインイン", "Signed in"),
    "act.sign_out": Text("サインアウト", "Signed out"),
    "act.locked": Text("ロック", "Locked"),
    "role.maker": Text("承認者", "maker"),
    "role.checker": Text("発行者", "checker"),
    # Reasons.
    "reason.unreadable_image": Text("写真が読めません", "The picture cannot be read"),
    "reason.data_mismatch": Text("入力と書類が違います", "Form and document differ"),
    "reason.expired_document": Text("書類の期限が切れています", "The document has expired"),
    "reason.not_resident": Text("住所を確認できません", "The address could not be confirmed"),
    "reason.suspected_fraud": Text("追加の確認が必要です", "More checks are needed"),
    "reason.other": Text("その他", "Other"),
    "reason.lost": Text("紛失", "Lost"),
    "reason.stolen": Text("盗難", "Stolen"),
    "reason.wrong_data": Text("内容の誤り", "Wrong data"),
    "reason.moved": Text("転居", "Moved"),
    "reason.holder_request": Text("本人の申し出", "The resident asked"),
    "reason.fraud": Text("不正", "Fraud"),
    # Classes and conditions of a licence.
    "class.ogata": Text("大型", "Large"),
    "class.chugata": Text("中型", "Medium"),
    "class.junchugata": Text("準中型", "Semi-medium"),
    "class.futsu": Text("普通", "Ordinary car"),
    "class.daitoku": Text("大型特殊", "Large special"),
    "class.daijini": Text("大型自動二輪", "Large motorcycle"),
    "class.fujini": Text("普通自動二輪", "Ordinary motorcycle"),
    "class.kotoku": Text("小型特殊", "Small special"),
    "class.gentsuki": Text("原付", "Moped"),
    "class.kenin": Text("牽引", "Towing"),
    "class.ogata2": Text("大型二種", "Large, class 2"),
    "class.chugata2": Text("中型二種", "Medium, class 2"),
    "class.futsu2": Text("普通二種", "Ordinary car, class 2"),
    "class.daitoku2": Text("大型特殊二種", "Large special, class 2"),
    "class.kenin2": Text("牽引二種", "Towing, class 2"),
    "condition.at_only": Text("AT車に限る", "Automatic only"),
    "condition.glasses": Text("眼鏡等", "Glasses"),
    "condition.hearing_aid": Text("補聴器", "Hearing aid"),
    "condition.chugata_8t": Text("中型車は8tに限る", "Medium up to 8 t"),
    "condition.junchugata_5t": Text("準中型車は5tに限る", "Semi-medium up to 5 t"),
    "condition.moped_only": Text("原付に限る", "Moped only"),
    # What is said at a field.
    "problems.title": Text(
        "まだ送信されていません。次の項目を直してください。",
        "Nothing was sent yet. Please mend these fields.",
    ),
    "problem.required": Text("入力してください。", "Please fill this in."),
    "problem.too_long": Text("長すぎます。短くしてください。", "This is too long."),
    "problem.character": Text(
        "使えない文字（見えない文字など）が含まれています。入力し直してください。",
        "There is a character we cannot take, perhaps an invisible one. Type it again.",
    ),
    "problem.not_kana": Text("全角カタカナで入力してください。", "Use full-width katakana only."),
    "problem.not_a_date": Text("正しい日付を入力してください。", "Enter a real date."),
    "problem.future": Text("未来の日付です。", "This date is in the future."),
    "problem.too_early": Text("日付が先すぎます。", "This date is too far ahead."),
    "problem.too_young": Text(
        "運転免許を取れる年齢ではありません。", "Too young to hold a driving licence."
    ),
    "problem.expired": Text("有効期限が切れています。", "The licence has expired."),
    "problem.postal_code": Text("7桁の数字で入力してください。", "Enter seven digits."),
    "problem.unknown_choice": Text("一覧から選んでください。", "Choose from the list."),
    "problem.licence_number": Text(
        "12桁の半角数字で入力してください。", "Enter the twelve digits, nothing else."
    ),
    "problem.looks_like_my_number": Text(
        "マイナンバーの可能性がある番号です。受け取らず、記録もしていません。削除してください。",
        "This may be a My Number. We did not take or record it. Please leave it out.",
    ),
    "problem.confirm_number": Text(
        "もう一度入力し、免許証の番号であることを確認するチェックを入れてください。",
        "Enter it again and tick that it is the number of your licence.",
    ),
    "problem.upload.rejected": Text(
        "この写真は受け取れません。JPEGかPNGの別の写真を選んでください。",
        "We cannot take this picture. Choose another one in JPEG or PNG.",
    ),
    "warning.licence_check_digit": Text(
        "検査数字が合いません。写真と見比べてください。",
        "The check digit does not fit. Compare with the picture.",
    ),
    "warning.far_away": Text("有効期限が遠すぎます。", "The date is unusually far away."),
    "warning.private_character": Text(
        "外字など、共通でない文字があります。", "It holds characters with no shared meaning."
    ),
    "warning.edge_space": Text("前後に空白があります。", "Space before or after."),
}

_NOTHING_JA, _NOTHING_EN = "何も変更されていません。", "Nothing was changed."


def _both(ja: tuple[str, str], en: tuple[str, str]) -> tuple[Advice, Advice]:
    return Advice(ja[0], _NOTHING_JA, ja[1]), Advice(en[0], _NOTHING_EN, en[1])


_AGAIN_JA, _AGAIN_EN = "しばらくしてから、もう一度お試しください。", "Try again in a while."

ERRORS: dict[str, tuple[Advice, Advice]] = {
    "error": _both(
        ("処理できませんでした。", "前のページに戻って、もう一度お試しください。"),
        ("This did not work.", "Go back and try again."),
    ),
    "http.404": _both(
        ("ページが見つかりません。", "アドレスを確かめてください。"),
        ("There is no such page.", "Check the address."),
    ),
    "http.413": _both(
        ("送られたデータが大きすぎます。", "写真は5MBまでにしてください。"),
        ("What was sent is too large.", "Send a picture of at most 5 MB."),
    ),
    "http.500": _both(
        ("こちらの不具合で処理できませんでした。", _AGAIN_JA),
        ("Something failed on our side.", _AGAIN_EN),
    ),
    "portal.not_found": _both(
        ("ページが見つかりません。", "申請したブラウザーで開いてください。"),
        ("There is no such page for you.", "Open it in the browser you applied with."),
    ),
    "portal.csrf": _both(
        (
            "ページの有効期限が切れたか、別のサイトから送られました。",
            "ページを開き直してください。",
        ),
        ("The page is too old, or another site sent the form.", "Open the page again."),
    ),
    "portal.sign_in": _both(
        ("サインインが必要です。", "サインインしてから、もう一度お試しください。"),
        ("You are not signed in.", "Sign in and try again."),
    ),
    "portal.role": _both(
        ("この処理は、あなたの役割ではできません。", "担当の職員に依頼してください。"),
        ("Your role does not do this.", "Ask a colleague whose step it is."),
    ),
    "portal.four_eyes": _both(
        ("承認した職員は発行できません。", "別の職員に発行を依頼してください。"),
        ("Whoever approved may not issue.", "Ask another colleague to issue."),
    ),
    "portal.step": _both(
        ("申請は今、この処理ができる状態にありません。", "申請の状況を確かめてください。"),
        ("The application is not at this step.", "Look at where it stands."),
    ),
    "portal.raced": _both(
        ("別の職員が先に処理しました。", "申請の状況を確かめてください。"),
        ("A colleague was first.", "Look at where the application stands now."),
    ),
    "portal.reason": _both(
        ("理由が選ばれていません。", "一覧から理由を選んでください。"),
        ("No reason was chosen.", "Choose one from the list."),
    ),
    "portal.nothing_to_revoke": _both(
        ("有効な証明書は残っていません。", "これ以上の処理は要りません。"),
        ("No live credential is left.", "There is nothing more to do."),
    ),
    "issuer.busy": _both(("混み合っています。", _AGAIN_JA), ("We are busy.", _AGAIN_EN)),
    "unavailable": _both(
        ("今は処理できません。", _AGAIN_JA), ("This is not possible right now.", _AGAIN_EN)
    ),
}
