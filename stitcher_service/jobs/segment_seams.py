"""Where the film jumps although it should flow: at the ends of its clips, and where one leads into the next.

A cut flows where the second clip begins with the keyframe that the first one ends with, and both are shown to their
ends. A transition, a still, a clip that is cut shorter or a keyframe of its own is a break that was asked for, or that
another warning names.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from promptreel.domain import timeline
from stitcher_service.engine import seams
from stitcher_service.engine.seams import ClipEnds
from stitcher_service.jobs.film_edit import FilmEdit, SceneSegment

_MAX_WORKERS = 2


@dataclass(frozen=True, slots=True)
class _Shown:
    """A segment in the film: the frame at which it begins, and how its clip looks at both ends; None for no clip."""

    segment: SceneSegment
    start: int
    ends: ClipEnds | None


def describe_jumps(edit: FilmEdit, segments: Mapping[str, SceneSegment], folder: Path) -> list[str]:
    """One sentence for each jump, with scenes and frames of the film (from 0).

    ``segments`` by their files' names: those of a film without the ones that are not to be looked at.
    """
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_WORKERS)) as pool:
        read = pool.map(lambda name: _read_ends(edit, segments[name], folder / name), segments)
        ends = {segment.number: one for segment, one in zip(segments.values(), read, strict=True)}
    shown = [_Shown(one, start, ends.get(one.number)) for one, start in zip(edit.segments, edit.starts, strict=True)]
    return [*_jumps_in_clips(edit, shown), *_jumps_between(edit, shown)]


def _read_ends(edit: FilmEdit, segment: SceneSegment, file: Path) -> ClipEnds | None:
    return seams.read_ends(file, segment.first, segment.end, edit.format.rate) if segment.is_clip else None


def _jumps_in_clips(edit: FilmEdit, shown: list[_Shown]) -> Iterator[str]:
    is_cut = edit.plan.transition_kind is timeline.TransitionKind.CUT
    for place, one in enumerate(shown):
        if one.ends is None:
            continue
        first, last = one.start, one.start + one.segment.frames - 1
        is_seen = (is_cut or place == 0, is_cut or place == len(shown) - 1)  # a transition covers the other ends
        found = (seams.find_jump_at_beginning(one.ends), seams.find_jump_at_end(one.ends))
        frames = (f"at its beginning: frames {first} and {first + 1}", f"at its end: frames {last - 1} and {last}")
        for where, words, seen in zip(frames, found, is_seen, strict=True):
            if words is not None and seen:
                yield f"{one.segment.scene.id} jumps {where} of the film {words}."


def _jumps_between(edit: FilmEdit, shown: list[_Shown]) -> Iterator[str]:
    for one, following in pairwise(shown):
        if one.ends is None or following.ends is None or not _should_flow(edit, one.segment, following.segment):
            continue
        if words := seams.find_jump_between(one.ends, following.ends):
            cut = f"{one.segment.scene.id} jumps to {following.segment.scene.id}"
            yield f"{cut}: frames {following.start - 1} and {following.start} of the film {words}."


def _should_flow(edit: FilmEdit, one: SceneSegment, following: SceneSegment) -> bool:
    if edit.plan.transition_kind is not timeline.TransitionKind.CUT:
        return False
    return one.scene.shares_keyframe(following.scene) and one.end == one.clip_frames and following.first == 0
