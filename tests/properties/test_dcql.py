"""DCQL against a naive reading of OpenID4VP 1.0 §6.4, by brute force over all answers."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssi.dcql import Candidate, check_response, default_picks, match_query, parse_query, pick
from ssi.encoding import canonical_json, parse_json
from ssi.errors import PolicyNotMet, Rejected

NAMES = ("a", "b", "c", "d")
VCTS = ("urn:1", "urn:2")
VALUES = (0, 1, True, False, "1", "x")

claim_values = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=4)


def subsets(names, **sizes):
    return st.lists(st.sampled_from(names), unique=True, min_size=1, **sizes)


@st.composite
def credential_queries(draw, name):
    entry = {
        "id": name,
        "format": "dc+sd-jwt",
        "meta": {"vct_values": draw(subsets(VCTS))},
        "multiple": draw(st.booleans()),
        "require_cryptographic_holder_binding": draw(st.booleans()),
    }
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    if names:
        entry["claims"] = [
            {"id": n, "path": [n]}
            | draw(st.sampled_from([{}, {}, {"values": [1, "x"]}, {"values": [True]}]))
            for n in names
        ]
        if draw(st.booleans()):
            entry["claim_sets"] = draw(st.lists(subsets(names), min_size=1, max_size=3))
    return entry


@st.composite
def queries(draw):
    names = NAMES[: draw(st.integers(1, 4))]
    obj = {"credentials": [draw(credential_queries(name)) for name in names]}
    if draw(st.booleans()):
        options = st.lists(subsets(names), min_size=1, max_size=3)
        one_set = st.fixed_dictionaries({"options": options}, optional={"required": st.booleans()})
        obj["credential_sets"] = draw(st.lists(one_set, min_size=1, max_size=3))
    return obj


@st.composite
def wallets(draw):
    return [
        Candidate(
            id=str(number),
            format="dc+sd-jwt",
            vct=draw(st.sampled_from(VCTS)),
            claims=draw(claim_values),
            holder_bound=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 4)))
    ]


def naive_claims(entry, candidate):
    """The claim names to disclose, or None: the words of §6.4.1, one after the other."""
    if candidate.vct not in entry["meta"]["vct_values"]:
        return None
    if entry["require_cryptographic_holder_binding"] and not candidate.holder_bound:
        return None

    def there(claim):
        if claim["id"] not in candidate.claims:
            return False
        value = candidate.claims[claim["id"]]
        same = [type(value) is type(v) and value == v for v in claim.get("values", [value])]
        return any(same)

    claims = entry.get("claims", [])
    options = entry.get("claim_sets", [[claim["id"] for claim in claims]])
    deliverable = {claim["id"] for claim in claims if there(claim)}
    return next((set(option) for option in options if set(option) <= deliverable), None)


def naive_answers(obj, available):
    """Every set of credential queries that answers, by brute force (§6.4.2)."""
    names = [entry["id"] for entry in obj["credentials"]]
    sets = obj.get("credential_sets", [{"options": [names]}])
    for size in range(len(names) + 1):
        for answer in combinations(names, size):
            chosen = set(answer)
            whole = [set(o) for s in sets for o in s["options"] if set(o) <= chosen]
            required = all(
                any(set(o) <= chosen for o in s["options"]) for s in sets if s.get("required", True)
            )
            if chosen <= available and required and chosen == set().union(*whole):
                yield chosen


@given(queries(), wallets())
def test_matching_agrees_with_the_naive_reading(obj, wallet):
    """[PRE-MATCH-4] [PRE-MATCH-5] [PRE-MATCH-6]."""
    match = match_query(parse_query(obj), wallet)
    for entry in obj["credentials"]:
        wanted = {c.id: naive_claims(entry, c) for c in wallet}
        options = match.credentials[entry["id"]].options
        found = {option.candidate: {path[0] for path in option.paths} for option in options}
        assert found == {name: claims for name, claims in wanted.items() if claims is not None}
    available = {name for name, entry in match.credentials.items() if entry.options}
    answers = list(naive_answers(obj, available))
    assert match.satisfiable is bool(answers)
    for optional in (False, True):
        if answers:
            picks = default_picks(match, optional=optional)
            assert set(picks) in answers
            assert pick(match, picks).keys() == picks.keys()
        else:
            with pytest.raises(PolicyNotMet):
                default_picks(match, optional=optional)


@given(queries(), wallets())
def test_the_verifier_accepts_exactly_the_naive_answers(obj, wallet):
    """[PRE-MATCH-7]."""
    query = parse_query(obj)
    match = match_query(query, wallet)
    first = {
        name: [next(c for c in wallet if c.id == entry.options[0].candidate)]
        for name, entry in match.credentials.items()
        if entry.options
    }
    accepted = list(naive_answers(obj, set(first)))
    for size in range(len(first) + 1):
        for names in combinations(first, size):
            presented = {name: first[name] for name in names}
            if set(names) in accepted:
                assert check_response(query, presented).keys() == set(names)
            else:
                with pytest.raises(PolicyNotMet):
                    check_response(query, presented)


@given(queries(), wallets())
def test_disclosing_only_the_picked_claims_still_satisfies_the_verifier(obj, wallet):
    """[PRE-MATCH-6] [PRE-MATCH-7]."""
    query = parse_query(obj)
    match = match_query(query, wallet)
    if not match.satisfiable:
        return
    by_id = {candidate.id: candidate for candidate in wallet}
    presented = {}
    for name, options in pick(match, default_picks(match)).items():
        option = options[0]
        held = by_id[option.candidate]
        claims = {path[0]: held.claims[path[0]] for path in option.paths}
        presented[name] = [
            Candidate(
                id="p",
                format=held.format,
                vct=held.vct,
                claims=claims,
                holder_bound=held.holder_bound,
            )
        ]
    check_response(query, presented)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["", "a", "q", "dc+sd-jwt"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "path", "values", "options", "vct_values", "type"]), inner
        )
    ),
    max_leaves=8,
)


@given(queries(), st.data())
def test_a_query_with_any_part_replaced_is_read_or_rejected(obj, data):
    """[PRE-QUERY-1]."""
    entry = data.draw(st.sampled_from(obj["credentials"]))
    entry[data.draw(st.sampled_from([*entry, "claims", "claim_sets"]))] = data.draw(json_values)
    try:
        query = parse_query(parse_json(canonical_json(obj)))
    except Rejected:
        return
    assert parse_query(query.to_json()) == query
