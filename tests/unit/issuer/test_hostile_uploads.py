"""Uploaded pictures: refused, or drawn anew."""

from __future__ import annotations

import io
import json
import subprocess
import sys

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
def test_a_hostile_file_is_refused(path):
    # Clause [POR-IMAGE-1].
    with pytest.raises(Rejected) as caught:
        clean(path.read_bytes())
    assert caught.value.code == "upload.rejected"


def test_no_hostile_file_costs_more_than_a_second_of_work_or_200_mebibytes():
    # Clause [POR-IMAGE-1]. In a process of its own, whose children are these and no others.
    code = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from issuer.images import clean\nfrom ssi.errors import Rejected\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n        clean(Path(name).read_bytes())\n"
        "    except Rejected:\n        pass\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_maxrss, used.ru_utime + used.ru_stime)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, BAD)], capture_output=True, text=True, check=True
    )
    memory, seconds = done.stdout.split()
    assert int(memory) < 200 * 1024
    assert float(seconds) < len(BAD)


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
