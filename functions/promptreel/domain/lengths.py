"""Clips and trims whose cut has exactly so many frames: which lengths are possible, and the cheapest way to each.

Models film whole seconds, and only some of them; a film may last any number of frames. Nothing here searches: which
sums of clips exist is one table, what can be trimmed one number, so that a plan takes well under a millisecond.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

TRIM_S = 1
"""At most so much is cut off one clip: enough to close the gap between clips of 4, 6 and 8 s, while the motion that was
written for the clip still arrives and no more than a second of it is paid in vain."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One way to make a film: paid seconds of each clip, and the frames of it that the film shows."""

    clips_s: tuple[int, ...] = ()
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FilmLengths:
    """Every length that a film of so many clips can have.

    Args:
        fps: Frames a second.
        legal_s: Seconds that a clip may last.
        overlap: Frames that two neighbouring scenes share; at most half of the shortest clip.
        bounds: Frames of the shortest and the longest film that may be asked for.
    """

    fps: int
    legal_s: tuple[int, ...]
    overlap: int
    bounds: tuple[int, int]

    def least_seconds(self, count: int, frames: int) -> int | None:
        """Fewest paid seconds of a film of exactly so many frames; None when so many clips cannot make it."""
        needed = self._clip_frames(count, frames)
        seconds = _next_sum(self.legal_s, count, -(-needed // self.fps))
        fits = seconds is not None and seconds * self.fps - needed <= self._most_trimmed(count)
        return seconds if fits else None

    def cheapest_count(self, counts: Iterable[int], frames: int) -> int | None:
        """The number of clips that makes the film for the fewest paid seconds, the smaller one of two; or None."""
        prices = ((self.least_seconds(count, frames), count) for count in counts)
        return min(((seconds, count) for seconds, count in prices if seconds is not None), default=(0, None))[1]

    def cut(self, counts: Sequence[int], frames: int) -> Cut:
        """The cheapest film of exactly so many frames. Raises: ValueError when there is none.

        Longer clips come first; but where something is trimmed one of the longest comes last, as it is trimmed first.
        """
        count = self.cheapest_count(counts, frames)
        seconds = self.least_seconds(count, frames) if count else None
        if count is None or seconds is None:
            raise ValueError(f"no film of {counts} clips has {frames} frames")
        clips_s = _split(self.legal_s, count, seconds)
        trimmed = seconds * self.fps - self._clip_frames(count, frames)
        if trimmed:
            clips_s = (*clips_s[1:], clips_s[0])
        trims = self._trims(count, trimmed)
        return Cut(clips_s, tuple(clip * self.fps - trim for clip, trim in zip(clips_s, trims, strict=True)))

    def span(self, count: int) -> tuple[int, int]:
        """Frames of the shortest and of the longest film of so many clips, as far as they may be asked for."""
        shortest = self._film_frames(count, self.legal_s[0] * count) - self._most_trimmed(count)
        longest = self._film_frames(count, self.legal_s[-1] * count)
        return max(shortest, self.bounds[0]), min(longest, self.bounds[1])

    def nearest(self, counts: Iterable[int], frames: int) -> list[int]:
        """The longest shorter and the shortest longer film, in frames, where no film has exactly so many."""
        shorter, longer = set[int](), set[int]()
        for count in counts:
            seconds = -(-self._clip_frames(count, frames) // self.fps)
            below, above = _last_sum(self.legal_s, count, seconds), _next_sum(self.legal_s, count, seconds)
            if below is not None:
                shorter.add(self._film_frames(count, below))
            if above is not None:
                longer.add(self._film_frames(count, above) - self._most_trimmed(count))
        possible = (max(shorter, default=None), min(longer, default=None))
        return [length for length in possible if length and self.bounds[0] <= length <= self.bounds[1]]

    def closest(self, counts: Sequence[int], frames: int) -> int:
        """Frames of the film that comes closest to so many. Raises: ValueError when no film may be asked for."""
        if self.cheapest_count(counts, frames) is not None:
            return frames
        return min(self.nearest(counts, frames), key=lambda near: abs(near - frames))

    def smoothest(self, cut: Cut) -> int:
        """Frames of the film of the same clips that is trimmed nowhere but at its beginning and its end."""
        count = len(cut.clips_s)
        return self._film_frames(count, sum(cut.clips_s)) - self._trim * min(count, 2)

    def _film_frames(self, count: int, seconds: int) -> int:
        return seconds * self.fps - self.overlap * (count - 1)

    def _clip_frames(self, count: int, frames: int) -> int:
        return frames + self.overlap * (count - 1)

    @property
    def _trim(self) -> int:
        """Frames that a clip may lose: transitions, at most half of the shortest clip, must still fit."""
        return min(TRIM_S * self.fps, self.legal_s[0] * self.fps // 2)

    @property
    def _inner_trim(self) -> int:
        """The same for a clip that overlaps both of its neighbours."""
        return min(self._trim, self.legal_s[0] * self.fps - 2 * self.overlap)

    def _most_trimmed(self, count: int) -> int:
        return self._trim * min(count, 2) + self._inner_trim * max(count - 2, 0)

    def _trims(self, count: int, total: int) -> Sequence[int]:
        """Frames that each clip loses.

        Nobody sees it at the film's end and at its beginning; elsewhere a clip loses the frames that lead into its
        neighbour, so what is left is spread evenly.
        """
        last = min(total, self._trim)
        if count == 1:
            return (last,)
        first, inner = min(total - last, self._trim), count - 2
        each, more = divmod(total - last - first, max(inner, 1))
        return (first, *(each + (number < more) for number in range(inner)), last)


def untrimmed(legal_s: Sequence[int], fps: int, count: int) -> Cut:
    """Whole clips of the middle legal length, for a film whose length was left open."""
    middle_s = sorted(legal_s)[len(legal_s) // 2]
    return Cut((middle_s,) * count, (middle_s * fps,) * count)


@lru_cache(maxsize=64)
def _sums(legal_s: tuple[int, ...], most: int) -> tuple[int, ...]:
    """For every count up to ``most``, the sums that so many clips can have: bit n stands for n seconds."""
    table = [1]
    for _ in range(most):
        table.append(0)
        for seconds in legal_s:
            table[-1] |= table[-2] << seconds
    return tuple(table)


def _sums_of(legal_s: tuple[int, ...], count: int) -> int:
    return _sums(legal_s, max(64, count))[count]


def _next_sum(legal_s: tuple[int, ...], count: int, least_s: int) -> int | None:
    """The smallest sum of so many clips that is not below ``least_s``."""
    sums = _sums_of(legal_s, count) >> least_s
    return least_s + (sums & -sums).bit_length() - 1 if sums else None


def _last_sum(legal_s: tuple[int, ...], count: int, limit_s: int) -> int | None:
    """The largest sum of so many clips that is below ``limit_s``."""
    sums = _sums_of(legal_s, count) & ((1 << limit_s) - 1)
    return sums.bit_length() - 1 if sums else None


def _split(legal_s: tuple[int, ...], count: int, seconds: int) -> tuple[int, ...]:
    """So many clips with this sum, as equal as they can be, the longest first."""
    for short, long in zip(legal_s, (*legal_s[1:], legal_s[-1] + 1), strict=True):
        longer, odd = divmod(seconds - short * count, long - short)
        if 0 <= longer < count and not odd:
            return (long,) * longer + (short,) * (count - longer)
    rest = _sums_of(legal_s, count - 1)  # no two neighbouring lengths make it: put one clip aside
    possible = [clip for clip in legal_s if clip <= seconds and rest >> (seconds - clip) & 1]
    clip = min(possible, key=lambda one: abs(one * count - seconds))
    return tuple(sorted((clip, *_split(legal_s, count - 1, seconds - clip)), reverse=True))
