"""Every word of a page is there in both languages [POR-WORDS-1]."""

from __future__ import annotations

import re
from pathlib import Path

import issuer
from issuer import cases, checks
from issuer.applications import Kind, State
from issuer.texts import TEXTS

PACKAGE = Path(issuer.__file__).parent
PAGES = "".join(path.read_text("utf-8") for path in (PACKAGE / "templates").glob("*.html"))
# Not of the command line, whose actions are argparse's.
CODE = "".join(path.read_text("utf-8") for path in PACKAGE.glob("*.py") if path.stem != "cli")


def test_every_text_is_in_both_languages():
    assert all(text.ja.strip() and text.en.strip() for text in TEXTS.values())
    english = {key for key, text in TEXTS.items() if re.search(r"[ぁ-んァ-ヶ一-龠]", text.en)}
    # Examples of what to type, and the name of the other language.
    assert english == {"switch", "hint.name_kana", "hint.street_address"}


def test_every_text_a_page_names_exists():
    named = set(re.findall(r"""\bt\(\s*["']([a-z_.]+)["']\s*\)""", PAGES))
    assert len(named) > 50
    assert named <= set(TEXTS)


def test_every_code_a_page_may_have_to_show_has_words():
    shown = {
        *(f"state.{state}" for state in State),
        *(f"kind.{kind}" for kind in Kind),
        *(f"class.{name}" for name in checks.CLASSES),
        *(f"condition.{name}" for name in checks.CONDITIONS),
        *(f"reason.{name}" for name in (*cases.REJECT_REASONS, *cases.REVOKE_REASONS)),
        *(f"field.{name}" for name in (*checks.PERSON_LIMITS, *checks.ADDRESS_LIMITS)),
        *(f"act.{name}" for name in re.findall(r"""^ +action="([a-z_]+)",$""", CODE, re.MULTILINE)),
        *(f"act.{name}" for name in ("submit", "withdraw", "approve", "reject", "issue")),
        *(f"act.{name}" for name in ("purge", "sign_in", "sign_out", "locked", "operator")),
    }
    assert shown <= set(TEXTS), shown - set(TEXTS)


def test_every_finding_has_words():
    source = (PACKAGE / "checks.py").read_text("utf-8")
    codes = set(re.findall(r"""Finding\([^)]*?,\s*"([a-z_]+)"\)""", source))
    assert len(codes) > 10
    known = {key.partition(".")[2] for key in TEXTS if key.startswith(("problem.", "warning."))}
    assert codes <= known, codes - known
