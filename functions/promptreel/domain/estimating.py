"""Estimate a film before anything is paid, from the functions that reserve and price its calls. Pure.

What each piece of a film may cost (`piece_costs`) is added up to mean and bounds, for every number of scenes that the
writer may choose, and for owners whom models refuse less and more often than known attempts tell. What equal earlier
films have paid for is not assumed to be found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promptreel.domain import schedule
from promptreel.domain.costs import Costs
from promptreel.domain.estimate import Estimate, Range
from promptreel.domain.piece_costs import Basis, Piece, PieceCosts, Stage
from promptreel.domain.planning import FilmSpec, needed_micros, text_tariffs
from promptreel.domain.request import FilmRequest

LOW, HIGH = 0.01, 0.99
"""Shares of films that cost less than the bounds."""
LUCK = ((-1.732, 1 / 6), (0.0, 2 / 3), (1.732, 1 / 6))
"""Three cases, each with its probability, that have the mean and deviation of a distribution around 0 with 1."""


def estimate_film(request: FilmRequest, spec: FilmSpec, basis: Basis) -> Estimate:
    """The estimate of a film whose storyboard is not written."""
    fewest, most = spec.scene_range
    films = [_Film.of(request, spec, basis, count) for count in range(fewest, most + 1)]
    works = [film.work() for film in films]
    usual = PieceCosts(request, spec, basis)
    return Estimate(
        scenes=spec.scene_range,
        storyboard=_range_over([film.price("storyboard") for film in films]),
        keyframes=_range_over([film.price("keyframes") for film in films]),
        clips=_range_over([film.price("clips") for film in films]),
        calls=_range_over([film.price(None) for film in films]),
        platform=_range_over([schedule.platform_micros(work, basis.keep_days) for work in works]),
        wait_s=_range_over([schedule.wait_s(work) for work in works]).times(basis.pace),
        needed_micros=needed_micros(request, spec, basis.at),
        refusals=tuple(usual.assume(model) for model in (spec.text, spec.image, spec.video)),
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

    usual: PieceCosts
    durations_s: Sequence[int]
    cases: Sequence[Sequence[Piece]]

    @classmethod
    def of(cls, request: FilmRequest, spec: FilmSpec, basis: Basis, scenes: int) -> "_Film":
        durations_s = spec.durations_for(scenes)
        prices = [PieceCosts(request, spec, basis, bad_luck) for bad_luck, _ in LUCK]
        return cls(PieceCosts(request, spec, basis), durations_s, [_list_pieces(one, durations_s) for one in prices])

    def price(self, stage: Stage | None) -> Range:
        """What the calls of a stage cost, or all calls."""
        pieces = [[piece.only_for(stage) for piece in case] for case in self.cases]
        total = Costs.any_of(*(_add_up(case).when(share) for case, (_, share) in zip(pieces, LUCK, strict=True)))
        limit_micros = self.usual.request.limit_micros
        first_try = [piece.first_try for piece in pieces[0]]
        few, usual, many = (sum(getattr(one, bound) for one in first_try) for bound in ("low", "expected", "high"))
        expected = min(round(total.up_to(limit_micros).mean), limit_micros)
        low = min(few, max(0, total.quantile(LOW) - (usual - few)), expected)
        high = min(limit_micros, max(total.quantile(HIGH) + many - usual, expected))
        return Range(low=low, expected=expected, high=high)

    def work(self) -> schedule.Work:
        """What is to be done until the film is finished."""
        prices = self.usual
        return schedule.Work(
            texts=text_tariffs(prices.request, prices.spec, len(self.durations_s)),
            durations_s=self.durations_s,
            resolution=prices.request.resolution,
            priority=prices.request.priority,
            video=prices.spec.video,
            refused_share=prices.assume(prices.spec.video).share,
        )


def _list_pieces(prices: PieceCosts, durations_s: Sequence[int]) -> list[Piece]:
    first, other = prices.keyframe(is_first=True), prices.keyframe(is_first=False)
    clips: Mapping[int, Piece] = {duration_s: prices.clip(duration_s) for duration_s in set(durations_s)}
    scenes = [piece for duration_s in durations_s for piece in (other, clips[duration_s])]
    return [*prices.texts(len(durations_s)), first, *scenes]


def _add_up(pieces: Sequence[Piece]) -> Costs:
    """What these pieces cost together. A job that ends at a text or keyframe has paid for what came before."""
    going, ended = Costs.exactly(0), Costs({})
    for piece in pieces:
        ended = Costs.any_of(ended, going.plus(piece.failed))
        going = going.plus(piece.made)
    return Costs.any_of(ended, going)
