"""What one piece of a film may cost: a text, a keyframe, a clip with the remedies of its refusals. Pure.

A piece is made in as many attempts as the run allows it, each in vain with the share that model and owner have shown;
the remedies are those that `remedies` chooses. Prices come from the functions that reserve and settle the calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from promptreel.domain import recovery, remedies
from promptreel.domain.assumptions import assumptions
from promptreel.domain.costs import Costs
from promptreel.domain.estimate import AssumedRefusals
from promptreel.domain.models import Model, TokenUsage, VideoModel, registry
from promptreel.domain.planning import IMAGE_SIZE, MAX_REFERENCES, REWRITE_TOKENS, FilmSpec, text_tariffs
from promptreel.domain.rates import Attempts, History, refusal_share
from promptreel.domain.remedies import MAX_TRIES, Remedy, RemedyKind
from promptreel.domain.request import FilmRequest
from promptreel.domain.tariffs import Tariff, image_tariff, text_tariff

Stage = Literal["storyboard", "keyframes", "clips"]


@dataclass(frozen=True, slots=True)
class Basis:
    """What an estimate starts from beside the request: the day, the owner's attempts, and how long a film is kept.

    ``pace`` multiplies production waits.
    """

    at: datetime
    history: History
    keep_days: float
    pace: float = 1.0


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that is made: its cost when it is made, and when every attempt is in vain, which ends the job.

    ``least_micros`` is its cost at first try with few tokens.
    """

    stage: Stage
    made: Costs
    failed: Costs
    least_micros: int

    def only_for(self, stage: Stage | None) -> "Piece":
        """The same piece, free unless it belongs to the stage; None is all stages."""
        if stage in {None, self.stage}:
            return self
        free = Costs.exactly(0)
        return replace(self, made=free.when(self.made.weight), failed=free.when(self.failed.weight), least_micros=0)


@dataclass(frozen=True, slots=True)
class PieceCosts:
    """The costs of the pieces of one request's film."""

    request: FilmRequest
    spec: FilmSpec
    basis: Basis

    def texts(self, scenes: int) -> list[Piece]:
        """The text calls before the first keyframe."""
        answers = [self._answer(tariff) for tariff in text_tariffs(self.request, self.spec, scenes)]
        return [self._attempted("storyboard", answer, answer, self.spec.text) for answer in answers]

    def keyframe(self, *, is_first: bool) -> Piece:
        """A keyframe; every one but the film's first sees the one before it."""
        references = 0 if is_first else MAX_REFERENCES
        drawn, refused = self._image(references, pictures=1), self._image(references, pictures=0)
        return self._attempted("keyframes", drawn, refused, self.spec.image)

    def clip(self, duration_s: int) -> Piece:
        """The clip of a scene; one that is given up costs nothing more, and ends no job."""
        by_code = [(one.share, remedies.find_remedy(one.codes)) for one in assumptions().clip_refusals]
        cases = [_Filming(self, duration_s, remedy).costs(self.spec.video).when(share) for share, remedy in by_code]
        least_micros = self.delivered_micros(self.spec.video, duration_s, sound=self.request.clip_audio)
        return Piece("clips", Costs.any_of(*cases), Costs({}), least_micros)

    def assume(self, model: Model) -> AssumedRefusals:
        """The share of this model's attempts that is taken to be in vain."""
        attempts = self.basis.history.get(model.id, Attempts())
        share = refusal_share(model.usual_refusals, assumptions().prior_attempts, attempts)
        return AssumedRefusals(model=model.id, share=share, attempts=attempts.made)

    def delivered_micros(self, model: VideoModel, duration_s: int, *, sound: bool) -> int:
        """What a delivered clip of a scene costs, by seconds or by tokens."""
        resolution, at = self.request.resolution, self.basis.at
        most_micros = model.max_micros(duration_s, resolution, at, audio=sound)
        seconds = model.clip_seconds(duration_s, resolution) or duration_s
        sent = assumptions().tokens.clip_prompt + 2 * model.picture_tokens_in
        filmed = seconds * model.tokens_per_second.get(resolution, 0)
        return model.cost_micros(TokenUsage(input=sent, output=0, picture=filmed), at, most_micros)

    def refused_micros(self, model: VideoModel) -> int:
        """What a refused clip costs: its words, where the model is paid by tokens."""
        tokens = assumptions().tokens
        usage = TokenUsage(input=tokens.clip_prompt + 2 * model.picture_tokens_in, output=tokens.refused_clip_words)
        return model.cost_micros(usage, self.basis.at, 0)

    def rewrite(self) -> Costs:
        """The prompts of a refused scene, rewritten; without a usable rewrite they stay as they are."""
        tokens = assumptions().tokens
        answer = self._answer(text_tariff(self.spec.text, tokens.rewrite_prompt, REWRITE_TOKENS), bytes_per_token=1)
        piece = self._attempted("clips", answer, answer, self.spec.text)
        return Costs.any_of(piece.made, piece.failed).at_mean()

    def redraw(self) -> tuple[Costs, Costs]:
        """Both keyframes of a scene anew: the cost of drawing them, and the cost where one cannot be drawn."""
        first, last = self.keyframe(is_first=True), self.keyframe(is_first=False)
        failed = Costs.any_of(first.failed, first.made.plus(last.failed))
        return first.made.plus(last.made).at_mean(), failed.at_mean()

    def _attempted(self, stage: Stage, success: Costs, refusal: Costs, model: Model) -> Piece:
        """A text or keyframe: every attempt is paid, and only so many are made."""
        share, cases, refused = self.assume(model).share, [], Costs.exactly(0)
        for _ in range(MAX_TRIES):
            cases.append(refused.plus(success).when(1 - share))
            refused = refused.plus(refusal.at_mean()).when(share)
        return Piece(stage, Costs.any_of(*cases), refused, min(success.probabilities))

    def _answer(self, tariff: Tariff, bytes_per_token: int | None = None) -> Costs:
        """One answer of the text model."""
        tokens = assumptions().tokens
        sent = round(tariff.maximum.input / (bytes_per_token or tokens.bytes_per_token))
        return self._words(tariff, TokenUsage(input=sent, output=round(tariff.maximum.output * tokens.share_of_limit)))

    def _image(self, references: int, pictures: int) -> Costs:
        """One answer of the image model; without a picture it is a refusal in words."""
        model, tokens = self.spec.image, assumptions().tokens
        usage = TokenUsage(
            input=tokens.keyframe_prompt + references * model.reference_tokens,
            output=tokens.keyframe_words,
            picture=pictures * model.picture_tokens[IMAGE_SIZE],
        )
        return self._words(image_tariff(model, IMAGE_SIZE, references, model.output_tokens), usage)

    def _words(self, tariff: Tariff, usual: TokenUsage) -> Costs:
        """The cost of an answer whose words, asked and answered, are sometimes fewer and sometimes more."""
        tokens, at = assumptions().tokens, self.basis.at

        def cost(factor: float) -> Costs:
            words = {"input": round(usual.input * factor), "output": round(usual.output * factor)}
            return Costs.exactly(tariff.cost_micros(usual.model_copy(update=words), at))

        few, many = cost(1 - tokens.spread), cost(1 + tokens.spread)
        return Costs.any_of(
            few.when(tokens.how_often), cost(1.0).when(1 - 2 * tokens.how_often), many.when(tokens.how_often)
        )


@dataclass(frozen=True, slots=True)
class _Filming:
    """A scene whose refusals all have the same remedy."""

    prices: PieceCosts
    duration_s: int
    remedy: Remedy

    def costs(self, model: VideoModel, used: Sequence[RemedyKind] = ()) -> Costs:
        """What is still paid for the scene, after these remedies."""
        prices = self.prices
        share, sound = prices.assume(model).share, prices.request.clip_audio and "mute" not in used
        available = recovery.list_available(model, sound=sound, can_film=self._can_film)
        kind = self.remedy.choose_next(used, available)
        delivered = Costs.exactly(prices.delivered_micros(model, self.duration_s, sound=sound))
        refused = Costs.exactly(prices.refused_micros(model))
        following = Costs.exactly(0) if kind is None else self._after(model, kind, used)
        return Costs.any_of(delivered.when(1 - share), refused.plus(following).when(share))

    def _can_film(self, model_id: str) -> bool:
        request, spec = self.prices.request, self.prices.spec
        other = registry().video_model(model_id)
        return other.can_film(self.duration_s, request.resolution, spec.aspect, spec.video.fps)

    def _after(self, model: VideoModel, kind: RemedyKind, used: Sequence[RemedyKind]) -> Costs:
        """What a remedy and everything after it costs."""
        filmed_by = registry().video_model(model.fallback) if kind == "model" and model.fallback else model
        following = self.costs(filmed_by, (*used, kind))
        if kind == "rewrite":
            return self.prices.rewrite().plus(following)
        if kind == "redraw":
            drawn, failed = self.prices.redraw()
            return self.prices.rewrite().plus(Costs.any_of(drawn.plus(following), failed))
        return following
