"""How many scenes and how long each: from the request's fields and the prompt's hints to legal durations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from promptreel.domain.models import VideoModel
from promptreel.domain.prompt_hints import Inferred, PromptHints
from promptreel.domain.request import MAX_SCENES, FilmRequest
from promptreel.domain.timeline import TransitionKind, overlap_frames, plan_lengths, possible_totals, to_frames
from promptreel.errors import Invalid

# A length given in its field is missed by at most this much, with a warning.
TOLERANCE_S = 1
TRIM_S = 1
"""What the cut may take off the end of the last clip, so that clips of 4, 6 and 8 s make a film of an odd length."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of each scene, none while the writer may choose their number.

    ``unused`` are the hints that fields override; ``warnings`` name what is not met.
    """

    durations_s: tuple[int, ...] = ()
    transition_frames: int = 0
    unused: tuple[Inferred, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_timing(request: FilmRequest, hints: PromptHints, video: VideoModel) -> Timing:
    """Plan the scenes: fields are met or refused; a hint that cannot be met is dropped, with a warning.

    Raises: Invalid naming the nearest legal values.
    """
    transition_frames = _transition_frames(request, video)
    possible = _Lengths.of(request, video, transition_frames)
    scenes_hint = None if request.scenes else hints.find("scenes")
    length_hint = None if request.duration_s else hints.find("duration_s")
    count, unused = request.scenes, tuple[Inferred, ...]()
    if scenes_hint and possible.allow(int(scenes_hint.value), possible.frames(request.duration_s)):
        count = int(scenes_hint.value)
    elif scenes_hint:
        unused = (scenes_hint,)
    target = possible.frames(request.duration_s or (float(length_hint.value) if length_hint else None))
    if target is None:
        return Timing(possible.durations_s(count, None) if count else (), transition_frames, unused)
    durations_s = possible.durations_s(count or possible.nearest_count(target), target)
    planned = possible.film_frames(durations_s)
    if planned == target:
        return Timing(durations_s, transition_frames, unused)
    if request.duration_s and abs(planned - target) > TOLERANCE_S * video.fps:
        raise _refusal(request, video, transition_frames, target)
    source = f"prompt: “{length_hint.words}”" if length_hint else f"duration_s: {request.duration_s:g} s"
    scenes, film = possible.scenes(len(durations_s)), possible.seconds([planned])
    warning = f"{source} cannot be met with {scenes}; the film is planned as {film} s."
    return Timing(durations_s, transition_frames, unused, (warning,))


@dataclass(frozen=True, slots=True)
class _Lengths:
    """What lengths are possible: legal seconds of a scene, frames that neighbours share, fewest scenes."""

    fps: int
    legal_s: Sequence[int]
    overlap: int
    fewest: int

    @classmethod
    def of(cls, request: FilmRequest, video: VideoModel, transition_frames: int) -> "_Lengths":
        kind = request.transition.kind
        fewest = 1 if kind is TransitionKind.CUT else 2  # a transition passes between two scenes
        return cls(
            video.fps, sorted(video.durations_s[request.resolution]), overlap_frames(kind, transition_frames), fewest
        )

    def frames(self, seconds: float | None) -> int | None:
        return None if seconds is None else to_frames(seconds, self.fps)

    def seconds(self, lengths: Iterable[int], between: str = "") -> str:
        return between.join(f"{length / self.fps:g}" for length in lengths)

    def scenes(self, count: int) -> str:
        """As ``3 scenes of 4-8 s``."""
        span = "-".join(map(str, dict.fromkeys((self.legal_s[0], self.legal_s[-1]))))
        shared = f" that share {self.seconds([self.overlap])} s" if self.overlap else ""
        return f"{count} scene{'s' * (count > 1)} of {span} s{shared}"

    def durations_s(self, count: int, target: int | None) -> tuple[int, ...]:
        """Seconds of each scene in the film. The clip of the last one may be ``TRIM_S`` longer."""
        legal = [step * self.fps for step in self.legal_s]
        if target is None:
            return self._whole(plan_lengths(count, None, legal))
        whole = self._whole(plan_lengths(count, target + self.overlap * (count - 1), legal))
        longer = self._whole(plan_lengths(count, target + self.overlap * (count - 1) + TRIM_S * self.fps, legal))
        trimmed = (*longer[:-1], longer[-1] - TRIM_S)
        return min(whole, trimmed, key=lambda lengths: abs(self.film_frames(lengths) - target))

    def _whole(self, lengths: Iterable[int]) -> tuple[int, ...]:
        return tuple(length // self.fps for length in lengths)

    def film_frames(self, durations_s: Sequence[int]) -> int:
        return sum(durations_s) * self.fps - self.overlap * (len(durations_s) - 1)

    def miss(self, count: int, target: int) -> int:
        return abs(self.film_frames(self.durations_s(count, target)) - target)

    def allow(self, count: int, target: int | None) -> bool:
        return count >= self.fewest and (target is None or self.miss(count, target) <= TOLERANCE_S * self.fps)

    def nearest_count(self, target: int) -> int:
        """The fewest scenes that reach a length, or one scene fewer where that comes as close."""
        reaching = -((self.overlap - target) // (self.legal_s[-1] * self.fps - self.overlap))
        counts = {min(max(count, self.fewest), MAX_SCENES) for count in (reaching - 1, reaching)}
        return min(counts, key=lambda count: (self.miss(count, target), count))

    def films(self, counts: Iterable[int]) -> list[int]:
        """Frames of every film of so many scenes, shortest first."""
        return sorted(
            {
                (total - trim) * self.fps - self.overlap * (count - 1)
                for count in counts
                for total in possible_totals(count, self.legal_s)
                for trim in (0, TRIM_S)
            }
        )


def _refusal(request: FilmRequest, video: VideoModel, transition_frames: int, target: int) -> Invalid:
    """Why no film has this length, and the nearest values that are legal."""
    possible = _Lengths.of(request, video, transition_frames)
    count, any_count = request.scenes, range(possible.fewest, MAX_SCENES + 1)
    films = possible.films([count] if count else any_count)
    nearest = [
        *[film for film in films if film < target][-1:],
        *[film for film in films if film > target][:1],
    ]
    ways = [f"`duration_s` to {possible.seconds(nearest, ' or ')}"]
    fitting = [other for other in any_count if possible.allow(other, target)] if count else []
    if count and fitting:
        ways.append(f"`scenes` to {min(fitting, key=lambda other: abs(other - count))}")
    for field, other in _variants(request, video):
        others = _Lengths.of(other, video, transition_frames)
        if others.allow(count or others.nearest_count(target), target):
            ways.append(field)
    length = possible.seconds([target])
    if count:
        span = possible.seconds(dict.fromkeys((films[0], films[-1])), "-")
        why = f"{possible.scenes(count)} make a film of {span} s, not {length} s."
    else:
        why = f"no film of {possible.fewest} to {possible.scenes(MAX_SCENES)} lasts {length} s."
    return Invalid(f"duration_s: {why}", remedy=f"Set {', or '.join(ways)}.")


def _transition_frames(request: FilmRequest, video: VideoModel) -> int:
    if request.transition.kind is TransitionKind.CUT:
        return 0
    shortest_s = min(video.durations_s[request.resolution])
    if request.transition.duration_s * 2 > shortest_s:
        raise Invalid(
            f"transition.duration_s: at most {shortest_s / 2:g} s fit between scenes of {shortest_s} s.",
            remedy="Ask for a shorter transition.",
        )
    return to_frames(request.transition.duration_s, video.fps)


def _variants(request: FilmRequest, video: VideoModel) -> Iterable[tuple[str, FilmRequest]]:
    """The same request with another resolution, or with cuts."""
    for resolution in video.durations_s:
        if resolution != request.resolution:
            yield f"`resolution` to {resolution}", request.model_copy(update={"resolution": resolution})
    if request.transition.kind is not TransitionKind.CUT:
        cut = request.transition.model_copy(update={"kind": TransitionKind.CUT})
        yield "`transition.kind` to cut", request.model_copy(update={"transition": cut})
