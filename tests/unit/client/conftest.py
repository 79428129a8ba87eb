"""An HTTP server on loopback that returns scripted answers and records requests, and JSON documents of the API."""

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from client import cli
from client.api import PromptreelClient
from client.errors import Retries


@dataclass(frozen=True, slots=True)
class Answer:
    """``cut_at`` closes the connection after so many bytes of the body; Content-Length still announces all of them."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(slots=True)
class FakeApi:
    """Returns the answers of a path in order, and repeats the last one."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    script: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self.script[(method, path)] = list(answers)

    def next(self, method: str, path: str) -> Answer:
        answers = self.script.get((method, path.partition("?")[0]), [Answer(404, {"code": "not_found"})])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def paths(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests]


def _read(body: bytes) -> Any:
    """The JSON that was sent; what is none, as it is."""
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body


@pytest.fixture
def fake_api() -> Iterator[FakeApi]:
    """A server that returns the answers of the test's script."""
    api = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PATCH(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            api.requests.append(Request(self.command, self.path, headers, _read(body)))
            answer = api.next(self.command, self.path)
            content = answer.content()
            self.send_response_only(answer.status)
            for name, value in {"Content-Length": str(len(content)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: answer.cut_at])
            if answer.cut_at is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield api
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def waits() -> list[float]:
    """Seconds that the client would have waited, in order."""
    return []


@pytest.fixture
def api_client(fake_api: FakeApi, waits: list[float]) -> Iterator[PromptreelClient]:
    """A client of the scripted server, with half of the longest jitter every time."""
    with PromptreelClient(fake_api.url, "the-token", retries=Retries(sleep=waits.append, chance=lambda: 0.5)) as client:
        yield client


@pytest.fixture
def answer() -> type[Answer]:
    """The type of a scripted answer."""
    return Answer


@pytest.fixture
def scene_json() -> Callable[..., dict[str, Any]]:
    """Build a scene as the API returns it, with overrides."""

    def build(number: int = 1, *, drawn: int = 0, **overrides: Any) -> dict[str, Any]:
        link = {"url": f"https://media.example/scene-{number:02}.png"}
        return {
            "id": f"scene-{number:02}",
            "sequence": number,
            "display_order": number,
            "state": "PENDING",
            "description": f"Mira walks on, part {number}",
            "duration_s": 8,
            "keyframes": {"start": link if drawn > 0 else None, "end": link if drawn > 1 else None},
            "clip": None,
            "attempts": [],
            "error": None,
        } | overrides

    return build


@pytest.fixture
def job_json() -> Callable[..., dict[str, Any]]:
    """Build a job as the API returns it, with overrides."""

    def build(**overrides: Any) -> dict[str, Any]:
        return {
            "id": "film-3f9a2c",
            "state": "PENDING",
            "title": "The Light",
            "request": {"prompt": "A lighthouse at dawn"},
            "progress": {"stage": "PENDING", "scenes_total": 0, "scenes_done": 0, "fraction": 0.0},
            "scenes": [],
            "budget": {"limit_usd": "5.00", "reserved_usd": "0.00", "spent_usd": "0.00"},
            "planned_duration_s": None,
            "planned_frames": None,
            "output": None,
            "warnings": [],
            "error": None,
            "created": "2026-11-21T09:00:00Z",
            "updated": "2026-11-21T09:01:30Z",
            "execution": None,
        } | overrides

    return build


@pytest.fixture
def film_output() -> dict[str, Any]:
    """A finished job's output."""
    return {
        "film": {"url": "https://media.example/film.mp4", "uri": "gs://artifacts/film.mp4"},
        "poster": {"url": "https://media.example/poster.jpg"},
        "duration_s": 32.0,
        "frames": 768,
        "width": 1280,
        "height": 720,
    }


@pytest.fixture
def model_json() -> Callable[..., dict[str, Any]]:
    """Build a video model as the API lists it, with overrides."""

    def build(model_id: str, **overrides: Any) -> dict[str, Any]:
        return {
            "id": model_id,
            "kind": "video",
            "stage": "ga",
            "retires_not_before": None,
            "replaced_by": None,
            "has_ended": False,
            "ends_soon": False,
            "obstacle": None,
            "seconds": {"720p": [4, 6, 8]},
            "frame_px": {"720p": {"16:9": [1280, 720], "9:16": [720, 1280]}},
            "sound": "optional",
            "price": {"per_second_micros": {"with_audio": {"720p": 400_000}, "silent": {"720p": 200_000}}},
        } | overrides

    return build


@pytest.fixture
def unused_port() -> int:
    """A loopback port that refuses connections: bound once, then released."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The only folder of programs: what the developer's machine has is not used."""
    folder = tmp_path_factory.mktemp("bin")
    for name in ("echo", "true", "false", "sh", "cat"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def own_machine(programs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A machine without settings, tokens or gcloud."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    for name in ("PROMPTREEL_API", "PROMPTREEL_TOKEN", "PROMPTREEL_TOKEN_COMMAND", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(own_machine: None, fake_api: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run `promptreel` with these arguments against the scripted API, and return its exit code."""
    monkeypatch.setenv("PROMPTREEL_API", fake_api.url)
    monkeypatch.setenv("PROMPTREEL_TOKEN", "the-token")
    monkeypatch.setenv("COLUMNS", "100")

    def command(*arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        return int(ended.value.code or 0)

    return command


@pytest.fixture
def no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """`promptreel` gives up after the first attempt."""
    monkeypatch.setattr("client.errors.Retries.wait_s", lambda *_: None)
