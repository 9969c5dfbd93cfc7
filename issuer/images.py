"""Pictures of documents: judged and drawn anew by a process that can do no harm [POR-IMAGE-1]."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ssi.errors import Rejected, Unavailable

MAX_BYTES = 5 * 1024 * 1024
_SECONDS = 30  # by the clock; its processor time the worker limits itself
_WORKER = Path(__file__).with_name("image_worker.py")
_TYPES = {b"JPEG": "image/jpeg", b"PNG": "image/png"}


@dataclass(frozen=True, slots=True)
class CleanImage:
    """A picture whose every byte is ours."""

    media_type: str
    content: bytes = field(repr=False)


def clean(content: bytes) -> CleanImage:
    """Judge a picture and draw it anew.

    Args:
        content: What was uploaded.

    Raises:
        Rejected: ``upload.rejected``: no JPEG or PNG that we take.
        Unavailable: ``issuer.busy``.
    """
    if not content or len(content) > MAX_BYTES:
        raise Rejected("the picture is empty or too large", code="upload.rejected")
    try:
        done = subprocess.run(  # noqa: S603 - our own file, no shell, no argument from outside
            [sys.executable, "-I", str(_WORKER)],
            input=content,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired as error:
        # It was never given its few seconds of a processor: no verdict on the picture.
        raise Unavailable("the machine is busy", code="issuer.busy") from error
    kind, found, drawn = done.stdout.partition(b"\n")
    if done.returncode != 0 or not found or kind not in _TYPES:
        raise Rejected("the file is no picture that we take", code="upload.rejected")
    return CleanImage(_TYPES[kind], drawn)
