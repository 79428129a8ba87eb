"""Gemini on Vertex AI: the writer and the painter. One POST per call; what comes back is translated, not judged."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from promptreel.adapters.pictures import fit
from promptreel.adapters.vertex_errors import paid_call, support_codes
from promptreel.domain.models import TokenUsage
from promptreel.errors import AnswerLost, Refused
from promptreel.ports import Manuscript, Painted, Sketch, Written

if TYPE_CHECKING:
    from google.genai import Client

# Endings of an answer that mean "not this prompt"; the others come with text or are a broken answer.
_REFUSING = frozenset(
    "SAFETY BLOCKLIST PROHIBITED_CONTENT SPII RECITATION LANGUAGE MODEL_ARMOR IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT "
    "IMAGE_RECITATION IMAGE_OTHER NO_IMAGE OTHER".split()
)


class Gemini:
    """A `Writer` and a `Painter` in one location."""

    def __init__(self, project: str, location: str, url: str) -> None:
        self._project = project
        self._location = location
        self._url = url

    def write(self, manuscript: Manuscript, timeout_s: float) -> Written:
        from google.genai import types  # noqa: PLC0415 - cold start

        with paid_call("write"):
            answer = self._client.models.generate_content(
                model=manuscript.model,
                contents=manuscript.prompt,
                config=types.GenerateContentConfig(
                    system_instruction=manuscript.instruction,
                    temperature=manuscript.temperature,
                    seed=manuscript.seed,
                    max_output_tokens=manuscript.max_output_tokens,
                    response_mime_type="application/json",
                    response_schema=manuscript.schema,
                    **_one_call(timeout_s),
                ),
            )
            _refuse_blocked(answer)
            return Written(answer.text or "", _usage(answer))

    def paint(self, sketch: Sketch, timeout_s: float) -> Painted:
        from google.genai import types  # noqa: PLC0415 - cold start

        parts = [types.Part.from_text(text=sketch.prompt)]
        parts += [types.Part.from_bytes(data=picture, mime_type="image/png") for picture in sketch.references]
        with paid_call("paint"):
            answer = self._client.models.generate_content(
                model=sketch.model,
                contents=[types.Content(role="user", parts=parts)],
                config=types.GenerateContentConfig(
                    response_modalities=["TEXT", "IMAGE"],
                    image_config=types.ImageConfig(aspect_ratio=sketch.aspect, image_size=sketch.size),
                    seed=sketch.seed,
                    **_one_call(timeout_s),
                ),
            )
            _refuse_blocked(answer)
            return Painted(fit(_picture(answer), sketch.frame_px), _usage(answer))

    @cached_property
    def _client(self) -> "Client":
        return vertex_client(self._project, self._location, self._url)


def vertex_client(project: str, location: str, url: str) -> "Client":
    """A client that takes nothing from the environment: everything left out there reaches the real Google."""
    from google.genai import Client, types  # noqa: PLC0415 - cold start

    return Client(
        vertexai=True, project=project, location=location, http_options=types.HttpOptions(base_url=url or None)
    )


def one_post(timeout_s: float) -> Any:
    """Options of a paid request: one POST, whatever happens, within the time the ledger gives it."""
    from google.genai import types  # noqa: PLC0415 - cold start

    return types.HttpOptions(timeout=int(timeout_s * 1000), retry_options=types.HttpRetryOptions(attempts=1))


def _one_call(timeout_s: float) -> dict[str, Any]:
    from google.genai import types  # noqa: PLC0415 - cold start

    return {
        "http_options": one_post(timeout_s),
        "automatic_continuation": False,  # else the client posts again for as long as the server says so
        "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
    }


def _refuse_blocked(answer: Any) -> None:
    feedback = answer.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        reason = f"{feedback.block_reason.value}: {feedback.block_reason_message or 'the prompt was blocked'}"
        raise Refused(reason, codes=support_codes(reason))
    if not answer.candidates:
        raise AnswerLost("The answer holds no candidate.")
    candidate = answer.candidates[0]
    ending = candidate.finish_reason.value if candidate.finish_reason else ""
    if ending in _REFUSING:
        reason = f"{ending}: {candidate.finish_message or 'the model refused'}"
        raise Refused(reason, codes=support_codes(reason))


def _picture(answer: Any) -> bytes:
    """The last picture that is not a draft of the model's thinking."""
    content = answer.candidates[0].content
    parts = (content.parts if content else None) or []
    pictures = [
        part.inline_data.data for part in parts if part.inline_data and part.inline_data.data and not part.thought
    ]
    if not pictures:
        said = " ".join(part.text for part in parts if part.text and not part.thought)
        raise Refused(f"No picture came: {said or 'the answer is empty'}", codes=support_codes(said))
    data: bytes = pictures[-1]
    return data


def _usage(answer: Any) -> TokenUsage:
    used = answer.usage_metadata
    if used is None:
        raise AnswerLost("The answer does not say what it used.")
    details = used.candidates_tokens_details or []
    picture = sum(part.token_count or 0 for part in details if part.modality and part.modality.value == "IMAGE")
    output = (used.candidates_token_count or 0) - picture + (used.thoughts_token_count or 0)
    return TokenUsage(input=used.prompt_token_count or 0, output=output, picture=picture)
