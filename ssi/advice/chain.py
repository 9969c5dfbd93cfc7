"""The shared ledger: its proofs, its rules, its nodes, and the evidence that rests on it."""

from ssi.advice.form import Advice

ADVICE: dict[str, Advice] = {
    "proof": Advice(
        "A proof from the ledger does not hold. Do not accept it; ask another node.",
        "台帳の証明が成り立ちません。受け入れず、別のノードに問い合わせてください。",
    ),
    "light": Advice(
        "The state of the ledger could not be verified. Try again, or ask another node.",
        "台帳の状態を確認できません。もう一度試すか、別のノードに問い合わせてください。",
    ),
    "light.stale": Advice(
        "The newest ledger state at hand is too old to decide on. Connect to a node and try again.",
        "手元の台帳の情報が古すぎるため判定できません。ノードに接続して、もう一度お試しください。",
    ),
    "light.trust_expired": Advice(
        "This program has not followed the ledger for so long that it cannot tell the true one. "
        "Get a new trust file (warifu chain trust) and compare its hash with a member by phone.",
        "長いあいだ台帳を追っていないため、本物の台帳かどうか判断できません。"
        "新しい信頼ファイル（warifu chain trust）を入手し、"
        "ハッシュを電話などで会員と照合してください。",
    ),
    "light.behind": Advice(
        "The node shows an older state of the ledger than was seen before. Ask another node.",
        "ノードが以前に見たものより古い台帳を示しています。別のノードに問い合わせてください。",
    ),
    "light.misbehaviour": Advice(
        "Two signed statements of the ledger contradict each other; both were kept. "
        "Stop, and send the evidence to the consortium.",
        "台帳の署名済みの記録が互いに矛盾しています。両方を保存しました。"
        "作業を止め、証拠を運営団体に送ってください。",
    ),
    "anchor": Advice(
        "A proof of time from outside does not hold for this block. Do not rely on it; "
        "ask the auditor who anchored the block for another one.",
        "外部の時刻証明が、このブロックについて成り立ちません。"
        "根拠として使わず、証明を取得した監査者に別の証明を求めてください。",
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
    "trust": Advice(
        "The trust file is not of this ledger or was changed. "
        "Get it again and compare its hash with a member.",
        "信頼ファイルがこの台帳のものではないか、書き換えられています。"
        "入手し直し、ハッシュを会員と照合してください。",
    ),
    "chain.offline": Advice(
        "This program asks no node, and the answer brought no proof from the ledger. "
        "Ask the holder to present again while the wallet is online.",
        "ノードに問い合わせない設定で、台帳の証明も添えられていません。"
        "ウォレットが通信できる所で、もう一度提示するよう本人に依頼してください。",
    ),
    "chain": Advice(
        "A record of the shared ledger is not as it must be. Tell the operator of the node.",
        "共有台帳の記録が規則どおりではありません。ノードの運営者に知らせてください。",
    ),
    "chain.old_backup": Advice(
        "This validator has signed more than its files remember, so they come from an old backup. "
        "It was not started: it could vote twice at one height and would be caught. "
        "Put back the newest data/priv_validator_state.json; if it is lost, ask the members to "
        "replace this validator's key, and start with a new one.",
        "この検証者は、手元のファイルの記録より先まで署名しています。古いバックアップです。"
        "同じ高さに二度投票するおそれがあるため、起動しませんでした。"
        "最新の data/priv_validator_state.json を戻してください。"
        "失われた場合は、会員に検証者の鍵の交代を依頼し、新しい鍵で始めてください。",
    ),
    "chain.genesis": Advice(
        "This is no genesis that a chain can begin with. Correct what is named and make it again; "
        "if you were given the file, ask the founders for it anew and compare its digest.",
        "この創世ファイルでは台帳を始められません。示された点を直して作り直してください。"
        "受け取ったファイルなら、設立した会員からもう一度受け取り、ダイジェストを照合してください。",
    ),
    "chain.form": Advice(
        "Another version of this program made the ledger's file, and this one left it as it is. "
        "Start the version that made it; before 1.0 such files are not converted.",
        "この台帳ファイルは、このプログラムの別の版が作ったもので、変更していません。"
        "作成した版で起動してください。1.0 より前の版では、ファイルを変換しません。",
    ),
    "chain.moved": Advice(
        "This chain is run by a network of validators now; this old node takes nothing any more. "
        "Send it to a node of the network: the members know their addresses.",
        "この台帳は、複数の検証者のネットワークに移りました。この古いノードはもう受け付けません。"
        "ネットワークのノードに送ってください。アドレスは会員に確認してください。",
    ),
    "chain.not_handed_over": Advice(
        "This ledger has not handed the chain over to this validator. First let the members carry "
        "chain.migrate with this validator's key, then copy the ledger's file again.",
        "この台帳は、まだこの検証者に引き継がれていません。"
        "まず、この検証者の鍵を含む chain.migrate を会員で可決し、"
        "その後で台帳のファイルをもう一度写してください。",
    ),
    "chain.signer_state": Advice(
        "How far this validator has signed cannot be read, so it was not started. "
        "Put back data/priv_validator_state.json as it was; never make an empty one by hand.",
        "この検証者がどこまで署名したかを読み取れないため、起動しませんでした。"
        "data/priv_validator_state.json を元に戻してください。空のファイルを作ってはいけません。",
    ),
    "chain.engine": Advice(
        "The node's CometBFT does not answer just now; nothing was changed. Try again in a moment, "
        "or read cometbft/cometbft.log in the node's folder.",
        "ノードの CometBFT が今は応答しません。何も変わっていません。少し待ってお試しください。"
        "続く場合は、ノードのフォルダの cometbft/cometbft.log を確認してください。",
    ),
    "chain.behind": Advice(
        "The node's newest block is old: it is catching up, or too few validators are up. "
        "Ask another node, or wait; what it serves says of what time it is.",
        "ノードの最新ブロックが古くなっています。追い付いている途中か、動いている検証者が足りません。"
        "別のノードに尋ねるか、お待ちください。答えには、いつの時点のものかが示されます。",
    ),
    "chain.starting": Advice(
        "The node has no block yet: it starts, or waits for the other validators. Try again soon.",
        "ノードにはまだブロックがありません。起動中か、ほかの検証者を待っています。"
        "少し待ってお試しください。",
    ),
    "chain.needs_decision": Advice(
        "The voters decide this together; nothing was changed. "
        "Propose it, and ask the voters for their ballots.",
        "これは会員の投票で決める事項です。何も変わっていません。"
        "提案を出し、投票権のある会員に投票を求めてください。",
    ),
    "chain.not_voter": Advice(
        "Only a member with a vote may do this; nothing was changed. Ask a voter to do it.",
        "投票権のある会員だけが行えます。何も変わっていません。投票権のある会員に依頼してください。",
    ),
    "chain.not_voter_then": Advice(
        "Who became a voter after a proposal was made has no ballot on it. "
        "Ask its proposer to propose it anew.",
        "提案の後に投票権を得た会員は、その提案に投票できません。"
        "提案者に出し直しを依頼してください。",
    ),
    "chain.proposal_digest": Advice(
        "The ballot was about another proposal than the one on the ledger; it was not counted. "
        "Read the proposal from the ledger again, then vote.",
        "台帳にある提案とは別の内容への票なので、数えていません。"
        "台帳から提案を読み直して、もう一度投票してください。",
    ),
    "chain.proposal_expired": Advice(
        "The proposal's time is over; nothing was changed. Propose it anew.",
        "提案の期限が過ぎています。何も変わっていません。もう一度提案してください。",
    ),
    "chain.proposal_closed": Advice(
        "The proposal is decided already; the ballot was not counted. Nothing needs to be done.",
        "提案はすでに決着しています。この票は数えていません。対応は不要です。",
    ),
    "chain.ballot_cast": Advice(
        "The member has voted on this already, and a ballot is final. Nothing needs to be done.",
        "すでに投票済みです。票は変えられません。対応は不要です。",
    ),
    "chain.timelock": Advice(
        "A change of the constitution waits; nothing was changed yet. "
        "Execute it when the time shown has come.",
        "基本規則の変更には待機期間があります。まだ何も変わっていません。"
        "示された時刻を過ぎてから実行してください。",
    ),
    "chain.not_carried": Advice(
        "The voters of today do not carry the proposal any more; nothing was changed. "
        "Propose it anew.",
        "現在の会員では可決に足りません。何も変わっていません。もう一度提案してください。",
    ),
    "chain.no_voter_left": Advice(
        "The chain would be left without a voter; nothing was changed. "
        "Give another member the vote first.",
        "投票権のある会員がいなくなるため、行えません。何も変わっていません。"
        "先に別の会員に投票権を与えてください。",
    ),
    "chain.second_voter": Advice(
        "One voter alone stops nobody; nothing was changed. Ask another voter to call as well.",
        "会員一名だけでは停止できません。何も変わっていません。"
        "別の会員にも停止を求めてもらってください。",
    ),
    "chain.emergency_repeated": Advice(
        "This was stopped in an emergency lately and not ratified; nothing was changed. "
        "Propose the suspension to all voters.",
        "最近の緊急停止が承認されなかったため、緊急停止は使えません。何も変わっていません。"
        "全会員に停止を提案してください。",
    ),
    "chain.paused": Advice(
        "The voters have paused such transactions; nothing was changed. "
        "Wait for the end of the pause, and submit again.",
        "会員の決定により、この種の取引は一時停止中です。何も変わっていません。"
        "停止が終わってから、もう一度送ってください。",
    ),
    "chain.upgrade_needed": Advice(
        "The chain's rules have a newer version than this program; it has stopped before them. "
        "Install the version that the plan on the ledger names, and start again.",
        "台帳の規則が、このプログラムより新しい版に変わります。その手前で止まりました。"
        "台帳の計画にある版を導入し、もう一度起動してください。",
    ),
    "chain.member_expelled": Advice(
        "The member was expelled; nothing was changed. Ask the voters of the chain.",
        "除名された会員です。何も変わっていません。台帳の投票権を持つ会員に問い合わせてください。",
    ),
    "backup": Advice(
        "The file is not a whole backup of a node, so nothing was put back. Use another copy.",
        "ファイルはノードの完全な控えではないため、何も戻していません。別の控えを使ってください。",
    ),
    "cometbft": Advice(
        "This node needs CometBFT v0.38.21 or a newer one of the lines 0.38 to 0.40. Run `make "
        "cometbft`, or name your own program in WARIFU_COMETBFT.",
        "このノードには CometBFT v0.38.21 以上（0.38 から 0.40 の系列）が必要です。"
        "`make cometbft` を実行するか、WARIFU_COMETBFT で自分のプログラムを指定してください。",
    ),
    "abci": Advice(
        "What came over the application's socket is not CometBFT's form. Check which program "
        "connects to it.",
        "アプリケーションのソケットに CometBFT の形式でないデータが届きました。"
        "接続しているプログラムを確認してください。",
    ),
    "tx": Advice(
        "The ledger did not take the transaction; nothing was changed. "
        "Correct it by the rule that was named, and submit again.",
        "台帳は取引を受け付けませんでした。何も変わっていません。"
        "示された規則に従って直し、もう一度送ってください。",
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
