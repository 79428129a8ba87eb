"""Models on Replicate: one POST to create a prediction, free reads by id, output copied into our bucket.

Plain HTTP instead of Replicate's client, for the reasons in docs/adr/0015: that client does not bound a create, sleeps
between its own repeated reads, and cannot read a list that holds an aborted prediction.

Source: Replicate's HTTP reference (the list is newest first; ``created_after`` means at or after, in ISO 8601; whether
the address of a further page keeps it is not said), and its documentation of prediction states and of data retention
(inputs, outputs and logs are removed an hour after a prediction), read 2026-11.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AwareDatetime, BaseModel

from promptreel.adapters.vertex_errors import FailureKind, classify, classify_filtered, to_call_failed
from promptreel.domain.models import VideoModel, registry
from promptreel.domain.remedies import MODEL_UNAVAILABLE
from promptreel.errors import AnswerLost, CallFailed, NotFound, PromptreelError, Refused, Transient, Unpaid
from promptreel.ports.models import Failed, LostSubmit, Operation, OperationState, Running, Succeeded, VideoRequest
from promptreel.ports.storage import ArtifactStore

if TYPE_CHECKING:
    from httpx2 import Client

API_URL = "https://api.replicate.com"
DELIVERY_DOMAIN = "replicate.delivery"
READ_TIMEOUT_S = 30.0
LINK_S = 6 * 3600  # how long the links to the keyframes are valid: a prediction may wait for a machine
CLOCKS_DIFFER = timedelta(seconds=60)
ARRIVES = timedelta(seconds=600)  # how long after its sending a submit may be accepted
LISTED_PAGES = 20  # of 100 predictions each
MAX_CLIP_BYTES = 200_000_000  # Cloud Run keeps files in memory, and a clip of 15 s at 1080p has some 60 MB

_NO_CREDIT, _NOT_FOUND, _GONE = 402, 404, 410


class _Prediction(BaseModel):
    id: str
    status: str
    created_at: AwareDatetime | None = None
    input: Any = None
    output: Any = None
    error: Any = None


class _Page(BaseModel):
    results: list[_Prediction]
    next: str | None = None


P = TypeVar("P", bound=BaseModel)


class Replicate:
    """A `VideoBackend` for models that speak the predictions API. ``url`` is empty for Replicate's own address."""

    def __init__(self, token: str, url: str, artifacts: ArtifactStore) -> None:
        """Make the client on first use."""
        self._token = token
        self._url = url or API_URL
        self._artifacts = artifacts

    def submit(self, request: VideoRequest, output_uri: str, timeout_s: float) -> str:
        """Make one paid call and return the prediction's id."""
        with _translate_paid_call_errors():
            links = self._artifacts.sign_urls((request.first_uri, request.last_uri), LINK_S)
            marked = f"{links[request.first_uri]}{_mark(output_uri)}"
            values = _inputs(registry().video_model(request.model), request, marked, links[request.last_uri])
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
        path = f"/v1/predictions/{operation.name}"
        seen = self._read(_Prediction, path)
        if seen is None:
            raise NotFound(f"Replicate does not know {path}.")
        if seen.status in {"succeeded", "canceled"}:  # what someone else canceled while it ran is billed without a clip
            return Succeeded(self._store(seen.output, operation))
        if seen.status not in {"failed", "aborted"}:  # a status that is not known may be neither released nor paid for
            return Running()
        words = str(seen.error or f"The prediction ended as {seen.status}.")
        return Failed(words, _classify_failure(words))

    def find(self, lost: LostSubmit) -> Operation | None:
        """Look for the prediction whose input carries this call's mark. Raises: Transient."""
        mark, first = _mark(lost.output_uri), registry().video_model(lost.model).inputs["first"]
        since, until = lost.sent_at - CLOCKS_DIFFER, lost.sent_at + ARRIVES
        path = "/v1/predictions"
        query: Mapping[str, str] | None = {"created_after": since.isoformat(), "created_before": until.isoformat()}
        for _ in range(LISTED_PAGES):
            page = self._read(_Page, path, query)
            if page is None:
                raise Transient(f"list predictions: there is no page {path[:200]}")
            for seen in page.results:
                if isinstance(seen.input, dict) and str(seen.input.get(first)).endswith(mark):
                    return Operation(lost.model, seen.id, lost.output_uri)
            if not page.next or (page.results and (page.results[-1].created_at or since) < since):
                return None
            if not self._is_own(page.next):
                raise Transient(f"list predictions: the next page is not at Replicate: {page.next[:200]}")
            path, query = page.next, None
        raise Transient("list predictions: the call is not among the latest ones.")

    def _read(self, shape: type[P], path: str, query: Mapping[str, str] | None = None) -> P | None:
        """GET a path of the API, or the address of a further page; None when there is none. Raises: Transient."""
        import httpx2  # noqa: PLC0415 - cold start

        try:
            answer = self._client.get(path, params=query)
            if answer.status_code == _NOT_FOUND:
                return None
            answer.raise_for_status()
            return shape.model_validate_json(answer.content)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
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
                if answer.status_code in {_NOT_FOUND, _GONE}:
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
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise Transient(f"download output: {error!r}") from error

    def _is_own(self, link: str) -> bool:
        """Whether the API itself serves this address."""
        target, own = _parse(link), urlsplit(self._url)
        return (target.scheme, target.netloc) == (own.scheme, own.netloc)

    def _is_trusted(self, link: str) -> bool:
        target = _parse(link)
        is_delivery = f".{target.hostname}".endswith(f".{DELIVERY_DOMAIN}")
        return self._is_own(link) or (target.scheme == "https" and is_delivery)

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


def _parse(link: str) -> SplitResult:
    """Parse an address that someone else wrote; one that is no address has neither scheme nor host."""
    try:
        return urlsplit(link)
    except ValueError:
        return urlsplit("")


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
    """Raises: Unpaid (never sent), Refused (promptreel may not sign links), AnswerLost (perhaps paid)."""
    import httpx2  # noqa: PLC0415 - cold start

    try:
        yield
    except CallFailed:
        raise
    except (Transient, httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise Unpaid(f"film: never sent: {error!r}") from error
    except PromptreelError as error:
        raise Refused(f"film: never sent: {error!r}", codes=(FailureKind.CONFIGURATION,)) from error
    except Exception as error:
        raise AnswerLost(f"film: {error!r}") from error


def _to_call_failed(status: int, text: str) -> CallFailed:
    """The path of a submit names nothing but the model, so that only the model can be missing."""
    failed = to_call_failed("film", status, None, text)
    if status == _NOT_FOUND:
        return Refused(failed.reason, codes=(MODEL_UNAVAILABLE,))
    if status == _NO_CREDIT:
        return Refused(failed.reason, codes=(FailureKind.CONFIGURATION,))
    return failed


def _classify_failure(words: str) -> tuple[str, ...]:
    """Replicate names refusals by its safety check ``E005``; what fails otherwise is classified by its words."""
    return classify_filtered(words) if "E005" in words or "flagged" in words else classify(words)
