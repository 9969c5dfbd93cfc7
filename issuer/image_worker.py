"""A picture in, the same picture made anew out; run in a process of its own [POR-IMAGE-1].

The process limits itself before it reads a byte, decodes, and draws the pixels into a new file:
no metadata, no trailing data, no second meaning survives. It imports nothing of ours.

Exit: 0 with the format's name, a newline and the new file on stdout; 1 for any refusal.
"""

import io
import resource
import struct
import sys
import warnings
import zlib

from PIL import Image, ImageOps

MAX_BYTES = 5 * 1024 * 1024
MAX_PIXELS = 25_000_000
MAX_SIDE = 3000
CPU_SECONDS = 3
MEMORY = 768 * 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNK_FRAME = 12


def confine() -> None:
    """Give the process less than an attacker would need."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("error")
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def remake(content: bytes) -> tuple[str, bytes]:
    """Return the format and the bytes of the picture drawn anew.

    Raises:
        ValueError: It is no picture that we take.
        OSError: It is broken.
    """
    if len(content) > MAX_BYTES:
        raise ValueError("too many bytes")
    if content.startswith(_PNG):
        check_png(content)
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as picture:
        kind = "PNG" if picture.format == "PNG" else "JPEG"
        width, height = picture.size
        if width < 1 or height < 1 or width * height > MAX_PIXELS:
            raise ValueError("too many pixels")
        # A JPEG is decoded at half size when that is still more than we keep.
        picture.draft("RGB", (MAX_SIDE, MAX_SIDE))
        picture.load()
        small = shrunk(picture)
    ImageOps.exif_transpose(small, in_place=True)
    clean = Image.frombytes("RGB", small.size, small.tobytes())
    out = io.BytesIO()
    if kind == "PNG":
        clean.save(out, "PNG", compress_level=3)
    else:
        clean.save(out, "JPEG", quality=88)
    return kind, out.getvalue()


def shrunk(picture: Image.Image) -> Image.Image:
    """Return the picture in colours, no larger than we keep it.

    Shrunk before it is converted, and without the transparency, so that the largest picture we
    take is never in memory twice.
    """
    if picture.mode == "RGBA":
        return Image.merge("RGB", [_small_channel(picture, name) for name in "RGB"])
    small = picture if picture.mode in {"RGB", "L"} else picture.convert("RGB")
    small.thumbnail((MAX_SIDE, MAX_SIDE))
    return small.convert("RGB")


def _small_channel(picture: Image.Image, name: str) -> Image.Image:
    channel = picture.getchannel(name)
    channel.thumbnail((MAX_SIDE, MAX_SIDE))
    return channel


def check_png(content: bytes) -> None:
    """Walk the chunks: every checksum right, and nothing after the end (PNG §5).

    Raises:
        ValueError: It is broken, or two files in one.
    """
    position = len(_PNG)
    while position + _CHUNK_FRAME <= len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        end = position + _CHUNK_FRAME + length
        if end > len(content):
            break
        (checksum,) = struct.unpack_from(">I", content, end - 4)
        if zlib.crc32(content[position + 4 : end - 4]) != checksum:
            raise ValueError("a checksum is wrong")
        if kind == b"IEND":
            if end != len(content):
                raise ValueError("something follows the picture")
            return
        position = end
    raise ValueError("the picture does not end")


def main() -> int:
    """Read stdin, write stdout."""
    confine()
    try:
        kind, content = remake(sys.stdin.buffer.read(MAX_BYTES + 1))
    except Exception:  # noqa: BLE001 - the outermost loop: whatever a decoder says is a refusal
        return 1
    sys.stdout.buffer.write(kind.encode() + b"\n" + content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
