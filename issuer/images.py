"""Pictures of documents: refused, or drawn anew by a child process [POR-IMG-1].

What is kept is our own JPEG: no EXIF, no comment, no trailing bytes, no name the sender chose.
"""

import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ssi.errors import Rejected, Unavailable

MAX_BYTES: Final = 8 << 20
MEDIA_TYPE: Final = "image/jpeg"
_SECONDS = 10
_AT_ONCE = 2
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_JPEG = b"\xff\xd8\xff"
_WORKER = Path(__file__).with_name("image_worker.py")
_turns = threading.BoundedSemaphore(_AT_ONCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanImage:
    """A picture we drew ourselves."""

    media_type: str
    content: bytes = field(repr=False)


def clean_image(data: bytes) -> CleanImage:
    """Draw an uploaded picture anew.

    Args:
        data: What the browser sent; its file name and media type are ignored.

    Returns:
        A JPEG of at most 2000 pixels a side.

    Raises:
        Rejected: ``upload.rejected``: no plain JPEG or PNG, too big, damaged, or hostile.
        Unavailable: ``upload.busy``: too many pictures are being read.
    """
    if not 0 < len(data) <= MAX_BYTES:
        raise Rejected("the file is empty or too big", code="upload.rejected")
    if data.startswith(_PNG):
        if not data.endswith(_PNG_END) or data.count(_PNG_END) != 1:
            raise Rejected("something follows the picture", code="upload.rejected")
    elif not data.startswith(_JPEG):
        raise Rejected("the file is no JPEG and no PNG", code="upload.rejected")
    if not _turns.acquire(timeout=_SECONDS):
        raise Unavailable("too many pictures at once", code="upload.busy", retry_after=5)
    try:
        return CleanImage(media_type=MEDIA_TYPE, content=_redrawn(data))
    finally:
        _turns.release()


def _redrawn(data: bytes) -> bytes:
    """Run the child: isolated, without our environment, its talk thrown away."""
    try:
        done = subprocess.run(  # noqa: S603 - our own file, no argument of anybody's
            [sys.executable, "-I", str(_WORKER)],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            timeout=_SECONDS,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise Rejected("the picture cannot be read", code="upload.rejected") from None
    return done.stdout
