"""A film's title and chapters, written into its index; pictures and sound stay bit for bit where they were.

Chapters are a Nero list (``udta/chpl``), which players and ffprobe read, and not a text track: a film keeps exactly
one picture track and one sound track. No muxer is involved, so no timestamp can move (ISO/IEC 14496-12 §4.2, §8.7.5).
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stitcher_service.engine.errors import RenderFailed

_HEAD_BYTES = 8
_TICKS_PER_S = 10_000_000
_MOST_CHAPTERS = 255
_MOST_TITLE_BYTES = 255
_PATH_TO_OFFSETS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
_OFFSET_BYTES = {b"stco": 4, b"co64": 8}
_UTF8_TEXT = 1


@dataclass(frozen=True, slots=True)
class Chapter:
    """From `start_s` up to the next one."""

    start_s: Fraction
    title: str


def write_labels(film: Path, out: Path, title: str, chapters: Sequence[Chapter]) -> None:
    """`film`, whose index stands in front, as `out` with a title and chapters.

    Raises: RenderFailed when it is not laid out so, or its addresses would not fit.
    """
    with film.open("rb") as source, out.open("wb") as target:
        front = bytearray()
        while (name := (head := source.read(_HEAD_BYTES))[4:]) != b"moov":
            size = int.from_bytes(head[:4])
            if size < _HEAD_BYTES or name == b"mdat":
                raise RenderFailed("the film's index does not stand in front, so it cannot be labelled")
            front += head + source.read(size - _HEAD_BYTES)
        size = int.from_bytes(head[:4])
        target.write(front + labelled_index(source.read(size - _HEAD_BYTES), title, chapters))
        shutil.copyfileobj(source, target, 1 << 20)


def labelled_index(body: bytes, title: str, chapters: Sequence[Chapter]) -> bytes:
    """The ``moov`` box with this body, its labels replaced, and every address moved by what that added."""
    kept = b"".join(body[start:end] for start, end, name in _boxes(body, 0, len(body)) if name != b"udta")
    index = bytearray(_box(b"moov", kept, _labels(title, chapters)))
    _move(index, 0, len(index), len(index) - _HEAD_BYTES - len(body))
    return bytes(index)


def _boxes(data: bytes | bytearray, start: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    while start + _HEAD_BYTES <= end:
        size = int.from_bytes(data[start : start + 4])
        if size < _HEAD_BYTES or start + size > end:
            raise RenderFailed("the film's index is not made of whole boxes")
        yield start, start + size, bytes(data[start + 4 : start + _HEAD_BYTES])
        start += size


def _move(index: bytearray, start: int, end: int, by: int) -> None:
    """Everything behind the index has moved: add `by` to each address of a chunk of samples."""
    for first, last, name in _boxes(index, start, end):
        if name in _PATH_TO_OFFSETS:
            _move(index, first + _HEAD_BYTES, last, by)
        elif name in _OFFSET_BYTES:
            width = _OFFSET_BYTES[name]
            for at in range(first + _HEAD_BYTES + 8, last, width):
                moved = int.from_bytes(index[at : at + width]) + by
                if moved >> 8 * width:
                    raise RenderFailed("the film is too large for its own index")
                index[at : at + width] = moved.to_bytes(width)


def _labels(title: str, chapters: Sequence[Chapter]) -> bytes:
    listed = chapters[:_MOST_CHAPTERS]
    entries = b"".join(_entry(chapter) for chapter in listed)
    chapter_list = _box(b"chpl", bytes((1, 0, 0, 0)), bytes(4), bytes((len(listed),)), entries)
    handler = _box(b"hdlr", bytes(8), b"mdirappl", bytes(9))
    text = _box(b"data", _UTF8_TEXT.to_bytes(4), bytes(4), title.encode())
    return _box(b"udta", chapter_list, _box(b"meta", bytes(4), handler, _box(b"ilst", _box(b"\xa9nam", text))))


def _entry(chapter: Chapter) -> bytes:
    # Cut between characters, never inside one.
    title = chapter.title.encode()[:_MOST_TITLE_BYTES].decode(errors="ignore").encode()
    return round(chapter.start_s * _TICKS_PER_S).to_bytes(8) + bytes((len(title),)) + title


def _box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return (_HEAD_BYTES + len(body)).to_bytes(4) + name + body
