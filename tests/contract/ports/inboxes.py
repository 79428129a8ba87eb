"""Both inboxes with what a test needs around them: to lay a file in, and to read a report."""

import json
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import uuid4

from localcloud.tests import loopback
from promptreel.adapters.gcs import GcsInbox
from promptreel.ports.storage import Inbox
from tests.fakes.artifacts import MemoryInbox


class LaidIn(Protocol):
    """The people around an inbox."""

    inbox: Inbox

    def put(self, name: str, data: bytes, about: Mapping[str, Any] = {}) -> tuple[str, str, str]:
        """Lay a file in, with fields of its resource; answers bucket, name and generation."""

    def report(self, name: str) -> dict[str, Any] | None: ...

    def overwrite_report(self, name: str, data: bytes) -> None:
        """Put any object where the report on a file is."""

    def has_report(self, name: str) -> bool: ...


class InMemory:
    """Around the fake."""

    def __init__(self) -> None:
        self.memory = MemoryInbox()
        self.inbox: Inbox = self.memory

    def put(self, name: str, data: bytes, about: Mapping[str, Any] = {}) -> tuple[str, str, str]:
        event = self.memory.lay_in(name, data, about.get("metadata", {}))
        return event["bucket"], event["name"], event["generation"]

    def report(self, name: str) -> dict[str, Any] | None:
        return self.memory.reports.get(name)

    def overwrite_report(self, name: str, data: bytes) -> None:
        self.memory.reports[name] = data

    def has_report(self, name: str) -> bool:
        return name in self.memory.reports


class InStorage:
    """Around the adapter, over HTTP as anybody's program speaks it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._prompts, self._results = (f"{kind}-{uuid4().hex[:8]}" for kind in ("prompts", "results"))
        for bucket in (self._prompts, self._results):
            loopback.post(f"{url}/storage/v1/b", json={"name": bucket})
        self.inbox: Inbox = GcsInbox("local", self._prompts, self._results)

    def put(self, name: str, data: bytes, about: Mapping[str, Any] = {}) -> tuple[str, str, str]:
        resource = json.dumps({"name": name, "contentType": "text/plain", **about}).encode()
        parts = ((b"application/json", resource), (b"text/plain", data))
        body = b"".join(b"--between\r\nContent-Type: %s\r\n\r\n%s\r\n" % part for part in parts)
        answer = loopback.post(
            f"{self._url}/upload/storage/v1/b/{self._prompts}/o",
            params={"uploadType": "multipart"},
            content=body + b"--between--\r\n",
            headers={"Content-Type": "multipart/related; boundary=between"},
        )
        return self._prompts, name, str(answer.raise_for_status().json()["generation"])

    def report(self, name: str) -> dict[str, Any] | None:
        answer = self._get_report(name)
        return dict(answer.json()) if answer.status_code == 200 else None

    def overwrite_report(self, name: str, data: bytes) -> None:
        self._upload(self._results, f"reports/{name}.json", data, "application/json")

    def has_report(self, name: str) -> bool:
        return bool(self._get_report(name).status_code == 200)

    def _upload(self, bucket: str, name: str, data: bytes, content_type: str) -> Any:
        answer = loopback.post(
            f"{self._url}/upload/storage/v1/b/{bucket}/o",
            params={"uploadType": "media", "name": name},
            content=data,
            headers={"Content-Type": content_type},
        )
        return answer.raise_for_status().json()

    def _get_report(self, name: str) -> Any:
        path = f"reports/{name}.json".replace("/", "%2F")
        return loopback.get(f"{self._url}/storage/v1/b/{self._results}/o/{path}", params={"alt": "media"})
