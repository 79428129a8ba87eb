"""What is copied bit for bit, what is encoded, and why: timeline and probes in, segments out. Pure; whole frames."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from stitcher_service.engine.colours import BT709, is_plain
from stitcher_service.engine.cutlist import BLACK, CutList
from stitcher_service.engine.grading import cut_out
from stitcher_service.engine.render_plan import CopiedSegment, EncodedSegment, FilmFormat, RenderPlan, Segment
from stitcher_service.engine.timeline import ClipRange, Shot, Timeline
from stitcher_service.ffmpeg.probe import HIDDEN, Colour, VideoTrack

# Fewer copied frames than this are not worth a switch between two encodings within a clip.
MIN_COPIED_FRAMES = 4
# Short encoded parts on both sides of a cut share one run of ffmpeg up to this length. Beyond it they are apart, and
# a clip between two transitions is divided: a graph's memory grows with every input it has open.
MAX_MERGED_FRAMES = 48
MAX_MERGED_TAKES = 6


def choose_format(cut_list: CutList, tracks: Sequence[VideoTrack]) -> FilmFormat:
    """Size and rate as ordered; the colour description that most copyable frames share, so that no joint shows."""
    plain = FilmFormat(cut_list.size, cut_list.rate, BT709)
    votes: Counter[Colour] = Counter()
    for track in tracks:
        if is_plain(track.colour) and not find_copy_obstacle(track, replace(plain, colour=track.colour)):
            votes[track.colour] += track.frames
    return replace(plain, colour=votes.most_common(1)[0][0]) if votes else plain


def make_plan(
    film: FilmFormat, timeline: Timeline, tracks: Sequence[VideoTrack], *, may_copy: bool = True
) -> RenderPlan:
    """Copy whatever can be copied; encode transitions, ragged ends and clips that do not fit the film."""
    builder = _PlanBuilder()
    for index, shot in enumerate(timeline.shots):
        track = tracks[shot.clip]
        overlap = timeline.overlap_before(index)
        why = "nothing is copied" if not may_copy else "graded" if shot.grade else find_copy_obstacle(track, film)
        body = (shot.first + overlap + shot.fade_in, shot.end - shot.overlap - shot.fade_out)
        copies = [] if why else find_copied_segments(track, shot.clip, *body)
        if not copies:
            builder.encode_all(shot, overlap, why or "no IDR picture with enough frames after it")
            continue
        done, shared = shot.first, overlap
        for copy in copies:
            lead = "up to the first IDR picture" if copy.first > max(body[0], done) else ""
            builder.encode(_range_of(shot, done, copy.first), shared, lead)
            builder.copy(copy)
            done, shared = copy.end, 0
        trail = "after the last frame that can be copied" if done < body[1] else ""
        builder.encode(_range_of(shot, done, shot.end), 0, trail)
    return RenderPlan(film, builder.finish())


def _range_of(shot: Shot, first: int, end: int) -> ClipRange:
    """Frames [first, end) of a shot, with the fades that fall on its ends."""
    fade_in = shot.fade_in if first == shot.first else 0
    fade_out = shot.fade_out if end == shot.end else 0
    grade = cut_out(shot.grade, first, end)
    return ClipRange(shot.clip, first, end - first, fade_in, fade_out, shot.colour_in, shot.colour_out, grade)


@dataclass(slots=True)
class _PlanBuilder:
    """Collects segments; takes that touch become one segment."""

    done: list[Segment] = field(default_factory=list)
    takes: list[ClipRange] = field(default_factory=list)
    overlaps: list[int] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def copy(self, copy: CopiedSegment) -> None:
        self._close()
        self.done.append(copy)

    def encode_all(self, shot: Shot, overlap: int, why: str) -> None:
        """The whole shot; divided where its first transition is over if it would make a long segment longer."""
        if overlap and shot.overlap and self._is_full_with(shot.frames):
            border = shot.first + overlap
            self.encode(_range_of(shot, shot.first, border), overlap, why)
            self._close()
            self.encode(_range_of(shot, border, shot.end), 0, why)
        else:
            self.encode(_range_of(shot, shot.first, shot.end), overlap, why)

    def encode(self, take: ClipRange, overlap: int, why: str) -> None:
        if not take.frames:
            return
        if not overlap and self._is_full_with(take.frames):
            self._close()
        if self.takes:
            self.overlaps.append(overlap)
        self.takes.append(take)
        self.reasons += [
            f"crossfade of {overlap} frames" if overlap else "",
            f"fade from {_colour_name(take.colour_in)}" if take.fade_in else "",
            f"fade to {_colour_name(take.colour_out)}" if take.fade_out else "",
            why,
        ]

    def finish(self) -> tuple[Segment, ...]:
        self._close()
        return tuple(self.done)

    def _is_full_with(self, frames: int) -> bool:
        held = sum(take.frames for take in self.takes) - sum(self.overlaps)
        return held + frames > MAX_MERGED_FRAMES or len(self.takes) >= MAX_MERGED_TAKES

    def _close(self) -> None:
        if self.takes:
            why = "; ".join(reason for reason in dict.fromkeys(self.reasons) if reason)
            self.done.append(EncodedSegment(tuple(self.takes), tuple(self.overlaps), why))
        self.takes, self.overlaps, self.reasons = [], [], []


def _colour_name(colour: str) -> str:
    return "black" if colour == BLACK else colour


def find_copy_obstacle(track: VideoTrack, film: FilmFormat) -> str:
    """Why no frame of this clip can be copied into the film; empty when nothing prevents it."""
    size = (track.width_px, track.height_px)
    checks = (
        (track.codec != "h264", f"codec is {track.codec}"),
        (size != film.size_px, f"size is {size[0]}x{size[1]}"),
        (track.rotation_deg != 0, f"rotated by {track.rotation_deg} degrees"),
        (not track.is_upright, "mirrored"),
        (track.pixel_aspect != 1, f"pixels are {track.pixel_aspect} wide"),
        (track.pixel_format != "yuv420p", f"pixel format is {track.pixel_format}"),
        (track.is_interlaced, "interlaced"),
        (not track.keeps_time(film.rate), "its frames are not on the film's clock"),
        (track.colour != film.colour, "colour description differs from the film's"),
        (all(frame == HIDDEN for frame in track.packet_frames), "its file does not say in which order it is shown"),
        (not any(track.packet_sets), "not stored as avcC with 4-byte lengths"),
    )
    return next((why for is_so, why in checks if is_so), "")


def find_copied_segments(track: VideoTrack, clip: int, first: int, end: int) -> list[CopiedSegment]:
    """Every run of packets that shows exactly consecutive frames within [first, end) and needs nothing before it.

    A run starts at an IDR picture and keeps to one collection of parameter sets. Its end needs no keyframe: in decode
    order it may stop wherever the frames so far have no gap, because later packets are never needed by earlier ones.
    """
    starts = sorted(
        (frame, at)
        for at, (frame, is_idr) in enumerate(zip(track.packet_frames, track.packet_is_idr, strict=True))
        if is_idr and track.packet_sets[at] and first <= frame < end
    )
    copies: list[CopiedSegment] = []
    copied_end = first
    for frame, at in starts:
        if frame < copied_end:
            continue
        packets = _count_gapless(track, at, end)
        is_whole = (frame, packets) == (first, end - first)
        if packets >= MIN_COPIED_FRAMES or is_whole:
            copies.append(CopiedSegment(clip=clip, first=frame, frames=packets, packet_first=at))
            copied_end = frame + packets
    return copies


def _count_gapless(track: VideoTrack, packet_first: int, end: int) -> int:
    """How many packets from `packet_first` on can be copied: up to a gap, to `end`, or to other parameter sets."""
    first, sets = track.packet_frames[packet_first], track.packet_sets[packet_first]
    highest = best = 0
    rest = zip(track.packet_frames[packet_first:], track.packet_sets[packet_first:], strict=True)
    for count, (frame, needed) in enumerate(rest, start=1):
        if frame == HIDDEN or not first <= frame < end or needed != sets:
            break
        highest = max(highest, frame)
        if highest - first == count - 1:
            best = count
    return best
