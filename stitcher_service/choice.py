"""Copying pays only where much can be copied: which of two plans costs less, and why. Pure arithmetic.

Costs are in decoded frames, measured on grainy 720p at 10 Mbit/s: only their proportions matter.
"""

from collections.abc import Sequence
from dataclasses import replace

from stitcher_service.ffmpeg.probe import VideoTrack
from stitcher_service.plan import make_plan, plan_without_copies
from stitcher_service.segments import FilmFormat, Plan, Take, Window
from stitcher_service.timeline import Timeline

_ENCODE = 2.6  # of one frame
_RUN = 15.0  # one more start of ffmpeg, and the check of the joint it makes


def choose(film: FilmFormat, timeline: Timeline, tracks: Sequence[VideoTrack]) -> Plan:
    """The plan that copies what it can, unless encoding every frame is no slower."""
    smart = make_plan(film, timeline, tracks)
    found = f"{smart.copied_frames} of {smart.frames} frames can be copied"
    if not smart.windows:
        return replace(smart, why=f"smart render: {found}")
    if not smart.copies:
        return replace(smart, why=f"plain encode: {found}")
    plain = plan_without_copies(film, timeline)
    smart_cost, plain_cost = cost(smart, tracks), cost(plain, tracks)
    found += f"; estimated cost in decoded frames: {smart_cost:.0f} with copying, {plain_cost:.0f} without"
    if plain_cost <= smart_cost:
        return replace(plain, why=f"plain encode, as smart render would be slower: {found}")
    return replace(smart, why=f"smart render: {found}")


def cost(plan: Plan, tracks: Sequence[VideoTrack]) -> float:
    """What it takes to make and check the encoded part of a plan; copying itself costs next to nothing."""
    return sum(_cost(window, tracks, is_among_copies=bool(plan.copies)) for window in plan.windows)


def _cost(window: Window, tracks: Sequence[VideoTrack], *, is_among_copies: bool) -> float:
    decoded = sum(take.frames + _run_in(take, tracks[take.clip]) for take in window.takes)
    checked = window.frames if is_among_copies else 0  # `validate.py` looks at joints only where all is encoded
    return _RUN + decoded + _ENCODE * window.frames + checked


def _run_in(take: Take, track: VideoTrack) -> int:
    """How many frames must be decoded before the first that is wanted."""
    starts = (frame for frame, is_idr in zip(track.packet_frames, track.packet_is_idr, strict=True) if is_idr)
    return take.first - max((frame for frame in starts if 0 <= frame <= take.first), default=0)
