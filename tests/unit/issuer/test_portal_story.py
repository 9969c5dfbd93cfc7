"""From the form to the credential, through the pages as a browser sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from issuer import revocation
from issuer.app import create_app
from issuer.context import Issuer
from issuer.models import Credential
from issuer.offers import CONFIGURATIONS
from ssi.credential import person_claims
from ssi.encoding import JSONObject, parse_json_object
from ssi.jose import parse_jws
from ssi.sdjwt import parse_sdjwt, verify_issuer_jwt
from ssi.status_list import INVALID, VALID, decode_status_list
from tests.support.chain import TestClock, running
from tests.support.issuer_people import (
    CHECKER,
    FORM,
    MAKER,
    MOVE,
    HttpWallet,
    add_operators,
    application_id,
    apply,
    photo,
    press,
    sign_in,
)
from tests.support.issuer_world import free_port, opened, serving, write_config
from warifu.demo.browser import Browser


@pytest.fixture
def running_issuer(tmp_path: Path, clock: TestClock) -> Iterator[Issuer]:
    port = free_port()
    with running(tmp_path / "chain.db") as chain:
        config = write_config(tmp_path, chain, url=f"http://127.0.0.1:{port}")
        with opened(config, clock) as issuer:
            add_operators(issuer)
            revocation.publish(issuer)
            with serving(create_app(issuer), port):
                yield issuer


@dataclass
class Cast:
    """Three browsers in front of one issuer."""

    issuer: Issuer
    resident: Browser
    maker: Browser
    checker: Browser

    @property
    def url(self) -> str:
        return self.issuer.config.url

    def decide(self, case: str) -> list[JSONObject]:
        """Approve, issue, take both credentials; returns what each copy says of the person."""
        press(self.maker, self.url, case, "approve")
        # The maker has no button to issue; the checker has.
        with pytest.raises(LookupError):
            press(self.maker, self.url, case, "issue")
        tx_code = press(self.checker, self.url, case, "issue").element("tx-code").text
        page = self.resident.get(f"{self.url}/applications/{case}")
        assert page.element("state").attributes["data-state"] == "offered"
        assert page.element("offer-qr").tag == "svg"
        assert tx_code not in page.text
        wallet = HttpWallet(self.issuer)
        wallet.redeem(page.element("offer-link").attributes["href"], tx_code)
        key = self.issuer.credential_key.signer.public_key
        issued = [e for name in CONFIGURATIONS for e in wallet.take(name).credentials]
        page = self.resident.get(f"{self.url}/applications/{case}")
        assert page.element("state").attributes["data-state"] == "issued"
        return [
            person_claims(verify_issuer_jwt(parse_sdjwt(entry.credential), key).claims)
            for entry in issued
        ]

    def statuses(self) -> list[int]:
        """What the published list says of every copy, in the order they were issued."""
        token = self.resident.get(self.issuer.config.status_uri).text
        found = decode_status_list(parse_json_object(parse_jws(token).payload)["status_list"])
        with self.issuer.db.transaction() as session:
            indices = session.scalars(select(Credential.status_index).order_by(Credential.id))
            return [found.get(index) for index in indices]


def test_a_resident_applies_moves_and_is_revoked(running_issuer: Issuer, clock: TestClock):
    url = running_issuer.config.url
    cast = Cast(running_issuer, Browser(), sign_in(url, MAKER), sign_in(url, CHECKER))
    page = apply(cast.resident, url)
    assert page.element("state").attributes["data-state"] == "submitted"
    case = application_id(page)
    shown = cast.maker.get(f"{url}/operator/cases/{case}").text
    for told in cast.decide(case):
        assert told["name"] == f"{FORM['family_name']} {FORM['given_name']}"
        assert told["address"]["locality"] == FORM["locality"]
        assert told["address"]["street_address"] == FORM["street_address"]
    assert all(str(FORM[n]) in shown for n in ("family_name", "given_name", "locality"))

    # A new house: the same four eyes, fresh credentials, the old ones end.
    form = cast.resident.get(f"{url}/applications/{case}/move")
    moved = cast.resident.submit(form, "move", MOVE, {"evidence_photo": photo()})
    second = application_id(moved)
    for told in cast.decide(second):
        assert told["address"]["street_address"] == MOVE["street_address"]
        assert told["name"] == f"{FORM['family_name']} {FORM['given_name']}"
    clock.move(seconds=1)
    revocation.end_due(cast.issuer)
    revocation.publish(cast.issuer)
    assert cast.statuses() == [INVALID] * 4 + [VALID] * 4

    clock.move(seconds=1)
    gone = press(cast.checker, url, second, "revoke", reason="lost")
    assert gone.element("revoked").attributes["data-published"] == "yes"
    assert cast.statuses() == [INVALID] * 8
    log = cast.checker.get(f"{url}/operator/audit")
    assert log.element("audit").attributes["data-state"] == "complete"
    assert not any(str(FORM[n]) in log.text for n in ("family_name", "locality", "licence_number"))
