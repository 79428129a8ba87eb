"""One clip, from its plan to a file: what is seen, what is heard, and the flaws a fault orders."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from localcloud.vertex import chance
from localcloud.vertex.clip import video
from localcloud.vertex.clip.video import FPS, Groups, Planes, Sound, write_mp4
from localcloud.vertex.picture.paint import PictureRequest, paint

_SHORT_SHARE = 0.5
_ONE_SHOT = "one continuous shot"
_LOWEST_TONE_HZ = 110.0
_TONES = 24  # two octaves of half tones


@dataclass(frozen=True, slots=True)
class Clip:
    """What to render; ``flaws`` are the faults that show in the file."""

    prompt: str
    seed: int
    sample: int
    seconds: int
    width_px: int
    height_px: int
    audio: bool
    first: bytes = b""
    last: bytes = b""
    references: tuple[bytes, ...] = ()
    extended: bytes = b""  # the clip that comes first and is gone on from
    pad: bool = False
    groups: Groups = field(default_factory=Groups)
    flaws: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def planned(
        cls, plan: Mapping[str, Any], sample: int, flaws: Mapping[str, Any], blob: Callable[[str], bytes]
    ) -> "Clip":
        """From an operation's stored plan; ``blob`` finds the pictures it names."""
        divisor = 2 if "wrong_size" in flaws else 1
        width_px, height_px = (side // divisor for side in plan["size_px"])
        return cls(
            prompt=plan["prompt"],
            seed=plan["seed"],
            sample=sample,
            seconds=plan["seconds"],
            width_px=width_px,
            height_px=height_px,
            audio=plan["audio"],
            first=blob(plan["first"]) if plan["first"] else b"",
            last=blob(plan["last"]) if plan["last"] else b"",
            references=tuple(blob(digest) for digest in plan["references"]),
            extended=blob(plan["extended"]) if plan.get("extended") else b"",
            pad=plan.get("pad", False),
            groups=Groups(plan["gop_frames"], plan["open_gop"]),
            flaws=flaws,
        )


class AbandonedError(Exception):
    """The clip is no longer wanted."""


def render(clip: Clip, file: Path, abandoned: Event | None = None) -> None:
    """Write the clip's MP4; takes a second or so of one core at 720p. Raises: AbandonedError when that is set."""
    count = clip.seconds * FPS
    if (args := clip.flaws.get("short_clip")) is not None:
        count = max(1, int(count * float(args.get("share", _SHORT_SHARE))))
    audible = clip.audio and "no_audio" not in clip.flaws
    sound = Sound(_tone_hz(clip), whole_frames="inexact_length" in clip.flaws) if audible else None
    pictures = _pictures(clip, count)
    write_mp4(file, _unless(abandoned, pictures) if abandoned else pictures, sound, clip.groups)


def _unless(abandoned: Event, pictures: Iterator[Planes]) -> Iterator[Planes]:
    for picture in pictures:
        if abandoned.is_set():
            raise AbandonedError
        yield picture


def _pictures(clip: Clip, count: int) -> Iterator[Planes]:
    size = clip.width_px, clip.height_px
    if "black_clip" in clip.flaws:
        nothing = video.black(*size)
        yield from [nothing] * count
        return
    first = None
    if clip.extended:
        for first in video.played(clip.extended, *size):
            yield first
    if first is None:
        first = video.planes(clip.first or _imagined(clip, "first"), *size, pad=clip.pad)
    if "frozen_clip" in clip.flaws:
        yield from [first] * count
        return
    if "ignored_last_frame" in clip.flaws:
        last = video.black(*size)
    else:
        last = video.planes(clip.last or _imagined(clip, "last"), *size, pad=clip.pad)
    if "hidden_cut" not in clip.flaws or _ONE_SHOT in clip.prompt.lower():
        yield from video.tween(first, last, count)
        return
    elsewhere = [video.planes(_imagined_elsewhere(clip, moment), *size) for moment in ("before", "after")]
    yield from video.tween(first, elsewhere[0], count // 2)
    yield from video.tween(elsewhere[1], last, count - count // 2)


def _imagined(clip: Clip, moment: str) -> bytes:
    """A picture of the prompt where none was given, in the light of the one that was."""
    seen = (clip.first, *clip.references) if clip.first else clip.references
    seed = f"{clip.seed}/{clip.sample}/{moment}"
    return paint(PictureRequest(clip.prompt, seen, "", clip.width_px, clip.height_px, seed))


def _imagined_elsewhere(clip: Clip, moment: str) -> bytes:
    """A picture on one side of a cut: of another place, in another light."""
    return paint(PictureRequest("", (), "", clip.width_px, clip.height_px, f"{clip.seed}/{clip.sample}/cut/{moment}"))


def _tone_hz(clip: Clip) -> float:
    step = chance.number("tone", clip.prompt, clip.seed, clip.sample) % _TONES
    return float(_LOWEST_TONE_HZ * 2 ** (step / 12))
