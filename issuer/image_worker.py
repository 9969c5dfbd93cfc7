"""A child process that looks at one untrusted picture: bytes in, our own JPEG out.

It runs with its own small limits of memory and time, so that a picture made to kill its reader
kills this process only. Started by path from `issuer.images`; it imports nothing of ours.
"""

import io
import resource
import sys

MEMORY = 384 << 20
CPU_SECONDS = 5
MAX_PIXELS = 25_000_000
MAX_SIDE = 20_000
KEPT_SIDE = 2_000
QUALITY = 88
REFUSED = 2


def main() -> int:
    """Read a picture from standard input; write it anew, or exit with 2."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    data = sys.stdin.buffer.read()
    try:
        redrawn = _redraw(data)
    except Exception:  # noqa: BLE001 - the outermost frame of a process made to fail alone
        return REFUSED
    sys.stdout.buffer.write(redrawn)
    return 0


def _redraw(data: bytes) -> bytes:
    from PIL import Image, ImageFile, ImageOps, PngImagePlugin  # noqa: PLC0415 - limits come first

    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    PngImagePlugin.MAX_TEXT_CHUNK = 1 << 16
    PngImagePlugin.MAX_TEXT_MEMORY = 1 << 18
    formats = ("JPEG", "PNG")
    with Image.open(io.BytesIO(data), formats=formats) as probe:
        _check_size(*probe.size)
        if getattr(probe, "n_frames", 1) != 1 and probe.format != "MPO":
            raise ValueError("more than one frame")
        probe.verify()
    with Image.open(io.BytesIO(data), formats=formats) as picture:
        picture.draft("RGB", (KEPT_SIDE, KEPT_SIDE))
        picture.load()
        small = picture.copy()
    small.thumbnail((KEPT_SIDE, KEPT_SIDE))
    upright = ImageOps.exif_transpose(small)
    # A new picture of pixels only: no comment, profile, position or thumbnail comes along.
    clean = Image.new("RGB", upright.size, (255, 255, 255))
    if upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        clean.paste(layer, mask=layer.getchannel("A"))
    else:
        clean.paste(upright.convert("RGB"))
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _check_size(width: int, height: int) -> None:
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise ValueError("too many pixels")


if __name__ == "__main__":
    sys.exit(main())
