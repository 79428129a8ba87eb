"""Gemini Omni through Vertex AI's Interactions API: one POST to create, free reads by id, output written to the bucket.

Source: the types of google-genai 3.6.1, measured against a loopback server: without retry options at the client's own
level it posts a paid call up to five times.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from promptreel.adapters.gemini import vertex_client
from promptreel.adapters.sdk import import_interactions, import_sdk
from promptreel.adapters.vertex_errors import (
    classify,
    classify_filtered,
    classify_operation,
    translate_paid_call_errors,
)
from promptreel.adapters.video import VideoBackend
from promptreel.domain.models import TokenUsage
from promptreel.errors import AnswerLost, NotFound, Refused, Transient
from promptreel.ports.models import Failed, Operation, OperationState, Running, Succeeded, VideoRequest

if TYPE_CHECKING:
    from google.genai import Client

POLL_TIMEOUT_S = 30.0
_ENDED = frozenset({"completed", "failed", "incomplete", "budget_exceeded", "requires_action"})


class Omni(VideoBackend):
    """A `VideoBackend` for models that speak the Interactions API, which one location serves."""

    def __init__(self, project: str, location: str, url: str) -> None:
        """Make the client on first use; ``url`` is empty for Google's own address."""
        self._project = project
        self._location = location
        self._url = url

    def submit(self, request: VideoRequest, output_uri: str, timeout_s: float) -> str:
        """Make one paid call and return the interaction's id.

        Raises: Refused for an empty prompt as well: the service answers it with 200 and bills a full clip.
        """
        if not request.prompt.strip():
            raise Refused("film: the prompt is empty; it was not sent.", codes=("empty_prompt",))
        pictures = [
            {"type": "image", "mime_type": "image/png", "uri": uri} for uri in (request.first_uri, request.last_uri)
        ]
        with translate_paid_call_errors("film"):
            created = self._client.interactions.create(
                model=request.model,
                input=[{"type": "text", "text": request.prompt}, *pictures],
                background=True,
                generation_config={"video_config": {"task": "image_to_video"}, "seed": request.seed},
                response_format={
                    "type": "video",
                    "aspect_ratio": request.aspect,
                    "duration": f"{request.seconds}s",
                    "resolution": request.resolution,
                    "delivery": "uri",
                    "gcs_uri": output_uri,
                },
                timeout=timeout_s,
            )
            name = getattr(created, "id", None)
            if not name:
                raise AnswerLost("The answer names no interaction.")
            return str(name)

    def poll(self, operation: Operation) -> OperationState:
        """Return the state of one interaction. Raises: Transient; NotFound when it is unknown."""
        import_sdk()
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - cold start
        from google.genai._interactions_errors import (  # noqa: PLC0415
            GeminiNextGenAPIClientError,
            NotFoundError,
        )

        try:
            seen = self._client.interactions.get(operation.name, timeout=POLL_TIMEOUT_S)
        except NotFoundError as error:
            raise NotFound(f"Vertex AI does not know the interaction {operation.name}.") from error
        except (GeminiNextGenAPIClientError, GoogleAuthError, ValueError) as error:
            raise Transient(f"poll: {error!r}") from error
        return _read_state(seen)

    def connect(self) -> None:
        """Make the client."""
        import_interactions()
        _ = self._client.interactions

    @cached_property
    def _client(self) -> "Client":
        return vertex_client(self._project, self._location, self._url)


def _read_state(seen: Any) -> OperationState:
    if seen.status == "cancelled":  # by someone else; the work goes on and is billed, and its clip is written
        raise NotFound(f"Vertex AI tells no more of the interaction {seen.id}, which was cancelled.")
    if seen.status not in _ENDED:  # one that is not known may be neither released nor paid for
        return Running()
    usage = _read_usage(seen.usage)
    outputs = [content for step in seen.steps or () for content in getattr(step, "content", None) or ()]
    for content in outputs:
        if content.type == "video" and content.uri:
            return Succeeded(content.uri, usage)
    if seen.errors:
        errors = [{"code": error.code, "message": error.message} for error in seen.errors]
        codes, reason = classify_operation({"error": errors})
        return Failed(reason, codes, usage)
    words = " ".join(content.text for content in outputs if content.type == "text" and content.text)
    if words or seen.status == "completed":
        return Failed(words or "Filtered without a reason.", classify_filtered(words), usage)
    reason = f"The interaction ended as {seen.status} without a clip."
    return Failed(reason, classify(reason), usage)


def _read_usage(usage: Any) -> TokenUsage | None:
    """Return the tokens that are billed; None for an answer that does not say what they are of.

    What is not said to be text costs what video does, the dearest.
    """
    if usage is None or usage.total_input_tokens is None or not usage.output_tokens_by_modality:
        return None
    produced = [(str(part.modality).lower(), part.tokens or 0) for part in usage.output_tokens_by_modality]
    text = sum(tokens for modality, tokens in produced if modality == "text")
    output = max(sum(tokens for _, tokens in produced), usage.total_output_tokens or 0)
    thoughts = usage.total_thought_tokens or 0
    return TokenUsage(input=usage.total_input_tokens, output=text + thoughts, picture=output - text)
