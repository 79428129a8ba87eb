"""How films are made with ffmpeg: which filters and encoders, spelled as commands. Pure: nothing is run here."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stitcher_service import colours
from stitcher_service.ffmpeg.command import Command, Input, Output
from stitcher_service.ffmpeg.probe import VideoTrack
from stitcher_service.segments import FilmFormat, Take, Window

SOUND_RATE_HZ = 48_000
SOUND_CHANNELS = 2
_SAMPLES = ("-f", "f32le", "-ar", str(SOUND_RATE_HZ), "-ac", str(SOUND_CHANNELS))

_PICTURE_AS_IS = ("-map", "0:v:0", "-fps_mode", "passthrough")

_STILL_ZOOM = 0.06  # of the picture's width, over the whole clip

_TONE_MAP = "zscale=t=linear:npl=100,tonemap=hable,zscale=p=bt709:t=bt709:m=bt709:r=tv"


@dataclass(frozen=True, slots=True)
class Source:
    """A clip's file and its picture track."""

    path: Path
    track: VideoTrack


def encode_window(
    window: Window, sources: tuple[Source, ...], film: FilmFormat, out: Path, threads: int = 1
) -> Command:
    """Encode one window; `sources` are the clips by number.

    Parameter sets get id 1, so that they can stand beside those of the copied clips, whose ids start at 0.
    """
    takes = [(take, sources[take.clip]) for take in window.takes]
    chains = [f"[{n}:v:0]{_take_filters(take, source.track, film)}[t{n}]" for n, (take, source) in enumerate(takes)]
    graph = ";".join((*chains, *_joints(window, film.rate), f"[film]{colours.tags(film.colour)}[v]"))
    options = (
        *("-map", "[v]", "-an", "-fps_mode", "passthrough", "-frames:v", str(window.frames)),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-profile:v", "high", "-g", "48"),
        *("-x264-params", "sps-id=1:scenecut=0:open-gop=0", "-threads", str(threads)),
        *("-video_track_timescale", str(film.time_base.denominator), "-f", "mp4"),
    )
    return Command(tuple(_seek(take, source, film.rate) for take, source in takes), Output(out, options), graph)


def _seek(take: Take, source: Source, rate: Fraction) -> Input:
    options: tuple[str, ...] = ("-threads", "1")
    if take.first and _can_be_sought(source.track, rate):
        # Half a frame early, so that rounding cannot lose the frame.
        start_s = source.track.start_s + (take.first - Fraction(1, 2)) / rate
        options = ("-ss", f"{float(start_s):.6f}", *options)
    return Input(source.path, options)


def _can_be_sought(track: VideoTrack, rate: Fraction) -> bool:
    """Elsewhere frames are counted from the very start of the clip: slower, but nothing is lost."""
    return track.is_indexed and track.keeps_time(rate)


def _take_filters(take: Take, track: VideoTrack, film: FilmFormat) -> str:
    rate = film.rate
    span = f"trim=start_frame={take.first}:end_frame={take.end}"
    if _can_be_sought(track, rate):
        chosen = [f"trim=end_frame={take.frames}"]
    elif track.keeps_time(rate):
        chosen = [span]
    else:  # put on the film's clock; a last frame that ends early is held
        chosen = ["setpts=PTS-STARTPTS", f"fps={rate}:start_time=0", "tpad=stop=-1:stop_mode=clone", span]
    # Timestamps become frame numbers: xfade and concat then count instead of rounding microseconds.
    clock = [f"settb={1 / rate}", "setpts=N", f"fps={rate}"]
    fades = [f"fade=t=in:start_frame=0:nb_frames={take.fade_in}"] if take.fade_in else []
    if take.fade_out:
        fades.append(f"fade=t=out:start_frame={take.frames - take.fade_out}:nb_frames={take.fade_out}")
    return ",".join((*chosen, *clock, *conform(track, film), *fades))


def conform(track: VideoTrack, film: FilmFormat) -> tuple[str, ...]:
    """Filters that give a clip's pictures the film's size, shape and colours; bars where the shapes differ."""
    deinterlace = ("bwdif=mode=send_frame:deint=interlaced",) if track.is_interlaced else ()
    tone_map = (_TONE_MAP,) if colours.is_hdr(track.colour) else ()
    fits = (
        (track.width_px, track.height_px) == film.size_px
        and track.pixel_format == "yuv420p"
        and track.pixel_aspect == 1
        and not track.rotation_deg
        and colours.looks_alike(track.colour, film.colour)
    )
    return (*deinterlace, *tone_map, *(() if fits else _fit(track, film)), "setsar=1", "format=yuv420p")


def _fit(track: VideoTrack, film: FilmFormat) -> tuple[str, str]:
    width, height = film.size_px
    shown_width, shown_height = Fraction(track.width_px) * track.pixel_aspect, Fraction(track.height_px)
    if track.rotation_deg % 180:  # ffmpeg has turned the picture before it reaches the first filter
        shown_width, shown_height = shown_height, shown_width
    scale = min(width / shown_width, height / shown_height)
    new_width, new_height = (max(2, 2 * round(side * scale / 2)) for side in (shown_width, shown_height))
    given = colours.BT709 if colours.is_hdr(track.colour) else track.colour
    matrices = f"in_color_matrix={colours.matrix_name(given)}:out_color_matrix={colours.matrix_name(film.colour)}"
    return (
        f"scale={new_width}:{new_height}:flags=bicubic:{matrices}:out_range=tv",
        f"pad={width}:{height}:{(width - new_width) // 2}:{(height - new_height) // 2}",
    )


def _joints(window: Window, rate: Fraction) -> list[str]:
    """Fold the takes into one stream: mixed where they overlap, one after the other where they do not."""
    joints = []
    joined, frames = "[t0]", window.takes[0].frames
    for n, (take, overlap) in enumerate(zip(window.takes[1:], window.overlaps, strict=True), start=1):
        out = f"[j{n}]"
        if overlap:
            length, offset = float(overlap / rate), float((frames - overlap) / rate)
            mix = f"xfade=transition=fade:duration={length:.6f}:offset={offset:.6f}"
        else:
            mix = "concat=n=2:v=1:a=0"
        joints.append(f"{joined}[t{n}]{mix},settb={1 / rate},fps={rate},format=yuv420p{out}")
        joined, frames = out, frames + take.frames - overlap
    return [*joints, f"{joined}null[film]"]


def still_motion(first: Path, last: Path, frames: int, size: tuple[int, int], rate: Fraction, out: Path) -> Command:
    """A clip from two pictures: slowly in on the first, over into the last, slowly out to all of it.

    The first and last frame are the pictures themselves, so that it joins its neighbours as a filmed clip would.
    """
    overlap = frames // 2
    before = (frames + overlap) // 2
    after = frames - before + overlap
    width, height = size
    # zoompan moves by whole pixels of its input: on a doubled picture the steps cannot be seen.
    double = f"scale={2 * width}:{2 * height}:out_color_matrix=bt709:out_range=tv,setsar=1,format=yuv420p"
    centre = f"x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2':s={width}x{height}:fps={rate}"
    graph = (
        f"[0:v:0]{double},zoompan=z='1+{_STILL_ZOOM}*on/{before}':d={before}:{centre}[a];"
        f"[1:v:0]{double},zoompan=z='1+{_STILL_ZOOM}*({after - 1}-on)/{after}':d={after}:{centre}[b];"
        f"[a][b]xfade=transition=fade:duration={float(overlap / rate):.6f}:"
        f"offset={float((before - overlap) / rate):.6f},format=yuv420p,{colours.tags(colours.BT709)}[v]"
    )
    options = (
        *("-map", "[v]", "-an", "-frames:v", str(frames)),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-profile:v", "high", "-g", "24"),
        *("-x264-params", "scenecut=0:open-gop=0", "-f", "mp4"),
    )
    return Command((Input(first), Input(last)), Output(out, options), graph)


def inspect_picture(clip: Path) -> Command:
    """Decode every frame once: what is damaged is logged as an error, what is black or frozen as a remark."""
    looks = "blackdetect=d=0.2:pic_th=0.98:pix_th=0.10,freezedetect=n=-60dB:d=0.5"
    options = (*_PICTURE_AS_IS, "-vf", f"scale=320:-2:flags=fast_bilinear,{looks}", "-f", "null")
    return Command((Input(clip, ("-threads", "1")),), Output(None, options), log_level="info")


def decode_sound(clip: Path, channels: int, out: Path) -> Command:
    """The whole sound as raw 48 kHz stereo floats, late starts and gaps filled with silence."""
    # ffmpeg's own mono to stereo takes 3 dB away.
    spread = "pan=stereo|c0=c0|c1=c0," if channels == 1 else ""
    whole = f"{spread}aresample={SOUND_RATE_HZ}:async=1:first_pts=0,aformat=sample_fmts=flt:channel_layouts=stereo"
    return Command((Input(clip),), Output(out, ("-map", "0:a:0", "-af", whole, *_SAMPLES)))


def measure_sound(samples: Path, filters: tuple[str, ...] = ()) -> Command:
    """Integrated loudness and true peak of raw samples, behind `filters`; the summary is in the log."""
    graph = ",".join((*filters, "ebur128=framelog=quiet:peak=true"))
    return Command((Input(samples, _SAMPLES),), Output(None, ("-af", graph, "-f", "null")), log_level="info")


def encode_sound(samples: Path, filters: tuple[str, ...], out: Path) -> Command:
    """Raw samples behind `filters` as AAC in MP4: the film's only sound encode."""
    graph = ("-af", ",".join(filters)) if filters else ()
    return Command((Input(samples, _SAMPLES),), Output(out, (*graph, "-c:a", "aac", "-b:a", "192k", "-f", "mp4")))


def check_pictures(film: Path, start_s: Fraction, duration_s: Fraction) -> Command:
    """Decode a stretch of the film; a healthy stretch logs nothing."""
    options = ("-threads", "1", "-ss", f"{float(start_s):.6f}", "-t", f"{float(duration_s):.6f}")
    return Command((Input(film, options),), Output(None, (*_PICTURE_AS_IS, "-f", "null")))


def poster(film: Path, out: Path, width_px: int = 1280) -> Command:
    """The most typical of the first two dozen keyframes as a JPEG; all of them are held in memory at once."""
    look = f"thumbnail=24,scale='min({width_px},iw)':-2"
    options = ("-map", "0:v:0", "-vf", look, "-frames:v", "1", "-q:v", "3", "-f", "image2", "-update", "1")
    return Command((Input(film, ("-skip_frame", "nokey")),), Output(out, options))


def contact_sheet(film: Path, out: Path, every_s: float, columns: int, rows: int) -> Command:
    """Small pictures from the film, one every `every_s` seconds, in one JPEG."""
    look = f"fps=1/{every_s:g}:round=down,scale=320:-2,tile={columns}x{rows}"
    options = ("-map", "0:v:0", "-vf", look, "-frames:v", "1", "-q:v", "3", "-f", "image2", "-update", "1")
    return Command((Input(film, ("-skip_frame", "nokey")),), Output(out, options))
