"""DCQL: reading queries, matching, and the verifier's own check."""

import copy

import pytest

from ssi.dcql import (
    Candidate,
    check_response,
    default_picks,
    match_query,
    parse_query,
    pick,
    select_elements,
)
from ssi.errors import Malformed, PolicyNotMet

VCT = "urn:warifu:kyc:1"
AKI = "s9tIpPmhxdiuNkHMEWNpYim8S8Y"
ARTHUR = {
    "name": "Arthur Dent",
    "address": {"street_address": "42 Market Street", "postal_code": "12345"},
    "degrees": [{"type": "BSc", "university": "B"}, {"type": "MSc", "university": "B"}],
    "nationalities": ["British", "Betelgeusian"],
    "age_over_18": True,
    "one": 1,
}


def held(name="a", vct=VCT, claims=None, **kwargs):
    return Candidate(
        id=name, format="dc+sd-jwt", vct=vct, claims=ARTHUR if claims is None else claims, **kwargs
    )


def credential(name="q", claims=None, **members):
    entry = {"id": name, "format": "dc+sd-jwt", "meta": {"vct_values": [VCT]}, **members}
    if claims is not None:
        entry["claims"] = claims
    return entry


def query(*credentials, sets=None):
    obj = {"credentials": list(credentials)}
    if sets is not None:
        obj["credential_sets"] = sets
    return parse_query(obj)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (("name",), ["Arthur Dent"]),
        (("address", "street_address"), ["42 Market Street"]),
        (("degrees", None, "type"), ["BSc", "MSc"]),
        (("nationalities", 1), ["Betelgeusian"]),
        (("nationalities", 2), []),
        (("name", "first"), []),
        (("degrees", "type"), []),
        (("address", None), []),
        (("address", 0), []),
        (("absent",), []),
        (("degrees", None, "absent"), []),
    ],
)
def test_a_pointer_selects_as_the_standard_says(path, values):
    """[PRE-MATCH-1]."""
    assert [value for _, value in select_elements(ARTHUR, path)] == values


def test_selected_places_name_array_elements():
    places = [place for place, _ in select_elements(ARTHUR, ("degrees", None, "type"))]
    assert places == [("degrees", 0, "type"), ("degrees", 1, "type")]


@pytest.mark.parametrize(
    ("path", "values", "matches"),
    [
        (["name"], ["Arthur Dent"], True),
        (["name"], ["Ford", "Arthur Dent"], True),
        (["name"], ["arthur dent"], False),
        (["age_over_18"], [True], True),
        (["age_over_18"], [1], False),
        (["one"], [1], True),
        (["one"], [True], False),
        (["one"], ["1"], False),
        (["address"], ["42 Market Street"], False),
        (["nationalities", None], ["British"], True),
    ],
)
def test_values_match_by_type_and_value(path, values, matches):
    """[PRE-MATCH-2]."""
    match = match_query(query(credential(claims=[{"path": path, "values": values}])), [held()])
    assert match.satisfiable is matches


def test_only_matching_array_elements_are_disclosed():
    asked = query(credential(claims=[{"path": ["nationalities", None], "values": ["British"]}]))
    match = match_query(asked, [held()])
    assert match.credentials["q"].options[0].paths == (("nationalities", 0),)


def test_no_claims_means_nothing_selectively_disclosable():
    """[PRE-MATCH-4]."""
    match = match_query(query(credential()), [held()])
    assert match.credentials["q"].options[0].paths == ()


def test_the_first_satisfiable_claim_set_is_taken():
    """[PRE-MATCH-4]."""
    entry = credential(
        claims=[
            {"id": "a", "path": ["absent"]},
            {"id": "b", "path": ["name"]},
            {"id": "c", "path": ["one"]},
        ],
        claim_sets=[["a", "b"], ["b", "c"], ["b"]],
    )
    match = match_query(query(entry), [held()])
    assert match.credentials["q"].options[0].paths == (("name",), ("one",))


def test_a_missing_claim_takes_the_credential_out_and_is_named():
    """[PRE-MATCH-4]."""
    asked = query(credential(claims=[{"path": ["name"]}, {"path": ["absent"]}]))
    match = match_query(asked, [held()])
    assert match.credentials["q"].options == ()
    assert match.credentials["q"].near_misses[0].missing == (("absent",),)
    with pytest.raises(PolicyNotMet) as refused:
        default_picks(match)
    assert refused.value.code == "query.not_satisfied"


@pytest.mark.parametrize(
    ("candidate", "members", "matches"),
    [
        (held(), {}, True),
        (held(vct="urn:other"), {}, False),
        (held(holder_bound=False), {}, False),
        (held(holder_bound=False), {"require_cryptographic_holder_binding": False}, True),
        (held(), {"trusted_authorities": [{"type": "aki", "values": [AKI]}]}, False),
        (
            held(authority_key_ids=frozenset({AKI})),
            {"trusted_authorities": [{"type": "aki", "values": ["AAAA", AKI]}]},
            True,
        ),
        (
            held(authority_key_ids=frozenset({AKI})),
            {"trusted_authorities": [{"type": "etsi_tl", "values": ["https://lotl.example.com"]}]},
            False,
        ),
        (
            held(authority_key_ids=frozenset({AKI})),
            {
                "trusted_authorities": [
                    {"type": "openid_federation", "values": ["https://ta.example.com"]},
                    {"type": "aki", "values": [AKI]},
                ]
            },
            True,
        ),
    ],
)
def test_kind_authority_and_binding_decide_before_claims(candidate, members, matches):
    """[PRE-MATCH-3]."""
    assert match_query(query(credential(**members)), [candidate]).satisfiable is matches


def test_other_formats_match_by_their_own_type():
    """[PRE-MATCH-3]."""
    mdoc = {"id": "m", "format": "mso_mdoc", "meta": {"doctype_value": "org.iso.18013.5.1.mDL"}}
    ldp = {"id": "l", "format": "ldp_vc", "meta": {"type_values": [["urn:a", "urn:b"], ["urn:c"]]}}
    unknown = {"id": "u", "format": "x-new", "meta": {}}
    licence = Candidate(id="1", format="mso_mdoc", vct="org.iso.18013.5.1.mDL", claims={})
    graph = Candidate(
        id="2", format="ldp_vc", vct="", claims={}, types=frozenset({"urn:c", "urn:d"})
    )
    new = Candidate(id="3", format="x-new", vct="", claims={})
    match = match_query(query(mdoc, ldp, unknown), [licence, graph, new])
    assert [o.candidate for o in match.credentials["m"].options] == ["1"]
    assert [o.candidate for o in match.credentials["l"].options] == ["2"]
    assert match.credentials["u"].options == ()


def test_pick_gives_exactly_the_chosen_options():
    """[PRE-MATCH-6]."""
    asked = query(credential(claims=[{"path": ["name"]}], multiple=True))
    match = match_query(asked, [held("1"), held("2")])
    assert [o.candidate for o in pick(match, {"q": ["2"]})["q"]] == ["2"]
    assert [o.candidate for o in pick(match, {"q": ["1", "2"]})["q"]] == ["1", "2"]


@pytest.mark.parametrize(
    ("picks", "error"),
    [
        ({}, PolicyNotMet),
        ({"q": []}, PolicyNotMet),
        ({"q": ["1", "2"]}, PolicyNotMet),
        ({"q": ["3"]}, ValueError),
        ({"q": ["1"], "other": ["1"]}, ValueError),
    ],
)
def test_pick_refuses_what_is_no_answer(picks, error):
    """[PRE-MATCH-6]."""
    match = match_query(query(credential()), [held("1"), held("2")])
    with pytest.raises(error):
        pick(match, picks)


def sets_query():
    names = ("a", "b", "c", "d")
    return query(
        *(credential(name, claims=[{"path": [name]}]) for name in names),
        sets=[{"options": [["a"], ["b", "c"]]}, {"options": [["d"]], "required": False}],
    )


def having(*names):
    return [held(name, claims=dict.fromkeys(name, 1)) for name in names]


def test_credential_sets_choose_the_first_possible_option():
    """[PRE-MATCH-5]."""
    match = match_query(sets_query(), having("b", "c", "d"))
    assert default_picks(match) == {"b": ("b",), "c": ("c",)}
    assert default_picks(match, optional=True) == {"b": ("b",), "c": ("c",), "d": ("d",)}


def test_nothing_is_given_when_a_required_set_cannot_be_satisfied():
    """[PRE-MATCH-5]."""
    match = match_query(sets_query(), having("b", "d"))
    assert not match.satisfiable
    with pytest.raises(PolicyNotMet):
        default_picks(match, optional=True)


def presented(*names):
    return {name: [held(name, claims={name: 1})] for name in names}


@pytest.mark.parametrize("names", ["a", "bc", "ad", "bcd", "abc"])
def test_a_complete_answer_is_accepted(names):
    """[PRE-MATCH-7]."""
    assert check_response(sets_query(), presented(*names)).keys() == set(names)


@pytest.mark.parametrize("names", ["", "b", "c", "d", "bd", "ab", "x", "ax"])
def test_an_incomplete_or_excessive_answer_is_refused(names):
    """[PRE-MATCH-7] V-28."""
    with pytest.raises(PolicyNotMet) as refused:
        check_response(sets_query(), presented(*names))
    assert refused.value.code == "query.not_satisfied"


@pytest.mark.parametrize(
    "answer",
    [
        [],
        [held(), held()],
        [held(vct="urn:other")],
        [held(holder_bound=False)],
        [held(claims={"name": "Ford"})],
        [held(claims={})],
        [Candidate(id="a", format="mso_mdoc", vct=VCT, claims=ARTHUR)],
    ],
)
def test_the_verifier_repeats_every_constraint(answer):
    """[PRE-MATCH-7] V-28."""
    asked = query(credential(claims=[{"path": ["name"], "values": ["Arthur Dent"]}]))
    assert check_response(asked, {"q": [held()]})["q"][0][0].paths == (("name",),)
    with pytest.raises(PolicyNotMet):
        check_response(asked, {"q": answer})


def test_several_presentations_are_taken_only_when_asked():
    """[PRE-MATCH-7]."""
    asked = query(credential(multiple=True))
    assert len(check_response(asked, {"q": [held("1"), held("2")]})["q"]) == 2


GOOD = {
    "credentials": [
        credential(
            claims=[{"id": "a", "path": ["name"], "values": ["x"]}, {"id": "b", "path": ["one"]}],
            claim_sets=[["a"], ["b"]],
            trusted_authorities=[{"type": "aki", "values": [AKI]}],
        )
    ],
    "credential_sets": [{"options": [["q"]], "required": True}],
}

BAD = [
    ("credentials", []),
    ("credentials", None),
    ("credentials", {}),
    ("credentials.0", 5),
    ("credentials.0.id", ""),
    ("credentials.0.id", "a b"),
    ("credentials.0.id", "é"),
    ("credentials.0.id", "q\n"),
    ("credentials.0.format", None),
    ("credentials.0.meta", None),
    ("credentials.0.meta", {}),
    ("credentials.0.meta", {"vct_values": []}),
    ("credentials.0.meta", {"vct_values": "x"}),
    ("credentials.0.meta", {"vct_values": [1]}),
    ("credentials.0.multiple", "true"),
    ("credentials.0.multiple", 1),
    ("credentials.0.require_cryptographic_holder_binding", 0),
    ("credentials.0.claims", []),
    ("credentials.0.claims", None),
    ("credentials.0.claims.0.id", None),
    ("credentials.0.claims.0.id", "b"),
    ("credentials.0.claims.0.path", []),
    ("credentials.0.claims.0.path", "name"),
    ("credentials.0.claims.0.path", [-1]),
    ("credentials.0.claims.0.path", [True]),
    ("credentials.0.claims.0.path", [["a"]]),
    ("credentials.0.claims.0.path", ["a"] * 17),
    ("credentials.0.claims.0.values", []),
    ("credentials.0.claims.0.values", [None]),
    ("credentials.0.claims.0.values", [{}]),
    ("credentials.0.claim_sets", []),
    ("credentials.0.claim_sets", [[]]),
    ("credentials.0.claim_sets", [["z"]]),
    ("credentials.0.claim_sets", ["a"]),
    ("credentials.0.trusted_authorities", []),
    ("credentials.0.trusted_authorities", [{"type": "aki", "values": []}]),
    ("credentials.0.trusted_authorities", [{"values": [AKI]}]),
    ("credential_sets", []),
    ("credential_sets", [{}]),
    ("credential_sets.0.options", []),
    ("credential_sets.0.options", [[]]),
    ("credential_sets.0.options", [["z"]]),
    ("credential_sets.0.required", "no"),
]


def changed(place, value):
    obj = copy.deepcopy(GOOD)
    *parents, last = place.split(".")
    target = obj
    for name in parents:
        target = target[int(name)] if isinstance(target, list) else target[name]
    key = int(last) if isinstance(target, list) else last
    if value is None:
        del target[key]
    else:
        target[key] = value
    return obj


@pytest.mark.parametrize(("place", "value"), BAD)
def test_a_bad_query_is_refused(place, value):
    """[PRE-QUERY-1] [PRE-QUERY-2] [PRE-QUERY-3] [PRE-QUERY-4] [PRE-QUERY-5]."""
    parse_query(GOOD)
    with pytest.raises(Malformed) as refused:
        parse_query(changed(place, value))
    assert refused.value.code == "query.malformed"


@pytest.mark.parametrize("name", ["", "a b", "é", "q\n", "a.b", "x" * 129])
def test_an_id_is_letters_digits_underscore_and_hyphen(name):
    """[PRE-QUERY-2]."""
    with pytest.raises(Malformed):
        query(credential(name))


def test_one_id_twice_is_refused():
    """[PRE-QUERY-2]."""
    with pytest.raises(Malformed):
        query(credential("q"), credential("q"))


@pytest.mark.parametrize(
    "members",
    [
        {"claims": [{"id": "a", "path": ["x"]}, {"id": "a", "path": ["y"]}]},
        {"claims": [{"id": "a", "path": ["x"]}, {"path": ["y"]}], "claim_sets": [["a"]]},
        {"claims": [{"path": ["x"], "values": ["v" * 1025]}]},
        {"claim_sets": [["a"]]},
    ],
)
def test_claims_that_cannot_be_told_apart_or_bounded_are_refused(members):
    """[PRE-QUERY-1] [PRE-QUERY-2] [PRE-QUERY-4]."""
    with pytest.raises(Malformed) as refused:
        query(credential(**members))
    assert refused.value.code == "query.malformed"


def test_an_authority_key_id_is_base64url():
    with pytest.raises(Malformed):
        query(credential(trusted_authorities=[{"type": "aki", "values": ["a="]}]))


def test_unknown_members_are_ignored():
    """[PRE-QUERY-1]."""
    obj = copy.deepcopy(GOOD)
    obj["new"] = obj["credentials"][0]["new"] = obj["credentials"][0]["claims"][0]["new"] = {}
    assert parse_query(obj) == parse_query(GOOD)


def test_an_mdoc_pointer_is_namespace_and_element():
    """[PRE-QUERY-5]."""
    entry = {"id": "m", "format": "mso_mdoc", "meta": {"doctype_value": "d"}}
    query({**entry, "claims": [{"path": ["ns", "name"]}]})
    with pytest.raises(Malformed):
        query({**entry, "claims": [{"path": ["ns", "name", None]}]})


def test_the_wire_form_reads_back():
    assert parse_query(parse_query(GOOD).to_json()) == parse_query(GOOD)


def test_claim_values_are_not_in_a_repr():
    assert "Arthur" not in repr(held())
