"""The text in an uploaded file: which encoding it has, or what the file is if it holds no text.

A file is named for what is in it, because people rename documents to ``.txt`` and expect their words to be read.
"""

import codecs
import re
from collections.abc import Mapping

from promptreel.errors import Invalid

# The longer marks first: UTF-32's begins with UTF-16's.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_READ = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}
# Documents whose first bytes are text: they would be filmed word by word.
_WRITTEN_DOCUMENTS = {
    rb"%PDF-": "a PDF",
    rb"\{\\rtf": "an RTF document",
    rb"(?i)\s*<(?:!doctype\s+)?html": "a web page",
    rb"\s*<\?xml": "an XML document",
}
_BINARY_KINDS = {
    rb"\xd0\xcf\x11\xe0": "an old Word, Excel or PowerPoint document",
    rb"\x89PNG": "a PNG picture",
    rb"\xff\xd8\xff": "a JPEG picture",
    rb"GIF8": "a GIF picture",
    rb"RIFF....WEBP": "a WebP picture",
    rb"II\*\0|MM\0\*": "a TIFF picture",
    rb"....ftyp(?:heic|heix|mif1|avif)": "a HEIC or AVIF picture",
    rb"....ftyp|....moov": "a video",
    rb"\x1aE\xdf\xa3": "a video",
    rb"RIFF....WAVE|ID3|\xff[\xe2-\xfb]|fLaC|OggS": "a sound file",
    rb"\x1f\x8b": "a gzip archive",
    rb"7z\xbc\xaf|Rar!|BZh|\xfd7zXZ": "an archive",
    rb"SQLite format 3": "a database",
}
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_ZIP = b"PK\x03\x04"
_ZIP_MEMBER = re.compile(rb"PK\x03\x04.{26}(?=(.{1,64}))", re.DOTALL)  # a local header; the name comes after it
# What a ZIP archive is, by the name of a member; the content of an archive is never unpacked.
_ZIP_KINDS = {
    rb"word/": "a Word document (.docx)",
    rb"xl/": "an Excel sheet (.xlsx)",
    rb"ppt/": "a PowerPoint presentation (.pptx)",
    rb"mimetypeapplication/vnd\.oasis\.opendocument\.text": "an OpenDocument text (.odt)",
    rb"mimetypeapplication/vnd\.oasis": "an OpenDocument file",
    rb"mimetypeapplication/epub": "an EPUB book",
    rb"Index/.*\.iwa|Index\.zip|Metadata/.*\.plist": "a Pages, Numbers or Keynote document",
}


def read_text(name: str, data: bytes) -> str:
    """The text in a file, without its byte order mark.

    UTF-8 and UTF-16 are read. UTF-16 needs a byte order mark or a first character of ASCII.

    Raises: Invalid naming what the file is, or the first byte that is no text.
    """
    refuse_other_content(name, data)
    encoding, mark = _find_encoding(data)
    try:
        text = data[mark:].decode(encoding)
    except UnicodeDecodeError as error:
        raise Invalid(
            f"{name}: not {_READ[encoding]} text (byte {mark + error.start}).",
            code="unknown_encoding",
            remedy="Save the file as UTF-8 and upload it again.",
        ) from error
    if not text.strip():
        raise Invalid(f"{name}: the file is empty.", remedy="Write a prompt into it and upload it again.")
    return text


def refuse_other_content(name: str, start: bytes) -> None:
    """Raises: Invalid naming what a file is that holds no plain text, by its first bytes."""
    kind = "UTF-32 text" if _find_encoding(start)[0] not in _READ else _describe_content(start)
    if kind is not None:
        raise Invalid(
            f"{name}: is {kind}, not plain text.",
            code="unknown_file_type",
            remedy="Save the prompt as plain text in UTF-8 and upload it again.",
        )


def _describe_content(start: bytes) -> str | None:
    written = _match(_WRITTEN_DOCUMENTS, start)
    if written is not None or _is_plain(start):  # a prompt may begin with "ID3" or "GIF8"
        return written
    if start.startswith(_ZIP):
        members = _ZIP_MEMBER.findall(start)
        return next((kind for kind in (_match(_ZIP_KINDS, name) for name in members) if kind), "a ZIP archive")
    return _match(_BINARY_KINDS, start)


def _match(signs: Mapping[bytes, str], start: bytes) -> str | None:
    return next((kind for sign, kind in signs.items() if re.match(sign, start, re.DOTALL)), None)


def _is_plain(start: bytes) -> bool:
    """Whether the first bytes of a file are UTF-8 without control characters. Its last character may be cut."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(start)


def _find_encoding(data: bytes) -> tuple[str, int]:
    """The encoding of a file, and how many bytes its byte order mark takes."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return encoding, len(mark)
    high, low = data[:1], data[1:2]
    if high == b"\0" < low:
        return "utf-16-be", 0
    if low == b"\0" < high:
        return "utf-16-le", 0
    return "utf-8", 0
