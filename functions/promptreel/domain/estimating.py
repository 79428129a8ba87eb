"""Estimate a film before anything is paid, from the functions that reserve and price its calls. Pure.

What each piece of a film may cost (`piece_costs`) is added up to mean and bounds, for every number of scenes that the
writer may choose, and for owners whom models refuse less and more often than known attempts tell. What equal earlier
films have paid for is not assumed to be found.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import zip_longest

from promptreel.domain import schedule
from promptreel.domain.estimate import AssumedRefusals, Estimate, Range, Stage
from promptreel.domain.models import Model, Registry, registry
from promptreel.domain.piece_costs import Basis, Costs, Drawing, Makers, Piece, PieceCosts
from promptreel.domain.planning import FilmSpec, expects_sheets, needed_micros, text_tariffs
from promptreel.domain.request import FilmRequest
from promptreel.domain.tariffs import Tariff

LOW, HIGH = 0.01, 0.99
"""Shares of films that cost less than the bounds."""
LUCK = ((-1.0, 1 / 2), (1.0, 1 / 2))
"""Two cases, each with its probability: their mean is 0 and their deviation 1."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a film with a plan has spent by stage and as a whole, and what of it is still to be made.

    ``committed_micros`` is what the ledger counts, with the reserved price of what is not paid yet.
    """

    spent_micros: Mapping[Stage, int]
    committed_micros: int
    drawing: Drawing
    durations_s: Sequence[int]


def estimate_film(request: FilmRequest, spec: FilmSpec, basis: Basis) -> Estimate:
    """The estimate of a film whose storyboard is not written.

    The latest ones are remembered, by everything that they follow from: who asks for one often submits the film next.
    """
    fewest, most = spec.scene_range
    scenes = {count: _Scenes.of(request, spec, count, basis.at) for count in range(fewest, most + 1)}
    makers, needed = Makers.of(spec), needed_micros(request, spec, basis.at)
    key = (
        *(request.resolution, request.clip_audio, request.checks, request.priority, request.limit_micros),
        *(spec.scene_range, needed),
        *(repr(model) for model in (makers.text, makers.image, makers.video)),
        *(tuple(tariff.maximum.model_dump_json() for tariff in one.texts) for one in scenes.values()),
        *((tuple(one.durations_s), one.drawing) for one in scenes.values()),
        *(makers.aspect, basis.at.astimezone(UTC).date(), basis.history, basis.keep_days, basis.pace),
    )
    return _remember(_Question(key, registry(), lambda: _estimate_all(_Cases(request, makers, basis), scenes, needed)))


@dataclass(frozen=True, slots=True)
class _Scenes:
    """A film of a certain number of scenes: its text calls, what is drawn, and the seconds of its clips."""

    texts: Sequence[Tariff]
    drawing: Drawing
    durations_s: Sequence[int]

    @classmethod
    def of(cls, request: FilmRequest, spec: FilmSpec, count: int, at: datetime) -> "_Scenes":
        """What is known of it before its storyboard is written."""
        has_sheets, own = expects_sheets(request, spec, count, at), {one.place for one in request.frames}
        drawing = Drawing(
            keyframes=count + 1 - len(own),
            at_once=has_sheets,
            sheets=None if has_sheets else 0,
            is_checked=request.checks,
        )
        return cls(text_tariffs(request, spec, count), drawing, spec.durations_for(count))


@dataclass(frozen=True, slots=True)
class _Question:
    """What an estimate follows from. ``known`` are the models that may take over, of which there is one registry."""

    key: tuple[object, ...]
    known: Registry = field(hash=False)
    answer: Callable[[], Estimate] = field(compare=False)


@lru_cache(maxsize=64)
def _remember(question: _Question) -> Estimate:
    return question.answer()


def _estimate_all(cases: "_Cases", scenes: Mapping[int, _Scenes], needed: int) -> Estimate:
    """The estimate over these numbers of scenes."""
    seconds = {one for some in scenes.values() for one in some.durations_s}
    prices = [(case, {one: case.clip(one) for one in seconds}) for case in cases.unlucky()]
    films, works = [], []
    for some in scenes.values():
        drawing = some.drawing
        pieces = [
            [
                *case.texts(some.texts),
                *_list_scenes(case.pictures(drawing), [clips[s] for s in some.durations_s], drawing),
            ]
            for case, clips in prices
        ]
        films.append(_Film(cases, pieces, {}))
        works.append(cases.work(some.texts, drawing, some.durations_s))
    return _estimate(films, works, (min(scenes), max(scenes)), needed)


def estimate_rest(request: FilmRequest, makers: Makers, scenes: int, basis: Basis, progress: Progress) -> Estimate:
    """The estimate of a film whose storyboard is written: what it has cost is known, the rest is estimated.

    ``makers`` are those of the plan. The wait is for the rest alone.
    """
    cases = _Cases(request, makers, basis)
    pieces = [_list_rest(prices, progress) for prices in cases.unlucky()]
    work = cases.work((), progress.drawing, progress.durations_s)
    return _estimate([_Film(cases, pieces, progress.spent_micros)], [work], (scenes, scenes), progress.committed_micros)


@dataclass(frozen=True, slots=True)
class _Cases:
    """One request, estimated for less and for more luck."""

    request: FilmRequest
    makers: Makers
    basis: Basis

    def unlucky(self) -> list[PieceCosts]:
        """The prices in each case of `LUCK`."""
        return [PieceCosts(self.request, self.makers, self.basis, bad_luck) for bad_luck, _ in LUCK]

    def assume(self, model: Model) -> AssumedRefusals:
        """The share of this model's attempts that is taken to be in vain."""
        return PieceCosts(self.request, self.makers, self.basis).assume(model)

    def work(self, texts: Sequence[Tariff], drawing: Drawing, durations_s: Sequence[int]) -> schedule.Work:
        """What is to be done until a film is finished."""
        return schedule.Work(
            texts=texts,
            sheets=drawing.usual_sheets,
            keyframes=drawing.keyframes,
            at_once=drawing.at_once,
            questions=[asked.tariff for asked in drawing.questions(self.makers.text)],
            durations_s=durations_s,
            resolution=self.request.resolution,
            priority=self.request.priority,
            video=self.makers.video,
            refused_share=self.assume(self.makers.video).share,
        )


def _estimate(
    films: Sequence["_Film"], works: Sequence[schedule.Work], scenes: tuple[int, int], needed: int
) -> Estimate:
    cases = films[0].cases
    makers, basis = cases.makers, cases.basis
    return Estimate(
        scenes=scenes,
        storyboard=_range_over([film.price("storyboard") for film in films]),
        sheets=_range_over([film.price("sheets") for film in films]),
        keyframes=_range_over([film.price("keyframes") for film in films]),
        check=_range_over([film.price("check") for film in films]),
        clips=_range_over([film.price("clips") for film in films]),
        calls=_range_over([film.price(None) for film in films]),
        platform=_range_over([schedule.platform_micros(work, basis.keep_days) for work in works]),
        wait_s=_range_over([schedule.wait_s(work) for work in works]).times(basis.pace),
        needed_micros=needed,
        refusals=tuple(cases.assume(model) for model in (makers.text, makers.image, makers.video)),
    )


def _range_over(ranges: Sequence[Range]) -> Range:
    """The range of a film that is any one of these, all equally likely."""
    return Range(
        low=min(one.low for one in ranges),
        expected=round(sum(one.expected for one in ranges) / len(ranges)),
        high=max(one.high for one in ranges),
    )


@dataclass(frozen=True, slots=True)
class _Film:
    """A film of known scenes: for each case of `LUCK`, its pieces in the order in which they are paid."""

    cases: _Cases
    pieces: Sequence[Sequence[Piece]]
    spent_micros: Mapping[Stage, int]

    def price(self, stage: Stage | None) -> Range:
        """What the calls of a stage cost, or all calls."""
        pieces = [[piece.only_for(stage) for piece in case] for case in self.pieces]
        total = Costs.any_of(*(_add_up(case).when(share) for case, (_, share) in zip(pieces, LUCK, strict=True)))
        spent_micros = sum(self.spent_micros.values()) if stage is None else self.spent_micros.get(stage, 0)
        left_micros = max(0, self.cases.request.limit_micros - spent_micros)
        first_try = [piece.first_try for piece in pieces[0]]
        few, usual, many = (sum(getattr(one, bound) for one in first_try) for bound in ("low", "expected", "high"))
        expected = min(round(total.up_to(left_micros).mean), left_micros)
        low = min(few, max(0, total.quantile(LOW) - (usual - few)), expected)
        high = min(left_micros, max(total.quantile(HIGH) + many - usual, expected))
        return Range(low=spent_micros + low, expected=spent_micros + expected, high=spent_micros + high)


def _list_scenes(pictures: Sequence[Piece], clips: Sequence[Piece], drawing: Drawing) -> list[Piece]:
    """The pictures and clips of a film. A chain's clip is filmed once its last keyframe is drawn, unless it is checked.

    All others wait for every picture.
    """
    if drawing.at_once or drawing.is_checked:
        return [*pictures, *clips]
    before = max(0, len(pictures) - len(clips))
    pairs = zip_longest(pictures[before:], clips)
    return [*pictures[:before], *(piece for pair in pairs for piece in pair if piece is not None)]


def _list_rest(prices: PieceCosts, progress: Progress) -> list[Piece]:
    clips = {duration_s: prices.clip(duration_s) for duration_s in set(progress.durations_s)}
    return [*prices.pictures(progress.drawing), *(clips[duration_s] for duration_s in progress.durations_s)]


def _add_up(pieces: Sequence[Piece]) -> Costs:
    """What these pieces cost together. A job that ends at a text or keyframe has paid for what came before."""
    going, ended = Costs.exactly(0), Costs({})
    for piece in pieces:
        if piece.failed.probabilities:
            ended = Costs.any_of(ended, going.plus(piece.failed))
        going = going.plus(piece.made)
    return Costs.any_of(ended, going)
