"""Clips and trims: exact, as cheap as any search finds, and trimmed where nobody sees it."""

from collections.abc import Iterator
from itertools import combinations_with_replacement, permutations

import pytest

from promptreel.domain.lengths import Cut, FilmLengths, untrimmed
from promptreel.domain.models import registry
from promptreel.domain.request import DURATION_S, MAX_SCENES

FPS = 24
VEO, VEO_HD, OMNI, KLING = (4, 6, 8), (8,), tuple(range(3, 11)), tuple(range(3, 16))
SLOW = 4  # frames a second of the searches: every number of frames is tried, and there are fewer


def lengths(legal_s: tuple[int, ...] = VEO, overlap: int = 0, fps: int = FPS) -> FilmLengths:
    return FilmLengths(fps, legal_s, overlap, (DURATION_S[0] * fps, DURATION_S[1] * fps))


def test_registry_films_the_lengths_that_these_tests_enumerate() -> None:
    filmed = {(model.fps, seconds) for model in registry().video for seconds in model.durations_s.values()}

    assert filmed == {(FPS, legal_s) for legal_s in (VEO, VEO_HD, OMNI, KLING)}


@pytest.mark.parametrize(
    ("legal_s", "count", "film_s", "clips_s", "shown_s"),
    [
        (VEO, 3, 13, (4, 4, 6), (4, 4, 5)),
        (VEO, 3, 14, (6, 4, 4), (6, 4, 4)),
        (VEO, 3, 18.5, (6, 6, 8), (5.5, 6, 7)),
        (VEO, 1, 3.5, (4,), (3.5,)),
        (VEO, 2, 6.5, (4, 4), (3.5, 3)),
        (VEO, 4, 13, (4, 4, 4, 4), (3, 3.5, 3.5, 3)),
        (VEO_HD, 4, 29, (8, 8, 8, 8), (7, 7.5, 7.5, 7)),
        (OMNI, 3, 13.5, (5, 4, 5), (5, 4, 4.5)),
        (OMNI, 5, 42, (9, 9, 8, 8, 8), (9, 9, 8, 8, 8)),
        (KLING, 2, 29.25, (15, 15), (15, 14.25)),
    ],
)
def test_film_is_trimmed_at_its_end_then_at_its_beginning_then_evenly(
    legal_s: tuple[int, ...], count: int, film_s: float, clips_s: tuple[int, ...], shown_s: tuple[float, ...]
) -> None:
    cut = lengths(legal_s).cut([count], int(film_s * FPS))

    assert cut == Cut(clips_s, tuple(int(seconds * FPS) for seconds in shown_s))


@pytest.mark.parametrize(
    ("legal_s", "overlap", "film_s", "count"),
    [(VEO, 0, 24, 3), (VEO, 0, 9, 2), (VEO, 0, 8, 1), (VEO_HD, 0, 29, 4), (OMNI, 0, 60, 6), (VEO, 12, 15.5, 2)],
)
def test_cheapest_number_of_clips_is_the_smallest_of_equally_cheap_ones(
    legal_s: tuple[int, ...], overlap: int, film_s: float, count: int
) -> None:
    assert lengths(legal_s, overlap).cheapest_count(range(1, 61), int(film_s * FPS)) == count


def test_clip_of_an_open_length_is_the_middle_one_and_whole() -> None:
    assert untrimmed(VEO, FPS, 2) == Cut((6, 6), (144, 144))
    assert untrimmed((8, 4), FPS, 1) == Cut((8,), (192,))


def possible_trims(clips_s: tuple[int, ...], overlap: int) -> int:
    """The most frames that the cut may leave out: a second of a clip, as long as its transitions fit."""
    rooms = [clip * SLOW - overlap * (2 - (number in {0, len(clips_s) - 1})) for number, clip in enumerate(clips_s)]
    if len(clips_s) == 1:
        rooms = [clips_s[0] * SLOW]
    return sum(min(SLOW, room) for room in rooms)


def search(legal_s: tuple[int, ...], count: int, overlap: int) -> dict[int, int]:
    """Fewest paid seconds of every film of so many clips, by its frames."""
    least: dict[int, int] = {}
    for chosen in combinations_with_replacement(legal_s, count):
        longest = sum(chosen) * SLOW - overlap * (count - 1)
        trims = max(possible_trims(clips_s, overlap) for clips_s in permutations(chosen))
        for frames in range(longest - trims, longest + 1):
            least[frames] = min(sum(chosen), least.get(frames, sum(chosen)))
    return least


def searched() -> Iterator[tuple[tuple[int, ...], int, int]]:
    for legal_s in (VEO, VEO_HD, OMNI, (5, 10), (3, 5, 10), (5, 6, 12)):
        small = legal_s not in {VEO, VEO_HD, OMNI}  # longer steps than a model has: then transitions are short
        most = (legal_s[0] - 1) * SLOW // 2 if small else legal_s[0] * SLOW // 2
        for overlap in sorted({0, 1, most // 2, most}):
            yield from ((legal_s, count, overlap) for count in range(1, 5) if count > 1 or not overlap)


@pytest.mark.parametrize(("legal_s", "count", "overlap"), list(searched()))
def test_film_costs_the_fewest_paid_seconds_that_a_search_finds(
    legal_s: tuple[int, ...], count: int, overlap: int
) -> None:
    least, possible = search(legal_s, count, overlap), lengths(legal_s, overlap, SLOW)

    for frames in range(min(least) - SLOW, max(least) + SLOW):
        assert possible.least_seconds(count, frames) == least.get(frames), frames


@pytest.mark.parametrize(("legal_s", "count", "overlap"), list(searched()))
def test_nearest_films_are_those_that_a_search_finds(legal_s: tuple[int, ...], count: int, overlap: int) -> None:
    possible = lengths(legal_s, overlap, SLOW)
    films = sorted(frames for frames in search(legal_s, count, overlap) if frames >= possible.bounds[0])

    assert possible.span(count) == (films[0], films[-1])
    for frames in set(range(possible.bounds[0], films[-1] + SLOW)) - set(films):
        shorter, longer = [film for film in films if film < frames][-1:], [film for film in films if film > frames][:1]
        assert possible.nearest([count], frames) == shorter + longer, frames


FRACTIONS_S = (4.5, 7.3, 13.5, 29.97, 60.04, 100.25, 222.2, 450.7, 479.99)


OVERLAPS_S = (0, 0.1, 0.5, 1.5, 2)  # cuts and fades share nothing, and are planned alike


@pytest.mark.parametrize(
    ("legal_s", "overlap_s"),
    [(legal_s, one) for legal_s in (VEO, VEO_HD, OMNI, KLING) for one in OVERLAPS_S if 2 * one <= legal_s[0]],
)
def test_every_length_is_planned_to_the_frame_or_has_nearest_lengths_that_are(
    legal_s: tuple[int, ...], overlap_s: float
) -> None:
    overlap = round(overlap_s * FPS)
    possible = lengths(legal_s, overlap)
    for count in range(2 if overlap else 1, MAX_SCENES + 1):
        for film_s in (*range(DURATION_S[0], DURATION_S[1] + 1), *FRACTIONS_S):
            frames = round(film_s * FPS)
            if possible.least_seconds(count, frames) is None:
                nearest = possible.nearest([count], frames)
                assert nearest
                assert all(possible.least_seconds(count, near) for near in nearest), (count, film_s)
                assert possible.bounds[0] <= nearest[0] <= nearest[-1] <= possible.bounds[1]
                assert len(nearest) == 1 or nearest[0] < frames < nearest[1]
                continue
            cut = possible.cut([count], frames)
            trims = [clip * FPS - shown for clip, shown in zip(cut.clips_s, cut.frames, strict=True)]
            assert sum(cut.frames) - overlap * (count - 1) == frames, (count, film_s)
            assert min(trims) >= 0
            assert max(trims) <= FPS
            for clip, shown in set(zip(cut.clips_s, cut.frames, strict=True)):  # what a scene's frames are filmed with
                assert clip == min(one for one in legal_s if one * FPS >= shown)
            assert len(cut.clips_s) == count
