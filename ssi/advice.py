"""What a person is told about an error, by code prefix, in English and Japanese.

Each text says what happened and what to do next [ERR-4]. Whether anything was shared is known
only to the program that acted, which adds it; here it is said where the code itself decides it.
"""

from typing import Literal, NamedTuple


class Advice(NamedTuple):
    """What happened, then what to do, in both languages."""

    en: str
    ja: str


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
    "backup": Advice(
        "The file is not a whole backup of a node, so nothing was put back. Use another copy.",
        "ファイルはノードの完全な控えではないため、何も戻していません。別の控えを使ってください。",
    ),
    "chain.starting": Advice(
        "The node has no block yet: it starts, or waits for the other validators. Try again soon.",
        "ノードにはまだブロックがありません。起動中か、ほかの検証者を待っています。"
        "少し待ってお試しください。",
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
    "tx": Advice(
        "The ledger did not take the transaction; nothing was changed. "
        "Correct it by the rule that was named, and submit again.",
        "台帳は取引を受け付けませんでした。何も変わっていません。"
        "示された規則に従って直し、もう一度送ってください。",
    ),
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
    "issuance": Advice(
        "The credential could not be issued. Ask the issuer for a new offer.",
        "証明書を発行できませんでした。発行者に新しい申込案内を依頼してください。",
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
    "name": Advice(
        "A name holds characters that could deceive a reader. "
        "Do not go on unless you know the sender.",
        "名前に、読み手を惑わす文字が含まれています。"
        "送り手に心当たりがなければ、先に進まないでください。",
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
    "audit": Advice(
        "The exported blocks do not replay; nothing may rest on them. "
        "Export them again, from another node too.",
        "書き出したブロックを再現できないため、根拠にできません。"
        "別のノードからも、もう一度書き出してください。",
    ),
    "display": Advice(
        "A text from outside would not be shown as it is. Tell the makers of this program.",
        "外部の文字列を正しく表示できません。このプログラムの作成者に知らせてください。",
    ),
    "clock": Advice(
        "The clock of this device is wrong. Set the clock and try again.",
        "この機器の時計がずれています。時計を合わせて、もう一度お試しください。",
    ),
    "type_metadata": Advice(
        "The description of this kind of credential cannot be used. Ask the issuer.",
        "この種類の証明書の定義を使えません。発行者に問い合わせてください。",
    ),
    "config": Advice(
        "The configuration is missing something or is wrong. "
        "Correct the setting that was named and start again.",
        "設定に不足または誤りがあります。示された設定を直し、もう一度起動してください。",
    ),
}


def advice_for(code: str, fallback: str, lang: Literal["ja", "en"]) -> str:
    """Find the advice for a code.

    Args:
        code: The dotted code of the error.
        fallback: The default code of its class.
        lang: The language of the reader.

    Returns:
        The text of the longest prefix of ``code`` in the table, else of ``fallback``.
    """
    for candidate in (code, fallback):
        prefix = candidate
        while prefix:
            if prefix in ADVICE:
                return ADVICE[prefix].ja if lang == "ja" else ADVICE[prefix].en
            prefix = prefix.rpartition(".")[0]
    return ADVICE["error"].ja if lang == "ja" else ADVICE["error"].en
