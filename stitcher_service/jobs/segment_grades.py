"""What is corrected of each segment of a graded film: its file is looked at, the rules of the grade decide."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av

from promptreel.domain import film_grade, grade
from promptreel.domain.grade import Look
from stitcher_service.engine.cutlist import Correction
from stitcher_service.jobs.film_edit import FilmEdit, SceneSegment, SegmentKind

Grades = Mapping[str, tuple[Correction, ...]]
"""The corrections of each segment that needs any, by the name of its file."""


def choose_grades(edit: FilmEdit, segments: Mapping[str, SceneSegment], folder: Path) -> tuple[Grades, list[str]]:
    """The corrections, and what the owner is told of them. ``segments`` by the names of their files in ``folder``.

    A segment is looked at where it begins, in its middle and where it ends: where two of them meet on the same
    keyframe, both get the same correction, and nothing jumps.
    """
    shown = {name: segment for name, segment in segments.items() if segment.kind is not SegmentKind.CARD}
    looks = {name: _measure(folder / name, segment) for name, segment in shown.items()}
    drawn = film_grade.keyframe_looks([segment.scene for segment in shown.values()])
    # Where keyframes were not measured when they were drawn, the ends of the clips show what they look like.
    target = film_grade.find_target(
        edit.plan, drawn or [one for found in looks.values() for one in (found[0], found[-1])]
    )
    if target is None:
        return {}, []
    grades, sentences = {}, []
    for name, segment in shown.items():
        corrections = [grade.correct(look, target) for look in looks[name]]
        if any(one.is_visible for one in corrections):
            grades[name] = tuple(Correction(**asdict(one)) for one in corrections)
            most = grade.strongest(corrections).describe()
            sentences.append(f"Scene {segment.scene.display_order} was graded: at most {most}.")
    return grades, sentences


def _measure(file: Path, segment: SceneSegment) -> list[Look]:
    """The looks of the first frame that is shown, of the middle one, and of the last."""
    last = segment.end - 1
    wanted = (segment.first, (segment.first + last) // 2, last)
    looks: dict[int, Look] = {}
    with av.open(str(file)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in wanted:
                looks[number] = grade.measure(_pixels(frame))
    return [looks[number] for number in wanted]


def _pixels(frame: Any) -> list[tuple[int, int, int]]:
    width = grade.MEASURED_PX
    height = max(1, round(width * frame.height / frame.width))
    small = frame.reformat(width=width, height=height, format="rgb24", src_colorspace="ITU709")
    return [(red, green, blue) for red, green, blue in small.to_ndarray().reshape(-1, 3).tolist()]
