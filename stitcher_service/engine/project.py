"""A cut list together with its files: everything read, the whole film decided, nothing decoded or written yet."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.errors import BadInput
from stitcher_service.engine.planning import choose_format, make_plan
from stitcher_service.engine.render_plan import RenderPlan
from stitcher_service.engine.report import RenderWarning, WarningKind
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
    def sounds(self) -> Iterator[tuple[str, MediaInfo, AudioTrack]]:
        """Every sound track of the film, under the name of its file in the cut list."""
        return _sounds(self.cut_list, self.clips, self.music)

    @property
    def ambiguous_sounds(self) -> tuple[RenderWarning, ...]:
        """Files that leave open which of their sound tracks is meant."""
        kind = WarningKind.AMBIGUOUS_SOUND
        found = (RenderWarning(kind, (track.rivals + 1,), name) for name, _, track in self.sounds if track.rivals)
        return tuple(dict.fromkeys(found))


def prepare_project(cut_list: CutList, base: Path) -> Project:
    """Read every file and plan the film; nothing is decoded or written.

    Raises: BadInput.
    """
    known: dict[str, MediaInfo] = {}
    clips = tuple(_probe_once(entry.path, base, known) for entry in cut_list.clips)
    tracks = tuple(_picture_track(entry.path, clip) for entry, clip in zip(cut_list.clips, clips, strict=True))
    music = _probe_once(cut_list.soundtrack.path, base, known) if cut_list.soundtrack else None
    if cut_list.soundtrack and music and music.audio is None:
        raise BadInput(cut_list.soundtrack.path, "has no sound")
    for name, _, track in _sounds(cut_list, clips, music):
        if not track.codec:
            raise BadInput(name, "its sound is in an unknown codec")
    return Project(cut_list, clips, tracks, music, *_plan(cut_list, tracks))


def replan_project(project: Project, tracks: tuple[VideoTrack, ...]) -> Project:
    """The project with what decoding its clips has shown of their tracks. Raises: BadInput."""
    timeline, plan = _plan(project.cut_list, tracks)
    return replace(project, tracks=tracks, timeline=timeline, plan=plan)


def _plan(cut_list: CutList, tracks: tuple[VideoTrack, ...]) -> tuple[Timeline, RenderPlan]:
    film = choose_format(cut_list, tracks)
    timeline = build_timeline(cut_list, [track.frames_at(film.rate) for track in tracks])
    return timeline, make_plan(film, timeline, tracks)


def _probe_once(name: str, base: Path, known: dict[str, MediaInfo]) -> MediaInfo:
    if name not in known:
        try:
            known[name] = probe((base / name).absolute())
        except Unreadable as error:
            raise BadInput(name, error.reason) from error
    return known[name]


def _sounds(
    cut_list: CutList, clips: tuple[MediaInfo, ...], music: MediaInfo | None
) -> Iterator[tuple[str, MediaInfo, AudioTrack]]:
    for entry, clip in zip(cut_list.clips, clips, strict=True):
        if clip.audio and not entry.mute:
            yield entry.path, clip, clip.audio
    if cut_list.soundtrack and music and music.audio:
        yield cut_list.soundtrack.path, music, music.audio


def _picture_track(name: str, clip: MediaInfo) -> VideoTrack:
    if clip.video is None:
        raise BadInput(name, "has no picture")
    return clip.video
