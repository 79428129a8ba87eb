"""Read an answer of Gemini: text, an image or a refusal, and the tokens that it reports. Nothing here sends anything.

Every answer is billed, so one without output is a value with its usage. Only a prompt that was blocked without any
usage was certainly not billed.
"""

from typing import Any

from promptreel.adapters.images import fit_to_frame
from promptreel.adapters.vertex_errors import FailureKind, find_support_codes
from promptreel.domain.call import CUT_OFF
from promptreel.domain.tariffs import ReportedUsage
from promptreel.errors import AnswerLost, Refused
from promptreel.ports.models import Declined, ImageResult, TextResult

# Finish reasons that refuse this prompt; with the others comes text, or the answer is broken.
_REFUSING = frozenset(
    "SAFETY BLOCKLIST PROHIBITED_CONTENT SPII RECITATION LANGUAGE MODEL_ARMOR IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT "
    "IMAGE_RECITATION IMAGE_OTHER NO_IMAGE OTHER".split()
)
_CUT_OFF = frozenset({"MAX_TOKENS", "CONTINUATION"})


def read_text(answer: Any) -> TextResult | Declined:
    """Return the answer's text. Raises: Refused, AnswerLost."""
    usage = read_usage(answer, draws=False)
    return _find_refusal(answer, usage) or TextResult(answer.text or "", usage)


def read_image(answer: Any, frame_px: tuple[int, int]) -> ImageResult | Declined:
    """Return the answer's image, scaled to the frame. Raises: Refused, AnswerLost."""
    usage = read_usage(answer, draws=True)
    if declined := _find_refusal(answer, usage):
        return declined
    picture = _last_image(answer)
    if picture is None:
        words = " ".join(part.text for part in _parts(answer) if part.text and not part.thought)
        return Declined(f"No picture came: {words or 'the answer is empty'}", _refusal_codes(words), usage)
    try:
        fitted = fit_to_frame(picture, frame_px)
        return ImageResult(fitted.data, usage, fitted.drawn_px, fitted.content_px)
    except AnswerLost as error:
        return Declined(error.reason, error.codes, usage)


def read_usage(answer: Any, *, draws: bool) -> ReportedUsage:
    """Return the answer's tokens; None where it does not say how many.

    Counts of zero are left out on the wire, so a missing count is zero only where the total says so.
    """
    used = answer.usage_metadata
    if used is None:
        return ReportedUsage(picture=None if draws else 0)
    answered, thoughts, total = used.candidates_token_count, used.thoughts_token_count, used.total_token_count
    output = None if answered is None or thoughts is None else answered + thoughts
    if total and used.prompt_token_count:
        output = max(output or answered or 0, total - used.prompt_token_count)
    if not answer.candidates and output is None:
        output = 0
    if output == 0 and _parts(answer):
        output = None
    return ReportedUsage(
        input=used.prompt_token_count or None, output=output, picture=_image_tokens(answer) if draws else 0
    )


def _image_tokens(answer: Any) -> int | None:
    """Without details, only text with an ordinary finish reason holds no image: one may have been withheld."""
    used, no_picture = answer.usage_metadata, _last_image(answer) is None
    thought = used.thoughts_token_count or 0
    if no_picture and used.prompt_token_count and used.total_token_count == used.prompt_token_count + thought:
        return 0  # it thought and produced nothing
    details = used.candidates_tokens_details or []
    counted = sum(each.token_count or 0 for each in details if each.modality and each.modality.value == "IMAGE")
    if counted or (details and no_picture):
        return counted
    return 0 if not answer.candidates or (no_picture and _finish_reason(answer) not in _REFUSING) else None


def _find_refusal(answer: Any, usage: ReportedUsage) -> Declined | None:
    """Return why the answer holds no output; None when it may hold one."""
    feedback = answer.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        reason = f"{feedback.block_reason.value}: {feedback.block_reason_message or 'the prompt was blocked'}"
        if answer.usage_metadata is None:
            raise Refused(reason, codes=_refusal_codes(reason))
        return Declined(reason, _refusal_codes(reason), usage)
    if not answer.candidates:
        if answer.usage_metadata is None:
            raise AnswerLost("The answer holds no candidate.")
        return Declined("The answer holds no candidate.", (), usage)
    ending = _finish_reason(answer)
    if ending in _CUT_OFF and _last_image(answer) is None:
        return Declined(f"{ending}: the answer ends at its output limit", (CUT_OFF,), usage)
    if ending in _REFUSING:
        reason = f"{ending}: {answer.candidates[0].finish_message or 'the model refused'}"
        return Declined(reason, _refusal_codes(reason), usage)
    return None


def _refusal_codes(words: str) -> tuple[str, ...]:
    return find_support_codes(words) or (FailureKind.SAFETY if words else FailureKind.UNKNOWN,)


def _finish_reason(answer: Any) -> str:
    reason = answer.candidates[0].finish_reason
    return str(reason.value) if reason else ""


def _last_image(answer: Any) -> bytes | None:
    """Return the last image that is not a draft of the model's thinking."""
    pictures = [part.inline_data.data for part in _parts(answer) if part.inline_data and not part.thought]
    return next(filter(None, reversed(pictures)), None)


def _parts(answer: Any) -> list[Any]:
    content = answer.candidates[0].content if answer.candidates else None
    return (content.parts if content else None) or []
