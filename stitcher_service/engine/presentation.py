"""What ffmpeg shows of a clip, where that is not what its file lists.

A file lists packets and times. Pictures that lead a keyframe cannot be decoded if the file begins there, some packets
show nothing, and some files give decode times only. What a decoder shows is what can be cut.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from stitcher_service.ffmpeg.probe import HIDDEN, VideoTrack

_UNKNOWN = -(1 << 63)  # AV_NOPTS_VALUE


def times_options(out: Path) -> tuple[str, ...]:
    """Output options that make a run write the time of every picture to `out`, one a line.

    Source: https://ffmpeg.org/ffmpeg.html#Advanced-options, ``-stats_enc_pre``.
    """
    return ("-stats_enc_pre:v", str(out), "-stats_enc_pre_fmt:v", "{ptsi} {tbi} {pts} {tb}")


def read_times(written: Path) -> tuple[Fraction, ...]:
    """Seconds at which each picture was shown, in the order of the decoder; from the filters where it did not say.

    They count from the start of the file, of a file without an index from that of the track.
    """
    return tuple(_time(line.split()) for line in written.read_text().splitlines()) if written.exists() else ()


def _time(words: Sequence[str]) -> Fraction:
    decoded, decoded_base, filtered, filtered_base = words
    if int(decoded) == _UNKNOWN:
        return int(filtered) * Fraction(filtered_base)
    return int(decoded) * Fraction(decoded_base)


def find_difference(track: VideoTrack, times_s: Sequence[Fraction]) -> tuple[int, ...]:
    """The shown times in ticks of the track, see `read_times`; empty when they are those that the file lists."""
    if not times_s:
        return ()
    slack_s = _slack(track)
    listed = len(times_s) == track.frames and all(
        abs(shown - times_s[0] - said) <= slack_s for shown, said in zip(times_s, track.times_s, strict=True)
    )
    return () if listed else tuple(round(time_s / track.tick_s) for time_s in times_s)


def apply_presentation(track: VideoTrack, ticks: Sequence[int]) -> VideoTrack:
    """The track with the frames that a decoder shows at `ticks`, see `find_difference`; as it is if there are none.

    A picture that is not shown is not copied either, nor anything where packets cannot be distinguished.
    """
    if not ticks:
        return track
    shown_s = [tick * track.tick_s for tick in ticks]
    if any(earlier >= later for earlier, later in pairwise(shown_s)):
        listed_s = [track.start_s + time_s for time_s in track.times_s]
        return _without_places(track, listed_s if len(listed_s) == len(shown_s) else sorted(shown_s))
    places = _places(track, shown_s)
    if places is None:
        return _without_places(track, shown_s)
    new = {old: number for number, old in enumerate(places)}
    first_s = track.times_s[places[0]]
    return replace(
        track,
        start_s=track.start_s + first_s,
        duration_s=track.duration_s - first_s,
        times_s=tuple(track.times_s[old] - first_s for old in places),
        packet_frames=tuple(new.get(frame, HIDDEN) for frame in track.packet_frames),
    )


def _places(track: VideoTrack, shown_s: Sequence[Fraction]) -> list[int] | None:
    """Which listed frame each shown one is.

    Without an index the two clocks have other zeros: what is not shown is then missing at the start, else at the end.
    """
    slack_s = _slack(track)
    anchors = [(shown_s[-1], track.times_s[-1]), (shown_s[0], track.times_s[0])]
    for shown_at, listed_at in ([(track.start_s, Fraction(0))] if track.is_indexed else []) + anchors:
        sought = [time_s - shown_at + listed_at for time_s in shown_s]
        places = [min(bisect_left(track.times_s, time_s - slack_s), track.frames - 1) for time_s in sought]
        if all(abs(track.times_s[at] - time_s) <= slack_s for at, time_s in zip(places, sought, strict=True)):
            return places
    return None


def _slack(track: VideoTrack) -> Fraction:
    """What rounding between two clocks may come to: a quarter of the shortest frame."""
    steps = (later - earlier for earlier, later in pairwise(track.times_s))
    return max(track.tick_s, min(steps, default=Fraction(0)) / 4)


def _without_places(track: VideoTrack, shown_s: Sequence[Fraction]) -> VideoTrack:
    """Frames in the order of the decoder; no packet is known to be one of them, so none is copied or sought."""
    times_s = tuple(time_s - shown_s[0] for time_s in shown_s)
    duration_s = times_s[-1] + track.duration_s / track.frames
    hidden = (HIDDEN,) * len(track.packet_frames)
    return replace(track, is_indexed=False, times_s=times_s, duration_s=duration_s, packet_frames=hidden)
