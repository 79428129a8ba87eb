"""The fake Replicate as a process of its own, and the unmodified client in front."""

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from replicate.client import Client
from replicate.prediction import Prediction

from localcloud.tests import loopback
from localcloud.tests.harness import Received, Worker
from localcloud.tests.object_store import running
from localcloud.tests.waiting import PATIENCE_S, eventually

MODELS = Path(__file__).parent / "models.json"
PROFILE = Path(__file__).parent / "profile.json"
VEO = "google/veo-3.1"
KLING = "kwaivgi/kling-v3-video"
TOKEN = "r8_local"
ENDED = ("succeeded", "failed", "canceled", "aborted")


@dataclass
class FakeReplicate:
    """The stand-in at work and its control surface."""

    port: int
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    clients: list[Client] = field(default_factory=list, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def started(self) -> Iterator["FakeReplicate"]:
        own = ["--port", str(self.port), "--models", str(MODELS), "--profile", str(PROFILE), "--token", TOKEN]
        argv = [sys.executable, "-m", "localcloud", "replicate", *own, *self.options]
        with running(argv, f"{self.url}/_local/health") as self.process:
            yield self

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def client(self, token: str = TOKEN, read_s: float = PATIENCE_S) -> Client:
        """The client as production builds it, turned to loopback by its base URL alone."""
        timeout = httpx.Timeout(PATIENCE_S, read=read_s)
        self.clients.append(Client(api_token=token, base_url=self.url, timeout=timeout))
        return self.clients[-1]

    def close_clients(self) -> None:
        """Close their connections, which they have no way to do themselves."""
        while self.clients:
            self.clients.pop()._client.close()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return loopback.request(method, f"{self.url}/_local/{path}", json=body).raise_for_status().json()

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Plain HTTP with a good token, as curl would."""
        headers = {"Authorization": f"Bearer {TOKEN}", **options.pop("headers", {})}
        return loopback.request(method, f"{self.url}/v1/{path}", headers=headers, **options)

    def create(self, model: str = VEO, **options: Any) -> httpx.Response:
        """Plain HTTP: a prediction asked for; `input` replaces its usual inputs, other names belong to the body."""
        headers = options.pop("headers", {})
        body = {"input": {"prompt": "A lighthouse at dawn", "duration": 4, "resolution": "720p"}, **options}
        return self.ask("POST", f"models/{model}/predictions", json=body, headers=headers)

    def state(self, prediction_id: str) -> dict[str, Any]:
        return dict(self.ask("GET", f"predictions/{prediction_id}").raise_for_status().json())

    def ended(self, prediction_id: str) -> dict[str, Any]:
        """The prediction once it has ended."""

        def poll() -> dict[str, Any] | None:
            seen = self.state(prediction_id)
            return seen if seen["status"] in ENDED else None

        done = eventually(poll)
        assert done is not None
        return done

    def reaches(self, prediction_id: str, status: str) -> None:
        eventually(lambda: self.state(prediction_id)["status"] == status, f"{prediction_id} {status}")

    def ledger(self) -> list[dict[str, Any]]:
        return list(self.control("GET", "ledger"))

    def bills(self) -> list[tuple[str, int]]:
        return [(entry["outcome"], entry["micros"]) for entry in self.ledger()]

    def break_with(self, *faults: str, **rule: Any) -> None:
        """Order faults for every matching call."""
        self.control("POST", "faults", [{"model": "*", "method": "*", "fault": fault, **rule} for fault in faults])

    def happened(self) -> dict[str, int]:
        return dict(self.control("GET", "faults")["happened"])

    def calls_seen(self) -> int:
        """How many calls the only rule in force has matched."""
        (rule,) = self.control("GET", "faults")["rules"]
        return int(rule["seen"])


def create_prediction(client: Client, model: str = VEO, **options: Any) -> Prediction:
    """A prediction asked for with the client; `input` adds to the usual inputs."""
    given = {"prompt": "A lighthouse at dawn", "duration": 4, "resolution": "720p", **options.pop("input", {})}
    return client.models.predictions.create(model, input=given, **options)


class PictureServer(Worker):
    """Answers every request with one picture."""

    picture: bytes = b""

    def answer(self, request: Received) -> tuple[int, bytes]:
        status, _ = super().answer(request)
        return status, self.picture


def a_picture(colour: str, size_px: tuple[int, int] = (320, 180)) -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", size_px, colour).save(encoded, "PNG")
    return encoded.getvalue()


def shown(mp4: bytes) -> list[NDArray[np.uint8]]:
    """The frames of a clip, small enough to hold all of them at once."""
    with av.open(io.BytesIO(mp4), "r") as container:
        small = (frame.reformat(width=32, height=18, format="rgb24") for frame in container.decode(video=0))
        return [np.asarray(frame.to_ndarray(), dtype=np.uint8) for frame in small]


def size_px(mp4: bytes) -> tuple[int, int]:
    with av.open(io.BytesIO(mp4), "r") as container:
        context = container.streams.video[0].codec_context
        return context.width, context.height


def colour(frame: NDArray[np.uint8]) -> tuple[int, int, int]:
    red, green, blue = (round(float(each)) for each in frame.reshape(-1, 3).mean(axis=0))
    return red, green, blue
