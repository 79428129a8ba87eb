"""The fake Vertex as a process of its own, the object store beside it, and the unmodified client in front."""

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials
from numpy.typing import NDArray
from PIL import Image

from localcloud.tests import loopback
from localcloud.tests.object_store import running
from localcloud.tests.waiting import eventually

TEXT_MODEL = "gemini-3.8-flash"
IMAGE_MODEL = "gemini-3-pro-image"
VIDEO_MODEL = "veo-3.1-generate-001"


@dataclass
class FakeVertex:
    """The stand-in at work and its control surface."""

    port: int
    storage_url: str = ""
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    clients: list[genai.Client] = field(default_factory=list, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def started(self) -> Iterator["FakeVertex"]:
        argv = [sys.executable, "-m", "localcloud", "vertex", "--port", str(self.port), *self.options]
        with running(argv, f"{self.url}/_local/health", STORAGE_EMULATOR_HOST=self.storage_url) as self.process:
            yield self

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def client(self, location: str = "us-central1", **http_options: Any) -> genai.Client:
        """The client as production builds it, turned to loopback by its base URL alone."""
        options = {"base_url": self.url, "timeout": 60_000} | http_options
        client = genai.Client(
            vertexai=True,
            project="any-project",
            location=location,
            credentials=Credentials(token="fake"),
            http_options=types.HttpOptions(**options),
        )
        self.clients.append(client)  # a client closes its connections as soon as nobody holds it any more
        return client

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return loopback.request(method, f"{self.url}/_local/{path}", json=body).raise_for_status().json()

    def ledger(self) -> list[dict[str, Any]]:
        return list(self.control("GET", "ledger"))

    def break_with(self, *faults: str, **rule: Any) -> None:
        """Order faults for every matching call."""
        self.control("POST", "faults", [{"model": "*", "method": "*", "fault": fault, **rule} for fault in faults])

    def happened(self) -> dict[str, int]:
        return dict(self.control("GET", "faults")["happened"])


def a_picture(colour: str = "#3060a0", size_px: tuple[int, int] = (1280, 720)) -> bytes:
    """A PNG with something to see: a colour that grows lighter from left to right."""
    ramp = Image.linear_gradient("L").rotate(90).resize(size_px)
    picture = Image.composite(Image.new("RGB", size_px, "white"), Image.new("RGB", size_px, colour), ramp)
    encoded = io.BytesIO()
    picture.save(encoded, "PNG")
    return encoded.getvalue()


def pixels(encoded: bytes, size_px: tuple[int, int] | None = None) -> NDArray[np.float64]:
    with Image.open(io.BytesIO(encoded)) as picture:
        shown = picture.convert("RGB")
        return np.asarray(shown.resize(size_px) if size_px else shown, dtype=float)


def psnr_db(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, float(np.mean((a - b) ** 2)))))


def ordered(client: genai.Client, prompt: str = "A lighthouse at dawn", **config: Any) -> types.GenerateVideosOperation:
    """A clip asked for; `image`, `model` and everything the config takes by name."""
    model, image = config.pop("model", VIDEO_MODEL), config.pop("image", None)
    frame = types.Image(image_bytes=image, mime_type="image/png") if image else None
    return client.models.generate_videos(
        model=model,
        source=types.GenerateVideosSource(prompt=prompt, image=frame),
        config=types.GenerateVideosConfig(**({"duration_seconds": 4} | config)),
    )


def finished(client: genai.Client, operation: types.GenerateVideosOperation) -> types.GenerateVideosOperation:
    """The operation once it is done."""

    def poll() -> types.GenerateVideosOperation | None:
        polled = client.operations.get(types.GenerateVideosOperation.model_validate({"name": operation.name}))
        return polled if polled.done else None

    done = eventually(poll)
    assert done is not None
    return done


def pictures_of(answer: types.GenerateContentResponse) -> list[bytes]:
    """The pictures of an answer, thoughts left out."""
    candidates = answer.candidates or []
    parts = [part for each in candidates if each.content for part in each.content.parts or []]
    return [part.inline_data.data for part in parts if part.inline_data and part.inline_data.data and not part.thought]
