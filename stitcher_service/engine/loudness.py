"""How loud the film is, and what brings it to a target: measure, raise or lower, limit, encode, measure what came out.

A measured gain and a limiter keep the dynamics; loudnorm would silently compress and costs three times as much.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stitcher_service.engine import commands
from stitcher_service.engine.errors import RenderWarning
from stitcher_service.ffmpeg.run import Runner

SILENCE_LUFS = -69.0
HIGHEST_TRUE_PEAK_DB = -1.0
_TOLERANCE_LU = 0.3
_WORTH_A_WARNING_LU = 1.0
_MOST_CORRECTIONS = 3
_MOST_ENCODES = 5
_STEP_DB = 0.3
_FULL_SCALE = 1.0

# level=0: no second normalisation; latency=1: the sound stays where it was.
_LIMITER = "alimiter=limit={limit:.3f}:level=0:latency=1"
_MASTER_LIMIT = 0.84  # -1.5 dB: room for the peaks between samples, and for those that AAC adds
_SAFETY_LIMIT = 0.97

_INTEGRATED = re.compile(r"\bI:\s+(?P<value>-?[\d.]+|-inf|nan) LUFS")
_TRUE_PEAK = re.compile(r"\bPeak:\s+(?P<value>-?[\d.]+|-inf|nan) dBFS")


@dataclass(frozen=True, slots=True)
class MasteredSound:
    """The film's sound as AAC, how loud it is (None: only silence), and its highest true peak."""

    file: Path
    loudness_lufs: float | None
    true_peak_db: float

    def find_missed_loudness(self, target_lufs: float | None) -> RenderWarning | None:
        """Whether a listener would notice the distance from `target_lufs`."""
        if target_lufs is None or self.loudness_lufs is None:
            return None
        reached = f"the film has {self.loudness_lufs:g} LUFS, ordered were {target_lufs:g}"
        is_missed = abs(self.loudness_lufs - target_lufs) > _WORTH_A_WARNING_LU
        return RenderWarning(f"{reached}: its peaks are in the way") if is_missed else None


def master_sound(samples: Path, peak: float, target_lufs: float | None, out: Path, runner: Runner) -> MasteredSound:
    """Encode the mix to `out` at `target_lufs`; without one, levels stay and only overshoots are limited."""
    limit = _SAFETY_LIMIT if target_lufs is None else _MASTER_LIMIT
    gain_db = 0.0 if target_lufs is None else _gain_db(samples, peak, target_lufs, runner)
    mastered = _encode(samples, _filters(peak, gain_db, limit), out, runner)
    for attempt in range(1, _MOST_ENCODES):
        excess_db = mastered.true_peak_db - HIGHEST_TRUE_PEAK_DB
        if target_lufs is None or excess_db <= 0:
            break
        # What AAC adds to noisy beats does not sink evenly with the limit: each step goes further than the last.
        limit = min(limit, peak * _factor(gain_db)) / _factor(excess_db + _STEP_DB * attempt)
        mastered = _encode(samples, _filters(peak, gain_db, limit), out, runner)
    return mastered


def _gain_db(samples: Path, peak: float, target_lufs: float, runner: Runner) -> float:
    """The gain that leads to the target behind the limiter; what is silent stays so."""
    reached, _ = parse_summary(runner.run(commands.measure_sound(samples)))
    gain_db = 0.0
    for _ in range(_MOST_CORRECTIONS):
        if reached is None or abs(target_lufs - reached) <= _TOLERANCE_LU:
            break
        gain_db += target_lufs - reached
        if peak * _factor(gain_db) <= _MASTER_LIMIT:  # nothing is limited: the gain does what it says
            break
        limited = commands.measure_sound(samples, _filters(peak, gain_db, _MASTER_LIMIT))
        reached, _ = parse_summary(runner.run(limited))
    return round(gain_db, 2)


def _encode(samples: Path, filters: tuple[str, ...], out: Path, runner: Runner) -> MasteredSound:
    runner.run(commands.encode_sound(samples, filters, out))
    return MasteredSound(out, *parse_summary(runner.run(commands.measure_encoded_sound(out))))


def _filters(peak: float, gain_db: float, limit: float) -> tuple[str, ...]:
    gain = (f"volume={gain_db:.2f}dB",) if gain_db else ()
    highest = _FULL_SCALE if limit == _SAFETY_LIMIT else limit
    return (*gain, _LIMITER.format(limit=limit)) if peak * _factor(gain_db) > highest else gain


def _factor(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def parse_summary(lines: Sequence[str]) -> tuple[float | None, float]:
    """Integrated loudness (None for silence) and true peak in dB, minus infinity if missing, in ebur128's summary."""
    loudness, peak = (
        float(([match["value"] for line in lines if (match := pattern.search(line))] or ["-inf"])[-1])
        for pattern in (_INTEGRATED, _TRUE_PEAK)
    )
    return (loudness if loudness > SILENCE_LUFS else None), peak
