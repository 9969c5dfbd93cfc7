"""The routes of the explorer. Each page is drawn from what `Prover` verified for it [EXP-PROOF-1].

Every question is bounded and checked before it is asked of the chain; a wrong one gets an error
page with a stable code, and nothing of the question [EXP-WEB-3].
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

from flask import Flask, Response, make_response, redirect, render_template, request
from jinja2 import StrictUndefined
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response as AnyResponse

from registry_chain.engines.base import Engine
from registry_chain.explorer.cells import moment, rows_of
from registry_chain.explorer.families import (
    FAMILIES,
    Line,
    family_of,
    line_of,
    members_of,
    title_of,
)
from registry_chain.explorer.here import LANGUAGES, Here, Language
from registry_chain.explorer.history import PAGE, History, body_of, read_tx
from registry_chain.explorer.proving import Clock, Prover, Shown
from registry_chain.explorer.questions import (
    MAX_KEYS,
    asked_keys,
    asked_number,
    file,
    json_file,
    number,
    record_key,
    transaction_id,
)
from registry_chain.explorer.search import MAX_QUERY, search
from registry_chain.light import (
    Flag,
    TxInclusionProof,
    TxItem,
    build_bundle,
    parse_light_block,
)
from ssi.encoding import b64url_encode, sha256

REFRESHES: Final = (5, 15, 60)
RELATED: Final = 20
_LATEST: Final = 10
_NAVIGATION: Final = (
    ("overview", "/"),
    ("blocks", "/blocks"),
    ("transactions", "/txs"),
    ("family_member", "/records/member"),
    ("family_issuer", "/records/issuer"),
    ("family_verifier", "/records/verifier"),
    ("family_operator", "/records/operator"),
    ("family_schema", "/records/schema"),
    ("family_status", "/records/status"),
    ("family_proposal", "/records/proposal"),
    ("validators", "/validators"),
    ("family_anchor", "/records/anchor"),
    ("records", "/records"),
)


ErrorPage = Callable[[int, str, str, str], Response]


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


def add_explorer(app: Flask, engine: Engine, clock: Clock = utc_now) -> ErrorPage:
    """Add the pages to a node's application.

    Args:
        app: The application.
        engine: The chain.
        clock: The present.

    Returns:
        What draws an error page for people: ``(status, code, ja, en)``.
    """
    site = _Site(engine, clock)
    app.jinja_env.undefined = StrictUndefined
    app.url_map.merge_slashes = False  # or the router would send readers to what they typed
    pages: dict[str, Callable[..., AnyResponse]] = {
        "/": site.overview,
        "/live": site.live,
        "/blocks": site.blocks,
        "/block/<height>": site.block,
        "/block/<height>/light.json": site.light_json,
        "/txs": site.transactions,
        "/tx/<tx_id>": site.transaction,
        "/tx/<tx_id>/bundle.json": site.tx_bundle,
        "/tx/<tx_id>/tx.jws": site.tx_raw,
        "/validators": site.validators,
        "/records": site.families,
        "/records/<family>": site.family,
        "/record/<path:key>": site.record,
        "/bundle.json": site.bundle,
        "/search": site.search,
    }
    for path, view in pages.items():
        app.add_url_rule(path, f"page_{view.__name__}", view)
    return site.error


class _Site:
    """The pages of one node."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._prover = Prover(engine, clock)
        self._history = History(engine, self._prover)
        style = files("registry_chain").joinpath("static/explorer.css").read_bytes()
        self._style = f"/static/explorer.css?v={sha256(style).hex()[:12]}"

    # --- overview ---

    def overview(self) -> Response:
        """The newest block, and what happened last."""
        return self._overview(refresh=None)

    def live(self) -> Response:
        """The same, drawn again by the browser itself [EXP-WEB-5]."""
        asked = asked_number("every")
        refresh = REFRESHES[0] if asked is None else asked
        if refresh not in REFRESHES:
            raise BadRequest
        answer = self._overview(refresh=refresh)
        answer.headers["Refresh"] = str(refresh)
        return answer

    def _overview(self, refresh: int | None) -> Response:
        status = self._engine.status()
        head = self._prover.block()
        if head is None:
            raise NotFound
        blocks = self._history.blocks(head.height, _LATEST)
        txs, _ = self._history.transactions(head.height, _LATEST)
        return self._page(
            "overview.html",
            status=status,
            head=head,
            blocks=blocks,
            txs=txs[:_LATEST],
            genesis=self._engine.genesis.digest(),
            refresh=refresh,
            refreshes=REFRESHES,
        )

    # --- blocks ---

    def blocks(self) -> Response:
        """Blocks, newest first."""
        newest = self._newest()
        start = self._start(newest)
        blocks = self._history.blocks(start, PAGE)
        older = start - PAGE
        return self._page(
            "blocks.html", blocks=blocks, older=older if older > 0 else None, at_top=start == newest
        )

    def block(self, height: str) -> Response:
        """One block: header, votes, transactions."""
        here = number(height)
        lines = self._history.blocks(here, 1)
        raw = self._engine.light_block(here)
        if not lines or raw is None:
            raise NotFound
        light = parse_light_block(raw)
        proven = None if lines[0].failure is not None else self._prover.verify(light)
        voted = {vote.address: vote.flag is Flag.COMMIT for vote in light.commit.signatures}
        votes = tuple(
            (one.address.hex(), one.power, voted.get(one.address, False))
            for one in light.validators.validators
        )
        has_next = self._engine.light_block(here + 1) is not None
        return self._page(
            "block.html",
            line=lines[0],
            header=light.header,
            proven=proven,
            votes=votes,
            has_next=has_next,
        )

    def light_json(self, height: str) -> Response:
        """A block's light block, to be verified elsewhere."""
        here = number(height)
        found = self._engine.light_block(here)
        if found is None:
            raise NotFound
        # More votes for the newest block may still come in; those of an older one are settled.
        settled = self._engine.light_block(here + 1) is not None
        return json_file(found, f"light-{here}.json", immutable=settled)

    def _start(self, newest: int) -> int:
        asked = asked_number("from")
        return newest if asked is None else min(asked, newest)

    def _newest(self) -> int:
        head = self._engine.light_block()
        if head is None:
            raise NotFound
        return parse_light_block(head).height

    # --- transactions ---

    def transactions(self) -> Response:
        """Transactions, newest first."""
        newest = self._newest()
        start = self._start(newest)
        txs, older = self._history.transactions(start, PAGE)
        return self._page("txs.html", txs=txs, older=older or None, at_top=start == newest)

    def transaction(self, tx_id: str) -> Response:
        """One transaction, its place and its result."""
        shown = self._prover.transaction(transaction_id(tx_id))
        if shown is None:
            raise NotFound
        tx = read_tx(shown.raw)
        here = self._here()
        body = None if tx is None else rows_of(body_of(tx), here)
        return self._page("tx.html", shown=shown, tx=tx, body=body, size=len(shown.raw))

    def tx_bundle(self, tx_id: str) -> Response:
        """The proof that a transaction stands in its block, as a bundle [EXP-PROOF-5]."""
        shown = self._prover.transaction(transaction_id(tx_id))
        if shown is None or shown.block is None:
            raise NotFound
        item = TxItem(tx_hash=sha256(shown.raw), proof=TxInclusionProof.parse(shown.inclusion))
        return json_file(
            build_bundle(shown.block.block, [item]), f"tx-{tx_id[:16]}.json", immutable=True
        )

    def tx_raw(self, tx_id: str) -> Response:
        """The transaction's bytes."""
        shown = self._prover.transaction(transaction_id(tx_id))
        if shown is None:
            raise NotFound
        return file(Response(shown.raw, mimetype="application/jose"), f"tx-{tx_id[:16]}.jws")

    # --- validators ---

    def validators(self) -> Response:
        """Who signs, by the newest header."""
        head = self._prover.block()
        if head is None:
            raise NotFound
        voted = {vote.address for vote in head.block.commit.signatures if vote.flag is Flag.COMMIT}
        return self._page(
            "validators.html",
            head=head,
            members=[
                (one.address.hex(), one.power, one.address in voted)
                for one in head.block.validators.validators
            ],
            recorded=self._lines(self._keys("validator/", 200)),
        )

    # --- records ---

    def families(self) -> Response:
        """The families of records there are."""
        here = self._here()
        known = [
            (here.word(f"family_{one.prefix}"), one.prefix, bool(self._keys(f"{one.prefix}/", 1)))
            for one in FAMILIES
        ]
        return self._page("families.html", known=known)

    def family(self, family: str) -> Response:
        """The records of one family, page by page; each is proven, that it is all is not.

        [EXP-PROOF-7]
        """
        prefix = f"{record_key(family)}/"
        under, after = request.args.get("under", ""), request.args.get("after", "")
        if under:
            prefix += f"{record_key(under)}/"
        if after:
            record_key(after)
        listed = self._keys(prefix, PAGE + 1, after)
        return self._page(
            "family.html",
            family=family,
            under=under,
            records=self._lines(listed[:PAGE]),
            after=listed[PAGE - 1] if len(listed) > PAGE else None,
            paged=bool(after),
        )

    def record(self, key: str) -> Response:
        """One record, or its absence, with what belongs to it."""
        height = asked_number("height")
        found = self._prover.records((record_key(key),), height)
        if found is None:
            raise NotFound
        shown, here = found[0], self._here()
        family, name = family_of(key), key.partition("/")[2]
        value = members_of(shown, here)
        related = [
            (prefix, name, self._lines(listed[:RELATED]), len(listed) > RELATED)
            for prefix in (family.related if height is None else ())
            if (listed := self._keys(f"{prefix}/{name}/", RELATED + 1))
        ]
        return self._page(
            "record.html",
            shown=shown,
            title=title_of(key, shown.value, here),
            family=family,
            value=value,
            related=related,
            height=height,
            token=self._token(shown) if family.prefix == "status" else None,
        )

    def _token(self, shown: Shown) -> tuple[str, str] | None:
        """Whether this node serves the list a status record names; its digest [EXP-PROOF-6]."""
        digest = None if shown.value is None else shown.value.get("digest")
        if not isinstance(digest, str):
            return None
        token = self._engine.token(digest)
        if token is None:
            return "token_missing", digest
        same = b64url_encode(sha256(token.encode())) == digest
        return ("token_matches" if same else "token_differs"), digest

    def bundle(self) -> Response:
        """The proofs of up to 64 records, as a bundle that verifies anywhere."""
        keys = asked_keys()
        height = asked_number("height")
        answer = self._engine.prove(keys, height)
        if answer is None:
            raise NotFound
        bundle = build_bundle(answer.light_block, answer.proofs)
        return json_file(bundle, f"proof-{keys[0]}.json")

    def _keys(self, prefix: str, limit: int, after: str = "") -> list[str]:
        return [one.key for one in self._engine.listing(prefix, after, limit)]

    def _lines(self, keys: Sequence[str]) -> list[Line]:
        """Records for a list, each proven."""
        here = self._here()
        return [
            line_of(shown, here)
            for start in range(0, len(keys), MAX_KEYS)
            for shown in self._prover.records(keys[start : start + MAX_KEYS]) or ()
        ]

    # --- search ---

    def search(self) -> AnyResponse:
        """Find what a reader typed."""
        query = request.args.get("q", "")
        found = search(query[: MAX_QUERY + 1], self._engine, self._prover)
        if found.path is not None:
            return redirect(self._here().to(found.path), 303)
        here = self._here()
        return self._page("search.html", records=[line_of(shown, here) for shown in found.records])

    # --- drawing ---

    def error(self, status: int, code: str, ja: str, en: str) -> Response:
        """An error page for people: a stable code and words, nothing of the question."""
        here = replace(self._here(), path="/", query=())
        message = ja if here.lang == "ja" else en
        answer = self._page("error.html", here, code=code, message=message)
        answer.status_code = status
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _here(self) -> Here:
        asked = request.args.get("lang", "")
        chosen = asked in LANGUAGES
        best = asked if chosen else request.accept_languages.best_match(LANGUAGES, default="ja")
        lang: Language = "en" if best == "en" else "ja"
        return Here(
            lang=lang,
            chosen=chosen,
            path=request.path,
            query=tuple(request.args.items(multi=True)),
            now=self._clock(),
        )

    def _page(self, template: str, here: Here | None = None, **values: Any) -> Response:
        here = here or self._here()
        answer = make_response(  # [EXP-WEB-2], [EXP-WEB-6]
            render_template(
                f"explorer/{template}",
                here=here,
                t=here.word,
                chain_id=self._engine.genesis.chain_id,
                style=self._style,
                navigation=_NAVIGATION,
                moment=lambda at: moment(at, here),
                **values,
            )
        )
        answer.headers["Content-Language"] = here.lang
        answer.headers["Vary"] = "Accept-Language"
        answer.headers["Cache-Control"] = "no-cache"
        answer.add_etag(weak=True)
        answer.make_conditional(request)
        return answer
