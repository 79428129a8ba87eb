"""Gemini on Vertex AI generates text and images. One POST per call; the answer is translated, not judged."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from promptreel.adapters.gemini_answers import read_image, read_text
from promptreel.adapters.sdk import import_sdk
from promptreel.adapters.vertex_errors import translate_paid_call_errors
from promptreel.ports.models import Declined, ImageRequest, ImageResult, TextRequest, TextResult

if TYPE_CHECKING:
    from google.genai import Client


# Set, so that a picture counts no more than the registry's ``picture_tokens_in``, whatever the model's own choice is.
_RESOLUTION = "MEDIA_RESOLUTION_HIGH"


class Gemini:
    """A `TextGenerator` and an `ImageGenerator` in one location."""

    def __init__(self, project: str, location: str, url: str) -> None:
        """Make the client on first use; ``url`` is empty for Google's own address."""
        self._project = project
        self.location = location
        self._url = url

    def generate_text(self, request: TextRequest, timeout_s: float) -> TextResult | Declined:
        """Make one paid text call."""
        config = {
            "system_instruction": request.instruction,
            "response_mime_type": "application/json",
            "response_schema": request.schema,
        }
        contents: Any = request.prompt
        if request.pictures:
            contents = _attach(request.prompt, request.pictures)
            config["media_resolution"] = _RESOLUTION
        with translate_paid_call_errors("write"):
            return read_text(self._generate(request, contents, config, timeout_s))

    def generate_image(self, request: ImageRequest, timeout_s: float) -> ImageResult | Declined:
        """Make one paid image call."""
        import_sdk()
        from google.genai import types  # noqa: PLC0415 - cold start

        config = {
            "response_modalities": ["TEXT", "IMAGE"],
            "image_config": types.ImageConfig(aspect_ratio=request.aspect, image_size=request.size),
        }
        with translate_paid_call_errors("paint"):
            contents = _attach(request.prompt, request.references)
            return read_image(self._generate(request, contents, config, timeout_s), request.frame_px)

    def _generate(
        self, request: TextRequest | ImageRequest, contents: Any, config: dict[str, Any], timeout_s: float
    ) -> Any:
        from google.genai import types  # noqa: PLC0415 - cold start

        level = request.thinking_level
        return self._client.models.generate_content(
            model=request.model,
            contents=contents,
            config=types.GenerateContentConfig(
                seed=request.seed,
                max_output_tokens=request.max_output_tokens,
                thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel(level)) if level else None,
                http_options=one_post(timeout_s),
                automatic_continuation=False,  # else the client posts again for as long as the server says so
                automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
                **config,
            ),
        )

    def connect(self) -> None:
        """Make the client."""
        _ = self._client

    @cached_property
    def _client(self) -> "Client":
        return vertex_client(self._project, self.location, self._url)


def _attach(prompt: str, uris: Sequence[str]) -> Any:
    """The contents of a request: its prompt, then the pictures that it speaks of, in their order."""
    import_sdk()
    from google.genai import types  # noqa: PLC0415 - cold start

    parts = [types.Part.from_text(text=prompt)]
    # By address: an image inside the request may have 7 MB, one in a bucket 30 MB; a 4k keyframe has up to 20.
    parts += [types.Part.from_uri(file_uri=uri, mime_type="image/png") for uri in uris]
    return [types.Content(role="user", parts=parts)]


def vertex_client(project: str, location: str, url: str) -> "Client":
    """Return a client that ignores the environment and posts once; ``url`` is empty for Google's own address."""
    import_sdk()
    from google.genai import Client, types  # noqa: PLC0415 - cold start

    once = types.HttpRetryOptions(attempts=1)  # the interactions of this client heed no other place
    options = types.HttpOptions(base_url=url or None, retry_options=once)
    return Client(vertexai=True, project=project, location=location, http_options=options)


def one_post(timeout_s: float) -> Any:
    """Return the options of a paid request: one POST without retries, within the time that the ledger gives it."""
    from google.genai import types  # noqa: PLC0415 - cold start

    return types.HttpOptions(timeout=int(timeout_s * 1000), retry_options=types.HttpRetryOptions(attempts=1))
