"""DCQL: what a verifier asks, and whether an answer holds (OpenID4VP 1.0 §6 and §7).

`parse_query` reads the query, `match_query` tries it against what a holder has, `pick` turns a
holder's choice into exactly the claims to disclose, and `check_response` repeats every
constraint at the verifier, which never relies on the wallet. Clauses: `specs/presentation.md`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from ssi.dcql_query import (
    ClaimQuery,
    CredentialQuery,
    CredentialSetQuery,
    Path,
    Query,
    TrustedAuthority,
    parse_path,
    parse_query,
)
from ssi.encoding import JSON, JSONObject
from ssi.errors import PolicyNotMet

__all__ = [
    "Candidate",
    "ClaimQuery",
    "ClaimSelection",
    "ConcretePath",
    "CredentialMatch",
    "CredentialQuery",
    "CredentialSetQuery",
    "Match",
    "NearMiss",
    "Option",
    "Path",
    "Query",
    "SetMatch",
    "TrustedAuthority",
    "check_response",
    "default_picks",
    "match_query",
    "parse_path",
    "parse_query",
    "pick",
    "select_elements",
]

ConcretePath = tuple[str | int, ...]
"""The place of one claim in one credential: a pointer without `null`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One credential to try a query on: held by the wallet, or presented to the verifier.

    `vct` is the type (`vct` of an SD-JWT VC, document type of an mdoc); `types` are the fully
    expanded type IRIs of a W3C credential; `authority_key_ids` are base64url key identifiers.
    """

    id: str
    format: str
    vct: str
    claims: JSONObject = field(repr=False)
    authority_key_ids: frozenset[str] = frozenset()
    holder_bound: bool = True
    types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSelection:
    """One requested claim and where it is in the credential."""

    query: ClaimQuery
    paths: tuple[ConcretePath, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One candidate that answers one credential query, with what it would disclose."""

    candidate: str
    claims: tuple[ClaimSelection, ...]

    @property
    def paths(self) -> tuple[ConcretePath, ...]:
        """Every path to disclose, each once, in the order of the query."""
        return tuple(dict.fromkeys(path for claim in self.claims for path in claim.paths))


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """A candidate of the right kind that lacks claims; `missing` are the pointers asked."""

    candidate: str
    missing: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialMatch:
    """The candidates for one credential query."""

    query: CredentialQuery
    options: tuple[Option, ...]
    near_misses: tuple[NearMiss, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMatch:
    """One credential set: which of its options the holder can satisfy, in the asked order."""

    required: bool
    options: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What the holder can answer to a query.

    A query without `credential_sets` has one required set of all its credentials.
    """

    credentials: Mapping[str, CredentialMatch]
    sets: tuple[SetMatch, ...]

    @property
    def satisfiable(self) -> bool:
        """Whether every required set has an option; an answer still needs `pick`."""
        return all(entry.options for entry in self.sets if entry.required)


def select_elements(claims: JSONObject, path: Path) -> tuple[tuple[ConcretePath, JSON], ...]:
    """Apply a claims path pointer (OpenID4VP 1.0 §7.1.1) [PRE-MATCH-1].

    Args:
        claims: The processed payload.
        path: The pointer.

    Returns:
        The selected elements with their places; empty where the standard says "error".
    """
    selected: list[tuple[ConcretePath, JSON]] = [((), claims)]
    for component in path:
        step: list[tuple[ConcretePath, JSON]] = []
        for place, element in selected:
            if isinstance(component, str):
                if not isinstance(element, dict):
                    return ()
                if component in element:
                    step.append(((*place, component), element[component]))
            elif not isinstance(element, list):
                return ()
            elif component is None:
                step += [((*place, index), item) for index, item in enumerate(element)]
            elif component < len(element):
                step.append(((*place, component), element[component]))
        selected = step
    return tuple(selected)


def _select_claim(claims: JSONObject, query: ClaimQuery) -> tuple[ConcretePath, ...]:
    """Places of one claim; an element whose value does not match is absent [PRE-MATCH-2]."""
    if query.values is None and _names_members(claims, query.path):
        return (cast("ConcretePath", query.path),)
    found = select_elements(claims, query.path)
    if query.values is None:
        return tuple(place for place, _ in found)
    # `True == 1` in Python, so the type is compared too (§6.3: type and value match exactly).
    wanted = {(type(value), value) for value in query.values}
    return tuple(
        place
        for place, value in found
        if isinstance(value, str | int) and (type(value), value) in wanted
    )


def _names_members(claims: JSONObject, path: Path) -> bool:
    """Tell whether the path leads to a claim by names alone: the common case, cheaply."""
    element: JSON = claims
    for component in path:
        if not isinstance(element, dict) or component not in element:
            return False
        element = element[component]
    return True


def _right_kind(query: CredentialQuery, candidate: Candidate) -> bool:
    """Format, type, authority and holder binding, before any claim [PRE-MATCH-3]."""
    if candidate.format != query.format:
        return False
    if query.require_cryptographic_holder_binding and not candidate.holder_bound:
        return False
    if query.type_values:
        if not any(kind <= candidate.types for kind in query.type_values):
            return False
    elif candidate.vct not in query.accepted_types:
        return False
    return not query.trusted_authorities or any(
        # Only `aki` can be decided from the credential alone; the other kinds never match.
        authority.type == "aki" and not candidate.authority_key_ids.isdisjoint(authority.values)
        for authority in query.trusted_authorities
    )


def _select_claims(
    query: CredentialQuery, candidate: Candidate
) -> tuple[ClaimSelection, ...] | NearMiss:
    """The first claim set the candidate satisfies (§6.4.1) [PRE-MATCH-4]."""
    options = query.claim_options()
    places = {id(claim): _select_claim(candidate.claims, claim) for claim in query.claims}
    for option in options:
        if all(places[id(claim)] for claim in option):
            return tuple(ClaimSelection(query=claim, paths=places[id(claim)]) for claim in option)
    missing = tuple(claim.path for claim in options[0] if not places[id(claim)])
    return NearMiss(candidate=candidate.id, missing=missing)


def _match_credential(query: CredentialQuery, candidates: Iterable[Candidate]) -> CredentialMatch:
    options: list[Option] = []
    near_misses: list[NearMiss] = []
    for candidate in candidates:
        if not _right_kind(query, candidate):
            continue
        selected = _select_claims(query, candidate)
        if isinstance(selected, NearMiss):
            near_misses.append(selected)
        else:
            options.append(Option(candidate=candidate.id, claims=selected))
    return CredentialMatch(query=query, options=tuple(options), near_misses=tuple(near_misses))


def match_query(query: Query, candidates: Sequence[Candidate]) -> Match:
    """Try a query on the credentials a holder has (OpenID4VP 1.0 §6.4) [PRE-MATCH-5].

    Args:
        query: The parsed query.
        candidates: The holder's credentials, in the order the holder prefers them.

    Returns:
        The options for each credential query and each credential set; never raises when
        nothing matches, so that a wallet can tell its holder what is missing.
    """
    credentials = {entry.id: _match_credential(entry, candidates) for entry in query.credentials}
    answerable = frozenset(name for name, match in credentials.items() if match.options)
    return Match(
        credentials=credentials,
        sets=tuple(
            SetMatch(
                required=entry.required,
                options=tuple(o for o in entry.options if answerable.issuperset(o)),
            )
            for entry in query.sets()
        ),
    )


def default_picks(match: Match, *, optional: bool = False) -> dict[str, tuple[str, ...]]:
    """The verifier's preferred option of each set, with the holder's first candidate.

    Args:
        match: What the holder can answer.
        optional: Whether optional sets are answered as well.

    Returns:
        Candidate ids by credential query id, as `pick` takes them.

    Raises:
        PolicyNotMet: `query.not_satisfied` when a required set has no option.
    """
    names: dict[str, None] = {}
    for entry in match.sets:
        if entry.options and (entry.required or optional):
            names.update(dict.fromkeys(entry.options[0]))
        elif entry.required:
            raise _not_satisfied("no credential for a required part of the request")
    return {name: (match.credentials[name].options[0].candidate,) for name in names}


def pick(match: Match, picks: Mapping[str, Sequence[str]]) -> dict[str, tuple[Option, ...]]:
    """Turn a holder's choice into what is disclosed, refusing a choice that answers wrongly.

    Args:
        match: What the holder can answer.
        picks: Candidate ids by credential query id.

    Returns:
        The options by credential query id, in the order of the query [PRE-MATCH-6].

    Raises:
        PolicyNotMet: `query.not_satisfied` when the choice does not satisfy the query or
            gives more than it asks.
        ValueError: a picked candidate is not an option of its query.
    """
    chosen: dict[str, tuple[Option, ...]] = {}
    for name, entry in match.credentials.items():
        if name not in picks:
            continue
        by_candidate = {option.candidate: option for option in entry.options}
        if not set(picks[name]) <= by_candidate.keys():
            raise ValueError("a picked candidate does not match its credential query")
        chosen[name] = tuple(by_candidate[candidate] for candidate in dict.fromkeys(picks[name]))
        _check_count(entry.query, len(chosen[name]))
    if not picks.keys() <= chosen.keys():
        raise ValueError("a picked credential query is not in the request")
    _check_sets(
        [
            CredentialSetQuery(options=entry.options, required=entry.required)
            for entry in match.sets
        ],
        chosen.keys(),
    )
    return chosen


def check_response(
    query: Query, presented: Mapping[str, Sequence[Candidate]]
) -> dict[str, tuple[tuple[ClaimSelection, ...], ...]]:
    """Check that verified presentations are what was asked (OpenID4VP 1.0 §8.6) [PRE-MATCH-7].

    Nothing is taken from the wallet's word: format, type, authority, holder binding, presence
    and `values` of every claim, number of presentations, and the credential sets are checked
    again. An array index is applied to what was presented, so a profile that makes array
    elements selectively disclosable asks for them with `null`.

    Args:
        query: The query that was sent.
        presented: Verified credentials by credential query id.

    Returns:
        For each query id and presentation, the requested claims and their places.

    Raises:
        PolicyNotMet: `query.not_satisfied`.
    """
    by_id = {entry.id: entry for entry in query.credentials}
    answer: dict[str, tuple[tuple[ClaimSelection, ...], ...]] = {}
    for name, credentials in presented.items():
        if name not in by_id:
            raise _not_satisfied("an answer to a credential query that was not asked")
        _check_count(by_id[name], len(credentials))
        match = _match_credential(by_id[name], credentials)
        if len(match.options) != len(credentials):
            raise _not_satisfied("a presented credential does not match its credential query")
        answer[name] = tuple(option.claims for option in match.options)
    _check_sets(query.sets(), answer.keys())
    return answer


def _check_count(query: CredentialQuery, count: int) -> None:
    """At least one, and exactly one unless `multiple` (§6.1, §8.1)."""
    if count == 0 or (count > 1 and not query.multiple):
        raise _not_satisfied("the number of credentials is not what was asked")


def _check_sets(sets: Iterable[CredentialSetQuery], names: Iterable[str]) -> None:
    """Every required set is satisfied and nothing stands outside a satisfied option (§6.4.2)."""
    given = frozenset(names)
    used: set[str] = set()
    for entry in sets:
        satisfied = [option for option in entry.options if given.issuperset(option)]
        if entry.required and not satisfied:
            raise _not_satisfied("a required part of the request is not answered")
        used.update(name for option in satisfied for name in option)
    if given - used:
        raise _not_satisfied("a credential that belongs to no complete option")


def _not_satisfied(fact: str) -> PolicyNotMet:
    return PolicyNotMet(fact, code="query.not_satisfied")
