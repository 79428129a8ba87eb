"""A cut list together with its files: everything read, the whole film decided, nothing decoded or written yet."""

from dataclasses import dataclass
from pathlib import Path

from stitcher_service.engine.cutlist import ClipEntry, CutList
from stitcher_service.engine.errors import BadInput
from stitcher_service.engine.planning import choose_format, make_plan
from stitcher_service.engine.render_plan import RenderPlan
from stitcher_service.engine.timeline import Timeline, build_timeline
from stitcher_service.ffmpeg.errors import Unreadable
from stitcher_service.ffmpeg.probe import AudioTrack, MediaInfo, VideoTrack, probe


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound track of a file; `name` is the file's in the cut list."""

    name: str
    path: Path
    track: AudioTrack


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip's picture track, and its sound unless it has none or is muted."""

    name: str
    path: Path
    track: VideoTrack
    sound: Sound | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A cut list with everything known about its files, and what is to be done with them."""

    cut_list: CutList
    clips: tuple[Clip, ...]
    music: Sound | None
    timeline: Timeline
    plan: RenderPlan

    @property
    def sounds(self) -> tuple[Sound, ...]:
        """Every sound track of the film."""
        return tuple(sound for sound in (*(clip.sound for clip in self.clips), self.music) if sound)


def prepare_project(cut_list: CutList, base: Path) -> Project:
    """Read every file and plan the film; nothing is decoded or written.

    Raises: BadInput.
    """
    media = {name: _probe(name, base) for name in dict.fromkeys(cut_list.files)}
    clips = tuple(_clip(entry, media[entry.path]) for entry in cut_list.clips)
    ordered = cut_list.soundtrack
    music = _sound(ordered.path, media[ordered.path]) if ordered else None
    if ordered and music is None:
        raise BadInput(ordered.path, "has no sound")
    return plan_project(cut_list, clips, music)


def plan_project(cut_list: CutList, clips: tuple[Clip, ...], music: Sound | None) -> Project:
    """Decide the whole film, from what is known of its clips. Raises: BadInput."""
    tracks = [clip.track for clip in clips]
    film = choose_format(cut_list, tracks)
    timeline = build_timeline(cut_list, [track.frames_at(film.rate) for track in tracks])
    return Project(cut_list, clips, music, timeline, make_plan(film, timeline, tracks))


def _probe(name: str, base: Path) -> MediaInfo:
    try:
        return probe((base / name).absolute())
    except Unreadable as error:
        raise BadInput(name, error.reason) from error


def _clip(entry: ClipEntry, info: MediaInfo) -> Clip:
    if info.video is None:
        raise BadInput(entry.path, "has no picture")
    return Clip(entry.path, info.path, info.video, None if entry.mute else _sound(entry.path, info))


def _sound(name: str, info: MediaInfo) -> Sound | None:
    if info.audio and not info.audio.codec:
        raise BadInput(name, "its sound is in an unknown codec")
    return Sound(name, info.path, info.audio) if info.audio else None
