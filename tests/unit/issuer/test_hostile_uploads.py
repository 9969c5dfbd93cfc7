"""Uploaded pictures: refused, or drawn anew."""

from __future__ import annotations

import io
import json
import resource
import time

import pytest
from PIL import Image

from issuer.image_worker import MAX_SIDE
from issuer.images import MAX_BYTES, clean
from ssi.errors import Rejected
from tests.support.vectors import vectors_dir

SET = vectors_dir("upload_images")
PICTURES = sorted(p for p in SET.iterdir() if p.suffix not in {".txt", ".json"})
BAD = [p for p in PICTURES if not p.name.startswith("ok_")]


def test_the_set_is_the_one_the_limits_were_made_for():
    expected = json.loads((SET / "expect.json").read_text("utf-8"))
    assert expected["max_bytes"] >= MAX_BYTES
    assert len(BAD) == len(PICTURES) - 1 == 19


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_a_hostile_file_is_refused_fast_and_small(path):
    # Clause [POR-IMAGE-1].
    started = time.monotonic()
    with pytest.raises(Rejected) as caught:
        clean(path.read_bytes())
    assert caught.value.code == "upload.rejected"
    assert time.monotonic() - started < 3
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 200 * 1024


def test_a_plain_picture_is_drawn_anew():
    source = (SET / "ok_640x400.png").read_bytes()
    made = clean(source)
    with Image.open(io.BytesIO(made.content)) as picture:
        assert (picture.size, made.media_type) == ((640, 400), f"image/{picture.format}".lower())
    assert source not in made.content


def photo(side: tuple[int, int] = (300, 200), **saving: object) -> bytes:
    out = io.BytesIO()
    picture = Image.new("RGB", side, (10, 200, 30))
    picture.putpixel((0, 0), (255, 0, 0))
    picture.save(out, "JPEG", **saving)
    return out.getvalue()


def test_nothing_the_camera_wrote_stays():
    exif = Image.Exif()
    exif[0x010E] = "SECRET-PLACE"
    exif[0x0112] = 6
    made = clean(photo(exif=exif.tobytes(), comment=b"SECRET-COMMENT") + b"SECRET-TAIL")
    assert b"SECRET" not in made.content
    with Image.open(io.BytesIO(made.content)) as picture:
        assert not picture.getexif()
        assert picture.size == (200, 300)


def test_a_big_photo_is_made_smaller():
    with Image.open(io.BytesIO(clean(photo((5600, 4200))).content)) as picture:
        assert max(picture.size) == MAX_SIDE


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
def test_every_kind_of_png_becomes_plain_colour(mode):
    out = io.BytesIO()
    Image.new(mode, (40, 30)).save(out, "PNG")
    with Image.open(io.BytesIO(clean(out.getvalue()).content)) as picture:
        assert picture.mode == "RGB"


def test_a_file_over_the_limit_is_not_even_looked_at():
    with pytest.raises(Rejected):
        clean(b"\xff\xd8\xff" + bytes(MAX_BYTES))
