"""Models on Replicate: one POST to create a prediction, free reads by id, output copied into our bucket.

Plain HTTP instead of Replicate's client, for the reasons in docs/adr/0015: that client does not bound a create, sleeps
between its own repeated reads, and cannot read a list that holds an aborted prediction.

Source: Replicate's HTTP reference, and its documentation of prediction states and of data retention (inputs, outputs
and logs are removed an hour after a prediction), read 2026-11.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from promptreel.adapters.vertex_errors import FailureKind, classify, classify_filtered
from promptreel.domain.models import VideoModel, registry
from promptreel.errors import AnswerLost, CallFailed, NotFound, Refused, Throttled, Transient, Unpaid
from promptreel.ports.models import Failed, LostSubmit, Operation, OperationState, Running, Succeeded, VideoRequest
from promptreel.ports.storage import ArtifactStore

if TYPE_CHECKING:
    from httpx2 import Client

API_URL = "https://api.replicate.com"
DELIVERY_DOMAIN = "replicate.delivery"
READ_TIMEOUT_S = 30.0
LINK_S = 6 * 3600  # how long the links to the keyframes are valid: a prediction may wait for a machine
CLOCKS_DIFFER = timedelta(seconds=60)
LISTED_PAGES = 20  # of 100 predictions each
MAX_CLIP_BYTES = 1_000_000_000

_NO_CREDIT, _NOT_FOUND, _TIMED_OUT, _THROTTLED, _SERVER_ERROR = 402, 404, 408, 429, 500


class Replicate:
    """A `VideoBackend` for models that speak the predictions API. ``url`` is empty for Replicate's own address."""

    def __init__(self, token: str, url: str, artifacts: ArtifactStore) -> None:
        """Make the client on first use."""
        self._token = token
        self._url = url or API_URL
        self._artifacts = artifacts

    def submit(self, request: VideoRequest, output_uri: str, timeout_s: float) -> str:
        """Make one paid call and return the prediction's id."""
        model = registry().video_model(request.model)
        links = self._artifacts.sign_urls((request.first_uri, request.last_uri), LINK_S)
        marked = f"{links[request.first_uri]}{_mark(output_uri)}"
        values = _inputs(model, request, marked, links[request.last_uri])
        with _translate_paid_call_errors():
            answer = self._client.post(
                f"/v1/models/{request.model}/predictions", json={"input": values}, timeout=timeout_s
            )
            if answer.is_error:
                raise _to_call_failed(answer.status_code, answer.text)
            return str(answer.json()["id"])

    def poll(self, operation: Operation) -> OperationState:
        """Return the state of one prediction; when it has succeeded, its clip has been copied into the bucket.

        Raises: Transient; NotFound when the prediction is unknown.
        """
        seen = self._read(f"/v1/predictions/{operation.name}")
        status = seen.get("status")
        if status in {"starting", "processing"}:
            return Running()
        if status == "succeeded":
            return Succeeded(self._store(seen.get("output"), operation))
        words = str(seen.get("error") or f"The prediction ended as {status}.")
        return Failed(words, _classify_failure(words))

    def find(self, lost: LostSubmit) -> Operation | None:
        """Look for the prediction whose input carries this call's mark. Raises: Transient."""
        mark, first = _mark(lost.output_uri), registry().video_model(lost.model).inputs["first"]
        path = "/v1/predictions"
        query: Mapping[str, str] | None = {"created_after": (lost.sent_at - CLOCKS_DIFFER).isoformat()}
        for _ in range(LISTED_PAGES):
            page = self._read(path, query)
            for seen in page["results"]:
                if str((seen.get("input") or {}).get(first, "")).endswith(mark):
                    return Operation(lost.model, str(seen["id"]), lost.output_uri)
            if not page.get("next"):
                return None
            path, query = page["next"], None
        raise Transient("list predictions: the call is not among the latest ones.")

    def _read(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """GET a path of the API, or the address of a further page."""
        import httpx2  # noqa: PLC0415 - cold start

        try:
            answer = self._client.get(path, params=query)
            if answer.status_code == _NOT_FOUND:
                raise NotFound(f"Replicate does not know {path}.")
            answer.raise_for_status()
            return answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise Transient(f"read {path}: {error!r}") from error

    def _store(self, output: Any, operation: Operation) -> str:
        """Copy the clip into the bucket unless it is there; return its address either way.

        An output that has expired leaves the address without an object: a paid clip that is missing.
        """
        uri = f"{operation.output_uri.rstrip('/')}/sample_0.mp4"
        path = uri.removeprefix(self._artifacts.uri(""))
        link = output[0] if isinstance(output, list) and output else output
        if isinstance(link, str) and not self._artifacts.exists(path):
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "clip.mp4")
                if self._download(link, file):
                    self._artifacts.put_file(path, file, "video/mp4")
        return uri

    def _download(self, link: str, file: Path) -> bool:
        """Download an output; False when it has expired. The token goes to Replicate's own hosts only."""
        import httpx2  # noqa: PLC0415 - cold start

        if not self._is_trusted(link):
            raise Transient(f"The output lies at an address that is not Replicate's: {link[:200]}")
        try:
            with self._client.stream("GET", link) as answer:
                if answer.status_code in {_NOT_FOUND, 410}:
                    return False
                answer.raise_for_status()
                size = 0
                with file.open("wb") as out:
                    for chunk in answer.iter_bytes():
                        size += len(chunk)
                        if size > MAX_CLIP_BYTES:
                            raise Transient(f"The output at {link[:200]} is over {MAX_CLIP_BYTES} bytes.")
                        out.write(chunk)
                return True
        except httpx2.HTTPError as error:
            raise Transient(f"download output: {error!r}") from error

    def _is_trusted(self, link: str) -> bool:
        target, own = urlsplit(link), urlsplit(self._url)
        if (target.scheme, target.netloc) == (own.scheme, own.netloc):
            return True
        host = target.hostname or ""
        return target.scheme == "https" and (host == DELIVERY_DOMAIN or host.endswith(f".{DELIVERY_DOMAIN}"))

    def connect(self) -> None:
        """Make the client."""
        _ = self._client

    @cached_property
    def _client(self) -> "Client":
        import httpx2  # noqa: PLC0415 - cold start

        # Without redirects: an address that answers with another one is not followed anywhere.
        return httpx2.Client(
            base_url=self._url, headers={"Authorization": f"Bearer {self._token}"}, timeout=READ_TIMEOUT_S
        )


def _mark(output_uri: str) -> str:
    """What makes this call's input unlike any other's: a fragment, which no one sends when the image is fetched."""
    return f"#{output_uri.rstrip('/').rpartition('/')[2]}"


def _inputs(model: VideoModel, request: VideoRequest, first_link: str, last_link: str) -> dict[str, Any]:
    """The model's inputs by the names that it gives them; what the model has no input for is left out."""
    values: dict[str, Any] = {
        "prompt": request.prompt,
        "first": first_link,
        "last": last_link,
        "seconds": request.seconds,
        "aspect": request.aspect,
        "resolution": model.resolution_inputs.get(request.resolution, request.resolution),
        "sound": request.audio,
        "seed": request.seed,
    }
    return {name: values[kind] for kind, name in model.inputs.items() if kind in values}


@contextmanager
def _translate_paid_call_errors() -> Iterator[None]:
    """Raises: Unpaid (never sent), AnswerLost (perhaps paid)."""
    import httpx2  # noqa: PLC0415 - cold start

    try:
        yield
    except CallFailed:
        raise
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise Unpaid(f"film: never sent: {error!r}") from error
    except Exception as error:
        raise AnswerLost(f"film: {error!r}") from error


def _to_call_failed(status: int, text: str) -> CallFailed:
    """Only a 4xx says that nothing was made."""
    reason = f"film: {status} {text}"[:2000]
    if status >= _SERVER_ERROR or status == _TIMED_OUT:
        return AnswerLost(reason)
    if status == _THROTTLED:
        return Throttled(reason)
    if status == _NO_CREDIT:
        return Refused(reason, codes=(FailureKind.CONFIGURATION.value,))
    return Refused(reason, codes=classify(text, http=status))


def _classify_failure(words: str) -> tuple[str, ...]:
    """Replicate names refusals by its safety check ``E005``; what fails otherwise is classified by its words."""
    return classify_filtered(words) if "E005" in words or "flagged" in words else classify(words)
