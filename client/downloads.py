"""Save a file behind a signed URL: go on where an earlier download was cut off, and check what has arrived."""

import base64
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import google_crc32c
import httpx

from client.errors import ClientError, read_problem
from client.transport import Flow, Receive, Request

CHECKED_PIECE_BYTES = 1 << 20
_IDENTITY = {"Accept-Encoding": "identity"}  # a range counts the bytes that are stored


class DamagedDownload(ClientError):
    """What has arrived is not the file that is stored."""


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


_DIGESTS: dict[str, Callable[[], _Digest]] = {
    "crc32c": google_crc32c.Checksum,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
}


def save(url: str, path: Path, credentials: Mapping[str, str] | None = None) -> Flow[Path]:
    """Save a file; `path` appears only when the file is complete and has the length and checksum of the stored one.

    A download that is cut off leaves a hidden `.part` file, and the next one goes on from there if the stored file is
    still the same. ``credentials`` are headers that the file's server needs. Raises: DamagedDownload when what has
    arrived is another file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(path)
    held = part.size()
    whole = {**_IDENTITY, **(credentials or {})}
    headers = {**whole, "Range": f"bytes={held}-"} if held else whole
    response = yield Receive(Request("GET", url, headers=headers), part.begin)
    if held and (response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or part.is_of_another_file):
        part.discard()
        response = yield Receive(Request("GET", url, headers=whole), part.begin)
    if not response.is_success:
        raise read_problem(response)
    part.check(response)
    part.file.replace(path)
    return path


@dataclass(slots=True)
class _Part:
    """The hidden file beside `path` that holds what has arrived; its name has a digest of the stored file's ETag."""

    path: Path
    is_of_another_file: bool = False
    _file: Path | None = field(default=None, init=False)

    @property
    def file(self) -> Path:
        return self._file or self.path.with_name(f".{self.path.name}.part")

    def size(self) -> int:
        """Bytes that an earlier download left."""
        left = sorted(self.path.parent.glob(f".{_escape(self.path.name)}.*.part"))
        self._file = left[0] if left else None
        return self._file.stat().st_size if self._file else 0

    def discard(self) -> None:
        self.file.unlink(missing_ok=True)
        self._file, self.is_of_another_file = None, False

    def begin(self, response: httpx.Response) -> Callable[[bytes], object]:
        """Return what takes the pieces of this response."""
        named = self.path.with_name(f".{self.path.name}.{_name(response)}.part")
        is_rest = response.status_code == HTTPStatus.PARTIAL_CONTENT
        if is_rest and not (named == self._file and _etag(response) and _start(response) == named.stat().st_size):
            self.is_of_another_file = True
            return lambda _: None
        if self._file not in {None, named}:
            self.discard()
        self._file = named
        if not is_rest:
            named.write_bytes(b"")

        def take(piece: bytes) -> None:
            with named.open("ab") as file:
                file.write(piece)

        return take

    def check(self, response: httpx.Response) -> None:
        """Raises: DamagedDownload unless length and checksum are those that the server announced."""
        announced = _length(response)
        found = self.file.stat().st_size
        if announced is not None and found != announced:
            self.discard()
            raise DamagedDownload(
                f"{self.path.name} has {found:,} bytes, and {announced:,} were announced.",
                "Run the command again.",
            )
        for name, expected in _checksums(response).items():
            if _digest(self.file, name) != expected:
                self.discard()
                raise DamagedDownload(
                    f"{self.path.name} was damaged on its way: its {name} differs.", "Run the command again."
                )
        with self.file.open("rb") as file:
            os.fsync(file.fileno())


def _etag(response: httpx.Response) -> str:
    """What changes when the stored file does, or nothing."""
    return response.headers.get("ETag") or response.headers.get("Last-Modified") or ""


def _name(response: httpx.Response) -> str:
    return hashlib.sha256(_etag(response).encode()).hexdigest()[:16]


def _start(response: httpx.Response) -> int | None:
    """The first byte of a partial response, as in ``Content-Range: bytes 6-14/15``."""
    text = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(text) if text.isdigit() else None


def _length(response: httpx.Response) -> int | None:
    """The length of the whole stored file, as the response announces it."""
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        text = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        text = response.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None


def _checksums(response: httpx.Response) -> dict[str, bytes]:
    """The checksums of the whole stored file: Cloud Storage announces them, `crc32c=…` and often `md5=…`, in base64."""
    announced = (one.strip().partition("=") for one in response.headers.get("x-goog-hash", "").split(","))
    return {name: base64.b64decode(text) for name, _, text in announced if name in _DIGESTS}


def _digest(file: Path, name: str) -> bytes:
    digest = _DIGESTS[name]()
    with file.open("rb") as content:
        while piece := content.read(CHECKED_PIECE_BYTES):
            digest.update(piece)
    return digest.digest()


def _escape(name: str) -> str:
    """A file's name for `glob`, which reads brackets and stars."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
