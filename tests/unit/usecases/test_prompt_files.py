"""What is read from a prompt file, and what is refused by the name of what it is."""

import io
import re
import zipfile
from collections.abc import Mapping

import pytest

from promptreel.errors import Invalid
from promptreel.usecases.prompt_files import decode

FOX = "A fox and söt, 狐\nin the snow"


def zipped(members: Mapping[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            method = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, method)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        FOX.encode(),
        FOX.encode("utf-8-sig"),
        FOX.encode("utf-16"),
        b"\xff\xfe" + FOX.encode("utf-16-le"),
        b"\xfe\xff" + FOX.encode("utf-16-be"),
        FOX.encode("utf-16-le"),
        FOX.encode("utf-16-be"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16", "utf-16-le", "utf-16-be", "le without mark", "be without mark"],
)
def test_prompt_is_read_in_every_encoding_of_unicode_that_editors_write(data: bytes) -> None:
    assert decode("idea.txt", data) == {"prompt": FOX}


def test_request_is_read_in_utf_16_too() -> None:
    assert decode("idea.json", '{"prompt": "A fox"}'.encode("utf-16")) == {"prompt": "A fox"}
    assert decode("idea.yaml", "prompt: 狐が走る\n".encode("utf-16")) == {"prompt": "狐が走る"}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (FOX.encode("utf-32"), "idea.txt: is UTF-32 text, not plain text."),
        ("A föx".encode("latin-1"), "idea.txt: not UTF-8 text (byte 3)."),
        (b"\xff\xfeA\x00\x00\xd8B\x00", "idea.txt: not UTF-16 text (byte 4)."),
        (b"\xff\xfeA\x00B", "idea.txt: not UTF-16 text (byte 4)."),
        (b"\xff\xfe", "idea.txt: the file is empty."),
    ],
    ids=["utf-32", "latin-1", "half a surrogate pair", "half a character", "only a mark"],
)
def test_bytes_in_no_known_encoding_are_refused_with_their_place(data: bytes, text: str) -> None:
    with pytest.raises(Invalid, match=re.escape(text)) as refused:
        decode("idea.txt", data)

    assert "upload it again" in refused.value.remedy


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (zipped({"[Content_Types].xml": "<x/>", "_rels/.rels": "", "word/document.xml": "A fox"}), "a Word document"),
        (zipped({"[Content_Types].xml": "<x/>", "xl/workbook.xml": "A fox"}), "an Excel sheet"),
        (zipped({"ppt/presentation.xml": "A fox"}), "a PowerPoint presentation"),
        (
            zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "A fox"}),
            "an OpenDocument text",
        ),
        (zipped({"mimetype": "application/epub+zip"}), "an EPUB book"),
        (zipped({"Index/Document.iwa": "A fox"}), "a Pages, Numbers or Keynote document"),
        (zipped({"fox.txt": "A fox"}), "a ZIP archive"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word, Excel or PowerPoint document"),
        (b"{\\rtf1 A fox}", "an RTF document"),
        (b"\n<!DOCTYPE html><p>A fox</p>", "a web page"),
        (b"<HTML><p>A fox</p>", "a web page"),
        (b"<?xml version='1.0'?><fox/>", "an XML document"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "a WebP picture"),
        (b"\0\0\0\x18ftypheic", "a HEIC or AVIF picture"),
        (b"\0\0\0\x18ftypisom\0\0\0\1", "a video"),
        (b"ID3\x04\0\0", "a sound file"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        (b"\x7fELF\x02", "not UTF-8"),
    ],
)
@pytest.mark.parametrize("ending", ["txt", "md", "json", "yaml"])
def test_document_with_another_ending_is_named_for_what_it_is(data: bytes, kind: str, ending: str) -> None:
    if kind == "not UTF-8":  # no text has such a character, and no table knows such a file
        data += b"\xff"
    with pytest.raises(Invalid, match=f"^idea.{ending}: (is )?{kind}"):
        decode(f"idea.{ending}", data)


@pytest.mark.parametrize("prompt", ["ID3 is a tag", "GIF8 dances", "BZh, said the bee", "PK left", "RIFF 12 WEBP"])
def test_prompt_that_begins_like_a_binary_file_is_a_prompt(prompt: str) -> None:
    assert decode("idea.txt", prompt.encode()) == {"prompt": prompt}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["idea.md", "idea.txt"])
def test_front_matter_sets_fields_of_the_request(name: str, end: str) -> None:
    lines = ["---", "scenes: 3", "aspect: 9:16", "models: {video: veo}", "---", "A fox", "---", "in the snow"]

    assert decode(name, end.join(lines).encode()) == {
        "scenes": "3",
        "aspect": "9:16",
        "models": {"video": "veo"},
        "prompt": f"A fox{end}---{end}in the snow",
    }


@pytest.mark.parametrize("text", ["A fox\n---\nscenes: 3\n---\n", "\n---\nA fox\n---\n", "--- A fox", "---- \nA fox"])
def test_dashes_elsewhere_are_part_of_the_prompt(text: str) -> None:
    assert decode("idea.md", text.encode()) == {"prompt": text}


def test_front_matter_may_be_empty() -> None:
    assert decode("idea.md", b"---\n---\nA fox") == {"prompt": "A fox"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\nscenes: 3\nA fox", "the front matter that line 1 opens is never closed"),
        ("---", "the front matter that line 1 opens is never closed"),
        ("---\nscenes: [\n---\nA fox", "front matter: cannot be read"),
        ("---\nA fox in the snow\n---\nIt runs", "the front matter holds no fields"),
        ("---\nprompt: A fox\n---\nIt runs", "prompt: a .txt or .md file holds it below the front matter"),
        ("---\nscenes: 3\n---\n \n", "there is no prompt below the front matter"),
    ],
)
def test_front_matter_that_cannot_be_used_is_refused_and_not_filmed(text: str, message: str) -> None:
    with pytest.raises(Invalid, match=re.escape(f"idea.md: {message}")):
        decode("idea.md", text.encode())


@pytest.mark.parametrize(
    "text",
    ["prompt: &a A fox\ntitle: *a\n", "a: &a [*a, *a]\n", "a: &a {x: 1}\nb: {<<: [*a, *a]}\n"],
    ids=["a text", "itself", "merged"],
)
def test_alias_is_refused_because_a_few_can_unfold_without_end(text: str) -> None:
    with pytest.raises(Invalid, match=r"idea.yaml: cannot be read: \*a is an alias; write out what it names"):
        decode("idea.yaml", text.encode())
