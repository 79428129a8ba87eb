"""What one call of a text or image model may use at most, and what its answer costs by the usage it reports. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from promptreel.domain.models import GLOBAL, ImageModel, ImageSize, TextModel, TokenModel, TokenUsage, UsagePart

REQUEST_TOKENS = 100
"""What a request counts beside its texts: roles and separators, rounded up."""


@dataclass(frozen=True, slots=True)
class ReportedUsage:
    """Tokens of one answer as the provider reported them; None for what it did not report.

    ``output`` is everything the model produced: text, thinking and images. ``picture`` is the part that is images.
    """

    input: int | None = None
    output: int | None = None
    picture: int | None = None


@dataclass(frozen=True, slots=True)
class Tariff:
    """The price of one call: ``maximum`` is what it may use, and what is reserved before it is sent.

    ``location`` is where the model is called: its price depends on it.
    """

    model: TokenModel
    maximum: TokenUsage
    location: str

    @property
    def output_limit(self) -> int:
        """Tokens that the answer may have, images included."""
        return self.maximum.output + self.maximum.picture

    def reserved_micros(self, at: datetime) -> int:
        """What the call may cost at most when it is sent on that day or later."""
        return self.model.max_micros(self.maximum, at, self.location)

    def cost_micros(self, usage: TokenUsage, at: datetime) -> int:
        """What this usage costs when the call is sent on that day."""
        return self.model.cost_micros(usage, at, self.location)

    def complete(self, reported: ReportedUsage) -> TokenUsage:
        """The usage to count: a part that is not reported counts at its maximum and is named in ``assumed``."""
        used = self.maximum.input if reported.input is None else reported.input
        output = self.output_limit if reported.output is None else reported.output
        picture = min(output, self.maximum.picture) if reported.picture is None else reported.picture
        assumed = tuple(part for part in get_args(UsagePart) if getattr(reported, part) is None)
        return TokenUsage(input=used, output=max(0, output - picture), picture=picture, assumed=assumed)


def text_tariff(
    model: TextModel, prompt_tokens: int, output_tokens: int, location: str = GLOBAL, pictures: int = 0
) -> Tariff:
    """The tariff of one text call; ``pictures`` is how many the model is given to look at."""
    prompt = prompt_tokens + pictures * model.picture_tokens_in
    return Tariff(model, TokenUsage(input=prompt, output=output_tokens), location)


def image_tariff(
    model: ImageModel, size: ImageSize, references: int, output_tokens: int, location: str = GLOBAL
) -> Tariff:
    """The tariff of one image call. As many images as the output limit holds are reserved: each drawn one is billed."""
    picture = output_tokens // model.picture_tokens[size] * model.picture_tokens[size]
    prompt = model.max_prompt_tokens + references * model.reference_tokens
    return Tariff(model, TokenUsage(input=prompt, output=output_tokens - picture, picture=picture), location)


def drawing_tariff(
    model: ImageModel, frame_px: tuple[int, int], pictures: int, cut_offs: int = 0, location: str = GLOBAL
) -> Tariff:
    """The tariff of a picture that fits a frame and is drawn from so many others, after so many cut off answers."""
    size = model.size_for(frame_px)
    limit = raise_output_limit(model.first_output_tokens(size), cut_offs, model.max_output_tokens)
    return image_tariff(model, size, pictures, limit, location)


def count_tokens_at_most(*texts: str) -> int:
    """An upper bound of what the texts of one request count, without a tokenizer.

    Gemini's tokenizers know every byte, so no text has more tokens than bytes (SentencePiece with byte fallback, as
    published for Gemma and used by google-genai's local tokenizer).
    """
    return REQUEST_TOKENS + sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


def raise_output_limit(first_tokens: int, cut_offs: int, max_tokens: int) -> int:
    """Double the output limit for each answer that was cut off, up to the model's limit."""
    return min(first_tokens << cut_offs, max_tokens)
