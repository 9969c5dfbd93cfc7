"""Every command of docs/governance.md runs, in order, and says what the page shows."""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from registry_chain.config import NodeConfig, open_node
from warifu.__main__ import main

GUIDE = Path(__file__).parents[2] / "docs" / "governance.md"
REFUSED = "# refused"


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each command with the lines shown below it."""
    for block in re.findall(r"```console\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, *shown = part.strip().splitlines()
            yield line, shown


def write_files(folder: Path) -> None:
    """Each file the page shows, under the name it gives."""
    text = GUIDE.read_text("utf-8")
    for name, content in re.findall(r"```json ([a-z.]+)\n(.*?)```", text, re.DOTALL):
        (folder / name).write_text(content, "utf-8")


def test_the_guide_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    monkeypatch.setenv("WARIFU_LANG", "en")
    (founding, _), *rest = commands()
    assert main(shlex.split(founding)[1:]) == 0
    home = tmp_path / "consortium"
    app, stop = open_node(NodeConfig.load(home / "node.toml"))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    settings = (home / "node.toml").read_text("utf-8")
    (home / "node.toml").write_text(re.sub(r"port = \d+", f"port = {server.server_port}", settings))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        assert len(rest) > 15
        for line, shown in rest:
            capsys.readouterr()
            code = main(shlex.split(line.removesuffix(REFUSED))[1:])
            said = capsys.readouterr()
            assert (code != 0) == line.endswith(REFUSED), (line, said)
            for part in shown:
                assert part in said.out + said.err, line
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        stop()
