"""Resumable uploads: a session takes an object in pieces, and says after a cut how much of it has arrived.

https://cloud.google.com/storage/docs/performing-resumable-uploads and .../resumable-uploads (read 2026-11)
"""

import re
import secrets
from dataclasses import dataclass, field

PIECE_BYTES = 256 * 1024  # every piece but the last one is a multiple of this
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


class BadPiece(Exception):
    """The piece does not continue the object; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the object goes, and what the signature of the session's start said of it."""

    bucket: str
    name: str
    content_type: str
    size_range: str | None
    generation: str | None


@dataclass(frozen=True, slots=True)
class Piece:
    """What a Content-Range says: the first byte, the one after the last, and the size of the object if it is known."""

    start: int
    end: int
    total: int | None
    is_question: bool = False

    @classmethod
    def of(cls, content_range: str | None, length: int | None) -> "Piece":
        """Raises: BadPiece."""
        if content_range is None:  # the whole object at once
            if length is None:
                raise BadPiece("Neither Content-Range nor Content-Length.")
            return cls(0, length, length)
        found = _RANGE.fullmatch(content_range)
        if found is None:
            raise BadPiece(f"Content-Range cannot be read: {content_range}")
        total = None if found[3] == "*" else int(found[3])
        if found[1] is None:
            if length:
                raise BadPiece("A question for the status has no body.")
            return cls(0, 0, total, is_question=True)
        start, end = int(found[1]), int(found[2]) + 1
        if end <= start or (length is not None and length != end - start):
            raise BadPiece(f"Content-Range names {end - start} bytes, and the body has {length}.")
        if total is not None and end > total:
            raise BadPiece("Content-Range ends after the object.")
        if end != total and (end - start) % PIECE_BYTES:
            raise BadPiece(f"A piece that is not the last has a multiple of {PIECE_BYTES} bytes.")
        return cls(start, end, total)


@dataclass(slots=True)
class Session:
    """One object on its way."""

    target: Target
    content: bytearray = field(default_factory=bytearray)
    total: int | None = None
    is_complete: bool = False

    def begin(self, piece: Piece) -> None:
        """Check that a piece continues what has arrived. Raises: BadPiece."""
        if piece.total is not None and self.total not in {None, piece.total}:
            raise BadPiece(f"The object had {self.total} bytes before, and has {piece.total} now.")
        self.total = self.total if piece.total is None else piece.total
        if piece.start > len(self.content):
            raise BadPiece(f"The piece begins at {piece.start}, and {len(self.content)} bytes have arrived.")
        if self.total is not None and self.total < len(self.content):
            raise BadPiece(f"{len(self.content)} bytes have arrived, more than {self.total}.")

    def take(self, piece: Piece, data: bytes, *, is_cut: bool = False) -> None:
        """Keep what is new of the piece's body; of one that was cut off, whole multiples of `PIECE_BYTES`."""
        new = data[len(self.content) - piece.start :]
        if is_cut:
            new = new[: (len(self.content) + len(new)) // PIECE_BYTES * PIECE_BYTES - len(self.content)]
        self.content += new

    @property
    def has_arrived(self) -> bool:
        """Whether every byte of the object is here."""
        return self.total == len(self.content)

    @property
    def range(self) -> dict[str, str]:
        """The header that says how much has arrived; none before the first byte."""
        return {"range": f"bytes=0-{len(self.content) - 1}"} if self.content else {}


class Sessions:
    """The sessions of one server; they end with it."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def start(self, target: Target) -> str:
        """A new session's id, which is the only credential that its pieces need."""
        upload_id = secrets.token_urlsafe(32)
        self._sessions[upload_id] = Session(target)
        return upload_id

    def find(self, upload_id: str, bucket: str, name: str) -> Session | None:
        """The session of this object; None when there is none."""
        found = self._sessions.get(upload_id)
        is_of_object = found is not None and (found.target.bucket, found.target.name) == (bucket, name)
        return found if is_of_object else None
