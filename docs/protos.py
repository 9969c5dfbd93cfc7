"""Generate the protobuf stubs of CometBFT's ABCI from its own definitions (``make protos``).

The definitions come from the Go module cache, so that their version and checksum are Go's matter;
nothing is copied by hand. Needs Go and the development dependency grpcio-tools.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

MODULES = {
    "github.com/cometbft/cometbft": ("v0.38.25", "proto"),
    "github.com/cosmos/gogoproto": ("v1.7.0", "."),
}
FILES = (
    "gogoproto/gogo.proto",
    "tendermint/abci/types.proto",
    "tendermint/crypto/keys.proto",
    "tendermint/crypto/proof.proto",
    "tendermint/types/params.proto",
    "tendermint/types/validator.proto",
)
ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "registry_chain/engines/cometbft/pb"
PACKAGE = "registry_chain.engines.cometbft.pb"
_IMPORT = re.compile(r"^(from|import) (tendermint|gogoproto)\b", re.MULTILINE)


def module_folder(name: str, version: str) -> Path:
    """Download a Go module and return where it is."""
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            ["go", "mod", "download", "-json", f"{name}@{version}"],
            cwd=empty,
            check=True,
            capture_output=True,
            text=True,
        )
    return Path(json.loads(done.stdout)["Dir"])


def main() -> int:
    """Write the stubs anew."""
    roots = [module_folder(name, ver) / sub for name, (ver, sub) in MODULES.items()]
    well_known = Path(protoc.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as out:
        paths = [f"-I{root}" for root in (*roots, well_known)]
        code = protoc.main(["protoc", *paths, f"--python_out={out}", f"--pyi_out={out}", *FILES])
        if code:
            return int(code)
        for old in TARGET.glob("*/"):
            if old.is_dir():
                shutil.rmtree(old)
        for made in sorted(Path(out).rglob("*_pb2.py*")):
            path = TARGET / made.relative_to(out)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_IMPORT.sub(rf"\1 {PACKAGE}.\2", made.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
