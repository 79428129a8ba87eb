"""Estimate a film before anything is paid, from the functions that reserve and price its calls. Pure.

What each piece of a film may cost (`piece_costs`) is added up to mean and bounds, where the writer chooses for every
number of scenes. What equal earlier films have paid for is not assumed to be found.
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


def estimate_film(request: FilmRequest, spec: FilmSpec, basis: Basis) -> Estimate:
    """The estimate of a film whose storyboard is not written."""
    fewest, most = spec.scene_range
    prices = PieceCosts(request, spec, basis)
    durations_s = [spec.durations_for(count) for count in range(fewest, most + 1)]
    clips = {seconds: prices.clip(seconds) for seconds in {one for film in durations_s for one in film}}
    keyframes = (prices.keyframe(is_first=True), prices.keyframe(is_first=False))
    films = [_Film(prices, film, keyframes, clips) for film in durations_s]
    waits = [schedule.wait_s(film.work()) for film in films]
    return Estimate(
        scenes=spec.scene_range,
        storyboard=_range_over([film.price("storyboard") for film in films]),
        keyframes=_range_over([film.price("keyframes") for film in films]),
        clips=_range_over([film.price("clips") for film in films]),
        calls=_range_over([film.price(None) for film in films]),
        platform=_range_over([schedule.platform_micros(film.work(), basis.keep_days) for film in films]),
        wait_s=_range_over(waits).times(basis.pace),
        needed_micros=needed_micros(request, spec, basis.at),
        refusals=tuple(prices.assume(model) for model in (spec.text, spec.image, spec.video)),
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
    """A film of known scenes. ``keyframes`` are the film's first one and every other."""

    prices: PieceCosts
    durations_s: Sequence[int]
    keyframes: tuple[Piece, Piece]
    clips: Mapping[int, Piece]

    def price(self, stage: Stage | None) -> Range:
        """What the calls of a stage cost, or all calls."""
        pieces = [piece.only_for(stage) for piece in self._pieces()]
        going, ended = Costs.exactly(0), Costs({})
        for piece in pieces:
            ended = Costs.any_of(ended, going.plus(piece.failed))
            going = going.plus(piece.made)
        total = Costs.any_of(ended, going).up_to(self.prices.request.limit_micros)
        expected, least = round(total.mean), sum(piece.least_micros for piece in pieces)
        low, high = min(total.quantile(LOW), least, expected), max(total.quantile(HIGH), expected)
        return Range(low=low, expected=expected, high=high)

    def work(self) -> schedule.Work:
        """What is to be done until the film is finished."""
        prices = self.prices
        return schedule.Work(
            texts=text_tariffs(prices.request, prices.spec, len(self.durations_s)),
            durations_s=self.durations_s,
            resolution=prices.request.resolution,
            priority=prices.request.priority,
            video=prices.spec.video,
            refused_share=prices.assume(prices.spec.video).share,
        )

    def _pieces(self) -> list[Piece]:
        """In the order in which they are paid: a job that ends at a keyframe has filmed the scenes before it."""
        first, other = self.keyframes
        scenes = [piece for duration_s in self.durations_s for piece in (other, self.clips[duration_s])]
        return [*self.prices.texts(len(self.durations_s)), first, *scenes]
