"""How films are made with ffmpeg: which filters and encoders, as commands. Pure: nothing is run here."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from stitcher_service.engine import colours
from stitcher_service.engine.cutlist import BLACK
from stitcher_service.engine.grading import GradePoint, table_path
from stitcher_service.engine.presentation import times_options
from stitcher_service.engine.project import Clip
from stitcher_service.engine.render_plan import EncodedSegment, FilmFormat
from stitcher_service.engine.timeline import ClipRange
from stitcher_service.ffmpeg.command import Command, InputFile
from stitcher_service.ffmpeg.probe import AudioTrack, VideoTrack

SOUND_RATE_HZ = 48_000
SOUND_CHANNELS = 2
SAMPLE_BYTES = SOUND_CHANNELS * 4  # of f32le
_SAMPLES = ("-f", "f32le", "-ar", str(SOUND_RATE_HZ), "-ac", str(SOUND_CHANNELS))

_AS_IS = ("-fps_mode", "passthrough")

# As close to the source as veryfast at 18 (43 dB on grainy 720p) for three quarters of its time; it pays in bits.
_SEGMENT_QUALITY = ("-preset", "superfast", "-crf", "20")

_TONE_MAP = "zscale=t=linear:npl=100,tonemap=hable,zscale=p=bt709:t=bt709:m=bt709:r=tv"
_HOLD_LAST = "tpad=stop=-1:stop_mode=clone"


def encode_segment(
    segment: EncodedSegment, clips: Sequence[Clip], film: FilmFormat, out: Path, threads: int = 1
) -> Command:
    """Encode one segment of these clips. The tables of its grades lie beside `out`.

    Parameter sets get id 1, so that both can be used in one film with those of the copied clips, whose ids start at 0.
    """
    takes = [(take, clips[take.clip]) for take in segment.takes]
    chains = [_take_chain(n, take, clip.track, film, out.parent) for n, (take, clip) in enumerate(takes)]
    graph = ";".join((*chains, *_joints(segment, film.rate), f"[film]{colours.tag_filter(film.colour)}[v]"))
    options = (
        *("-map", "[v]", "-an", "-fps_mode", "passthrough", "-frames:v", str(segment.frames)),
        *("-c:v", "libx264", *_SEGMENT_QUALITY, "-profile:v", "high", "-g", "48"),
        *("-x264-params", "sps-id=1:scenecut=0:open-gop=0", "-threads", str(threads)),
        *("-video_track_timescale", str(film.time_base.denominator), "-f", "mp4"),
    )
    return Command(tuple(_seek(take, clip, film.rate) for take, clip in takes), out, options, graph)


def _seek(take: ClipRange, clip: Clip, rate: Fraction) -> InputFile:
    options = ("-threads", "1", *reading_options(clip.track))
    if start := _seek_frame(take, clip.track, rate):
        # Half a frame early, so that rounding cannot lose the frame.
        start_s = clip.track.start_s + (start - Fraction(1, 2)) / rate
        options = ("-ss", f"{float(start_s):.6f}", *options)
    return InputFile(clip.path, options)


def demuxer_options(track: VideoTrack) -> tuple[str, ...]:
    """The option that has a clip opened as what it is, where its name alone would decide otherwise."""
    return ("-f", track.demuxer) if track.demuxer else ()


def reading_options(track: VideoTrack) -> tuple[str, ...]:
    """Input options for a clip. One graph serves all its pictures: a new one for a new size would count from 0."""
    return (*demuxer_options(track), *(("-reinit_filter", "0") if track.is_changing else ()))


def _seek_frame(take: ClipRange, track: VideoTrack, rate: Fraction) -> int:
    """0 where frames are counted from the very start of the clip: slower, but nothing is lost."""
    is_exact = track.is_indexed and track.keeps_time(rate) and take.end <= track.frames
    return choose_seek_frame(track, take.first) if is_exact else 0


def choose_seek_frame(track: VideoTrack, first: int) -> int:
    """The frame to seek to, at most `first`, so that every frame from `first` on can be decoded; 0: do not seek.

    A demuxer seeks to some keyframe not after the time it is given, by decode times as a rule, and pictures that lead a
    keyframe are lost when decoding begins there.
    """
    if track.codec == "h264" and not track.keyframes_are_idr:
        # A recovery point promises whole pictures only some frames later; decoding starts at an IDR picture.
        starts = (frame for frame, is_idr in zip(track.packet_frames, track.packet_is_idr, strict=True) if is_idr)
        first = max((frame for frame in starts if 0 <= frame <= first), default=0)
    if track.codec == "h264" and track.keyframes_are_idr:
        return first
    return max(0, first - _reorder_distance(track))


def _reorder_distance(track: VideoTrack) -> int:
    """How many frames at most are shown before one that is decoded earlier."""
    reach = highest = 0
    for frame in track.packet_frames:
        highest = max(highest, frame)
        reach = max(reach, highest - frame)
    return reach


def _take_chain(n: int, take: ClipRange, track: VideoTrack, film: FilmFormat, tables: Path) -> str:
    """The filters that make take number `n` of its input; from `[n:…]` to `[tn]`."""
    rate = film.rate
    span = f"trim=start_frame={take.first}:end_frame={take.end}" if take.first else f"trim=end_frame={take.end}"
    if start := _seek_frame(take, track, rate):
        chosen = [_trim_sought(take, start, rate)]
    elif track.keeps_time(rate):
        chosen = [_HOLD_LAST, span] if take.end > track.frames else [span]
    else:  # put on the film's clock; a last frame that ends early is held
        chosen = ["setpts=PTS-STARTPTS", f"fps={rate}:start_time=0", _HOLD_LAST, span]
    # Timestamps become frame numbers: xfade and concat then count instead of rounding microseconds.
    clock = _frame_clock(rate)
    fade_in = _fade("in", 0, take.fade_in, take.colour_in, film)
    fade_out = _fade("out", take.frames - take.fade_out, take.fade_out, take.colour_out, film)
    plain = [*chosen, *clock, *conform_filters(track, film)]
    if not take.grade:
        return f"[{n}:{track.index}]{','.join((*plain, *fade_in, *fade_out))}[t{n}]"
    to_rgb, back = _rgb_and_back(film)
    graded = _grade_chains(n, take, rate, tables)
    first, last = ",".join((*plain, *to_rgb)), ",".join((*back, *fade_in, *fade_out))
    return ";".join((f"[{n}:{track.index}]{first}[p{n}]", *graded, f"[g{n}]{last}[t{n}]"))


def _frame_clock(rate: Fraction) -> tuple[str, ...]:
    return (f"settb={1 / rate}", "setpts=N", f"fps={rate}")


def _grade_chains(n: int, take: ClipRange, rate: Fraction, tables: Path) -> list[str]:
    """From `[pn]` to `[gn]`: the table of a lone point, or one blended into the next from point to point."""
    points = take.grade
    if len(points) == 1:
        return [f"[p{n}]{_table_filter(points[0], tables)}[g{n}]"]
    starts = [point.frame - take.first for point in points[:-1]]
    ends = [*starts[1:], take.frames]
    parts = range(len(starts))
    chains = [f"[p{n}]split={len(starts)}{''.join(f'[p{n}x{i}]' for i in parts)}"]
    clock = ",".join(_frame_clock(rate))
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        length = f"{float((end - start) / rate):.6f}"
        before, after = (_table_filter(point, tables) for point in points[i : i + 2])
        chains += [
            f"[p{n}x{i}]trim=start_frame={start}:end_frame={end},{clock},split[a{n}x{i}][b{n}x{i}]",
            f"[a{n}x{i}]{before}[c{n}x{i}]",
            f"[b{n}x{i}]{after}[d{n}x{i}]",
            f"[c{n}x{i}][d{n}x{i}]xfade=transition=fade:duration={length}:offset=0,{clock}[e{n}x{i}]",
        ]
    joined = "".join(f"[e{n}x{i}]" for i in parts)
    return [*chains, f"{joined}concat=n={len(starts)}:v=1:a=0,{clock}[g{n}]"]


def _table_filter(point: GradePoint, tables: Path) -> str:
    return f"lut3d=file={_escape(str(table_path(point.correction, tables)))}:interp=tetrahedral"


def _escape(path: str) -> str:
    """A path as the value of an option inside a graph: escaped once for the option, once for the graph."""
    for marks in ("\\':", "\\'[],;"):
        path = "".join(f"\\{one}" if one in marks else one for one in path)
    return path


def _rgb_and_back(film: FilmFormat) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Filters to RGB of ten bits by the film's matrix, so that nothing is rounded twice, and back."""
    matrix = colours.matrix_name(film.colour)
    return (
        (
            f"scale=in_color_matrix={matrix}:in_range=tv:out_range=pc:flags=bicubic+accurate_rnd+full_chroma_int",
            "format=gbrp10",
        ),
        (
            f"scale=out_color_matrix={matrix}:in_range=pc:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int",
            "format=yuv420p",
        ),
    )


def _trim_sought(take: ClipRange, start: int, rate: Fraction) -> str:
    """By time, as a decoder may not show every frame between `start` and the first that is wanted."""
    if start == take.first:
        return f"trim=end_frame={take.frames}"
    lead_s = (take.first - start) / rate
    return f"trim=start={float(lead_s):.6f}:end={float(lead_s + take.frames / rate):.6f}"


def _fade(direction: str, start: int, frames: int, colour: str, film: FilmFormat) -> tuple[str, ...]:
    fade = f"fade=t={direction}:start_frame={start}:nb_frames={frames}"
    if not frames:
        return ()
    if colour == BLACK:
        return (fade,)
    # Other colours exist in RGB only, and ffmpeg's own way there and back would guess the matrix.
    matrix = colours.matrix_name(film.colour)
    to_rgb = (f"scale=in_color_matrix={matrix}:in_range=tv:out_range=pc", "format=gbrp")
    back = (f"scale=out_color_matrix={matrix}:in_range=pc:out_range=tv", "format=yuv420p")
    return (*to_rgb, f"{fade}:color=0x{colour.removeprefix('#')}", *back)


def conform_filters(track: VideoTrack, film: FilmFormat) -> tuple[str, ...]:
    """Filters that give a clip's pictures the film's size, shape and colours; bars where the shapes differ."""
    deinterlace = ("bwdif=mode=send_frame:deint=interlaced",) if track.is_interlaced else ()
    colour = colours.complete_description(track.colour, is_rgb=track.is_rgb)
    described = colours.correction_filters(track.coded_colour or track.colour, colour)
    tone_map = (_TONE_MAP,) if colours.is_hdr(colour) else ()
    fits = (
        (track.width_px, track.height_px) == film.size_px
        and track.pixel_format == "yuv420p"
        and track.pixel_aspect == 1
        and track.is_upright
        and colours.looks_alike(track.colour, film.colour)
        and not track.is_changing
    )
    return (*described, *deinterlace, *tone_map, *(() if fits else _fit(track, film)), "setsar=1", "format=yuv420p")


def _fit(track: VideoTrack, film: FilmFormat) -> tuple[str, str]:
    width, height = film.size_px
    given = colours.BT709 if colours.is_hdr(track.colour) else colours.complete_description(track.colour)
    matrices = f"in_color_matrix={colours.matrix_name(given)}:out_color_matrix={colours.matrix_name(film.colour)}"
    scaling = f"flags=bicubic:{matrices}:out_range=tv"
    if track.is_changing:
        fit = "force_original_aspect_ratio=decrease:force_divisible_by=2:reset_sar=1:eval=frame"
        return f"scale={width}:{height}:{fit}:{scaling}", f"pad={width}:{height}:-1:-1:eval=frame"
    shown_width, shown_height = Fraction(track.width_px) * track.pixel_aspect, Fraction(track.height_px)
    # ffmpeg has turned the picture before it reaches the first filter; at other angles its frame stays as it was.
    if abs(track.rotation_deg % 180 - 90) <= 1:
        shown_width, shown_height = shown_height, shown_width
    scale = min(width / shown_width, height / shown_height)
    new_width, new_height = (max(2, 2 * round(side * scale / 2)) for side in (shown_width, shown_height))
    return (
        f"scale={new_width}:{new_height}:{scaling}",
        f"pad={width}:{height}:{(width - new_width) // 2}:{(height - new_height) // 2}",
    )


def _joints(segment: EncodedSegment, rate: Fraction) -> list[str]:
    """Fold the takes into one stream: mixed where they overlap, one after the other where they do not."""
    joints = []
    joined, frames = "[t0]", segment.takes[0].frames
    for n, (take, overlap) in enumerate(zip(segment.takes[1:], segment.overlaps, strict=True), start=1):
        out = f"[j{n}]"
        if overlap:
            length, offset = float(overlap / rate), float((frames - overlap) / rate)
            mix = f"xfade=transition=fade:duration={length:.6f}:offset={offset:.6f}"
        else:
            mix = "concat=n=2:v=1:a=0"
        # Numbered once more: behind a take of one frame, whose length is unknown, the next would begin a frame early.
        clock = f"settb={1 / rate},setpts=N,fps={rate}"
        joints.append(f"{joined}[t{n}]{mix},{clock},format=yuv420p{out}")
        joined, frames = out, frames + take.frames - overlap
    return [*joints, f"{joined}null[film]"]


def inspect_picture(clip: Path, track: VideoTrack, times: Path) -> Command:
    """Decode every frame once: what is damaged is logged as an error, what is black or frozen as a remark.

    Times in the remarks count from the first frame. When each picture is shown is written to `times`.
    """
    looks = "blackdetect=d=0.2:pic_th=0.98:pix_th=0.10,freezedetect=n=-60dB:d=0.5"
    coded = track.coded_colour or track.colour
    described = colours.correction_filters(coded, colours.make_scalable(coded))
    shown = ",".join((*described, "setpts=PTS-STARTPTS", "scale=320:-2:flags=fast_bilinear", looks))
    options = ("-map", f"0:{track.index}", *_AS_IS, "-vf", shown, *times_options(times), "-f", "null")
    # Deblocking smooths what is looked at and finds no damage: without it a tenth of the time is saved.
    source = InputFile(clip, ("-threads", "1", "-skip_loop_filter", "all", *demuxer_options(track)))
    return Command((source,), None, options, log_level="info")


def decode_sound(clip: Path, track: AudioTrack, out: Path) -> Command:
    """The whole sound as raw 48 kHz stereo floats, late starts and gaps filled with silence."""
    # ffmpeg's own mono to stereo takes 3 dB away.
    spread = "pan=stereo|c0=c0|c1=c0," if track.channels == 1 else ""
    # Some formats (MPEG-TS and PS, Ogg) count from the streams that are read: without its pictures a late sound would
    # begin at 0. So times are taken as they are, and the start of the file is subtracted here.
    from_start = f"asetpts=PTS-{float(track.file_start_s):.6f}/TB"
    whole = f"aresample={SOUND_RATE_HZ}:async=1:first_pts=0,aformat=sample_fmts=flt:channel_layouts=stereo"
    options = ("-map", f"0:{track.index}", "-af", f"{spread}{from_start},{whole}", *_SAMPLES)
    return Command((InputFile(clip, ("-copyts",)),), out, options, log_level="info")


def measure_sound(samples: Path, filters: tuple[str, ...] = ()) -> Command:
    """Integrated loudness of raw samples, behind `filters`; the summary is in the log."""
    graph = ",".join((*filters, "ebur128=framelog=quiet"))
    return Command((InputFile(samples, _SAMPLES),), None, ("-af", graph, "-f", "null"), log_level="info")


def measure_encoded_sound(sound: Path) -> Command:
    """Integrated loudness and true peak of encoded sound, as a listener gets it; the summary is in the log."""
    options = ("-map", "0:a:0", "-af", "ebur128=framelog=quiet:peak=true", "-f", "null")
    return Command((InputFile(sound),), None, options, log_level="info")


def encode_sound(samples: Path, filters: tuple[str, ...], out: Path) -> Command:
    """Raw samples behind `filters` as AAC in MP4: the film's only sound encode."""
    graph = ("-af", ",".join(filters)) if filters else ()
    return Command((InputFile(samples, _SAMPLES),), out, (*graph, "-c:a", "aac", "-b:a", "192k", "-f", "mp4"))


def inspect_film(film: Path, times: Path) -> Command:
    """Decode the whole film once; a healthy one logs no error. When each picture is shown is written to `times`."""
    # Only blacker than any clip that passes as not black: encoding must not turn a dark film into a refused one.
    looks = "scale=320:-2:flags=fast_bilinear,blackdetect=d=0.2:pic_th=0.995:pix_th=0.06"
    options = ("-map", "0:v:0", *_AS_IS, "-vf", looks, *times_options(times), "-f", "null")
    # The stitcher made the film: nothing about it must be found out by decoding its beginning.
    source = InputFile(film, ("-nofind_stream_info", "-skip_loop_filter", "all"))
    return Command((source,), None, options, log_level="info")


def poster(film: Path, out: Path) -> Command:
    """The most typical of the first two dozen keyframes as a JPEG; all of them are held in memory at once."""
    look = "thumbnail=24,scale='min(1280,iw)':-2"
    options = ("-map", "0:v:0", "-vf", look, "-frames:v", "1", "-q:v", "3", "-f", "image2", "-update", "1")
    return Command((InputFile(film, ("-skip_frame", "nokey")),), out, options)
