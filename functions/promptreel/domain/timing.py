"""How many scenes and how long each: from the request's fields and the prompt's hints to clips and frames."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from promptreel.domain.lengths import Cut, FilmLengths, untrimmed
from promptreel.domain.models import VideoModel
from promptreel.domain.prompt_hints import Inferred, PromptHints
from promptreel.domain.request import DURATION_S, MAX_SCENES, FilmRequest
from promptreel.domain.timeline import TransitionKind, overlap_frames, to_frames
from promptreel.errors import Invalid


@dataclass(frozen=True, slots=True)
class Timing:
    """Clips and frames of the scenes, none while the writer may choose their number.

    ``unused`` are the hints that fields override; ``warnings`` name what is not met.
    """

    cut: Cut = field(default_factory=Cut)
    transition_frames: int = 0
    unused: tuple[Inferred, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_timing(request: FilmRequest, hints: PromptHints, video: VideoModel) -> Timing:
    """Plan the scenes: fields are met or refused; a hint that cannot be met is dropped, with a warning.

    Raises: Invalid naming the nearest legal values.
    """
    transition_frames = _transition_frames(request, video)
    lengths, counts = film_lengths(request, video, transition_frames), possible_counts(request)
    scenes_hint = None if request.scenes else hints.find("scenes")
    length_hint = None if request.duration_s else hints.find("duration_s")
    unused: tuple[Inferred, ...] = ()
    asked = to_frames(request.duration_s, video.fps) if request.duration_s else None
    if scenes_hint:
        count = int(scenes_hint.value)
        if count in counts and (asked is None or lengths.least_seconds(count, asked) is not None):
            counts = range(count, count + 1)
        else:
            unused = (scenes_hint,)
    target = to_frames(float(length_hint.value), video.fps) if length_hint else asked
    if target is None:
        return Timing(_open_length(lengths, counts), transition_frames, unused)
    source = f"prompt: “{length_hint.words}”" if length_hint else f"duration_s: {request.duration_s:g} s"
    planned = target
    if length_hint is None and lengths.cheapest_count(counts, target) is None:
        raise _refusal(request, video, transition_frames, target)
    if length_hint is not None:
        planned = lengths.closest(counts, target)
    cut = lengths.cut(counts, planned)
    warnings = _jump_warnings(request, source, lengths, cut)
    if planned != target:
        shape, film = _describe_scenes(lengths, len(cut.frames)), _seconds(lengths, planned)
        warnings = (f"{source} cannot be met with {shape}; the film is planned as {film} s.", *warnings)
    return Timing(cut, transition_frames, unused, warnings)


def _open_length(lengths: FilmLengths, counts: Sequence[int]) -> Cut:
    return untrimmed(lengths.legal_s, lengths.fps, counts[0]) if len(counts) == 1 else Cut()


def film_lengths(request: FilmRequest, video: VideoModel, transition_frames: int) -> FilmLengths:
    """The lengths that a model's clips can make, joined as the request says."""
    return FilmLengths(
        fps=video.fps,
        legal_s=tuple(sorted(video.durations_s[request.resolution])),
        overlap=overlap_frames(request.transition.kind, transition_frames),
        bounds=(DURATION_S[0] * video.fps, DURATION_S[1] * video.fps),
    )


def possible_counts(request: FilmRequest) -> Sequence[int]:
    """The numbers of scenes that the request allows: a transition passes between two scenes."""
    if request.scenes:
        return range(request.scenes, request.scenes + 1)
    return range(1 if request.transition.kind is TransitionKind.CUT else 2, MAX_SCENES + 1)


def _jump_warnings(request: FilmRequest, source: str, lengths: FilmLengths, cut: Cut) -> tuple[str, ...]:
    """A clip that loses its last frames does not lead into the next one: seen at a cut, hidden by a transition."""
    trimmed = [
        seconds * lengths.fps - frames for seconds, frames in zip(cut.clips_s[1:-1], cut.frames[1:-1], strict=True)
    ]
    jumps = [trim for trim in trimmed if trim]
    if not jumps or request.transition.kind is not TransitionKind.CUT:
        return ()
    loses, smooth = _seconds(lengths, max(jumps)), _seconds(lengths, lengths.smoothest(cut))
    clips = f"{len(jumps)} of {len(cut.clips_s)} clips {'lose' if len(jumps) > 1 else 'loses'}"
    sentence = (
        f"{source}: {clips} up to {loses} s before the next one begins, so the picture jumps there. "
        f"Set `transition.kind` to fade_black, or `duration_s` to {smooth}, and nothing jumps."
    )
    return (sentence,)


def _seconds(lengths: FilmLengths, *frames: int, between: str = " or ") -> str:
    return between.join(f"{one / lengths.fps:g}" for one in frames)


def _describe_scenes(lengths: FilmLengths, count: int) -> str:
    """As ``3 scenes of 4-8 s``."""
    span = "-".join(map(str, dict.fromkeys((lengths.legal_s[0], lengths.legal_s[-1]))))
    shared = f" that share {_seconds(lengths, lengths.overlap)} s" if lengths.overlap else ""
    return f"{count} scene{'s' * (count > 1)} of {span} s{shared}"


def _refusal(request: FilmRequest, video: VideoModel, transition_frames: int, target: int) -> Invalid:
    """Why no film has this length, and the nearest values that are legal."""
    lengths, counts = film_lengths(request, video, transition_frames), possible_counts(request)
    nearest = lengths.nearest(counts, target)
    ways = [f"`duration_s` to {_seconds(lengths, *nearest)}"] if nearest else []
    if request.scenes:
        others = possible_counts(request.model_copy(update={"scenes": None}))
        fitting = [other for other in others if lengths.least_seconds(other, target) is not None]
        ways += [f"`scenes` to {min(fitting, key=lambda other: abs(other - counts[0]))}"] if fitting else []
    for way, other in _variants(request, video):
        if film_lengths(other, video, transition_frames).cheapest_count(possible_counts(other), target) is not None:
            ways.append(way)
    length = _seconds(lengths, target)
    if request.scenes:
        span = _seconds(lengths, *dict.fromkeys(lengths.span(request.scenes)), between="-")
        why = f"{_describe_scenes(lengths, request.scenes)} make a film of {span} s, not {length} s."
    else:
        why = f"no film of {counts[0]} to {_describe_scenes(lengths, MAX_SCENES)} lasts {length} s."
    return Invalid(f"duration_s: {why}", remedy=f"Set {', or '.join(ways)}." if ways else "")


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
