"""Every page against every naughty string; every form against whoever is not its reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient

from issuer import cases, checks
from issuer.app import create_app
from issuer.checks import Answers, Findings
from issuer.context import Issuer
from issuer.images import CleanImage
from issuer.security import PROTOCOL_PATHS
from tests.support.issuer_people import CHECKER, FORM, MAKER, PASSWORD, add_operators
from tests.support.issuer_world import keys, wallet
from tests.support.vectors import vectors_dir
from tests.unit.issuer.test_issuance import code_of, decided

EVERY: list[str] = json.loads((vectors_dir("naughty_strings") / "blns.json").read_text("utf-8"))
MARKUP = [text for text in EVERY if any(char in text for char in "<>\"'&{%")]
# All that could be markup somewhere, and some of the rest: each costs a commit to disk.
NAUGHTY = MARKUP[::2] + [text for text in EVERY if text not in MARKUP][::4]
TEXTS = ("family_name", "given_name", "locality", "street_address")


class Skeleton(HTMLParser):
    """Elements with the names of their attributes, the values of fields, the text of cells."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.shape: list[tuple[str, ...]] = []
        self.values: dict[str, str] = {}
        self.cells: dict[str, str] = {}
        self.codes: list[str] = []
        self._cell = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.shape.append((tag, *sorted(given)))
        if tag == "input":
            self.values[str(given.get("name"))] = given.get("value") or ""
        if given.get("data-code"):
            self.codes.append(str(given["data-code"]))
        if tag == "tr":
            self._cell = given.get("data-field") or ""

    def handle_data(self, data: str) -> None:
        if self._cell and self.shape[-1] == ("bdi",):
            self.cells[self._cell] = self.cells.get(self._cell, "") + data

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self._cell = ""


@pytest.fixture
def app(issuer: Issuer) -> Flask:
    add_operators(issuer)
    return create_app(issuer)


def csrf(client: FlaskClient, path: str) -> str:
    return Skeleton(client.get(path).text).values["csrf"]


def signed_in(app: Flask, name: str) -> FlaskClient:
    client = app.test_client()
    token = csrf(client, "/operator/login")
    data = {"csrf": token, "name": name, "password": PASSWORD}
    assert client.post("/operator/login", data=data).status_code == 303
    return client


def filed(issuer: Issuer, **changes: str) -> tuple[str, str, Findings]:
    """Hand in an application as the form does; returns id, secret and what the checks said."""
    texts = {name: value for name, value in FORM.items() if isinstance(value, str)} | changes
    answers = Answers(texts=texts, classes=("futsu",), number_is_licence=True, consent=True)
    found = checks.check_application(answers, today=issuer.today())
    if found.problems:
        return "", "", found
    image = CleanImage("image/png", b"picture")
    made = cases.file_application(issuer, answers, image, found.warnings)
    return made.id, made.secret, found


def safe(page: Skeleton, usual: set[tuple[str, ...]]) -> bool:
    return set(page.shape) <= usual and not any(tag[0] == "script" for tag in page.shape)


def test_a_string_the_checks_let_in_is_text_to_an_operator(app: Flask, issuer: Issuer):
    # Catalogue I-11: what a resident wrote is shown exactly, and is never markup.
    operator = signed_in(app, MAKER)
    case, _, _ = filed(issuer, locality=f" {FORM['locality']}")  # with a warning in it
    usual = set(Skeleton(operator.get(f"/operator/cases/{case}").text).shape)
    kept = 0
    for text in NAUGHTY:
        case, _, _ = filed(issuer, **dict.fromkeys(TEXTS, text))
        if not case:
            continue
        kept += 1
        page = Skeleton(operator.get(f"/operator/cases/{case}").text)
        assert safe(page, usual), text
        for name in TEXTS:
            assert page.cells[name] == text.replace("\r\n", "\n").replace("\r", "\n"), text
    assert kept > 60
    queue = Skeleton(operator.get("/operator").text)
    assert not any(name.startswith("on") for _, *names in queue.shape for name in names)
    assert not any(tag[0] in {"script", "iframe", "object", "embed"} for tag in queue.shape)


def test_a_string_that_comes_back_with_the_form_is_text(app: Flask):
    client = app.test_client()
    token = csrf(client, "/apply")
    bad = client.post("/apply", data={"csrf": token, "region": "x"})
    assert bad.status_code == 422
    usual = set(Skeleton(bad.text).shape)
    for text in NAUGHTY:
        data = {"csrf": token, **dict.fromkeys((*TEXTS, "name_kana", "licence_number"), text)}
        answer = client.post("/apply", data=data)
        assert answer.status_code == 422
        page = Skeleton(answer.text)
        assert {(tag, *n) for tag, *n in page.shape} - usual <= {
            ("input", *sorted(names)) for names in INPUTS
        }, text
        if "looks_like_my_number" not in page.codes:
            assert page.values["family_name"] == text.replace("\r\n", "\n").replace("\r", "\n")


INPUTS = (
    ("aria-describedby", "autocomplete", "id", "name", "required", "type", "value"),
    ("autocomplete", "id", "name", "required", "type", "value"),
    (
        *("aria-describedby", "aria-invalid", "autocomplete", "id", "inputmode"),
        *("name", "required", "type", "value"),
    ),
    ("aria-describedby", "aria-invalid", "autocomplete", "id", "name", "required", "type", "value"),
)


def test_strings_in_addresses_and_names_are_not_reflected(app: Flask):
    client = app.test_client()
    for text in NAUGHTY[:100]:
        for answer in (
            client.get("/applications/" + text.replace("/", "")),
            client.get("/operator", query_string={"state": text}),
            client.get("/", query_string={"lang": text}),
        ):
            assert answer.status_code in {200, 303, 308, 404}
            assert "<script" not in answer.text.lower()
    answer = client.post(
        "/operator/login",
        data={"csrf": csrf(client, "/operator/login"), "name": "<b>", "password": "x"},
    )
    assert "<b>" not in answer.text


# --- whose form is it ---


def posts(app: Flask) -> Iterator[str]:
    """Every POST route that a browser meets."""
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and rule.rule not in PROTOCOL_PATHS:
            yield rule.rule.replace("<application_id>", "CASE")


def test_no_form_is_taken_from_elsewhere(app: Flask, issuer: Issuer):
    # Catalogue I-10, clause [POR-WEB-2].
    case, secret, _ = filed(issuer)
    victim, other = signed_in(app, MAKER), app.test_client()
    victim.set_cookie("applicant", secret)
    mine, foreign = csrf(victim, f"/operator/cases/{case}"), csrf(other, "/apply")
    paths = [path.replace("CASE", case) for path in posts(app)]
    assert len(paths) >= 8
    for path in paths:
        for data, headers in (
            ({}, {}),
            ({"csrf": foreign}, {}),
            ({"csrf": ["x" * 43]}, {}),
            ({"csrf": [mine, mine]}, {}),
            ({"csrf": mine}, {"Sec-Fetch-Site": "cross-site"}),
            ({"csrf": mine}, {"Sec-Fetch-Site": "same-site"}),
            ({"csrf": mine}, {"Origin": "https://evil.example"}),
            ({"csrf": mine}, {"Origin": "null"}),
        ):
            answer = victim.post(path, data=data, headers=headers)
            assert answer.status_code == 400, (path, data, headers)
            assert Skeleton(answer.text).codes == ["portal.csrf"]
    with issuer.db.transaction() as session:
        assert session.get_one(cases.Application, case).state == "submitted"


def test_no_operators_page_opens_without_signing_in(app: Flask, issuer: Issuer):
    # Catalogue I-14: not by id, not by guess, not with a resident's session.
    case, secret, _ = filed(issuer)
    client = app.test_client()
    client.set_cookie("applicant", secret)
    token = csrf(client, "/apply")
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/operator") or rule.rule in {
            "/operator/login",
            "/operator/logout",
        }:
            continue
        path = rule.rule.replace("<application_id>", case).replace("<image_id>", "x")
        if "POST" in (rule.methods or ()):
            answer = client.post(path, data={"csrf": token})
            assert answer.status_code == 403, path
        else:
            answer = client.get(path)
            assert answer.headers["Location"] == "/operator/login", path
        assert str(FORM["family_name"]) not in answer.text


def test_steps_are_neither_skipped_nor_anothers(app: Flask, issuer: Issuer):
    # Catalogue I-19 and I-20, clauses [POR-LIFE-1] and [POR-EYES-1].
    case, _, _ = filed(issuer)
    maker, checker = signed_in(app, MAKER), signed_in(app, CHECKER)

    def press(client: FlaskClient, step: str, **data: str) -> tuple[int, list[str]]:
        token = csrf(client, f"/operator/cases/{case}")
        answer = client.post(f"/operator/cases/{case}/{step}", data={"csrf": token, **data})
        return answer.status_code, Skeleton(answer.text).codes

    extra = {"state": "issued", "maker": "nobody", "checker": MAKER}
    assert press(checker, "issue", **extra) == (403, ["portal.step"])
    assert press(checker, "approve", **extra) == (403, ["portal.role"])
    assert press(maker, "issue", **extra) == (403, ["portal.step"])
    assert press(maker, "approve", **extra)[0] == 303
    assert press(maker, "approve") == (403, ["portal.step"])
    assert press(maker, "issue") == (403, ["portal.role"])
    # Promoted overnight: still whoever approved.
    with issuer.db.transaction() as session:
        session.get_one(cases.Operator, MAKER).role = "checker"
    assert press(maker, "issue") == (403, ["portal.four_eyes"])
    assert press(checker, "revoke", reason="lost")[0] == 409
    assert press(checker, "issue")[0] == 200
    with issuer.db.transaction() as session:
        row = session.get_one(cases.Application, case)
        assert (row.state, row.maker, row.checker) == ("offered", MAKER, CHECKER)


def test_what_a_silent_wallet_took_can_be_ended(app: Flask, issuer: Issuer):
    # A notification is optional (OpenID4VCI section 11): copies count, not what was said of them.
    offer = decided(issuer)
    taken = wallet(issuer)
    taken.token = str(taken.redeem(code_of(issuer, offer), offer.tx_code).json["access_token"])
    assert taken.ask("kyc", taken.proofs(keys(2))).status_code == 200
    client = signed_in(app, CHECKER)
    page = "/operator/cases/a1"
    assert 'id="revoke"' in client.get(page).text
    data = {"csrf": csrf(client, page), "reason": "lost"}
    assert client.post(f"{page}/revoke", data=data).status_code == 200
    assert 'id="revoke"' not in client.get(page).text


def test_every_answer_is_guarded(app: Flask):
    # Catalogue I-13, clause [POR-WEB-3].
    client = signed_in(app, MAKER)
    answers = [
        *(client.get(path) for path in ("/", "/apply", "/operator", "/operator/audit", "/nope")),
        client.get("/applications/x"),
        client.put("/apply"),
        client.post("/apply", data=b"a" * 7_000_000, content_type="multipart/form-data"),
        client.post("/token"),
        client.get("/static/style.css"),
        client.get("/health"),
    ]
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Server" not in answer.headers or "Werkzeug" not in answer.headers["Server"]
    statuses = [answer.status_code for answer in answers]
    assert statuses[4:8] == [404, 404, 405, 413]


def test_a_foreign_host_name_goes_nowhere(app: Flask):
    # Catalogue I-12.
    client = app.test_client()
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    for path in ("/", "/apply", "/operator", "/.well-known/openid-credential-issuer"):
        answer = client.get(path, headers=headers)
        assert "evil.example" not in answer.text + str(answer.headers)
