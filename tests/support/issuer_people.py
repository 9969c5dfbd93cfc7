"""Residents, operators and wallets in front of an issuer's real pages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from issuer import accounts
from issuer.applications import Role
from issuer.context import Issuer
from ssi.encoding import JSONObject, canonical_json, parse_json_object
from ssi.fetch import FetchPolicy, Request, Response, http_fetch
from ssi.keys import Alg, SoftwareSigner, generate_signer
from ssi.oid4vci import (
    CredentialRequest,
    CredentialResponse,
    Grant,
    TokenRequest,
    build_key_proof,
    parse_credential_response,
    parse_offer,
)
from tests.support.issuer_world import picture
from warifu.demo.browser import Browser, Page, Upload

PASSWORD = "correct horse battery"
MAKER, CHECKER = "ito", "sato"
FORM: dict[str, str | list[str]] = {
    "family_name": "髙﨑",
    "given_name": "𠮷乃",
    "name_kana": "タカサキ ヨシノ",
    "birthdate": "2005-06-01",
    "postal_code": "1250042",
    "region": "東京都",
    "locality": "葛\U000e0100飾区",
    "street_address": "金町二丁目１０番地３　𠮷田荘２０３号室",
    "licence_number": "302548291510",
    "licence_classes": ["futsu", "gentsuki"],
    "licence_conditions": ["at_only"],
    "licence_expiry": "2030-01-28",
    "number_is_licence": "yes",
    "consent": "yes",
}
MOVE: dict[str, str | list[str]] = {
    "postal_code": "6392155",
    "region": "奈良県",
    "locality": "葛\U000e0100城市",
    "street_address": "竹内四丁目七番地の２　﨑山ハイツ５０１",
    "moved_on": "2025-11-20",
}


def photo(name: str = "licence.png", content: bytes | None = None) -> Upload:
    return Upload(name, "image/png", picture() if content is None else content)


def add_operators(issuer: Issuer) -> None:
    for name, role in ((MAKER, Role.MAKER), (CHECKER, Role.CHECKER)):
        accounts.add_operator(issuer.db, name, role, PASSWORD, random=issuer.random)


def apply(browser: Browser, url: str, **changes: str | list[str]) -> Page:
    """Apply; the answer is the status page, or the form with what is to mend."""
    page = browser.get(f"{url}/apply")
    return browser.submit(page, "apply", {**FORM, **changes}, {"licence_photo": photo()})


def sign_in(url: str, name: str, password: str = PASSWORD) -> Browser:
    browser = Browser()
    page = browser.get(f"{url}/operator/login")
    browser.submit(page, "login", {"name": name, "password": password})
    return browser


def application_id(page: Page) -> str:
    return urlsplit(page.url).path.split("/")[2]


def press(browser: Browser, url: str, case: str, form: str, **values: str) -> Page:
    """Press a button of a case's page."""
    page = browser.get(f"{url}/operator/cases/{case}")
    return browser.submit(page, form, values)


@dataclass
class HttpWallet:
    """A wallet over real HTTP, made of kernel functions."""

    issuer: Issuer
    token: str = ""

    def _send(
        self, path: str, body: bytes, kind: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        fetch = http_fetch(FetchPolicy(allow_loopback_http=True))
        sent = {"Content-Type": kind, **(headers or {})}
        url = self.issuer.config.url + path
        return fetch(Request(method="POST", url=url, headers=sent, body=body))

    def redeem(self, link: str, tx_code: str) -> None:
        offer = parse_offer(parse_qs(urlsplit(link).query)["credential_offer"][0])
        assert offer.pre_authorized is not None
        asked = TokenRequest(
            grant=Grant.PRE_AUTHORIZED_CODE,
            code=offer.pre_authorized.pre_authorized_code,
            tx_code=tx_code,
        )
        answer = self._send("/token", asked.to_form(), "application/x-www-form-urlencoded")
        assert answer.status == 200, answer.body
        self.token = str(parse_json_object(answer.body)["access_token"])

    def take(self, configuration: str, count: int = 2) -> CredentialResponse:
        """Ask for copies and say that they came."""
        form = "application/x-www-form-urlencoded"
        nonce = str(parse_json_object(self._send("/nonce", b"", form).body)["c_nonce"])
        signers: list[SoftwareSigner] = [
            generate_signer(Alg.ES256, os.urandom) for _ in range(count)
        ]
        proofs = tuple(
            build_key_proof(key, issuer=self.issuer.config.url, nonce=nonce, now=self.issuer.now())
            for key in signers
        )
        asked = CredentialRequest(configuration_id=configuration, proofs=proofs).to_json()
        answer = self._json("/credential", asked)
        assert answer.status == 200, answer.body
        told = parse_credential_response(answer.body)
        note: JSONObject = {
            "notification_id": told.notification_id,
            "event": "credential_accepted",
        }
        assert self._json("/notification", note).status == 204
        return told

    def _json(self, path: str, body: JSONObject) -> Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self._send(path, canonical_json(body), "application/json", headers)
