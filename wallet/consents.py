"""The consent plan: what is asked, by whom, and exactly what an answer would show. Pure.

A plan is made once and shown; the answer presents the very SD-JWTs inside it. The
items on the screen are read back from those SD-JWTs, not from the request, so what
is shown and what is posted cannot differ [WAL-SHOW-4].
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from registry_chain.transactions.verifiers import Purpose
from ssi.dcql import Candidate, Match, default_picks, match_query, pick
from ssi.dcql_query import Path, Query
from ssi.encoding import JSON
from ssi.keys import public_key_from_jwk
from ssi.oid4vp import AuthorizationRequest
from ssi.sdjwt import parse_sdjwt, select, verify_issuer_jwt
from ssi.sharing_terms import TERMS_TYPE, Terms
from wallet.register import Firm
from wallet.store import StoredCredential

_PERIOD = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?", re.ASCII)
LONGEST_CONSENT = timedelta(days=3653)
DEFAULT_CONSENT = timedelta(days=365)
FORMAT = "dc+sd-jwt"


class Problem(StrEnum):
    """Why a plan cannot be answered; the values are the stable codes."""

    NOT_REGISTERED = "request.not_registered"
    NO_TERMS = "request.no_terms"
    OTHER_TERMS = "request.terms_mismatch"
    OVER_ASKING = "request.over_asking"
    NO_CREDENTIAL = "query.not_satisfied"
    USED_UP = "credential.used_up"
    SUSPENDED = "credential.suspended"
    EXPIRED = "credential.expired"
    REVOKED = "credential.revoked"
    OPEN_ANSWER = "request.encryption"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One claim that would be shown, with its value."""

    query_id: str
    vct: str
    path: tuple[str | int, ...]
    value: JSON = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One presentation: the copy and its SD-JWT cut down to what is shown."""

    query_id: str
    credential: StoredCredential = field(repr=False)
    sdjwt: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPlan:
    """Everything a person decides on, and everything an answer would send."""

    request: AuthorizationRequest = field(repr=False)
    expires_at: datetime | None
    firm: Firm | None
    terms: Terms | None
    terms_raw: str | None = field(repr=False)
    items: tuple[Item, ...] = ()
    answers: tuple[Answer, ...] = ()
    over_asked: tuple[Path, ...] = ()
    missing: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()
    until: datetime | None = None
    link: str = field(default="", repr=False)

    @property
    def can_answer(self) -> bool:
        """Return whether agreeing is possible at all; anything doubtful is a no."""
        return not self.problems and bool(self.answers)

    @property
    def offers_updates(self) -> bool:
        """Return whether the firm also asks to hear of later moves."""
        return bool(self.terms and self.terms.address_updates and self.firm and self.firm.mailbox)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One copy the wallet could show, with its processed claims."""

    credential: StoredCredential = field(repr=False)
    candidate: Candidate = field(repr=False)


def holding(credential: StoredCredential) -> Holding:
    """Return a stored copy with its claims, its signature checked once more.

    Raises:
        Rejected: a stored credential no longer verifies.
    """
    key = public_key_from_jwk(credential.issuer_jwk)
    verified = verify_issuer_jwt(parse_sdjwt(credential.sdjwt), key)
    return Holding(
        credential=credential,
        candidate=Candidate(
            id=credential.id,
            format=FORMAT,
            vct=credential.vct,
            claims=verified.claims,
            authority_key_ids=frozenset(credential.authorities),
        ),
    )


def make_plan(  # noqa: PLR0913 - the facts a decision rests on
    request: AuthorizationRequest,
    *,
    expires_at: datetime | None,
    firm: Firm | None,
    holdings: Sequence[Holding],
    lacks: Mapping[str, str],
    now: datetime,
) -> ConsentPlan:
    """Decide what a request may get and what it would be shown.

    Args:
        request: the authentic request.
        expires_at: when it ends.
        firm: what the ledger proves about its sender; None when it is not registered.
        holdings: the copies that may be shown to this firm, the preferred first.
        lacks: the types held of which no copy may be shown, each with the problem's code.
        now: the present.

    Returns:
        The plan; problems are inside it, for the person to see.
    """
    terms, raw = _terms(request)
    problems: list[Problem] = []
    over_asked: tuple[Path, ...] = ()
    if firm is None:
        problems.append(Problem.NOT_REGISTERED)
    if terms is None:
        problems.append(Problem.NO_TERMS)
    if request.response_key is None:
        problems.append(Problem.OPEN_ANSWER)
    if firm is not None and terms is not None:
        purpose = firm.purpose(terms.purpose_code)
        if purpose is None or not _same_terms(terms, firm, purpose, request.query):
            problems.append(Problem.OTHER_TERMS)
        over_asked = _over_asked(request.query, purpose)
        if over_asked:
            problems.append(Problem.OVER_ASKING)
    answers, items, missing = _answers(request.query, holdings)
    if not answers:
        types = {vct for query in request.query.credentials for vct in query.accepted_types}
        whys = [why for vct, why in lacks.items() if vct in types]
        problems.append(Problem(whys[0]) if whys else Problem.NO_CREDENTIAL)
        # What is held but may not be shown is not missing.
        missing = tuple(path for path in missing if path[-1] not in lacks)
    return ConsentPlan(
        request=request,
        expires_at=expires_at,
        firm=firm,
        terms=terms,
        terms_raw=raw,
        items=items,
        answers=answers,
        over_asked=over_asked,
        missing=missing,
        problems=tuple(problems),
        until=None if terms is None else now + consent_length(terms.retention.period),
    )


def period_days(period: str) -> int:
    """Return the days of an ISO 8601 period of whole units; a month counts 31, a year 366."""
    found = _PERIOD.fullmatch(period)
    if found is None:
        return 0
    years, months, weeks, days = (int(part or 0) for part in found.groups())
    return years * 366 + months * 31 + weeks * 7 + days


def consent_length(period: str) -> timedelta:
    """Return how long updates are sent: while the data is kept, ten years at most [WAL-CON-4]."""
    days = timedelta(days=period_days(period))
    return min(days, LONGEST_CONSENT) if days else DEFAULT_CONSENT


# --- terms against the register ---------------------------------------------


def _terms(request: AuthorizationRequest) -> tuple[Terms | None, str | None]:
    """Return the one set of terms, which must cover every credential asked for."""
    found = [entry for entry in request.transaction_data if entry.type == TERMS_TYPE]
    if len(found) != 1 or len(request.transaction_data) != 1:
        return None, None
    content = found[0].content
    if not isinstance(content, Terms):
        return None, None
    return content, found[0].raw


def _same_terms(terms: Terms, firm: Firm, purpose: Purpose, query: Query) -> bool:
    """Return whether the terms are the registered ones, and about this very query."""
    asked = {claim.path for entry in query.credentials for claim in entry.claims}
    registered = (purpose.ja, purpose.en, purpose.legal_basis)
    return (
        terms.firm == firm.id
        and (terms.purpose.ja, terms.purpose.en, terms.legal_basis) == registered
        and period_days(terms.retention.period) <= period_days(purpose.retention.period)
        and set(terms.credential_ids) == {entry.id for entry in query.credentials}
        and set(terms.claims) == asked
    )


def _over_asked(query: Query, purpose: Purpose | None) -> tuple[Path, ...]:
    """Return what the registered purpose does not cover [WAL-SHOW-5]."""
    if purpose is None:
        return tuple(claim.path for entry in query.credentials for claim in entry.claims)
    found: dict[Path, None] = {}
    for entry in query.credentials:
        foreign = [vct for vct in entry.accepted_types if vct not in purpose.vcts]
        found.update(dict.fromkeys((vct,) for vct in foreign))
        if not entry.accepted_types:
            found[(entry.id,)] = None
        for claim in entry.claims:
            if not any(_covers(allowed, claim.path) for allowed in purpose.claims):
                found[claim.path] = None
    return tuple(found)


def _covers(allowed: Path, asked: Path) -> bool:
    """Return whether an allowed path is the asked one or a parent of it; null covers any index."""
    if len(allowed) > len(asked):
        return False
    return all(
        left == right or (left is None and (right is None or isinstance(right, int)))
        for left, right in zip(allowed, asked, strict=False)
    )


# --- what would be shown ----------------------------------------------------


def _answers(
    query: Query, holdings: Sequence[Holding]
) -> tuple[tuple[Answer, ...], tuple[Item, ...], tuple[Path, ...]]:
    match = match_query(query, [item.candidate for item in holdings])
    if not match.satisfiable:
        return (), (), _missing(match)
    by_id = {item.credential.id: item.credential for item in holdings}
    answers: list[Answer] = []
    items: list[Item] = []
    for query_id, options in pick(match, default_picks(match)).items():
        for option in options:
            credential = by_id[option.candidate]
            cut = select(credential.sdjwt, option.paths)
            answers.append(Answer(query_id=query_id, credential=credential, sdjwt=cut))
            shown = shown_items(query_id, credential, cut)
            items += sorted(shown, key=lambda item: _rank(item.path, option.paths))
    return tuple(answers), tuple(items), ()


def shown_items(query_id: str, credential: StoredCredential, cut: str) -> list[Item]:
    """Return what an SD-JWT shows beyond its always visible part, read from itself."""
    key = public_key_from_jwk(credential.issuer_jwk)
    verified = verify_issuer_jwt(parse_sdjwt(cut), key)
    return [
        Item(
            query_id=query_id,
            vct=credential.vct,
            path=path,
            value=_value(verified.claims, path, verified.disclosed[path].value),
        )
        for path in _outermost(tuple(verified.disclosed))
    ]


def _rank(path: tuple[str | int, ...], asked: Sequence[tuple[str | int, ...]]) -> int:
    """Return the place of a shown path in the order it was asked for."""
    for place, wanted in enumerate(asked):
        length = min(len(path), len(wanted))
        if path[:length] == wanted[:length]:
            return place
    return len(asked)


def _outermost(paths: Sequence[tuple[str | int, ...]]) -> list[tuple[str | int, ...]]:
    """Drop paths inside another disclosed claim, whose value shows them already."""
    whole = {path for path in paths if _is_plain(path)}
    return [
        path
        for path in dict.fromkeys(paths)
        if not any(path[:length] in whole for length in range(1, len(path)))
    ]


def _is_plain(path: tuple[str | int, ...]) -> bool:
    """Return whether a path has no array position: hidden elements shift positions."""
    return not any(isinstance(step, int) for step in path)


def _value(claims: JSON, path: tuple[str | int, ...], disclosed: JSON) -> JSON:
    """Return what the path shows: the processed claim, or an array element's own disclosure."""
    if not _is_plain(path):
        return _without_digests(disclosed)
    value = claims
    for step in path:
        value = value.get(str(step)) if isinstance(value, dict) else None
    return value


def _without_digests(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {name: _without_digests(item) for name, item in value.items() if name != "_sd"}
    if isinstance(value, list):
        hidden = [isinstance(item, dict) and "..." in item for item in value]
        return [
            _without_digests(item) for item, gone in zip(value, hidden, strict=True) if not gone
        ]
    return value


def _missing(match: Match) -> tuple[Path, ...]:
    """Return which claims are asked for and not held, one line each."""
    found: dict[Path, None] = {}
    for entry in match.credentials.values():
        if entry.options:
            continue
        near = entry.near_misses[0].missing if entry.near_misses else ()
        found.update(dict.fromkeys(near or [(vct,) for vct in entry.query.accepted_types]))
    return tuple(found)
