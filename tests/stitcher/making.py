"""Unusual media, made by ffmpeg itself: what no test clip of `media.py` is."""

import shlex
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stitcher_service.ffmpeg.run import find_ffmpeg

SIZE = (320, 180)
# One beep at every full second from the first on, in both ears.
_BEEP = "0.3*sin(2*PI*1000*t)*gt(t\\,0.9)*lt(mod(t\\,1)\\,0.08)"
_WORDS = {
    "PICTURE": "-f lavfi -i testsrc2=s=320x180:r=24:d={seconds}",
    "BEEPS": f"-f lavfi -i aevalsrc={_BEEP}|{_BEEP}:s=48000:d={{seconds}}",
    "X264": "-c:v libx264 -preset veryfast -pix_fmt yuv420p"
    " -x264-params keyint=24:min-keyint=24:scenecut=0:open-gop=0:bframes=3",
}


def ffmpeg(folder: Path, line: str, seconds: float = 2) -> Path:
    """Run ffmpeg with the words of `line` in `folder`; the last word is the file it makes.

    PICTURE, BEEPS and X264 stand for a test picture, for beeps, and for how clips are usually encoded.
    """
    for word, meaning in _WORDS.items():
        line = line.replace(word, meaning.format(seconds=seconds).replace("\\", "\\\\"))
    words = shlex.split(line)
    done = subprocess.run(
        [find_ffmpeg(), "-v", "error", "-nostdin", "-y", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / words[-1]


def grey(file: Path) -> npt.NDArray[np.float32]:
    """Every picture of `file` as ffmpeg itself shows it, upright: its brightness."""
    command = [str(find_ffmpeg()), "-v", "error", "-i", str(file), "-map", "0:v:0"]
    shown = ("-vf", "scale=320:180")
    raw = ("-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-")
    pixels = subprocess.run([*command, *shown, *raw], capture_output=True, check=True).stdout
    width, height = SIZE
    planes = np.frombuffer(pixels, np.uint8).reshape(-1, height * 3 // 2, width)
    return planes[:, :height].astype(np.float32)


def beeps(samples: npt.NDArray[np.float32]) -> list[float]:
    """When each beep begins, in seconds."""
    on = np.flatnonzero(np.abs(samples[0]) > 0.05)
    return [round(float(at) / 48_000, 2) for n, at in enumerate(on) if not n or at - on[n - 1] > 9_600]
