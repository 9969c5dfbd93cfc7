"""A browser at the issuer's portal: it reads forms as a person's would, and sends them back."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from issuer import accounts
from issuer.applications import Role
from issuer.context import Issuer
from tests.support.issuer_world import picture

PASSWORD = "correct horse battery"
OPERATORS = {
    "sato": Role.MAKER,
    "ito": Role.MAKER,
    "suzuki": Role.CHECKER,
    "kato": Role.CHECKER,
}
HARD = {
    "family_name": "髙﨑",
    "given_name": "𠮷乃",
    "locality": "葛\U000e0100飾区",
    "street_address": "金町二丁目１０番地３　𠮷田荘２０３号室",
}
ANSWERS: dict[str, Any] = {
    **HARD,
    "name_kana": "タカサキ ヨシノ",
    "birthdate": "2005-06-01",
    "postal_code": "１２５－００４２",
    "region": "東京都",
    "licence_number": "302548291510",
    "licence_classes": ["futsu", "gentsuki"],
    "licence_conditions": ["at_only"],
    "licence_expiry": "2030-01-28",
    "consent": "yes",
}
MOVE: dict[str, Any] = {
    "postal_code": "2310017",
    "region": "神奈川県",
    "locality": "横浜市中区",
    "street_address": "港町一丁目１番地",
    "moved_on": "2025-11-20",
}
# Made up, with the check digit of a My Number and not that of a licence.
MY_NUMBER = "123456789018"


def hire(issuer: Issuer, name: str) -> None:
    """Give an operator an account."""
    accounts.add_operator(issuer.db, name, OPERATORS[name], PASSWORD, random=issuer.random)


@dataclass
class Browser:
    """One browser with its cookies."""

    http: FlaskClient

    @classmethod
    def new(cls, app: Flask) -> Browser:
        return cls(app.test_client())

    def token(self, page: str) -> str:
        """The token in the first form of a page."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.http.get(page).text)
        assert found is not None
        return found[1]

    def send(self, page: str, target: str | None = None, **fields: Any) -> TestResponse:
        """Send a form of ``page``, with its token."""
        return self.http.post(target or page, data={"csrf": self.token(page), **fields})

    def apply(self, **changes: Any) -> TestResponse:
        fields = {"licence_photo": (io.BytesIO(picture()), "front.png"), **ANSWERS, **changes}
        return self.send("/apply", **{k: v for k, v in fields.items() if v is not None})

    def applied(self, **changes: Any) -> str:
        """Apply, and return the application's page."""
        answer = self.apply(**changes)
        assert answer.status_code == 303, problems(answer)
        return answer.headers["Location"]

    def move(self, page: str, **changes: Any) -> TestResponse:
        fields = {"evidence_photo": (io.BytesIO(picture()), "bill.png"), **MOVE, **changes}
        return self.send(f"{page}/move", **fields)

    def sign_in(self, name: str, password: str = PASSWORD) -> TestResponse:
        return self.send("/operator/login", name=name, password=password)

    def decide(self, application: str, act: str, **fields: Any) -> TestResponse:
        """Take a step as an operator, whether or not the page offers it."""
        case = f"/operator/cases/{application}"
        return self.http.post(f"{case}/{act}", data={"csrf": self.token("/operator"), **fields})


def operator(app: Flask, name: str) -> Browser:
    """A browser with an operator signed in, who is hired for it."""
    hire(app.extensions["warifu.issuer"], name)
    made = Browser.new(app)
    assert made.sign_in(name).status_code == 303
    return made


def id_of(page: str) -> str:
    return page.removeprefix("/applications/")


def state(page: str) -> str:
    return found(r'id="state" class="state" data-state="([a-z]+)"', page)


def found(pattern: str, page: str) -> str:
    match = re.search(pattern, page)
    assert match is not None
    return unescape(match[1])


def problems(answer: TestResponse) -> dict[str, str]:
    """What a form says is to mend, by field."""
    return dict(re.findall(r'id="([a-z_]+)-problem" data-code="([a-z._]+)"', answer.text))


def code(answer: TestResponse) -> str:
    """The code on an error page."""
    return found(r'id="error"[^>]*data-code="([a-z._0-9]+)"', answer.text)
