"""Which kinds of file may be opened as media. What a file holds decides, never its name.

Playlists, scripts and numbered pictures are media to ffmpeg too, and make it open other files; so do names with a
pattern such as ``%03d`` in them.
Source: https://ffmpeg.org/ffmpeg-formats.html (format_whitelist; concat, hls, image2).
"""

from pathlib import Path

_CONTAINERS = "mov matroska mpegts mpeg avi flv asf mxf nut ogg ivf gif dv yuv4mpegpipe"
_BARE_PICTURES = "h264 hevc m4v mpegvideo mjpeg obu"
_BARE_SOUND = "mp3 aac ac3 eac3 flac wav w64 aiff caf au amr dts truehd mlp wv tta ape"
_STILLS = "jpeg_pipe png_pipe webp_pipe bmp_pipe tiff_pipe"
_RAW_SAMPLES = "f32le"  # never recognised by content, only where it is named

ALLOWED = ",".join(f"{_CONTAINERS} {_BARE_PICTURES} {_BARE_SOUND} {_STILLS} {_RAW_SAMPLES}".split())

# These are recognised by name first, as image2, which is not allowed.
_STILL_HEADS = {b"\xff\xd8\xff": "jpeg_pipe", b"\x89PNG\r\n": "png_pipe", b"BM": "bmp_pipe"} | {
    b"II*\0": "tiff_pipe",
    b"MM\0*": "tiff_pipe",
}
_WEBP_BYTES = 12


def find_still_demuxer(path: Path) -> str | None:
    """The demuxer that reads the still picture `path` whatever its name is; None for anything else."""
    with path.open("rb") as file:
        head = file.read(_WEBP_BYTES)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return "webp_pipe"
    return next((name for magic, name in _STILL_HEADS.items() if head.startswith(magic)), None)
