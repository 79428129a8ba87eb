"""The cut list in whole frames: which frames of which clip, how many are shared, where each clip starts in the film.

Pure arithmetic; knows lengths, not files. No module below it counts in seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from stitcher_service.engine.cutlist import BLACK, ClipEntry, CutList, TransitionEntry, to_fraction
from stitcher_service.engine.errors import BadInput
from stitcher_service.engine.grading import GradePoint, spread_over

_CUT = TransitionEntry()
MAX_GRADE_GAP_S = 60  # ffmpeg blends no longer from one correction to the next


@dataclass(frozen=True, slots=True)
class ClipRange:
    """`frames` frames of a clip from `first` on; `fade_in` come from `colour_in`, `fade_out` go to `colour_out`.

    `grade` corrects their colours; without points they stay as they are.
    """

    clip: int
    first: int
    frames: int
    fade_in: int = 0
    fade_out: int = 0
    colour_in: str = BLACK
    colour_out: str = BLACK
    grade: tuple[GradePoint, ...] = ()

    @property
    def end(self) -> int:
        """The first frame of the clip behind it."""
        return self.first + self.frames


@dataclass(frozen=True, slots=True)
class Shot(ClipRange):
    """All that the film uses of one clip; its last `overlap` frames are shared with the next shot (crossfade)."""

    overlap: int = 0


@dataclass(frozen=True, slots=True)
class Timeline:
    """All shots of a film in order."""

    rate: Fraction
    shots: tuple[Shot, ...]

    @property
    def frames(self) -> int:
        """How many frames the film has."""
        return sum(shot.frames - shot.overlap for shot in self.shots)

    @property
    def starts(self) -> tuple[int, ...]:
        """The film frame at which each shot begins."""
        steps = (shot.frames - shot.overlap for shot in self.shots[:-1])
        return tuple(accumulate(steps, initial=0))

    def overlap_before(self, index: int) -> int:
        """How many frames shot number `index` shares with the one before it."""
        return self.shots[index - 1].overlap if index else 0

    def sample_at(self, frame: int, rate_hz: int) -> int:
        """The sound sample that belongs to a frame; always from the frame's number, so that sound cannot drift."""
        return round(frame * rate_hz / self.rate)


def build_timeline(cut_list: CutList, clip_frames: Sequence[int]) -> Timeline:
    """The timeline of `cut_list`, whose clips are `clip_frames` long.

    Raises: BadInput: a range outside its clip, or a transition longer than what is left of a clip.
    """
    rate = cut_list.rate
    shots = []
    before, shared = _CUT, 0
    for index, (clip, frames) in enumerate(zip(cut_list.clips, clip_frames, strict=True)):
        first, end = _range(clip, frames, rate)
        after = clip.transition or _CUT
        length = _frames(clip.path, after, rate)
        shot = Shot(
            clip=index,
            first=first,
            frames=end - first,
            overlap=length if after.kind == "crossfade" else 0,
            fade_in=shared - shared // 2 if before.through else 0,
            fade_out=length // 2 if after.through else 0,
            colour_in=before.through or BLACK,
            colour_out=after.through or BLACK,
            grade=spread_over(clip.grade, first, end - first),
        )
        _refuse_touching_transitions(clip, shot, shared if before.kind == "crossfade" else 0)
        _refuse_slow_grade(clip, shot, rate)
        shots.append(shot)
        before, shared = after, length
    return Timeline(rate, tuple(shots))


def _frames(name: str, transition: TransitionEntry, rate: Fraction) -> int:
    if transition.kind == "cut":
        return 0
    if transition.duration_frames is not None:
        return transition.duration_frames
    frames = round(to_fraction(transition.duration_s) * rate)
    if transition.duration_s and not frames:
        shortest = f"one frame lasts {float(1 / rate):.4f} s"
        raise BadInput(name, f"transition.duration_s {transition.duration_s:g} is too short: {shortest}")
    return frames


def _range(clip: ClipEntry, frames: int, rate: Fraction) -> tuple[int, int]:
    first = round(to_fraction(clip.in_s) * rate)
    end = frames if clip.out_s is None else round(to_fraction(clip.out_s) * rate)
    length = f"the clip is {frames} frames ({float(frames / rate):.3f} s) long"
    if end > frames:
        raise BadInput(clip.path, f"out_s {clip.out_s:g} is past its end: {length}")
    if first >= end:
        raise BadInput(clip.path, f"nothing is left between in_s {clip.in_s:g} and frame {end}: {length}")
    return first, end


def _refuse_slow_grade(clip: ClipEntry, shot: Shot, rate: Fraction) -> None:
    gaps = len(shot.grade) - 1
    if gaps > 0 and shot.frames > gaps * MAX_GRADE_GAP_S * rate:
        apart = float(shot.frames / gaps / rate)
        raise BadInput(clip.path, f"its corrections are {apart:.0f} s apart, at most {MAX_GRADE_GAP_S} are possible")


def _refuse_touching_transitions(clip: ClipEntry, shot: Shot, shared_before: int) -> None:
    """Two transitions must not touch the same frame of a clip."""
    taken = shared_before + shot.fade_in + shot.fade_out + shot.overlap
    if taken > shot.frames:
        needed = f"its transitions need {taken} frames, but only {shot.frames} are used"
        raise BadInput(clip.path, f"{needed}: shorten transition.duration_s or move in_s and out_s")
