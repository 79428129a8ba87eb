"""Artifacts, uploaded prompts and reports in Cloud Storage. The first writer of a name wins."""

import base64
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptreel.adapters.google_errors import translate_google_errors
from promptreel.adapters.signer import RemoteSigner
from promptreel.domain.upload_report import supersedes
from promptreel.errors import Invalid, NotFound, TooLarge, Transient, VersionConflict
from promptreel.ports.pictures import UploadMethod
from promptreel.ports.storage import MAX_FILE_BYTES, StoredObject, UploadedPrompt

if TYPE_CHECKING:
    from google.cloud.storage import Client

GOOGLE_URL = "https://storage.googleapis.com"
TIMEOUT_S = 60.0
PART_BYTES = 4 * 1024 * 1024
CACHED_LINKS = 4096
_REPORT_ATTEMPTS = 5
SIGNING_THREADS = 16  # a film of sixty scenes has some two hundred files


class _Storage:
    """Access to objects by their addresses; the client is made on first use."""

    def __init__(self, project: str) -> None:
        self._project = project

    @cached_property
    def _client(self) -> "Client":
        from google.cloud.storage import Client  # noqa: PLC0415 - cold start

        return Client(project=self._project)

    def _blob(self, uri: str) -> Any:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        return self._client.bucket(bucket).blob(name)


class GcsArtifacts(_Storage):
    """An `ArtifactStore` in one bucket."""

    def __init__(self, project: str, bucket: str, signer: RemoteSigner, media_url: str) -> None:
        """Make the client on first use; ``media_url`` is empty for Google's own address."""
        super().__init__(project)
        self._bucket = bucket
        self._signer = signer
        self._media_url = media_url or GOOGLE_URL
        self._cached_sign = lru_cache(maxsize=CACHED_LINKS)(self._sign)
        self._signing_pool = ThreadPoolExecutor(SIGNING_THREADS)  # starts a thread only for a link to be signed

    def uri(self, path: str) -> str:
        """Return the address of an artifact in this bucket."""
        return f"gs://{self._bucket}/{path}"

    def put(self, path: str, data: bytes, content_type: str) -> str:
        """Create an object unless it exists."""
        # An object of this name exists already: it was made from the same inputs.
        with suppress(VersionConflict), _translate_storage_errors(f"write {path}"):
            self._blob(self.uri(path)).upload_from_string(
                data, content_type=content_type, if_generation_match=0, timeout=TIMEOUT_S
            )
        return self.uri(path)

    def put_file(self, path: str, file: Path, content_type: str) -> str:
        """Create an object from a file unless it exists."""
        with suppress(VersionConflict), _translate_storage_errors(f"write {path}"):
            self._blob(self.uri(path)).upload_from_filename(
                str(file), content_type=content_type, if_generation_match=0, timeout=TIMEOUT_S
            )
        return self.uri(path)

    def get(self, uri: str) -> bytes:
        """Read an object."""
        with _translate_storage_errors(f"read {uri}"):
            return bytes(self._blob(uri).download_as_bytes(timeout=TIMEOUT_S))

    def read_start(self, uri: str, count: int) -> bytes:
        """Read the first bytes of an object."""
        with _translate_storage_errors(f"read {uri}"):
            return bytes(self._blob(uri).download_as_bytes(end=count - 1, timeout=TIMEOUT_S))

    def read_parts(self, stored: StoredObject) -> Iterator[bytes]:
        """Read a listed object in requests of `PART_BYTES`."""
        from google_crc32c import Checksum  # noqa: PLC0415 - cold start

        blob = self._blob(stored.uri)
        checksum: Any = Checksum()  # type: ignore[no-untyped-call]
        for start in range(0, stored.size, PART_BYTES):
            end = min(start + PART_BYTES, stored.size) - 1
            with _translate_storage_errors(f"read {stored.uri}"):
                part = bytes(blob.download_as_bytes(start=start, end=end, timeout=TIMEOUT_S))
            checksum.update(part)
            yield part
        if base64.b64encode(checksum.digest()).decode() != stored.checksum:
            raise NotFound(f"{stored.uri} is no longer what was stored.")

    def get_file(self, uri: str, file: Path) -> None:
        """Download an object into a file."""
        with _translate_storage_errors(f"read {uri}"):
            self._blob(uri).download_to_filename(str(file), timeout=TIMEOUT_S)

    def copy(self, uri: str, path: str, checksum: str) -> str:
        """Copy exactly the generation whose checksum was compared, unless the path exists."""
        source, target = self._blob(uri), self._blob(self.uri(path))
        with _translate_storage_errors(f"copy {uri}"):
            source.reload(timeout=TIMEOUT_S)
        if str(source.crc32c) != checksum:
            raise NotFound(f"{uri} is no longer what was stored.")
        target.content_type = source.content_type  # a rewrite that names any field takes none from the source
        with suppress(VersionConflict), _translate_storage_errors(f"copy {uri}"):
            token, *_ = target.rewrite(source, if_generation_match=0, timeout=TIMEOUT_S)
            while token:  # a large object, or one that moves to another class of storage, takes several requests
                token, *_ = target.rewrite(source, token=token, if_generation_match=0, timeout=TIMEOUT_S)
        return self.uri(path)

    def exists(self, path: str) -> bool:
        """Tell whether an object of this path exists."""
        with _translate_storage_errors(f"find {path}"):
            return bool(self._blob(self.uri(path)).exists(timeout=TIMEOUT_S))

    def read_checksum(self, uri: str) -> str:
        """Return the object's CRC-32C."""
        blob = self._blob(uri)
        with _translate_storage_errors(f"read checksum of {uri}"):
            blob.reload(timeout=TIMEOUT_S)
        return str(blob.crc32c)

    def list(self, prefix: str) -> Sequence[StoredObject]:
        """List the objects below a path, oldest first."""
        with _translate_storage_errors(f"list {prefix}"):
            blobs = list(self._client.list_blobs(self._bucket, prefix=prefix, timeout=TIMEOUT_S))
        found = [
            StoredObject(self.uri(blob.name), blob.time_created, blob.size or 0, str(blob.crc32c)) for blob in blobs
        ]
        return sorted(found, key=lambda stored: stored.created)

    def delete(self, uri: str) -> None:
        """Delete an object if it exists."""
        with suppress(NotFound), _translate_storage_errors(f"delete {uri}"):
            self._blob(uri).delete(timeout=TIMEOUT_S)

    def sign_urls(self, uris: Iterable[str], expires_s: int) -> dict[str, str]:
        """Return a signed link for each address. Each costs a call to the signer, so it is cached for half its life."""
        wanted, half_life = list(uris), int(time.time() // (expires_s / 2))
        if not wanted:
            return {}
        with _translate_storage_errors("sign links"):
            _ = self._signer.credentials  # made once, not by every thread
        return dict(self._signing_pool.map(lambda uri: (uri, self._cached_sign(uri, expires_s, half_life)), wanted))

    def _sign(self, uri: str, expires_s: int, _half_life: int) -> str:
        with _translate_storage_errors(f"sign {uri}"):
            url: str = self._blob(uri).generate_signed_url(
                version="v4",
                expiration=timedelta(seconds=expires_s),
                credentials=self._signer.credentials,
                api_access_endpoint=self._media_url,
            )
        return url


class GcsUploads(_Storage):
    """`PictureUploads` in one bucket."""

    def __init__(
        self, project: str, bucket: str, shared_buckets: Iterable[str], signer: RemoteSigner, media_url: str
    ) -> None:
        """Make the client on first use; ``media_url`` is empty for Google's own address."""
        super().__init__(project)
        self._bucket = bucket
        self._signer = signer
        self._media_url = media_url or GOOGLE_URL
        self.shared_buckets = frozenset(shared_buckets)

    def uri(self, name: str) -> str:
        """Return the address of an upload."""
        return f"gs://{self._bucket}/{name}"

    def sign_upload(self, uri: str, method: UploadMethod, headers: Mapping[str, str], expires_s: int) -> str:
        """Return a link for one request."""
        with _translate_storage_errors(f"sign {uri}"):
            url: str = self._blob(uri).generate_signed_url(
                version="v4",
                method=method,
                headers=dict(headers),
                expiration=timedelta(seconds=expires_s),
                credentials=self._signer.credentials,
                api_access_endpoint=self._media_url,
            )
        return url

    def read(self, uri: str, max_bytes: int) -> bytes:
        """Read an object as it is now."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        with _translate_storage_errors(f"read {uri}"):
            blob = self._client.bucket(bucket).get_blob(name, timeout=TIMEOUT_S)
        if blob is None:
            raise NotFound(f"There is no {uri}.")
        if (blob.size or 0) > max_bytes:
            raise TooLarge(f"{uri}: {blob.size:,} bytes; a picture has at most {max_bytes:,}.")
        with _translate_storage_errors(f"read {uri}"):
            return bytes(blob.download_as_bytes(if_generation_match=blob.generation, timeout=TIMEOUT_S))


class GcsInbox(_Storage):
    """An `Inbox`: prompts in one bucket, reports in another."""

    def __init__(self, project: str, prompts_bucket: str, results_bucket: str) -> None:
        super().__init__(project)
        self._prompts_bucket = prompts_bucket
        self._results_bucket = results_bucket

    def read_prompt(self, bucket: str, name: str, generation: str) -> UploadedPrompt:
        """Read one generation of an uploaded file."""
        if bucket != self._prompts_bucket:  # an execution may be started with any event
            raise Invalid(
                f"bucket: films are requested by files in {self._prompts_bucket}, not in {bucket}.",
                remedy="Upload the file there.",
            )
        with _translate_storage_errors(f"read {name}"):
            blob = self._client.bucket(bucket).get_blob(name, timeout=TIMEOUT_S)
        if blob is None or str(blob.generation) != generation:
            raise NotFound(f"gs://{bucket}/{name} is gone or was replaced.")
        return UploadedPrompt(_download(blob, name), dict(blob.metadata or {}))

    def read_file(self, name: str) -> bytes:
        """Read a file as it is now."""
        with _translate_storage_errors(f"read {name}"):
            blob = self._client.bucket(self._prompts_bucket).get_blob(name, timeout=TIMEOUT_S)
        if blob is None:
            raise NotFound(f"There is no {name} in the prompts bucket.")
        return _download(blob, name)

    def write_report(self, name: str, report: dict[str, object]) -> None:
        """Write the report on a file, unless a newer one is stored."""
        text = json.dumps({"object": f"gs://{self._prompts_bucket}/{name}", **report}, indent=2, ensure_ascii=False)
        for _ in range(_REPORT_ATTEMPTS):
            blob = self._report(name)
            generation, stored = self._read_report(blob)
            if not supersedes(report, stored):
                return
            with suppress(VersionConflict), _translate_storage_errors(f"write report on {name}"):
                blob.upload_from_string(
                    text, content_type="application/json", if_generation_match=generation, timeout=TIMEOUT_S
                )
                return
        raise VersionConflict(f"write report on {name}: other writers were faster {_REPORT_ATTEMPTS} times.")

    def delete_report(self, name: str, job_id: str) -> None:
        """Delete the report on a file if it names this job."""
        blob = self._report(name)
        with suppress(NotFound, VersionConflict), _translate_storage_errors(f"delete report on {name}"):
            generation, stored = self._read_report(blob)
            if generation and isinstance(stored, dict) and stored.get("job_id") == job_id:
                blob.delete(if_generation_match=generation, timeout=TIMEOUT_S)

    def _read_report(self, blob: Any) -> tuple[int, object]:
        """The generation and content of a report; 0 when there is none, None for an object that is no JSON."""
        try:
            with _translate_storage_errors(f"read {blob.name}"):
                blob.reload(timeout=TIMEOUT_S)
                data = blob.download_as_bytes(if_generation_match=blob.generation, timeout=TIMEOUT_S)
        except NotFound:
            return 0, None
        try:
            return blob.generation, json.loads(data)
        except (ValueError, RecursionError):  # other principals can also write to the bucket
            return blob.generation, None

    def _report(self, name: str) -> Any:
        return self._blob(f"gs://{self._results_bucket}/reports/{name}.json")


def _download(blob: Any, name: str) -> bytes:
    """The content of a prompt or style file as it is stored, so that compressed bytes unfold to nothing here."""
    end = MAX_FILE_BYTES if (blob.size or 0) > MAX_FILE_BYTES else None  # the last byte; no part has a checksum
    with _translate_storage_errors(f"read {name}"):
        data = blob.download_as_bytes(
            end=end, raw_download=True, if_generation_match=blob.generation, timeout=TIMEOUT_S
        )
    return bytes(data)


@contextmanager
def _translate_storage_errors(doing: str) -> Iterator[None]:
    """`translate_google_errors`, and Transient for content that was damaged on its way."""
    from google.cloud.storage.exceptions import DataCorruption  # noqa: PLC0415 - cold start

    with translate_google_errors(doing):
        try:
            yield
        except DataCorruption as error:
            raise Transient(f"{doing}: {error}") from error
