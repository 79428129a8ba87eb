"""Whether a file is as long as its own structure says. Reads sizes only; what is in the file is never looked at."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_BOX_HEADER_BYTES = 8
_WIDE_BOX_HEADER_BYTES = 16
_LONGEST_SIGNATURE_BYTES = 12
_FIRST_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"sidx"})
_SIDX_ENTRY_BYTES = 12
_SIDX_MOST_BYTES = 1 << 20  # 65,535 entries at most
_SIDX_SIZE_MASK = 0x7FFF_FFFF  # the top bit says what the entry refers to
_EBML_HEADER = bytes.fromhex("1A45DFA3")
_SEGMENT = bytes.fromhex("18538067")
_EBML_SIZE_MOST_BYTES = 8


def count_missing_bytes(path: Path) -> int:
    """How many bytes `path` lacks, by its outer structure; 0 where it is complete or does not say."""
    with path.open("rb") as file:
        head = file.read(_LONGEST_SIGNATURE_BYTES)
        if head.startswith(_EBML_HEADER):
            end = _end_of_segment(file)
        elif head[:4] == b"RIFF" and head[8:] == b"AVI ":
            end = int.from_bytes(head[4:8], "little") + _BOX_HEADER_BYTES
        elif head[4:8] in _FIRST_BOXES:
            end = _end_of_boxes(file)
        else:
            end = 0
    return max(0, end - path.stat().st_size)


@dataclass(frozen=True, slots=True)
class Box:
    """A top-level box of an MP4 file: where its content begins and ends."""

    name: str
    content: int
    end: int


def read_boxes(file: IO[bytes]) -> Iterator[Box]:
    """The top-level boxes in order (ISO/IEC 14496-12 §4.2), up to one whose header makes no sense."""
    start, length = 0, file.seek(0, 2)
    while start < length:
        file.seek(start)
        head = file.read(_WIDE_BOX_HEADER_BYTES)
        size, content = int.from_bytes(head[:4]), start + _BOX_HEADER_BYTES
        if size == 1:
            size, content = int.from_bytes(head[_BOX_HEADER_BYTES:]), start + _WIDE_BOX_HEADER_BYTES
        if size == 0:  # up to the end of the file
            size = length - start
        if len(head) < _BOX_HEADER_BYTES or start + size < content:
            return
        yield Box(head[4:8].decode("latin-1"), content, start + size)
        start += size


def _end_of_boxes(file: IO[bytes]) -> int:
    """Where an MP4 ends; 0 for one with a single index, whose packets are compared with it one by one."""
    found = list(read_boxes(file))
    names = {box.name for box in found}
    if "moov" in names and not names & {"moof", "sidx"}:
        return 0
    return max((_end_of_sidx(file, box) if box.name == "sidx" else box.end for box in found), default=0)


def _end_of_sidx(file: IO[bytes], box: Box) -> int:
    """Where the last segment ends that a segment index lists (ISO/IEC 14496-12 §8.16.3)."""
    file.seek(box.content)
    content = file.read(min(box.end - box.content, _SIDX_MOST_BYTES))
    wide = 8 if content[:1] == b"\x01" else 4
    first_offset = 12 + wide  # behind version, flags, reference_ID, timescale and earliest_presentation_time
    count_at = first_offset + wide + 2
    count = int.from_bytes(content[count_at : count_at + 2])
    entries = range(count_at + 2, count_at + 2 + count * _SIDX_ENTRY_BYTES, _SIDX_ENTRY_BYTES)
    sizes = (int.from_bytes(content[at : at + 4]) & _SIDX_SIZE_MASK for at in entries)
    return box.end + int.from_bytes(content[first_offset : first_offset + wide]) + sum(sizes)


def _end_of_segment(file: IO[bytes]) -> int:
    """Where Matroska's one segment ends (RFC 8794 §4, RFC 9559 §4.5); 0 if it was written without knowing."""
    end = file.seek(0)
    for name in (_EBML_HEADER, _SEGMENT):
        if file.read(len(name)) != name or (size := _ebml_size(file)) is None:
            return 0
        end = file.seek(size, 1)
    return end


def _ebml_size(file: IO[bytes]) -> int | None:
    first = file.read(1)
    length = _EBML_SIZE_MOST_BYTES + 1 - first[0].bit_length() if first else 0
    if not 0 < length <= _EBML_SIZE_MOST_BYTES:
        return None
    mask = (1 << 7 * length) - 1
    size = int.from_bytes(first + file.read(length - 1)) & mask
    return None if size == mask else size
