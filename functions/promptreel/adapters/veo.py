"""Veo on Vertex AI: one POST to submit, free polls by the operation's full name, output written into the bucket."""

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from promptreel.adapters.gemini import one_post, vertex_client
from promptreel.adapters.sdk import import_sdk
from promptreel.adapters.vertex_errors import classify_filtered, classify_operation, translate_paid_call_errors
from promptreel.adapters.video import VideoBackend
from promptreel.errors import AnswerLost, NotFound, Transient
from promptreel.ports.models import Failed, Operation, OperationState, Running, Succeeded, VideoRequest

if TYPE_CHECKING:
    from google.genai import Client

POLL_TIMEOUT_S = 30.0


class Veo(VideoBackend):
    """A `VideoBackend` in one location; an operation is polled in the location of its name."""

    def __init__(self, project: str, location: str, url: str) -> None:
        """Make the client on first use; ``url`` is empty for Google's own address."""
        self._project = project
        self._location = location
        self._url = url

    def submit(self, request: VideoRequest, output_uri: str, timeout_s: float) -> str:
        """Make one paid call and return the operation's name."""
        import_sdk()
        from google.genai import types  # noqa: PLC0415 - cold start

        def picture(uri: str) -> types.Image:
            return types.Image(gcs_uri=uri, mime_type="image/png")

        with translate_paid_call_errors("film"):
            operation = self._client.models.generate_videos(
                model=request.model,
                source=types.GenerateVideosSource(prompt=request.prompt, image=picture(request.first_uri)),
                config=types.GenerateVideosConfig(
                    number_of_videos=1,
                    output_gcs_uri=output_uri,
                    duration_seconds=request.seconds,
                    aspect_ratio=request.aspect,
                    resolution=request.resolution,
                    seed=request.seed,
                    generate_audio=request.audio,
                    person_generation="allow_adult",
                    last_frame=picture(request.last_uri),
                    http_options=one_post(timeout_s),
                ),
            )
            if not operation.name:
                raise AnswerLost("The answer names no operation.")
            return operation.name

    def poll(self, operation: Operation) -> OperationState:
        """Return the state of one operation. Raises: Transient; NotFound when the operation is unknown."""
        import_sdk()
        import httpx2  # noqa: PLC0415 - cold start
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
        from google.genai import errors, types  # noqa: PLC0415

        try:
            seen = self._client_for(operation.name).operations.get(
                types.GenerateVideosOperation.model_validate({"name": operation.name}),
                config=types.GetOperationConfig(http_options=types.HttpOptions(timeout=int(POLL_TIMEOUT_S * 1000))),
            )
        except errors.APIError as error:
            if error.code == 404:  # noqa: PLR2004 - HTTP
                raise NotFound(f"Veo does not know {operation.name}.") from error
            raise Transient(f"poll: {error.code} {error.message}") from error
        except (httpx2.HTTPError, GoogleAuthError, ValueError) as error:
            raise Transient(f"poll: {error!r}") from error
        return _read_state(seen)

    def connect(self) -> None:
        """Make the client."""
        _ = self._client

    @cached_property
    def _client(self) -> "Client":
        return vertex_client(self._project, self._location, self._url)

    def _client_for(self, operation: str) -> "Client":
        """The SDK takes the path from the operation's name but the host from the client, so both must agree."""
        named = re.search(r"/locations/([^/]+)/", operation)
        if named is None or named[1] == self._location:
            return self._client
        return vertex_client(self._project, named[1], self._url)


def _read_state(operation: Any) -> OperationState:
    """Done without videos and without an error is the normal shape of a filtered clip."""
    if not operation.done:
        return Running()
    if operation.error:
        codes, reason = classify_operation(operation.error)
        return Failed(reason, codes)
    answer = operation.response
    if answer is not None and answer.generated_videos:
        uri = answer.generated_videos[0].video.uri
        if uri:
            return Succeeded(uri)
    reasons = " ".join((answer.rai_media_filtered_reasons if answer else None) or [])
    return Failed(reasons or "Filtered without a reason.", classify_filtered(reasons))
