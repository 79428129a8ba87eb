"""How one scene becomes a file of exactly its length: from its keyframes, from its clip, or from nothing. Pure."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stitcher_service.engine import colours, commands
from stitcher_service.engine.commands import SOUND_RATE_HZ
from stitcher_service.engine.render_plan import FilmFormat
from stitcher_service.ffmpeg.command import Command, InputFile
from stitcher_service.ffmpeg.probe import MediaInfo, VideoTrack

ZOOM = Fraction(6, 100)  # how much of the keyframe's width a still moves in by
_CUE = "sine=frequency=660:sample_rate=48000:duration=0.2,volume=0.25,afade=t=out:st=0.02:d=0.18"
_CARD_COLOUR = "0x20242a"
# The segments of each digit: top, upper left, upper right, middle, lower left, lower right, bottom.
_LIT = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011")
_LINE = "white@0.85"
_GROUND = "black@0.45"


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a segment is encoded. Parameter sets of different ids can be used side by side in one film."""

    preset: str
    crf: int
    sound_bits: str
    parameter_set: int


# Parameter sets 0 and 1 are those of clips and of segments that the engine encodes.
FILM_QUALITY = Quality(preset="veryfast", crf=18, sound_bits="192k", parameter_set=2)
PREVIEW_QUALITY = Quality(preset="superfast", crf=26, sound_bits="96k", parameter_set=0)


@dataclass(frozen=True, slots=True)
class Target:
    """What every segment of an edit has in common, and the file of this one."""

    film: FilmFormat
    quality: Quality
    path: Path


def encode_still(keyframes: tuple[Path, Path], frames: int, target: Target, number: int = 0) -> Command:
    """A clip from two keyframes: slowly in on the first, over into the last, slowly out to all of it.

    First and last frame are the keyframes themselves, so that it joins its neighbours as a filmed clip would. The
    keyframe is resampled for every frame at fractions of a pixel (zoompan would step and shimmer), the speed rises
    and falls smoothly. A `number` above 0 is shown, with a soft cue.
    """
    film, overlap = target.film, frames // 2
    before = (frames + overlap) // 2
    after = frames - before + overlap
    # Half a wave over the whole move: at rest at both ends, fastest in the middle of the blend.
    chains = [
        f"[0:v:0]{_zoom(film, before, f'(1-cos(PI*on/{max(before - 1, 1)}))')}[a]",
        f"[1:v:0]{_zoom(film, after, f'(1+cos(PI*on/{max(after - 1, 1)}))')}[b]",
    ]
    blend = f"xfade=transition=fade:duration={float(overlap / film.rate):.6f}"
    offset = f"offset={float((before - overlap) / film.rate):.6f}"
    finish = _finish(f"{blend}:{offset}", film, number)
    graph = ";".join((*chains, f"[a][b]{finish}[v]", f"{_silence(frames, film.rate, with_cue=bool(number))}[s]"))
    return Command(tuple(map(InputFile, keyframes)), target.path, _output_options(frames, target), graph)


def encode_card(frames: int, target: Target, number: int = 0) -> Command:
    """A plain background for a scene that has no keyframe yet."""
    film = target.film
    width, height = film.size_px
    background = f"color=c={_CARD_COLOUR}:s={width}x{height}:r={film.rate}"
    graph = f"{_finish(background, film, number)}[v];{_silence(frames, film.rate, with_cue=False)}[s]"
    return Command((), target.path, _output_options(frames, target), graph)


def encode_clip(source: MediaInfo, track: VideoTrack, frames: int, target: Target) -> Command:
    """A clip at the film's size and rate and of exactly so many frames: its last picture is held where it is short."""
    film = target.film
    clock = ("setpts=PTS-STARTPTS", f"fps={film.rate}:start_time=0", "tpad=stop=-1:stop_mode=clone")
    picture = ",".join((*clock, *commands.conform_filters(track, film), colours.tag_filter(film.colour)))
    sound = _silence(frames, film.rate, with_cue=False)
    if source.audio:
        spread = "pan=stereo|c0=c0|c1=c0," if source.audio.channels == 1 else ""
        whole = f"aresample={SOUND_RATE_HZ}:async=1:first_pts=0,aformat=channel_layouts=stereo,apad"
        sound = f"[0:{source.audio.index}]{spread}{whole},{_trim(frames, film.rate)}"
    graph = f"[0:{track.index}]{picture}[v];{sound}[s]"
    clip = InputFile(source.path, commands.reading_options(track))
    return Command((clip,), target.path, _output_options(frames, target), graph)


def scale_film(film: Path, size: tuple[int, int], out: Path) -> Command:
    """A finished film at another size, quickly; its sound is taken over as it is."""
    width, height = size
    options = (
        *("-map", "0:v:0", "-map", "0:a:0", "-fps_mode", "passthrough"),
        *("-vf", f"scale={width}:{height}:flags=fast_bilinear"),
        *("-c:v", "libx264", "-preset", PREVIEW_QUALITY.preset, "-crf", str(PREVIEW_QUALITY.crf), "-g", "24"),
        *("-c:a", "copy", "-movflags", "+faststart", "-f", "mp4"),
    )
    return Command((InputFile(film),), out, options)


def _zoom(film: FilmFormat, frames: int, share: str) -> str:
    """One keyframe as so many frames; `share`, from 0 to 2, is how far in frame `on` is."""
    width, height = film.size_px
    fill = f"scale={width}:{height}:force_original_aspect_ratio=increase:flags=lanczos"
    fitted = f"{fill}:out_color_matrix=bt709:out_range=tv,crop={width}:{height},setsar=1,format=yuv420p"
    # The edge that is left out on each side, as a share of the keyframe at this frame.
    edge = f"{float(ZOOM / (1 + ZOOM) / 4):.6f}*{share}"
    near, far = f"({edge})", f"(1-{edge})"
    corners = ((near, near), (far, near), (near, far), (far, far))
    places = ":".join(f"x{n}='W*{x}':y{n}='H*{y}'" for n, (x, y) in enumerate(corners))
    repeated = f"loop=loop={frames - 1}:size=1,settb={1 / film.rate},setpts=N,fps={film.rate}"
    return f"{fitted},{repeated},perspective={places}:interpolation=cubic:sense=source:eval=frame"


def _finish(picture: str, film: FilmFormat, number: int) -> str:
    """The filters of a picture that was made here, from `picture` on."""
    numbered = _number_filters(number, film.size_px[1])
    return ",".join((picture, "format=yuv420p", *numbered, colours.tag_filter(film.colour)))


def _number_filters(number: int, height_px: int) -> tuple[str, ...]:
    """The filters that write a `number` above 0 in the lower left corner of a picture so high.

    It is drawn from boxes as a seven-segment display does: no font is needed.
    """
    if not number:
        return ()
    unit = max(2, height_px // 90)
    digits = str(number)
    left, top = 3 * unit, height_px - 14 * unit
    ground = _box(left - unit, top - unit, 6 * unit * len(digits) + unit, 11 * unit + unit, _GROUND)
    strokes = (
        stroke
        for place, digit in enumerate(digits)
        for stroke in _digit(int(digit), left + 6 * unit * place, top, unit)
    )
    return (ground, *strokes)


def _digit(digit: int, left: int, top: int, unit: int) -> tuple[str, ...]:
    """Four units wide, ten high, lines one unit thick and none over another."""
    across, down = 2 * unit, 3 * unit + unit // 2
    right, middle, low = left + 3 * unit, top + 9 * unit // 2, top + 9 * unit
    places = (
        (left + unit, top, across, unit),
        (left, top + unit, unit, down),
        (right, top + unit, unit, down),
        (left + unit, middle, across, unit),
        (left, middle + unit, unit, low - middle - unit),
        (right, middle + unit, unit, low - middle - unit),
        (left + unit, low, across, unit),
    )
    lit = zip(_LIT[digit], places, strict=True)
    return tuple(_box(*place, _LINE) for is_lit, place in lit if is_lit == "1")


def _box(x: int, y: int, width: int, height: int, colour: str) -> str:
    return f"drawbox=x={x}:y={y}:w={width}:h={height}:color={colour}:t=fill"


def _silence(frames: int, rate: Fraction, *, with_cue: bool) -> str:
    """Silence of exactly so many frames, with a soft cue at its start where one is wanted."""
    start = f"{_CUE},pan=stereo|c0=c0|c1=c0,apad" if with_cue else f"anullsrc=r={SOUND_RATE_HZ}:cl=stereo"
    return f"{start},{_trim(frames, rate)}"


def _trim(frames: int, rate: Fraction) -> str:
    return f"atrim=end_sample={round(frames * SOUND_RATE_HZ / rate)}"


def _output_options(frames: int, target: Target) -> tuple[str, ...]:
    quality, ticks = target.quality, str(target.film.time_base.denominator)
    return (
        *("-map", "[v]", "-map", "[s]", "-frames:v", str(frames)),
        *("-c:v", "libx264", "-preset", quality.preset, "-crf", str(quality.crf), "-profile:v", "high", "-g", "24"),
        *("-x264-params", f"sps-id={quality.parameter_set}:scenecut=0:open-gop=0", "-video_track_timescale", ticks),
        *("-c:a", "aac", "-b:a", quality.sound_bits, "-f", "mp4"),
    )
