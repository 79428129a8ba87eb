"""What one piece of a film may cost: a text, a keyframe, a clip with the remedies of its refusals. Pure.

A piece is made in as many attempts as the run allows it, each in vain with the share that model and owner have shown;
the remedies are those that `remedies` chooses. Prices come from the functions that reserve and settle the calls.
`Costs` is an amount that is not known yet.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, reduce

from promptreel.domain import recovery, remedies
from promptreel.domain.estimate import NOTHING, AssumedRefusals, Range, Stage, assumptions
from promptreel.domain.models import Aspect, ImageModel, ImageSize, Model, TextModel, TokenUsage, VideoModel, registry
from promptreel.domain.picture_inputs import most_inputs
from promptreel.domain.planning import REWRITE_TOKENS, FilmSpec, Judging, guess_sheets, list_judging
from promptreel.domain.rates import Attempts, Counts, attempts_with, refusal_share
from promptreel.domain.remedies import MAX_TRIES, RemedyKind
from promptreel.domain.request import FilmRequest
from promptreel.domain.sheet import SHEET_PX
from promptreel.domain.tariffs import Tariff, image_tariff, text_tariff

WORST_SHARE = 0.95  # of attempts in vain, in an unlucky case
MAX_AMOUNTS = 64  # kept of one cost: neighbouring amounts are joined, which moves none by a fiftieth of the range
NEGLIGIBLE = 1e-7


@dataclass(frozen=True, slots=True)
class Costs:
    """Probabilities by amount in micro-dollars. They add up to less than 1 where the rest is counted elsewhere."""

    probabilities: Mapping[int, float]

    @classmethod
    def exactly(cls, micros: int) -> "Costs":
        """A cost that is known."""
        return cls({micros: 1.0})

    @classmethod
    def any_of(cls, *cases: "Costs") -> "Costs":
        """The cost of whichever case occurs; the cases exclude one another."""
        found: dict[int, float] = {}
        for case in cases:
            for micros, probability in case.probabilities.items():
                found[micros] = found.get(micros, 0.0) + probability
        return cls(_join_neighbours(found))

    def when(self, probability: float) -> "Costs":
        """The case that this cost arises, with this probability."""
        return Costs({micros: share * probability for micros, share in self.probabilities.items() if probability})

    def plus(self, *others: "Costs") -> "Costs":
        """The sum with costs that do not depend on this one."""
        return reduce(_add, others, self)

    def up_to(self, limit_micros: int) -> "Costs":
        """The same cost where nothing beyond the limit can be paid."""
        return Costs.any_of(*(Costs({min(one, limit_micros): share}) for one, share in self.probabilities.items()))

    def at_mean(self) -> "Costs":
        """The same cost without its small differences: they do not matter beside what it is added to."""
        return Costs({round(self.mean): self.weight}) if self.probabilities else self

    @property
    def weight(self) -> float:
        """How probable it is that the cost arises at all."""
        return sum(self.probabilities.values())

    @property
    def mean(self) -> float:
        """The mean, in micro-dollars."""
        return sum(micros * share for micros, share in self.probabilities.items()) / self.weight

    def quantile(self, share: float) -> int:
        """The smallest amount that is not exceeded with this probability."""
        left = share * self.weight
        for micros, probability in sorted(self.probabilities.items()):
            left -= probability
            if left <= NEGLIGIBLE:
                return micros
        return max(self.probabilities)


def _add(one: Costs, other: Costs) -> Costs:
    if len(other.probabilities) == 1:  # of a stage that costs nothing there are many
        ((more, share),) = other.probabilities.items()
        return Costs({micros + more: probability * share for micros, probability in one.probabilities.items()})
    found: dict[int, float] = {}
    for micros, probability in one.probabilities.items():
        for more, share in other.probabilities.items():
            found[micros + more] = found.get(micros + more, 0.0) + probability * share
    return Costs(_join_neighbours(found))


def _join_neighbours(found: Mapping[int, float]) -> Mapping[int, float]:
    """Join amounts until few enough are left. Joined ones stand at their mean, so that the cost keeps its own."""
    kept = {micros: share for micros, share in found.items() if share > NEGLIGIBLE} or dict(found)
    if len(kept) <= MAX_AMOUNTS:
        return kept
    lowest = min(kept)
    width = (max(kept) - lowest) // MAX_AMOUNTS + 1
    bins: dict[int, tuple[float, float]] = {}
    for micros, share in kept.items():
        weight, sum_of_all = bins.get((micros - lowest) // width, (0.0, 0.0))
        bins[(micros - lowest) // width] = (weight + share, sum_of_all + micros * share)
    joined: dict[int, float] = {}
    for weight, sum_of_all in bins.values():
        micros = round(sum_of_all / weight)
        joined[micros] = joined.get(micros, 0.0) + weight
    return joined


@dataclass(frozen=True, slots=True)
class Basis:
    """What an estimate starts from beside the request: the day, the owner's attempts, and how long a film is kept.

    ``pace`` multiplies production waits.
    """

    at: datetime
    history: Counts
    keep_days: float
    pace: float = 1.0


@dataclass(frozen=True, slots=True)
class Makers:
    """The models that make a film, and its shape."""

    text: TextModel
    image: ImageModel
    video: VideoModel
    aspect: Aspect

    @classmethod
    def of(cls, spec: FilmSpec) -> "Makers":
        """Those that were chosen for a request."""
        return cls(spec.text, spec.image, spec.video, spec.aspect)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What of a film is to be drawn before its clips.

    ``at_once``: keyframes are drawn from sheets, so that none waits for another; ``sheets`` is how many are missing,
    None while nobody knows. ``is_checked``: keyframes are compared with one another afterwards.
    """

    keyframes: int
    at_once: bool = False
    sheets: int | None = 0
    is_checked: bool = False

    @property
    def usual_sheets(self) -> int:
        """How many sheets there are, or usually are."""
        return assumptions().pictures.sheets.usual if self.sheets is None else self.sheets

    def questions(self, model: TextModel) -> tuple[Judging, ...]:
        """The calls of one check of all keyframes."""
        is_asked = self.is_checked and self.keyframes > 0
        return list_judging(model, self.keyframes, self.usual_sheets) if is_asked else ()


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that is made: its cost when it is made, and when every attempt is in vain, which ends the job.

    ``first_try`` is its cost at first try with few words, as many as usual, and many.
    """

    stage: Stage
    made: Costs
    failed: Costs
    first_try: Range

    def only_for(self, stage: Stage | None) -> "Piece":
        """The same piece, free unless it belongs to the stage; None is all stages."""
        if stage in {None, self.stage}:
            return self
        made, failed = (Costs.exactly(0).when(costs.weight) for costs in (self.made, self.failed))
        return replace(self, made=made, failed=failed, first_try=NOTHING)


@dataclass(frozen=True)
class PieceCosts:
    """The costs of the pieces of one request's film, each computed once.

    ``bad_luck`` is by how many standard deviations the shares of attempts in vain exceed their means.
    """

    request: FilmRequest
    makers: Makers
    basis: Basis
    bad_luck: float = 0.0

    def texts(self, tariffs: Sequence[Tariff]) -> list[Piece]:
        """The text calls before the first keyframe."""
        answers = [self._answer(tariff) for tariff in tariffs]
        return [self._attempted("storyboard", answer, answer, self.makers.text) for answer in answers]

    def pictures(self, drawing: Drawing) -> list[Piece]:
        """Sheets, keyframes, and their check, in the order in which they are paid."""
        first, later = self._keyframe(drawing, continues=False), self._keyframe(drawing, continues=not drawing.at_once)
        keyframes = [first, *[later] * (drawing.keyframes - 1)] if drawing.keyframes else []
        sheets = [] if drawing.sheets == 0 else [self._sheets(drawing.sheets)]
        return [*sheets, *keyframes, *self._check(drawing, later)]

    def _sheets(self, count: int | None) -> Piece:
        """All sheets of a film. One that cannot be drawn is left out, and ends no job."""
        guess = guess_sheets(self.request)
        counts = (guess.few, guess.usual, guess.many) if count is None else (count,)
        one = self._picture("sheets", most_inputs(len(self.request.references), self.makers.image, continues=False))
        sheet = Costs.any_of(one.made, one.failed)
        made = Costs.any_of(*(Costs.exactly(0).plus(*[sheet] * number).when(1 / len(counts)) for number in counts))
        middle = counts[len(counts) // 2]
        return Piece("sheets", made, Costs({}), one.first_try.times(middle))

    def _check(self, drawing: Drawing, keyframe: Piece) -> list[Piece]:
        """The questions to the judge, and the keyframes that it has drawn again; it ends no job.

        A keyframe is drawn again at most twice, and each round of redraws is judged by one more question.
        """
        questions = [self._question(asked) for asked in drawing.questions(self.makers.text)]
        if not questions:
            return []
        share, count = self._share_of(assumptions().pictures.drifting_share, Attempts()), drawing.keyframes
        redraw = Costs.any_of(keyframe.made, keyframe.failed).at_mean()
        drifts = (
            Costs.exactly(0).when(1 - share),
            redraw.when(share * (1 - share)),
            redraw.plus(redraw).when(share**2),
        )
        once, twice = 1 - (1 - share) ** count, 1 - (1 - share**2) ** count
        asked = questions[-1].made.at_mean()
        again = (Costs.exactly(0).when(1 - once), asked.when(once - twice), asked.plus(asked).when(twice))
        drawn_again = Piece("check", Costs.any_of(*drifts), Costs({}), NOTHING)
        asked_again = Piece("check", Costs.any_of(*again), Costs({}), NOTHING)
        return [*questions, *[drawn_again] * count, asked_again]

    def _question(self, judging: Judging) -> Piece:
        answer = self._answer(judging.tariff, judging.pictures)
        piece = self._attempted("check", answer, answer, self.makers.text)
        return replace(piece, made=Costs.any_of(piece.made, piece.failed), failed=Costs({}))

    def clip(self, duration_s: int) -> Piece:
        """The clip of a scene, refused for every category of reasons alike; given up, it ends no job."""
        filming = _Filming(self, duration_s)
        orders = Counter(remedy.steps for remedy in remedies.refusals().values())
        cases = [
            filming.costs(self.makers.video, steps).when(count / orders.total()) for steps, count in orders.items()
        ]
        first_try = self.delivered(self.makers.video, duration_s, sound=self.request.clip_audio)
        return Piece("clips", Costs.any_of(*cases), Costs({}), first_try)

    @cached_property
    def rewrite(self) -> Costs:
        """The prompts of a refused scene, rewritten; without a usable rewrite they stay as they are."""
        tokens = assumptions().tokens
        sent_bytes = tokens.rewrite_prompt * tokens.bytes_per_token
        answer = self._answer(text_tariff(self.makers.text, sent_bytes, REWRITE_TOKENS))
        piece = self._attempted("clips", answer, answer, self.makers.text)
        return Costs.any_of(piece.made, piece.failed).at_mean()

    @cached_property
    def redraw(self) -> tuple[Costs, Costs]:
        """Both keyframes of a scene anew: the cost of drawing them, and the cost where one cannot be drawn."""
        chain = Drawing(2)
        first, last = self._keyframe(chain, continues=False), self._keyframe(chain, continues=True)
        failed = Costs.any_of(first.failed, first.made.plus(last.failed))
        return first.made.plus(last.made).at_mean(), failed.at_mean()

    def assume(self, model: Model) -> AssumedRefusals:
        """The share of this model's attempts that is taken to be in vain."""
        attempts = attempts_with(model.id, self.basis.history)
        share = self._share_of(model.usual_refusals, attempts)
        return AssumedRefusals(model=model.id, share=share, attempts=attempts.made)

    def _share_of(self, usual: float, attempts: Attempts) -> float:
        mean, deviation = refusal_share(usual, assumptions().prior_attempts, attempts)
        return min(max(mean + self.bad_luck * deviation, 0.0), WORST_SHARE)

    def delivered(self, model: VideoModel, duration_s: int, *, sound: bool) -> Range:
        """What a delivered clip of a scene costs, by seconds or by tokens."""
        resolution, at = self.request.resolution, self.basis.at
        most_micros = model.max_micros(duration_s, resolution, at, audio=sound)
        seconds = model.clip_seconds(duration_s, resolution) or duration_s
        filmed = seconds * model.tokens_per_second.get(resolution, 0)
        prices = self._vary(lambda words: model.cost_micros(self._clip_usage(model, words, filmed), at, most_micros))
        return Range(low=prices.low, expected=prices.expected, high=min(prices.high, most_micros))

    def refused_micros(self, model: VideoModel) -> int:
        """What a refused clip costs: its words, where the model is paid by tokens."""
        return model.cost_micros(self._clip_usage(model, 1, 0), self.basis.at, 0)

    def _keyframe(self, drawing: Drawing, *, continues: bool) -> Piece:
        """``continues``: it is drawn from the keyframe before it, beside sheets and the owner's own pictures."""
        sheets = assumptions().pictures.shown if drawing.at_once else 0
        count = sheets + len(self.request.references)
        return self._picture("keyframes", most_inputs(count, self.makers.image, continues=continues))

    def _picture(self, stage: Stage, references: int) -> Piece:
        frame_px = self.makers.video.size_px(self.request.resolution, self.makers.aspect)
        size = self.makers.image.size_for(SHEET_PX if stage == "sheets" else frame_px)
        drawn, refused = (self._image(size, references, pictures) for pictures in (1, 0))
        return self._attempted(stage, drawn, refused, self.makers.image)

    def _attempted(self, stage: Stage, success: Range, refusal: Range, model: Model) -> Piece:
        """A text or keyframe: every attempt is paid, and only so many are made."""
        share, cases, refused = self.assume(model).share, [], Costs.exactly(0)
        for _ in range(MAX_TRIES):
            cases.append(refused.plus(Costs.exactly(success.expected)).when(1 - share))
            refused = refused.plus(Costs.exactly(refusal.expected)).when(share)
        return Piece(stage, Costs.any_of(*cases), refused, success)

    def _answer(self, tariff: Tariff, pictures: int = 0) -> Range:
        """One answer of the text model, which is shown so many pictures."""
        tokens, at = assumptions().tokens, self.basis.at
        seen, written = pictures * self.makers.text.picture_tokens_in, tariff.maximum.output * tokens.share_of_limit
        sent = (tariff.maximum.input - seen) / tokens.bytes_per_token

        def cost(words: float) -> int:
            usage = TokenUsage(input=round(sent * words) + seen, output=round(written * words))
            return tariff.cost_micros(usage, at)

        return self._vary(cost)

    def _image(self, size: ImageSize, references: int, pictures: int) -> Range:
        """One answer of the image model; without a picture it is a refusal in words."""
        model, tokens, at = self.makers.image, assumptions().tokens, self.basis.at
        tariff = image_tariff(model, size, references, model.first_output_tokens(size))

        def cost(words: float) -> int:
            usage = TokenUsage(
                input=round(tokens.keyframe_prompt * words) + references * model.reference_tokens,
                output=round(tokens.keyframe_words * words),
                picture=pictures * model.picture_tokens[size],
            )
            return tariff.cost_micros(usage, at)

        return self._vary(cost)

    @staticmethod
    def _clip_usage(model: VideoModel, words: float, filmed: int) -> TokenUsage:
        tokens = assumptions().tokens
        sent = round(tokens.clip_prompt * words) + 2 * model.picture_tokens_in
        return TokenUsage(input=sent, output=round(tokens.clip_words * words), picture=filmed)

    @staticmethod
    def _vary(cost: Callable[[float], int]) -> Range:
        """A cost by how many words are sent and answered, as a factor of the usual number."""
        tokens = assumptions().tokens
        return Range(low=cost(tokens.few), expected=cost(1), high=cost(tokens.many))


@dataclass(frozen=True, slots=True)
class _Filming:
    """A scene of a film that may be refused."""

    prices: PieceCosts
    duration_s: int
    attempts: dict[tuple[str, bool], tuple[Costs, Costs]] = field(default_factory=dict)  # computed so far

    def costs(self, model: VideoModel, steps: Sequence[RemedyKind], used: Sequence[RemedyKind] = ()) -> Costs:
        """What is still paid for the scene where its refusals have these remedies, after some of them are used."""
        sound = self.prices.request.clip_audio and "mute" not in used
        available = recovery.list_available(model, sound=sound, can_film=self._can_film)
        kind = remedies.choose_next(steps, used, available)
        delivered, refused = self._attempt(model, sound=sound)
        if kind is not None:
            refused = self._after(model, kind, steps, used).plus(refused)
        return Costs.any_of(delivered, refused)

    def _attempt(self, model: VideoModel, *, sound: bool) -> tuple[Costs, Costs]:
        """What one attempt costs where it delivers, and where it is refused."""
        key = (model.id, sound)
        if key not in self.attempts:
            share = self.prices.assume(model).share
            delivered = Costs.exactly(self.prices.delivered(model, self.duration_s, sound=sound).expected)
            refused = Costs.exactly(self.prices.refused_micros(model))
            self.attempts[key] = (delivered.when(1 - share), refused.when(share))
        return self.attempts[key]

    def _can_film(self, model_id: str) -> bool:
        request, makers = self.prices.request, self.prices.makers
        other = registry().video_model(model_id)
        return other.can_film(self.duration_s, request.resolution, makers.aspect, makers.video.fps)

    def _after(
        self, model: VideoModel, kind: RemedyKind, steps: Sequence[RemedyKind], used: Sequence[RemedyKind]
    ) -> Costs:
        """What a remedy and everything after it costs."""
        filmed_by = registry().video_model(model.fallback) if kind == "model" and model.fallback else model
        following = self.costs(filmed_by, steps, (*used, kind))
        if kind == "rewrite":
            return self.prices.rewrite.plus(following)
        if kind == "redraw":
            drawn, failed = self.prices.redraw
            return self.prices.rewrite.plus(Costs.any_of(drawn.plus(following), failed))
        return following
