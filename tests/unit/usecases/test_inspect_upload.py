"""An upload before a request names it: what it is by decoding it, whatever its name and its uploader say."""

import hashlib
from collections.abc import Callable

import pytest

from promptreel.errors import NotFound
from promptreel.ports.pictures import PictureFacts
from promptreel.usecases.inspect_upload import InspectedUpload, inspect_upload
from promptreel.usecases.take_in_pictures import MAX_PICTURE_BYTES, upload_folder
from tests.fakes.services import FakeServices
from tests.picture_files import a_picture, encoded, png_bomb, webp_header

MIRA = "mira@example.com"


def inspect(world: FakeServices, data: bytes) -> InspectedUpload:
    world.uploads.objects[world.uploads.uri(f"{upload_folder(MIRA)}upload-1")] = data
    return inspect_upload(MIRA, "upload-1", world)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_upload_is_described_by_its_bytes(world: FakeServices, kind: str) -> None:
    data = encoded(a_picture(), kind)

    found = inspect(world, data)

    assert found.facts == PictureFacts(f"image/{kind.lower()}", 320, 240)
    assert (found.id, found.uri, found.size) == ("upload-1", "upload:upload-1", len(data))
    assert (found.sha256, found.problem) == (hashlib.sha256(data).hexdigest(), None)


def test_size_is_that_of_the_picture_once_it_is_upright(world: FakeServices) -> None:
    picture = a_picture()
    exif = picture.getexif()
    exif[0x0112] = 6  # turn it by a quarter

    facts = inspect(world, encoded(picture, "JPEG", exif=exif)).facts

    assert facts is not None
    assert (facts.width_px, facts.height_px) == (240, 320)


def test_change_that_can_be_seen_is_a_remark(world: FakeServices) -> None:
    facts = inspect(world, encoded(a_picture().convert("CMYK"), "JPEG")).facts

    assert facts is not None
    assert "CMYK" in facts.remarks[0]


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "wrong type": (lambda: b"%PDF-1.7 a picture.png", "the file is a PDF"),
    "program": (lambda: b"#!/bin/sh\nrm -rf /\n", "the file is no picture"),
    "web page before a png": (lambda: b"<html><script>1</script>" + encoded(a_picture()), "the file is a web page"),
    "zip before a jpeg": (lambda: b"PK\x03\x04" + encoded(a_picture(), "JPEG"), "the file is a ZIP archive"),
    "bomb": (lambda: png_bomb(6000, 6000), "6,000x6,000 pixels"),
    "canvas of a webp": (lambda: webp_header(16_000, 16_000), "16,000x16,000 pixels"),
    "cut off": (lambda: encoded(a_picture(), "JPEG")[:-500], "damaged or cut off"),
    "oversized": (lambda: bytes(MAX_PICTURE_BYTES + 1), "at most 20,000,000 bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_upload_is_described_as_unusable_with_the_way_out(world: FakeServices, name: str) -> None:
    make, words = REFUSED[name]

    found = inspect(world, make())

    assert found.facts is None
    assert found.problem is not None
    assert words in found.problem.message
    assert found.problem.remedy
    assert (found.size is None) is (name == "oversized")


@pytest.mark.parametrize(
    "upload_id", ["../upload-1", "..%2Fupload-1", "", "UPLOAD-1", "upload-1/", "a" * 41, "a\nbcdef"]
)
def test_store_is_not_asked_when_the_id_is_none_of_an_upload(world: FakeServices, upload_id: str) -> None:
    world.uploads.objects[world.uploads.uri(upload_folder(MIRA) + upload_id)] = encoded(a_picture())

    with pytest.raises(NotFound):
        inspect_upload(MIRA, upload_id, world)


def test_upload_is_not_found_alike_when_it_is_missing_or_of_another_owner(world: FakeServices) -> None:
    inspect(world, encoded(a_picture()))

    with pytest.raises(NotFound) as missing:
        inspect_upload(MIRA, "upload-2", world)
    with pytest.raises(NotFound) as foreign:
        inspect_upload("tom@example.com", "upload-1", world)

    assert "POST /v1/uploads" in missing.value.remedy == foreign.value.remedy
