"""What the pages say, in Japanese and English."""

from collections.abc import Mapping
from typing import Final

from verifier_sdk.results import Language

TEXTS: Final[Mapping[Language, Mapping[str, str]]] = {
    "ja": {
        "title": "ウォレットで提示",
        "ask": "次の目的で、本人情報の提示をお願いしています。",
        "purpose": "利用目的",
        "basis": "根拠",
        "retention": "保存期間",
        "items": "求める項目",
        "open": "ウォレットで開く",
        "scan": "別の端末のウォレットでは、このQRコードを読み取ってください。",
        "expires": "この依頼は数分で無効になります。"
        "何を渡すかは、ウォレットで確認してから決められます。",
        "other_lang": "English",
        "next": "この画面を閉じて、元のサービスに戻ってください。",
        "unknown": "この依頼は見つかりません。"
        "まだ何も共有されていません。"
        "元のサービスからやり直してください。",
        "expired": "この依頼は期限切れです。"
        "何も共有されていません。"
        "元のサービスからやり直してください。",
        "held": "回答が届きました。ウォレットが開いたページから、このブラウザーに戻ってください。",
        "claimed": "回答を受け取りました。確認しています。",
        "verified": "提示を確認しました。手続きを続けられます。",
        "rejected": "回答を受け取りましたが、確認できませんでした。"
        "内容は保存していません。"
        "元のサービスからやり直してください。",
        "declined": "提示は行われませんでした。何も共有されていません。",
        "not_yours": "結果は、手続きを始めたブラウザーでのみ表示できます。"
        "元のサービスに戻ってください。",
        "name": "氏名",
        "address": "住所",
        "birthdate": "生年月日",
        "age_over_18": "18歳以上かどうか",
        "age_over_20": "20歳以上かどうか",
        "portrait_checked": "顔写真の確認済みかどうか",
        "licence_number": "免許証番号",
        "licence_classes": "免許の種類",
        "licence_conditions": "免許の条件",
        "licence_expiry": "免許の有効期限",
    },
    "en": {
        "title": "Show with your wallet",
        "ask": "You are asked to show who you are, for this purpose.",
        "purpose": "Purpose",
        "basis": "Legal ground",
        "retention": "Kept for",
        "items": "What is asked",
        "open": "Open in wallet",
        "scan": "With a wallet on another device, scan this QR code.",
        "expires": "This request ends in a few minutes. You decide in the wallet what to share.",
        "other_lang": "日本語",
        "next": "Close this page and go back to the service.",
        "unknown": "There is no such request. Nothing was shared. Start again from the service.",
        "expired": "This request is over. Nothing was shared. Start again from the service.",
        "held": "Your answer has arrived. Come back to this browser by the page the wallet opens.",
        "claimed": "Your answer has arrived and is being checked.",
        "verified": "Your answer was verified. You can go on.",
        "rejected": "Your answer arrived but could not be verified. It was not kept. "
        "Start again from the service.",
        "declined": "Nothing was shown and nothing was shared.",
        "not_yours": "The result is shown only in the browser that started this. "
        "Go back to the service.",
        "name": "Name",
        "address": "Address",
        "birthdate": "Date of birth",
        "age_over_18": "Whether you are 18 or older",
        "age_over_20": "Whether you are 20 or older",
        "portrait_checked": "Whether your portrait was checked",
        "licence_number": "Licence number",
        "licence_classes": "Licence classes",
        "licence_conditions": "Licence conditions",
        "licence_expiry": "Licence expiry",
    },
}
