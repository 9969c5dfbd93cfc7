"""The ``warifu`` command: what it says to words it does not know."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from warifu.__main__ import EXIT_BAD_INPUT, EXIT_ERROR, main


@pytest.mark.parametrize(
    "words",
    [
        ["demo", "--nosuch"],
        ["wallet", "present"],
        ["wallet", "nosuch"],
        ["chain"],
        ["evidence", "verify", "--nosuch"],
    ],
)
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_wrong_words_get_one_sentence_and_exit_code_3(
    words: list[str],
    lang: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Never 2: that is the holder's "declined"."""
    monkeypatch.setenv("WARIFU_LANG", lang)
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == EXIT_BAD_INPUT
    told = capsys.readouterr()
    assert not told.out
    assert told.err.count("\n") == 1
    assert f"warifu {words[0]}" in told.err
    assert "--help" in told.err


@pytest.mark.parametrize(("lang", "word"), [("ja", "後に書きます"), ("en", "goes after --")])
def test_an_id_that_looks_like_an_option_is_told_how_to_be_written(
    lang: str,
    word: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody else chose the id: a firm must still be able to name it."""
    monkeypatch.setenv("WARIFU_LANG", lang)
    with pytest.raises(SystemExit):
        main(["evidence", "forget", "-AbC"])
    assert word in capsys.readouterr().err
    assert main(["evidence", "forget", "--config", "/none/verifier.toml", "--", "-AbC"]) == 1
    assert "config.unreadable" in capsys.readouterr().err


def test_a_command_that_does_not_exist_is_told_in_the_reader_s_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for lang, word in (("ja", "ありません"), ("en", "no such command")):
        monkeypatch.setenv("WARIFU_LANG", lang)
        assert main(["nosuch"]) == EXIT_BAD_INPUT
        assert word in capsys.readouterr().err


@pytest.mark.parametrize(("lang", "word"), [("ja", "入ります"), ("en", "is not installed")])
def test_a_part_that_is_not_installed_is_named_with_what_brings_it(lang: str, word: str) -> None:
    """The base install has no web server."""
    program = (
        "import sys; sys.modules['gunicorn'] = None; from warifu.__main__ import main;"
        " sys.exit(main(['chain', 'node', '--home', 'x']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "WARIFU_LANG": lang},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == EXIT_ERROR
    assert done.stderr.count("\n") == 1
    assert word in done.stderr
    assert "warifu[node]" in done.stderr
