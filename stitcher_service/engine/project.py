"""A cut list together with its files: everything read, the whole film decided, nothing decoded or written yet."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.errors import BadInput
from stitcher_service.engine.planning import film_format, make_plan
from stitcher_service.engine.render_plan import RenderPlan
from stitcher_service.engine.timeline import Timeline, build_timeline
from stitcher_service.ffmpeg.errors import Unreadable
from stitcher_service.ffmpeg.probe import AudioTrack, MediaInfo, VideoTrack, probe


@dataclass(frozen=True, slots=True)
class Project:
    """A cut list with everything known about its files, and what is to be done with them."""

    cut_list: CutList
    clips: tuple[MediaInfo, ...]
    tracks: tuple[VideoTrack, ...]
    music: MediaInfo | None
    timeline: Timeline
    plan: RenderPlan

    @property
    def heard(self) -> Iterator[tuple[str, MediaInfo, AudioTrack]]:
        """Every sound track of the film, under the name of its file in the cut list."""
        return _heard(self.cut_list, self.clips, self.music)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was decided although a file leaves it open."""
        remarks = (
            f"{name} has {track.rivals + 1} sound tracks and marks none as the main one: the first is heard"
            for name, _, track in self.heard
            if track.rivals
        )
        return tuple(dict.fromkeys(remarks))


def prepare_project(cut_list: CutList, base: Path) -> Project:
    """Read every file and plan the film; nothing is decoded or written.

    Raises: BadInput.
    """
    known: dict[str, MediaInfo] = {}
    clips = tuple(_probed(clip.path, base, known) for clip in cut_list.clips)
    tracks = tuple(_picture(name.path, clip) for name, clip in zip(cut_list.clips, clips, strict=True))
    music = _probed(cut_list.soundtrack.path, base, known) if cut_list.soundtrack else None
    if cut_list.soundtrack and music and music.audio is None:
        raise BadInput(cut_list.soundtrack.path, "has no sound")
    for name, _, track in _heard(cut_list, clips, music):
        if not track.codec:
            raise BadInput(name, "its sound is in an unknown codec")
    return Project(cut_list, clips, tracks, music, *_plan(cut_list, tracks))


def replan_project(project: Project, tracks: tuple[VideoTrack, ...]) -> Project:
    """The project with what decoding its clips has shown of their tracks. Raises: BadInput."""
    timeline, plan = _plan(project.cut_list, tracks)
    return replace(project, tracks=tracks, timeline=timeline, plan=plan)


def _plan(cut_list: CutList, tracks: tuple[VideoTrack, ...]) -> tuple[Timeline, RenderPlan]:
    film = film_format(cut_list, tracks)
    timeline = build_timeline(cut_list, [track.frames_at(film.rate) for track in tracks])
    return timeline, make_plan(film, timeline, tracks)


def _probed(name: str, base: Path, known: dict[str, MediaInfo]) -> MediaInfo:
    if name not in known:
        try:
            known[name] = probe((base / name).absolute())
        except Unreadable as error:
            raise BadInput(name, error.reason) from error
    return known[name]


def _heard(
    cut_list: CutList, clips: tuple[MediaInfo, ...], music: MediaInfo | None
) -> Iterator[tuple[str, MediaInfo, AudioTrack]]:
    for name, clip in zip(cut_list.clips, clips, strict=True):
        if clip.audio and not name.mute:
            yield name.path, clip, clip.audio
    if cut_list.soundtrack and music and music.audio:
        yield cut_list.soundtrack.path, music, music.audio


def _picture(name: str, clip: MediaInfo) -> VideoTrack:
    if clip.video is None:
        raise BadInput(name, "has no picture")
    return clip.video
