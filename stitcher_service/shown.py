"""The times at which ffmpeg shows the pictures of a file, as it writes them down while it decodes."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

_UNKNOWN = -(1 << 63)  # AV_NOPTS_VALUE


def write_times(out: Path) -> tuple[str, ...]:
    """Output options that make a run write the time of every picture to `out`, one a line.

    Source: https://ffmpeg.org/ffmpeg.html#Advanced-options, ``-stats_enc_pre``.
    """
    return ("-stats_enc_pre:v", str(out), "-stats_enc_pre_fmt:v", "{ptsi} {tbi} {pts} {tb}")


def read_times(written: Path) -> tuple[Fraction, ...]:
    """Seconds at which each picture was shown, in the order of the decoder; from the filters where it did not say."""
    return tuple(_time(line.split()) for line in written.read_text().splitlines()) if written.exists() else ()


def _time(words: Sequence[str]) -> Fraction:
    decoded, decoded_base, filtered, filtered_base = words
    if int(decoded) == _UNKNOWN:
        return int(filtered) * Fraction(filtered_base)
    return int(decoded) * Fraction(decoded_base)
