"""Check a film: measure the file, and compare it with the job and its ledger."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import av
import numpy as np

from client.documents import Call, Job, Ledger

FPS = 24
SIDES_PX = {"360p": (640, 360), "720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
SILENCE = 0.001  # of full scale; a track whose loudest sample is below it is silent
FEWEST_SCENES = 3
PAID = frozenset({"SETTLED", "ADOPTED"})


@dataclass(frozen=True, slots=True)
class Film:
    """What was measured in a video file."""

    video_codec: str
    audio_codec: str  # empty when there is no sound track
    width_px: int
    height_px: int
    fps: float
    frames: int
    peak: float  # loudest sample, 0 to 1

    @property
    def duration_s(self) -> float:
        """Length by its frames."""
        return self.frames / self.fps


def measure(path: Path) -> Film:
    """Decode every frame and every sample, because a header may be wrong."""
    frames, peak = 0, 0.0
    with av.open(str(path)) as container:
        video, sound = container.streams.video[0], next(iter(container.streams.audio), None)
        for frame in container.decode(*filter(None, (video, sound))):
            if isinstance(frame, av.VideoFrame):
                frames += 1
            elif isinstance(frame, av.AudioFrame):
                peak = max(peak, _loudest(frame))
        return Film(
            video_codec=video.codec_context.name,
            audio_codec=sound.codec_context.name if sound else "",
            width_px=video.width,
            height_px=video.height,
            fps=float(video.average_rate or 0),
            frames=frames,
            peak=peak,
        )


def faults(film: Film, job: Job, ledger: Ledger, *, fewest_scenes: int = FEWEST_SCENES) -> list[str]:
    """Return a sentence for each defect; none when the film is correct and the ledger adds up."""
    return [
        sentence
        for is_wrong, sentence in (*_film_checks(film, job, fewest_scenes), *_ledger_checks(job, ledger))
        if is_wrong
    ]


def paid_calls(ledger: Ledger) -> int:
    """Count the calls that were paid and delivered something."""
    return sum(call["state"] in PAID for call in ledger["calls"])


def _film_checks(film: Film, job: Job, fewest_scenes: int) -> list[tuple[bool, str]]:
    long_px, short_px = SIDES_PX[job["request"].get("resolution", "720p")]
    aspect = job["request"].get("aspect")
    sizes = [(long_px, short_px)] * (aspect != "9:16") + [(short_px, long_px)] * (aspect != "16:9")
    planned = job["planned_frames"] or 0
    reported = job["output"]["frames"] if job["output"] else 0
    done = sum(scene["state"] == "DONE" for scene in job["scenes"])
    return [
        (film.video_codec != "h264", f"The picture is {film.video_codec}, not H.264."),
        (film.audio_codec != "aac", f"The sound is {film.audio_codec or 'missing'}, not AAC."),
        (film.peak < SILENCE, "The sound track is silent."),
        ((film.width_px, film.height_px) not in sizes, f"The picture is {film.width_px}x{film.height_px}."),
        (film.fps != FPS, f"The film runs at {film.fps:g} frames a second, not {FPS}."),
        (film.frames != planned, f"The film has {film.frames} frames, {planned} were planned."),
        (film.frames != reported, f"The film has {film.frames} frames, the job says {reported}."),
        (len(job["scenes"]) < fewest_scenes, f"The film has {len(job['scenes'])} scenes, not {fewest_scenes} or more."),
        (done < len(job["scenes"]), f"Only {done} of {len(job['scenes'])} scenes are DONE."),
    ]


def _ledger_checks(job: Job, ledger: Ledger) -> list[tuple[bool, str]]:
    calls = sum(_counted_micros(call) for call in ledger["calls"])
    total = ledger["totals"]["spent_micros"]
    spent = int(Decimal(job["budget"]["spent_usd"]) * 1_000_000)
    return [
        (not paid_calls(ledger), "No call was paid, so nothing was made."),
        (calls != total, f"The calls cost {calls} micro-dollars, the ledger's total is {total}."),
        (total != spent, f"The ledger's total is {total} micro-dollars, the job says {spent}."),
    ]


def _counted_micros(call: Call) -> int:
    """A call whose answer was lost counts at its reserved price, because it may have been billed."""
    return call["reserved_micros"] if call["state"] == "LOST" else call["cost_micros"]


def _loudest(frame: av.AudioFrame) -> float:
    return float(np.abs(frame.to_ndarray()).max(initial=0.0))  # AAC is decoded to floats of full scale 1
