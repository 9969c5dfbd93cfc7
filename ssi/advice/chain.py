"""The shared ledger: its proofs, its rules, its nodes."""

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
    "chain.unreachable": Advice(
        "No node of the ledger answers. Nothing was decided. Check the network and the nodes' "
        "addresses, then try again.",
        "台帳のどのノードも応答しません。何も判定していません。"
        "通信とノードのアドレスを確認し、もう一度お試しください。",
    ),
    "chain.busy": Advice(
        "More waits at the node than it takes; nothing was changed. Try again in a moment, or "
        "through another node.",
        "ノードで待っている取引が多すぎます。何も変わっていません。"
        "少し待つか、別のノードでお試しください。",
    ),
    "chain.lane_busy": Advice(
        "Other transactions of this account come first just now; nothing was changed. Try again in "
        "a moment. Programs that share an account need a lane each.",
        "同じ口座の別の取引が先に処理されています。何も変わっていません。少し待ってお試しください。"
        "口座を共有するプログラムには、それぞれ別のレーンが必要です。",
    ),
    "chain.pending": Advice(
        "The transaction still waits for its block. Send the same again, or ask for its fate: "
        "it can count only once.",
        "取引はまだブロックに入っていません。同じものをもう一度送るか、結果を問い合わせてください。"
        "二重に数えられることはありません。",
    ),
    "chain.unknown_tx": Advice(
        "This transaction is in no block, and none waits at this node. Ask the node that it was "
        "given to, or send it again.",
        "この取引はどのブロックにもなく、このノードでも待っていません。"
        "送った先のノードに問い合わせるか、もう一度送ってください。",
    ),
    "chain.stopped": Advice(
        "The node is stopping and takes nothing more. Ask another node, or this one when it is up.",
        "ノードは停止するところで、もう受け付けません。"
        "別のノードに尋ねるか、起動を待ってお試しください。",
    ),
    "chain.locked": Advice(
        "Another process has this ledger open, most likely its node. Nothing was changed. "
        "Stop that one first.",
        "別のプロセス（おそらくノード）がこの台帳を開いています。何も変わっていません。"
        "先にそれを止めてください。",
    ),
    "chain.storage": Advice(
        "The ledger's file could not be read or written, so nothing was changed. Look at the "
        "disk's room, and whether this user may write there.",
        "台帳のファイルを読み書きできないため、何も変わっていません。"
        "ディスクの空きと、書き込みの権限を確認してください。",
    ),
    "chain.corrupt": Advice(
        "The ledger's file is not what its last block signs, so the node did not go on with it. "
        "Put back a backup, or start empty and fetch all from the other nodes.",
        "台帳のファイルが最後のブロックの署名と合わないため、ノードは続行しません。"
        "控えを戻すか、空の状態からほかのノードの内容を取得してください。",
    ),
    "chain.genesis_differs": Advice(
        "The files belong to another chain than the genesis at hand, so nothing was started. Check "
        "which folder and which genesis were named.",
        "ファイルが手元の創世ファイルとは別の台帳のものなので、起動していません。"
        "指定したフォルダーと創世ファイルを確認してください。",
    ),
    "chain.answer": Advice(
        "A node's answer is not what the ledger holds; it was ignored. Ask another node, and tell "
        "the operator of this one.",
        "ノードの答えが台帳の内容と合わないため、使いませんでした。"
        "別のノードに尋ね、このノードの運営者に知らせてください。",
    ),
    "chain.list": Advice(
        "The node does not list its records just now. Nothing was changed. Ask another node.",
        "ノードが今は記録の一覧を返しません。何も変わっていません。別のノードに尋ねてください。",
    ),
    "chain.not_found": Advice(
        "The node does not have this: it may be too new, too old, or never made. Look at the name "
        "or height, or ask another node.",
        "ノードにこの記録はありません。新しすぎるか古すぎるか、存在しない可能性があります。"
        "名前や高さを確認するか、別のノードに尋ねてください。",
    ),
    "chain.height": Advice(
        "The node does not keep the state of that height. Name a newer one, or ask a node that "
        "keeps more.",
        "ノードはその高さの状態を保存していません。"
        "より新しい高さを指定するか、長く保存しているノードに尋ねてください。",
    ),
    "chain.no_block": Advice(
        "A block on the way to this one is not kept here, so it could not be proven. Ask another "
        "node.",
        "途中のブロックがこのノードにないため、証明できません。別のノードに尋ねてください。",
    ),
    "chain.record_unknown": Advice(
        "The ledger holds no such record; nothing was changed. Check the name.",
        "台帳にその記録はありません。何も変わっていません。名前を確認してください。",
    ),
    "chain.proposal_unknown": Advice(
        "The ledger holds no such proposal; nothing was changed. `warifu chain proposals` lists "
        "them.",
        "台帳にその提案はありません。何も変わっていません。"
        "`warifu chain proposals` で一覧を確認してください。",
    ),
    "chain.client_unknown": Advice(
        "The ledger holds no firm in good standing with this certificate, so it is not trusted. "
        "Ask the firm.",
        "この証明書を持つ有効な事業者は台帳にありません。信頼できません。"
        "事業者に確認してください。",
    ),
    "chain.issuer_unknown": Advice(
        "The ledger holds no such issuer, so nothing it signs is accepted. Ask the members whether "
        "it is accredited.",
        "台帳にその発行者はありません。署名したものは受け入れられません。"
        "認定されているか、台帳の会員に確認してください。",
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
}
