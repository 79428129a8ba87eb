"""Golden arguments: the commands for ffmpeg, word for word."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from stitcher_service.engine import commands, grading
from stitcher_service.engine.cutlist import Correction
from stitcher_service.engine.grading import GradePoint
from stitcher_service.engine.project import Clip
from stitcher_service.engine.render_plan import EncodedSegment, FilmFormat
from stitcher_service.engine.timeline import ClipRange
from stitcher_service.ffmpeg import formats
from stitcher_service.ffmpeg.probe import AudioTrack, Colour, VideoTrack

START = ("ffmpeg", "-hide_banner", "-nostdin", "-nostats", "-loglevel")
QUIET = (*START, "level+warning", "-y")
TALKATIVE = (*START, "level+info", "-y")
LOCAL = ("-protocol_whitelist", "file,pipe", "-format_whitelist", formats.ALLOWED)
RAW = ("-f", "f32le", "-ar", "48000", "-ac", "2")
FILM = FilmFormat((320, 180), Fraction(24), Colour(1, 1, 1))


def a_clip(path: str = "a.mp4", size: tuple[int, int] = (320, 180), fps: int = 24, rotation_deg: int = 0) -> Clip:
    track = VideoTrack(
        codec="h264",
        width_px=size[0],
        height_px=size[1],
        pixel_format="yuv420p",
        pixel_aspect=Fraction(1),
        rotation_deg=rotation_deg,
        is_interlaced=False,
        colour=Colour(1, 1, 1),
        is_indexed=True,
        start_s=Fraction(0),
        duration_s=Fraction(3),
        times_s=tuple(Fraction(n, fps) for n in range(3 * fps)),
        tick_s=Fraction(1, 12288),
        packet_frames=tuple(range(3 * fps)),
        packet_is_idr=(True,) * 3 * fps,
        packet_sets=(None,) * 3 * fps,
        keyframes_are_idr=True,
        is_upright=not rotation_deg,
    )
    return Clip(path, Path(path), track)


def test_crossfade_command_counts_frames_and_gives_parameter_sets_id_1() -> None:
    segment = EncodedSegment((ClipRange(0, 58, 14), ClipRange(1, 0, 24)), (12,), "crossfade")
    sources = (a_clip("a.mp4"), a_clip("b.mp4"))

    assert commands.encode_segment(segment, sources, FILM, Path("w.mp4")).argv() == (
        *QUIET,
        *(*LOCAL, "-ss", "2.395833", "-threads", "1", "-i", "a.mp4"),
        *(*LOCAL, "-threads", "1", "-i", "b.mp4"),
        "-filter_complex",
        (
            "[0:0]trim=end_frame=14,settb=1/24,setpts=N,fps=24,setsar=1,format=yuv420p[t0];"
            "[1:0]trim=end_frame=24,settb=1/24,setpts=N,fps=24,setsar=1,format=yuv420p[t1];"
            "[t0][t1]xfade=transition=fade:duration=0.500000:offset=0.083333,settb=1/24,setpts=N,fps=24,format=yuv420p[j1];"
            "[j1]null[film];"
            "[film]setparams=color_primaries=1:color_trc=1:colorspace=1:range=tv[v]"
        ),
        *("-map", "[v]", "-an", "-fps_mode", "passthrough", "-frames:v", "26"),
        *("-c:v", "libx264", "-preset", "superfast", "-crf", "20", "-profile:v", "high", "-g", "48"),
        *("-x264-params", "sps-id=1:scenecut=0:open-gop=0", "-threads", "1"),
        *("-video_track_timescale", "12288", "-f", "mp4", "w.mp4"),
    )


def test_fade_through_black_command_gives_each_take_its_fade_one_after_the_other() -> None:
    segment = EncodedSegment((ClipRange(0, 66, 6, fade_out=6), ClipRange(0, 0, 24, fade_in=6)), (0,), "fades")

    graph = commands.encode_segment(segment, (a_clip(),), FILM, Path("w.mp4")).graph

    assert "format=yuv420p,fade=t=out:start_frame=0:nb_frames=6[t0]" in graph
    assert "format=yuv420p,fade=t=in:start_frame=0:nb_frames=6[t1]" in graph
    assert "[t0][t1]concat=n=2:v=1:a=0,settb=1/24,setpts=N,fps=24,format=yuv420p[j1]" in graph


def test_dip_command_converts_to_rgb_and_back_by_the_films_matrix() -> None:
    segment = EncodedSegment((ClipRange(0, 66, 6, fade_out=6, colour_out="#FF8000"),), (), "dip")

    graph = commands.encode_segment(segment, (a_clip(),), FILM, Path("w.mp4")).graph

    assert (
        "scale=in_color_matrix=bt709:in_range=tv:out_range=pc,format=gbrp,"
        "fade=t=out:start_frame=0:nb_frames=6:color=0xFF8000,"
        "scale=out_color_matrix=bt709:in_range=pc:out_range=tv,format=yuv420p[t0]"
    ) in graph


def test_graded_take_goes_through_rgb_and_one_table_into_the_next() -> None:
    points = (GradePoint(66, Correction()), GradePoint(71, Correction(lightness=4)))
    tables = [grading.table_path(point.correction, Path("work")) for point in points]
    segment = EncodedSegment((ClipRange(0, 66, 6, grade=points),), (), "graded")

    graph = commands.encode_segment(segment, (a_clip(),), FILM, Path("work/w.mp4")).graph

    assert graph == (
        "[0:0]trim=end_frame=6,settb=1/24,setpts=N,fps=24,setsar=1,format=yuv420p,"
        "scale=in_color_matrix=bt709:in_range=tv:out_range=pc:flags=bicubic+accurate_rnd+full_chroma_int,format=gbrp10[p0];"
        "[p0]split=1[p0x0];"
        "[p0x0]trim=start_frame=0:end_frame=6,settb=1/24,setpts=N,fps=24,split[a0x0][b0x0];"
        f"[a0x0]lut3d=file={tables[0]}:interp=tetrahedral[c0x0];"
        f"[b0x0]lut3d=file={tables[1]}:interp=tetrahedral[d0x0];"
        "[c0x0][d0x0]xfade=transition=fade:duration=0.250000:offset=0,settb=1/24,setpts=N,fps=24[e0x0];"
        "[e0x0]concat=n=1:v=1:a=0,settb=1/24,setpts=N,fps=24[g0];"
        "[g0]scale=out_color_matrix=bt709:in_range=pc:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,format=yuv420p[t0];"
        "[t0]null[film];"
        "[film]setparams=color_primaries=1:color_trc=1:colorspace=1:range=tv[v]"
    )


def test_clip_is_put_on_the_films_clock_from_its_start_when_it_has_another() -> None:
    command = commands.encode_segment(
        EncodedSegment((ClipRange(0, 12, 24),), (), "rate"), (a_clip(fps=30),), FILM, Path("w.mp4")
    )

    assert "-ss" not in command.argv()
    assert command.graph.startswith(
        "[0:0]setpts=PTS-STARTPTS,fps=24:start_time=0,tpad=stop=-1:stop_mode=clone,trim=start_frame=12:end_frame=36,settb=1/24"
    )


def test_tall_clip_keeps_its_shape_between_bars() -> None:
    filters = commands.conform_filters(a_clip(size=(720, 1280)).track, FILM)

    assert filters == (
        "scale=102:180:flags=bicubic:in_color_matrix=bt709:out_color_matrix=bt709:out_range=tv",
        "pad=320:180:109:0",
        "setsar=1",
        "format=yuv420p",
    )


def test_clip_is_converted_to_the_films_colour_when_it_has_another() -> None:
    source = replace(a_clip().track, colour=Colour(6, 6, 6))

    filters = commands.conform_filters(source, FILM)

    assert filters[0] == "scale=320:180:flags=bicubic:in_color_matrix=smpte170m:out_color_matrix=bt709:out_range=tv"


def test_turned_clip_has_the_sides_that_a_viewer_sees() -> None:
    filters = commands.conform_filters(a_clip(size=(180, 320), rotation_deg=90).track, FILM)

    assert filters[0].startswith("scale=320:180:")


def test_hdr_clip_is_tone_mapped_before_anything_else() -> None:
    source = replace(a_clip().track, colour=Colour(9, 16, 9), pixel_format="yuv420p10le")

    filters = commands.conform_filters(source, FILM)

    assert filters[0] == ("zscale=t=linear:npl=100,tonemap=hable,zscale=p=bt709:t=bt709:m=bt709:r=tv")
    assert filters[-1] == "format=yuv420p"


def test_frames_are_counted_from_the_start_when_a_clip_has_no_index() -> None:
    source = Clip("a.ts", Path("a.ts"), replace(a_clip().track, is_indexed=False))

    command = commands.encode_segment(EncodedSegment((ClipRange(0, 12, 24),), (), "ts"), (source,), FILM, Path("w.mp4"))

    assert "-ss" not in command.argv()
    assert command.graph.startswith("[0:0]trim=start_frame=12:end_frame=36,settb=1/24")


def test_sound_command_fills_late_starts_and_keeps_the_level_of_mono() -> None:
    track = AudioTrack("aac", 1, Fraction(3), index=1, file_start_s=Fraction(7, 5))

    assert commands.decode_sound(Path("a.mp4"), track, Path("a.f32")).argv() == (
        *TALKATIVE,
        *(*LOCAL, "-copyts", "-i", "a.mp4", "-map", "0:1", "-af"),
        "pan=stereo|c0=c0|c1=c0,asetpts=PTS-1.400000/TB,aresample=48000:async=1:first_pts=0,aformat=sample_fmts=flt:channel_layouts=stereo",
        *(*RAW, "a.f32"),
    )


def test_mix_is_encoded_once_as_aac_behind_the_filters() -> None:
    assert commands.encode_sound(Path("mix.f32"), ("volume=-3dB",), Path("s.mp4")).argv() == (
        *QUIET,
        *(*LOCAL, *RAW, "-i", "mix.f32"),
        *("-af", "volume=-3dB", "-c:a", "aac", "-b:a", "192k", "-f", "mp4", "s.mp4"),
    )


def test_one_decode_finds_black_and_frozen_parts() -> None:
    assert commands.inspect_picture(Path("a.mp4"), a_clip().track, Path("a.times")).argv() == (
        *TALKATIVE,
        *(*LOCAL, "-threads", "1", "-skip_loop_filter", "all", "-i", "a.mp4"),
        *("-map", "0:0", "-fps_mode", "passthrough", "-vf"),
        "setpts=PTS-STARTPTS,scale=320:-2:flags=fast_bilinear,blackdetect=d=0.2:pic_th=0.98:pix_th=0.10,freezedetect=n=-60dB:d=0.5",
        *("-stats_enc_pre:v", "a.times", "-stats_enc_pre_fmt:v", "{ptsi} {tbi} {pts} {tb}"),
        *("-f", "null", "-"),
    )
