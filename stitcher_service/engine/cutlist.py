"""The cut list as JSON has it, checked field by field. `timeline.py` turns its seconds into frames."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from stitcher_service.engine.errors import BadInput

_Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
_Decibels = Annotated[float, Field(ge=-96, le=24, allow_inf_nan=False)]
_Colour = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
_Yes = Annotated[bool, Field(strict=True)]
_EvenPixels = Annotated[int, Field(ge=16, le=8192, multiple_of=2, strict=True)]

BLACK, WHITE = "#000000", "#ffffff"

# Written as 23.976, 29.97 or 59.94, meant as these.
_NTSC_RATES = tuple(Fraction(whole * 1000, 1001) for whole in (24, 30, 48, 60, 120))
_NTSC_TOLERANCE = Fraction(1, 500)


def to_fraction(seconds: float) -> Fraction:
    """The number as it was written: 0.1 is a tenth, not the nearest binary fraction."""
    return Fraction(str(seconds))


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TransitionEntry(_Strict):
    """How a clip leads into the next one; a dip is a fade through any `colour`, black unless it is given.

    A cut takes no time, whatever `duration_s` says; every other kind must say how long it is, in seconds or in frames.
    """

    kind: Literal["cut", "crossfade", "fade_black", "fade_white", "dip"] = "cut"
    duration_s: _Seconds = 0.0
    duration_frames: Annotated[int, Field(ge=0, strict=True)] | None = None
    colour: _Colour | None = None

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> "TransitionEntry":
        if self.colour is not None and self.kind != "dip":
            raise ValueError(f"a {self.kind} has no colour to choose")
        if self.kind != "cut" and "duration_s" not in self.model_fields_set and self.duration_frames is None:
            raise ValueError(f"a {self.kind} needs a duration_s")
        if self.duration_s and self.duration_frames is not None:
            raise ValueError("duration_s and duration_frames say the same: give one of them")
        return self

    @property
    def through(self) -> str | None:
        """The colour in the middle, where the picture goes through one."""
        return {"fade_black": BLACK, "fade_white": WHITE, "dip": self.colour or BLACK}.get(self.kind)


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Correction:
    """What is changed of a picture's colours in CIELAB; black and white stay as they are.

    `lightness`, `a` and `b` are added. `contrast` multiplies how far lightness is from `pivot`, `saturation` how far
    colours are from grey. Within these bounds what was lighter stays lighter.
    """

    lightness: Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)] = 0.0
    a: Annotated[float, Field(ge=-20, le=20, allow_inf_nan=False)] = 0.0
    b: Annotated[float, Field(ge=-20, le=20, allow_inf_nan=False)] = 0.0
    contrast: Annotated[float, Field(ge=0.8, le=1.25, allow_inf_nan=False)] = 1.0
    saturation: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 1.0
    pivot: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 50.0


class ClipEntry(_Strict):
    """Part of a file: from `in_s` (0) to `out_s` (its end), both from the clip's own start.

    `mute` leaves its sound out. `grade` corrects its colours: by one correction, or from one to the next, at equal
    distances from the first frame that is shown to the last.
    """

    path: Annotated[str, Field(min_length=1)]
    in_s: _Seconds = 0.0
    out_s: _Seconds | None = None
    transition: TransitionEntry | None = None
    mute: _Yes = False
    grade: Annotated[tuple[Correction, ...], Field(max_length=9)] = ()

    @model_validator(mode="after")
    def _is_not_empty(self) -> "ClipEntry":
        if self.out_s is not None and self.out_s <= self.in_s:
            raise ValueError(f"out_s {self.out_s:g} is not after in_s {self.in_s:g}")
        return self


class Soundtrack(_Strict):
    """Music under the film; `duck_db` is how much it sinks while the clips are heard.

    What is longer than the film is cut off; what is shorter ends in silence, or is repeated (`loop`). Fades are at the
    film's beginning and at the end of the music in it.
    """

    path: Annotated[str, Field(min_length=1)]
    gain_db: _Decibels = 0.0
    duck_db: Annotated[float, Field(ge=-96, le=0, allow_inf_nan=False)] | None = None
    fade_in_s: _Seconds = 0.0
    fade_out_s: _Seconds = 0.0
    loop: _Yes = False


class CutList(_Strict):
    """A film: its picture size, its rate and its clips in order."""

    size: tuple[_EvenPixels, _EvenPixels]
    fps: Annotated[float, Field(gt=0, le=240, strict=True, allow_inf_nan=False)]
    clips: Annotated[tuple[ClipEntry, ...], Field(min_length=1)]
    soundtrack: Soundtrack | None = None
    loudness_lufs: Annotated[float, Field(ge=-70, le=-5, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _ends_on_a_clip(self) -> "CutList":
        last = self.clips[-1].transition
        if last is not None and last.kind != "cut":
            raise ValueError(f"{self.clips[-1].path}, the last clip, has a {last.kind} but no clip follows it")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """The name of every file that the film is made of."""
        return (*(clip.path for clip in self.clips), *([self.soundtrack.path] if self.soundtrack else ()))

    @property
    def rate(self) -> Fraction:
        """Frames a second, exactly."""
        written = to_fraction(self.fps)
        near = next((rate for rate in _NTSC_RATES if abs(rate - written) < _NTSC_TOLERANCE), None)
        return near or written.limit_denominator(1001)


def read_cut_list(path: Path) -> CutList:
    """The cut list in the JSON file `path`.

    Raises: BadInput, naming the file and the first fields that are wrong.
    """
    try:
        written = path.read_bytes()
        return CutList.model_validate_json(written)
    except OSError as error:
        raise BadInput(path, f"cannot be read ({error.strerror})") from error
    except ValidationError as error:
        raise BadInput(path, _sentence(error, written)) from error


def _sentence(error: ValidationError, written: bytes) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [f"{_place(problem['loc'], written)}: {problem['msg']}" for problem in problems[:3]]
    more = [f"{len(problems) - len(shown)} more"] if len(problems) > len(shown) else []
    return "; ".join(shown + more)


def _place(loc: tuple[int | str, ...], written: bytes) -> str:
    """The field, and the file that is named beside it: ``clips.3.in_s (d.mp4)``."""
    field = ".".join(map(str, loc)) or "cut list"
    try:
        at = json.loads(written)
        for step in loc[: 2 if loc[0] == "clips" else 1]:
            at = at[step]
        return f"{field} ({at['path']})" if isinstance(at["path"], str) and at["path"] else field
    except (ValueError, LookupError, TypeError):  # no JSON, or no file is named there
        return field
