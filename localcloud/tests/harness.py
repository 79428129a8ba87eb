"""What the contract tests of the delivering stand-ins share: a real process, a worker that records, a deadline."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from localcloud.tests import loopback
from localcloud.tests.loopback import free_port
from localcloud.tests.waiting import PATIENCE_S, eventually

Gcloud = Callable[..., Any]


ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Received:
    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass
class Worker:
    """An HTTP server that records every request and answers from a script (then 200)."""

    statuses: list[int] = field(default_factory=list)  # used up from the front
    answer_headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)  # while clear, requests wait for their answer
    url: str = ""

    def __post_init__(self) -> None:
        self.open.set()

    def answer(self, request: Received) -> tuple[int, bytes]:
        self.received.append(request)
        status = self.statuses.pop(0) if self.statuses else 200
        assert self.open.wait(PATIENCE_S)
        return status, b"{}"


class Metadata(Worker):
    """The two token paths of a metadata server; tokens say what they were asked for."""

    def answer(self, request: Received) -> tuple[int, bytes]:
        self.received.append(request)
        if request.headers.get("metadata-flavor") != "Google":
            return 403, b""
        url = urlsplit(request.path)
        account, kind = url.path.split("/")[-2:]
        if kind == "identity":
            return 200, f"id-token:{account}:{parse_qs(url.query)['audience'][0]}".encode()
        return 200, f'{{"access_token": "access-token:{account}", "expires_in": 3600}}'.encode()


@contextmanager
def listening(worker: Worker) -> Iterator[Worker]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = worker.answer(Received(self.command, self.path, headers, body))
            try:
                self.send_response(status)
                for name, value in {**worker.answer_headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                self.close_connection = True  # the other side was killed: part of what is tested

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        worker.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield worker
        finally:
            worker.open.set()
            server.shutdown()
            thread.join()


@dataclass(frozen=True, slots=True)
class StandIn:
    url: str
    process: subprocess.Popen[bytes]

    def control(self, method: str, path: str, **options: object) -> httpx.Response:
        url = f"{self.url}/_local/{path}"
        return loopback.request(method, url, **options)  # type: ignore[arg-type]

    def kill(self) -> None:
        """SIGKILL: no farewell, no flush."""
        self.process.kill()
        self.process.wait(PATIENCE_S)


@contextmanager
def stand_in(command: str, *arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[StandIn]:
    """``python -m localcloud COMMAND`` as its own healthy process, ended with the block."""
    port = free_port()
    inherited = {name: value for name, value in os.environ.items() if name != "GCE_METADATA_HOST"}
    process = subprocess.Popen(
        [sys.executable, "-m", "localcloud", command, "--port", str(port), *arguments],
        cwd=ROOT,
        env={**inherited, **(environ or {})},
    )
    running = StandIn(f"http://127.0.0.1:{port}", process)
    try:
        eventually(lambda: _is_healthy(running))
        yield running
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            running.kill()
            raise


def gcloud_against(running: StandIn, folder: Path, *group: str) -> Gcloud:
    """Run a command group of gcloud against the stand-in; answers parsed from JSON, or what it complained of."""
    env = {
        **os.environ,
        "CLOUDSDK_CONFIG": str(folder / "gcloud"),
        f"CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUD{group[0].upper()}": f"{running.url}/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": "local",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    }

    def run(*words: str, ok: bool = True) -> Any:
        command = ["gcloud", *group, *words, "--location=us-central1", "--format=json"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert (done.returncode == 0) is ok, done.stderr
        return json.loads(done.stdout) if ok and done.stdout.strip() else done.stderr

    return run


def _is_healthy(running: StandIn) -> bool:
    assert running.process.poll() is None, "the stand-in ended before it was healthy"
    try:
        return running.control("GET", "health").status_code == 200
    except httpx.TransportError:
        return False
