"""A cut list together with its files: everything read, the whole film decided, nothing decoded or written yet."""

from dataclasses import dataclass
from pathlib import Path

from stitcher_service.cutlist import CutList
from stitcher_service.errors import BadInput
from stitcher_service.ffmpeg.errors import Unreadable
from stitcher_service.ffmpeg.probe import MediaInfo, VideoTrack, probe
from stitcher_service.plan import film_format, make_plan
from stitcher_service.segments import Plan
from stitcher_service.timeline import Timeline, lay_out


@dataclass(frozen=True, slots=True)
class Project:
    """A cut list with everything known about its files, and what is to be done with them."""

    cut_list: CutList
    clips: tuple[MediaInfo, ...]
    tracks: tuple[VideoTrack, ...]
    music: MediaInfo | None
    timeline: Timeline
    plan: Plan


def prepare(cut_list: CutList, base: Path) -> Project:
    """Read every file and plan the film; nothing is decoded or written.

    Raises: BadInput.
    """
    known: dict[str, MediaInfo] = {}
    clips = tuple(_probed(clip.path, base, known) for clip in cut_list.clips)
    tracks = tuple(_picture(name.path, clip) for name, clip in zip(cut_list.clips, clips, strict=True))
    music = _probed(cut_list.soundtrack.path, base, known) if cut_list.soundtrack else None
    if cut_list.soundtrack and music and music.audio is None:
        raise BadInput(cut_list.soundtrack.path, "has no sound")
    film = film_format(cut_list, tracks)
    timeline = lay_out(cut_list, [track.frames_at(film.rate) for track in tracks])
    return Project(cut_list, clips, tracks, music, timeline, make_plan(film, timeline, tracks))


def _probed(name: str, base: Path, known: dict[str, MediaInfo]) -> MediaInfo:
    if name not in known:
        try:
            known[name] = probe((base / name).absolute())
        except Unreadable as error:
            raise BadInput(name, error.reason) from error
    return known[name]


def _picture(name: str, clip: MediaInfo) -> VideoTrack:
    if clip.video is None:
        raise BadInput(name, "has no picture")
    return clip.video
