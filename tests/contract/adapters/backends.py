"""The three video backends, each before its own stand-in, and what their APIs call the same things."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from google import genai
from google.cloud import storage
from google.oauth2.credentials import Credentials

from localcloud.tests.object_store import BUCKET, ObjectStore
from localcloud.tests.replicate.harness import TOKEN, FakeReplicate
from localcloud.tests.vertex.harness import FakeVertex, a_picture
from localcloud.tests.waiting import eventually
from promptreel.adapters.gcs import GcsArtifacts
from promptreel.adapters.omni import Omni
from promptreel.adapters.replicate import Replicate
from promptreel.adapters.signer import RemoteSigner
from promptreel.adapters.veo import Veo
from promptreel.adapters.video import VideoBackend, VideoBackends
from promptreel.domain.models import Resolution, VideoProtocol
from promptreel.errors import PromptreelError
from promptreel.ports.models import Failed, Operation, OperationState, Running, Succeeded, VideoRequest
from promptreel.ports.storage import ArtifactStore

TIMEOUT_S = 60.0
FIRST, LAST = a_picture("#203080"), a_picture("#a04010")
LOCATION = "us-central1"


class LoopbackVeo(Veo):
    """The adapter before the stand-in."""

    def __init__(self, vertex: FakeVertex) -> None:
        super().__init__("any-project", LOCATION, vertex.url)
        _admit(self._client, vertex)


class LoopbackOmni(Omni):
    """The adapter before the stand-in."""

    def __init__(self, vertex: FakeVertex) -> None:
        super().__init__("any-project", "global", vertex.url)
        _admit(self._client, vertex)


def _admit(client: genai.Client, vertex: FakeVertex) -> None:
    """Let the product's own client in: how often it posts is its own affair, what is fake is its token."""
    client._api_client._credentials = Credentials(token="fake")
    vertex.clients.append(client)


class OpenArtifacts(GcsArtifacts):
    """The bucket of the object store, whose links need no signature."""

    _client: storage.Client

    def __init__(self, store: ObjectStore) -> None:
        super().__init__("local", BUCKET, RemoteSigner(""), "")
        self._client, self._url = store.client(), store.url

    def sign_urls(self, uris: Iterable[str], expires_s: int) -> dict[str, str]:
        return {uri: f"{self._url}/{uri.removeprefix('gs://')}?expires={expires_s}" for uri in uris}

    def close(self) -> None:
        self._client.close()


@contextmanager
def loopback_replicate(url: str, artifacts: ArtifactStore, token: str = TOKEN) -> Iterator[Replicate]:
    """The adapter, whose connections are closed at the end."""
    backend = Replicate(token, url, artifacts)
    yield backend
    backend._client.close()


@dataclass(frozen=True, slots=True)
class Setting:
    """A backend, its stand-in and a request; ``read`` is the stand-in's name of a poll."""

    protocol: VideoProtocol
    backend: VideoBackend
    stand_in: FakeVertex | FakeReplicate
    request: VideoRequest
    read: str
    unknown: str

    def uri(self, folder: str) -> str:
        return f"gs://{BUCKET}/{self.protocol}/{folder}/"

    def submit(self, folder: str, timeout_s: float = TIMEOUT_S, **changes: Any) -> Operation:
        """Submit the request, with changes, for an output folder."""
        request = replace(self.request, **changes)
        name = self.backend.submit(request, self.uri(folder), timeout_s)
        return Operation(request.model, name, self.uri(folder))

    def unknown_operation(self) -> Operation:
        return Operation(self.request.model, self.unknown, self.uri("unknown"))

    def end_of(self, operation: Operation) -> Succeeded | Failed:
        """The state of an operation once it no longer runs."""
        eventually(lambda: self.backend.poll(operation) != Running())
        state = self.backend.poll(operation)
        assert not isinstance(state, Running)
        return state

    def poll_all(
        self, *operations: Operation, within_s: float = TIMEOUT_S
    ) -> Mapping[str, OperationState | PromptreelError]:
        return VideoBackends({self.protocol: self.backend}).poll_all(operations, within_s)

    def bills(self) -> list[tuple[str, int]]:
        return [(line["outcome"], line["micros"]) for line in self.stand_in.ledger()]


def _request(store: ObjectStore, model: str, seconds: int, resolution: Resolution) -> VideoRequest:
    return VideoRequest(
        model=model,
        prompt="A boat leaves the harbour",
        first_uri=store.put("keyframes/first.png", FIRST),
        last_uri=store.put("keyframes/last.png", LAST),
        seconds=seconds,
        aspect="16:9",
        resolution=resolution,
        audio=False,
        seed=7,
    )


def veo_setting(vertex: FakeVertex, store: ObjectStore) -> Setting:
    model = "veo-3.1-generate-001"
    path = f"projects/any-project/locations/{LOCATION}/publishers/google/models/{model}/operations"
    return Setting(
        protocol="veo",
        backend=LoopbackVeo(vertex),
        stand_in=vertex,
        request=_request(store, model, 4, "720p"),
        read="fetchPredictOperation",
        unknown=f"{path}/00000000-0000-0000-0000-000000000000",
    )


def omni_setting(vertex: FakeVertex, store: ObjectStore) -> Setting:
    return Setting(
        protocol="interactions",
        backend=LoopbackOmni(vertex),
        stand_in=vertex,
        request=_request(store, "gemini-omni-1.2-flash", 3, "360p"),
        read="getInteraction",
        unknown="video-00000000-0000-0000-0000-000000000000",
    )


@contextmanager
def replicate_setting(replicate: FakeReplicate, store: ObjectStore) -> Iterator[Setting]:
    with closing(OpenArtifacts(store)) as artifacts, loopback_replicate(replicate.url, artifacts) as backend:
        yield Setting(
            protocol="predictions",
            backend=backend,
            stand_in=replicate,
            request=_request(store, "google/veo-3.1", 4, "720p"),
            read="predictions.get",
            unknown="00000000000000000000000000",
        )
