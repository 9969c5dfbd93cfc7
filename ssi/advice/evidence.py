"""What rests on the ledger years later: times from outside, exported blocks, evidence packs."""

from ssi.advice.form import Advice

ADVICE: dict[str, Advice] = {
    "anchor": Advice(
        "A proof of time from outside does not hold for this block. Do not rely on it; "
        "ask the auditor who anchored the block for another one.",
        "外部の時刻証明が、このブロックについて成り立ちません。"
        "根拠として使わず、証明を取得した監査者に別の証明を求めてください。",
    ),
    "anchor.tsa_http": Advice(
        "The time-stamping authority gave no answer. Nothing is proven so far; run the anchoring "
        "job again later.",
        "時刻認証局が応答しませんでした。まだ何も証明されていません。"
        "後でアンカー処理をもう一度実行してください。",
    ),
    "anchor.calendar_http": Advice(
        "The calendar gave no answer. Nothing is proven so far; run the anchoring job again later.",
        "カレンダーが応答しませんでした。まだ何も証明されていません。"
        "後でアンカー処理をもう一度実行してください。",
    ),
    "anchor.evm_rpc": Advice(
        "The public chain's node gave no answer that can be used. Nothing is decided; look at its "
        "address and the contract's, and try again.",
        "公開チェーンのノードから使える答えがありません。判定していません。"
        "ノードとコントラクトのアドレスを確認し、もう一度お試しください。",
    ),
    "anchor.pending": Advice(
        "The time-stamp is not in a Bitcoin block yet. Nothing is proven so far; "
        "run the anchoring job again in some hours.",
        "時刻証明はまだビットコインのブロックに入っていません。まだ何も証明されていません。"
        "数時間後に、アンカー処理をもう一度実行してください。",
    ),
    "anchor.header_missing": Advice(
        "The block headers at hand do not reach this proof. Nothing is decided; "
        "get a newer header file and verify again.",
        "手元のブロックヘッダーでは、この証明を確認できません。判定していません。"
        "新しいヘッダーファイルを入手し、もう一度確認してください。",
    ),
    "anchor.not_final": Advice(
        "The public chain may still drop this entry. Nothing is decided; verify again later.",
        "公開チェーンの記録がまだ確定していません。判定していません。"
        "後でもう一度確認してください。",
    ),
    "anchor.evm_funds": Advice(
        "The account cannot pay for the transaction on the public chain. Nothing was sent; "
        "send it some of that chain's currency and run this again.",
        "公開チェーンの口座の残高が足りません。何も送信していません。"
        "口座に入金してから、もう一度実行してください。",
    ),
    "anchor.evm_waits": Advice(
        "The contract was sent and is in no block yet. Do not send it again: run this with "
        "--sent and the transaction's hash.",
        "コントラクトは送信済みですが、まだブロックに入っていません。送り直さず、"
        "取引のハッシュを --sent に指定してもう一度実行してください。",
    ),
    "anchor.evm_deploy": Advice(
        "The public chain did not make the contract as it was sent. Do not use it; "
        "check the account, the chain and the node.",
        "公開チェーンに、送信したとおりのコントラクトができていません。使わずに、"
        "口座・チェーン・ノードを確認してください。",
    ),
    "anchor.extra": Advice(
        "A part of the program is not installed. Nothing is decided; "
        "install warifu[anchoring,evm] and verify again.",
        "確認に必要な部品が入っていません。判定していません。"
        "warifu[anchoring,evm] をインストールし、もう一度確認してください。",
    ),
    "anchor.too_few": Advice(
        "Fewer outside authorities vouch for the block than were asked for. "
        "Get the missing proofs, or ask the auditor for them.",
        "このブロックを証明する外部の機関が、求められた数に足りません。"
        "足りない証明を取得するか、監査者に求めてください。",
    ),
    "anchor.disagree": Advice(
        "The outside authorities give times that do not agree. "
        "Do not rely on the proofs; ask the authorities and the auditor.",
        "外部の機関の時刻が一致しません。根拠として使わず、機関と監査者に確認してください。",
    ),
    "audit": Advice(
        "The exported blocks do not replay; nothing may rest on them. "
        "Export them again, from another node too.",
        "書き出したブロックを再現できないため、根拠にできません。"
        "別のノードからも、もう一度書き出してください。",
    ),
    "evidence": Advice(
        "An evidence pack is not what it should be: changed, forged, or incomplete. Do not rely on "
        "it; ask whoever made it for the original file.",
        "証拠ファイルが変更されているか、偽造か、不完全です。"
        "証拠として用いず、作成者に元のファイルを依頼してください。",
    ),
    "evidence.unknown": Advice(
        "Nothing was kept of this, or its retention is over. List what is there.",
        "この件の記録は保存されていないか、保存期間が過ぎています。一覧を確認してください。",
    ),
    "evidence.kept": Advice(
        "A part of what is needed was not kept, so no pack can be made. Nothing was changed.",
        "必要な一部が保存されていないため、証拠ファイルを作れません。何も変更されていません。",
    ),
    "evidence.unanchored": Advice(
        "No kept proof of time from outside stands above this block. When exporting, try again "
        "after the hour or day is over and stamped, or leave the anchors out. When verifying, the "
        "pack holds no such proof: ask for one made with anchors, or judge it without a policy.",
        "このブロックを含む外部の時刻証明がありません。作成時は、時間帯が終わって証明が付いてから"
        "やり直すか、時刻証明なしで作成してください。検証時は、時刻証明を含む証拠ファイルを"
        "依頼するか、時刻の設定なしで検証してください。",
    ),
    "evidence.genesis": Advice(
        "The pack rests on another ledger than the one you named. Compare the digest of the "
        "genesis with what the ledger's members publish.",
        "証拠ファイルは、指定された台帳とは別の台帳に基づいています。"
        "台帳の会員が公表する創世ファイルの値と比べてください。",
    ),
}
