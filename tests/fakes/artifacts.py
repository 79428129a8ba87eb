"""An `ArtifactStore` and an `Inbox` in memory, under the same contract suite as Cloud Storage."""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from promptreel.domain.upload_report import supersedes
from promptreel.errors import Invalid, NotFound, TooLarge
from promptreel.ports.pictures import UploadMethod
from promptreel.ports.storage import MAX_FILE_BYTES, StoredObject, UploadedPrompt
from promptreel.ports.system import Clock
from tests.picture_files import a_picture, encoded

PART_BYTES = 1000


class MemoryArtifacts:
    """Objects by URI; the first writer wins."""

    def __init__(self, clock: Clock, bucket: str = "artifacts") -> None:
        self._clock = clock
        self._bucket = bucket
        self._objects: dict[str, tuple[bytes, StoredObject]] = {}

    def uri(self, path: str) -> str:
        return f"gs://{self._bucket}/{path}"

    def put(self, path: str, data: bytes, content_type: str) -> str:
        uri = self.uri(path)
        self._objects.setdefault(uri, (data, StoredObject(uri, self._clock.now(), len(data), _checksum(data))))
        return uri

    def put_file(self, path: str, file: Path, content_type: str) -> str:
        return self.put(path, file.read_bytes(), content_type)

    def get(self, uri: str) -> bytes:
        return self._read(uri)

    def read_start(self, uri: str, count: int) -> bytes:
        return self._read(uri)[:count]

    def read_parts(self, stored: StoredObject) -> Iterator[bytes]:
        data = self._read(stored.uri)
        yield from (data[start : start + PART_BYTES] for start in range(0, len(data), PART_BYTES))
        if _checksum(data) != stored.checksum:
            raise NotFound(f"{stored.uri} is no longer what was stored.")

    def get_file(self, uri: str, file: Path) -> None:
        file.write_bytes(self.get(uri))

    def copy(self, uri: str, path: str, checksum: str) -> str:
        if self.read_checksum(uri) != checksum:
            raise NotFound(f"{uri} is no longer what was stored.")
        return self.put(path, self._read(uri), "")

    def exists(self, path: str) -> bool:
        return self.uri(path) in self._objects

    def read_checksum(self, uri: str) -> str:
        return _checksum(self._read(uri))

    def list(self, prefix: str) -> Sequence[StoredObject]:
        found = [stored for uri, (_, stored) in self._objects.items() if uri.startswith(self.uri(prefix))]
        return sorted(found, key=lambda stored: stored.created)

    def delete(self, uri: str) -> None:
        self._objects.pop(uri, None)

    def sign_urls(self, uris: Iterable[str], expires_s: int) -> dict[str, str]:
        return {uri: f"https://signed.example/{uri.removeprefix('gs://')}?expires={expires_s}" for uri in uris}

    def _read(self, uri: str) -> bytes:
        if uri not in self._objects:
            raise NotFound(f"read {uri}: not found")
        return self._objects[uri][0]


def _checksum(data: bytes) -> str:
    return f"{zlib.crc32(data):08x}"


BRAND_PICTURE = "gs://brand-pictures/mira.png"


@cache
def _a_picture() -> bytes:
    return encoded(a_picture(160, 160))


class MemoryUploads:
    """Uploaded pictures, and those of a bucket that everybody may use; objects of the artifacts bucket too."""

    shared_buckets = frozenset({"brand-pictures"})

    def __init__(self, artifacts: MemoryArtifacts) -> None:
        self._artifacts = artifacts
        self.objects: dict[str, bytes] = {BRAND_PICTURE: _a_picture()}
        self.signed: list[tuple[str, str, dict[str, str], int]] = []

    def uri(self, name: str) -> str:
        return f"gs://uploads/{name}"

    def sign_upload(self, uri: str, method: UploadMethod, headers: Mapping[str, str], expires_s: int) -> str:
        self.signed.append((uri, method, dict(headers), expires_s))
        return f"https://signed.example/{uri.removeprefix('gs://')}"

    def read(self, uri: str, max_bytes: int) -> bytes:
        data = self.objects[uri] if uri in self.objects else self._artifacts.get(uri)
        if len(data) > max_bytes:
            raise TooLarge(f"{uri}: {len(data):,} bytes; a picture has at most {max_bytes:,}.")
        return data


class MemoryInbox:
    """Uploaded prompts that a test lays in, and the reports about them."""

    def __init__(self) -> None:
        self.uploads: dict[tuple[str, str, str], UploadedPrompt] = {}
        self.reports: dict[str, Any] = {}

    def lay_in(
        self, name: str, data: bytes, metadata: Mapping[str, str] = {}, *, generation: int = 1
    ) -> dict[str, str]:
        """Put a file in the place of an earlier generation; answers the ``data`` of its event."""
        for key in [key for key in self.uploads if key[1] == name]:
            del self.uploads[key]
        self.uploads["prompts", name, str(generation)] = UploadedPrompt(data, dict(metadata))
        return {"bucket": "prompts", "name": name, "generation": str(generation)}

    def read_prompt(self, bucket: str, name: str, generation: str) -> UploadedPrompt:
        if bucket != "prompts":
            raise Invalid(f"bucket: films are requested by files in prompts, not in {bucket}.")
        if (bucket, name, generation) not in self.uploads:
            raise NotFound(f"gs://{bucket}/{name} is gone or was replaced.")
        found = self.uploads[bucket, name, generation]
        return UploadedPrompt(found.data[: MAX_FILE_BYTES + 1], found.metadata)

    def read_file(self, name: str) -> bytes:
        found = next((found.data for key, found in self.uploads.items() if key[1] == name), None)
        if found is None:
            raise NotFound(f"There is no {name} in the prompts bucket.")
        return found[: MAX_FILE_BYTES + 1]

    def write_report(self, name: str, report: dict[str, object]) -> None:
        if supersedes(report, self.reports.get(name)):
            self.reports[name] = {"object": f"gs://prompts/{name}", **report}

    def delete_report(self, name: str, job_id: str) -> None:
        report = self.reports.get(name)
        if isinstance(report, dict) and report.get("job_id") == job_id:
            del self.reports[name]
