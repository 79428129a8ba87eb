"""What one call of a text or image model may use at most, and what its answer costs by the usage it reports. Pure."""

from dataclasses import dataclass
from datetime import datetime

from promptreel.domain.models import ImageModel, PictureSize, TextModel, TokenUsage, UsagePart


@dataclass(frozen=True, slots=True)
class ReportedUsage:
    """Tokens of one answer as the provider reported them; None for what it did not report.

    ``output`` is everything the model produced: text, thinking and pictures. ``picture`` is the part that is pictures.
    """

    input: int | None = None
    output: int | None = None
    picture: int | None = None


@dataclass(frozen=True, slots=True)
class Tariff:
    """The price of one call: ``most`` is what it may use, and what is reserved before it is sent."""

    model: TextModel | ImageModel
    most: TokenUsage

    def reserved_micros(self, at: datetime) -> int:
        return self.model.cost_micros(self.most, at)

    def cost_micros(self, usage: TokenUsage, at: datetime) -> int:
        return self.model.cost_micros(usage, at)

    def complete(self, reported: ReportedUsage) -> TokenUsage:
        """The usage to count: what is not reported counts at the most that the call may use, and is marked."""
        assumed: list[UsagePart] = []
        used, output, picture = reported.input, reported.output, reported.picture
        if used is None:
            used = self.most.input
            assumed.append("input")
        if output is None:
            output = self.most.output + (self.most.picture if picture is None else picture)
            assumed.append("output")
        if picture is None:
            picture = min(output, self.most.picture)
            assumed.append("picture")
        return TokenUsage(input=used, output=max(0, output - picture), picture=picture, assumed=tuple(assumed))


def text_tariff(model: TextModel, output_tokens: int) -> Tariff:
    return Tariff(model, TokenUsage(input=model.max_prompt_tokens, output=output_tokens))


def picture_tariff(model: ImageModel, size: PictureSize, references: int) -> Tariff:
    most = TokenUsage(
        input=model.max_prompt_tokens + references * model.reference_tokens,
        output=model.max_text_tokens,
        picture=model.picture_tokens[size],
    )
    return Tariff(model, most)
