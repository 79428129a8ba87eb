"""How loud the mix is, and the filters that bring it to a target: measure, raise or lower, limit, measure again.

A measured gain and a limiter keep the dynamics; loudnorm would silently compress and costs three times as much.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stitcher_service import recipes
from stitcher_service.ffmpeg.run import Runner

SILENCE_LUFS = -69.0
_TOLERANCE_LU = 0.3
_MOST_CORRECTIONS = 3
_FULL_SCALE = 1.0

# level=0: no second normalisation behind our back; latency=1: the sound stays where it was.
_LIMITER = "alimiter=limit={limit}:level=0:latency=1"
_MASTER_LIMIT = 0.84  # -1.5 dB: room for the peaks that AAC adds
_SAFETY_LIMIT = 0.97

_INTEGRATED = re.compile(r"\bI:\s+(?P<value>-?[\d.]+|-inf|nan) LUFS")


@dataclass(frozen=True, slots=True)
class Mastering:
    """The filters to encode the mix with, and the loudness (LUFS) behind them; None when there is only silence."""

    filters: tuple[str, ...]
    loudness_lufs: float | None


def master(samples: Path, peak: float, target_lufs: float | None, runner: Runner) -> Mastering:
    """Filters that bring the mix to `target_lufs`; without one, levels stay and only overshoots are limited."""
    filters: tuple[str, ...] = ()
    if target_lufs is None:
        if peak > _FULL_SCALE:
            filters = (_LIMITER.format(limit=_SAFETY_LIMIT),)
        return Mastering(filters, _measure(samples, filters, runner))
    reached = _measure(samples, (), runner)
    gain_db = 0.0
    for _ in range(_MOST_CORRECTIONS):
        if reached is None or abs(target_lufs - reached) <= _TOLERANCE_LU:
            break
        gain_db += target_lufs - reached
        filters = (f"volume={gain_db:.2f}dB", _LIMITER.format(limit=_MASTER_LIMIT))
        reached = _measure(samples, filters, runner)
    if not filters and peak > _MASTER_LIMIT:
        filters = (_LIMITER.format(limit=_MASTER_LIMIT),)
    return Mastering(filters, reached)


def _measure(samples: Path, filters: tuple[str, ...], runner: Runner) -> float | None:
    lines: list[str] = []
    runner.run(recipes.measure_sound(samples, filters), on_line=lines.append)
    return read_loudness(lines)


def read_loudness(lines: Sequence[str]) -> float | None:
    """The integrated loudness in ebur128's summary; None for silence, which has none."""
    found = [match["value"] for line in lines if (match := _INTEGRATED.search(line))]
    value = float(found[-1]) if found else float("-inf")
    return value if value > SILENCE_LUFS else None
