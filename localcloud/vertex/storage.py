"""gs:// objects over the storage JSON API, at the address every storage client reads from STORAGE_EMULATOR_HOST."""

import re
from urllib.parse import quote

import httpx

_URI = re.compile(r"gs://([a-z0-9][a-z0-9._-]+)/(.*)", re.DOTALL)


class StorageError(Exception):
    """The object could not be read or written; ``status`` is the store's answer, 0 when there was none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def split(uri: str) -> tuple[str, str]:
    """Bucket and object name. Raises: StorageError."""
    found = _URI.fullmatch(uri)
    if not found:
        raise StorageError(f"{uri!r} is not a Cloud Storage URI", 400)
    return found[1], found[2]


class Storage:
    """Reads inputs and writes results the way Vertex's service agent would."""

    def __init__(self, base_url: str) -> None:
        if base_url and "://" not in base_url:  # the libraries take a bare host and port too
            base_url = f"http://{base_url}"
        self._client = httpx.AsyncClient(base_url=base_url, timeout=30, trust_env=False) if base_url else None

    async def close(self) -> None:
        if self._client:
            await self._client.aclose()

    async def read(self, uri: str) -> bytes:
        bucket, name = split(uri)
        return (
            await self._ask("GET", f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}", {"alt": "media"}, uri)
        ).content

    async def find(self, uri: str) -> None:
        """Raises: StorageError when there is no such object."""
        bucket, name = split(uri)
        await self._ask("GET", f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}", {}, uri)

    async def write(self, uri: str, content: bytes, content_type: str) -> None:
        bucket, name = split(uri)
        query = {"uploadType": "media", "name": name}
        await self._ask("POST", f"/upload/storage/v1/b/{bucket}/o", query, uri, content, content_type)

    async def _ask(
        self, method: str, path: str, query: dict[str, str], uri: str, content: bytes = b"", content_type: str = ""
    ) -> httpx.Response:
        if self._client is None:
            raise StorageError("there is no object store: STORAGE_EMULATOR_HOST is not set")
        headers = {"Content-Type": content_type} if content_type else {}
        try:
            answer = await self._client.request(method, path, params=query, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise StorageError(f"{method} {uri}: {error!r}") from error
        if answer.is_error:
            raise StorageError(f"{method} {uri}: the object store answered {answer.status_code}", answer.status_code)
        return answer
