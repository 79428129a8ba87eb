"""What a prompt shows, decoded: small pictures of every image and clip, and what they count in tokens."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from localcloud.vertex.storage import Storage, StorageError
from localcloud.vertex.wire import Media, invalid

Thumbnail = NDArray[np.float32]  # _ROWS x _COLUMNS x 3, 0..1

_COLUMNS, _ROWS = 32, 18
_MOST_SAMPLES = 9  # moments of a clip that are looked at
_PICTURE_TOKENS = 258
_SOUND_TOKENS_PER_S = 32
_UNREAD_CLIP_S = 8  # what an undecodable sound or document counts like


@dataclass(frozen=True, slots=True)
class Sight:
    """A picture has one moment, a clip several in order; ``seconds`` is 0 for a picture."""

    moments: tuple[Thumbnail, ...]
    seconds: float
    audible: bool
    tokens: int

    @property
    def is_clip(self) -> bool:
        return self.seconds > 0


async def fetch(media: Sequence[Media], storage: Storage) -> list[tuple[Media, bytes]]:
    """The bytes of all media. Raises: ApiError 400 for what cannot be read."""
    return [(each, await _content(each, storage)) for each in media]


async def _content(media: Media, storage: Storage) -> bytes:
    if not media.uri:
        return media.data
    if not media.uri.startswith("gs://"):  # Vertex reads the web too, but this stand-in never leaves the machine
        raise invalid(f"Cannot fetch content from the provided URL {media.uri}. Please ensure the URL is valid.")
    try:
        return await storage.read(media.uri)
    except StorageError as error:
        raise invalid(f"Cannot fetch content from the provided URL {media.uri}: {error}") from error


def look(content: bytes, mime_type: str) -> Sight:
    """Raises: ApiError 400 for a picture or clip that cannot be decoded."""
    if mime_type.startswith("image/"):
        return Sight((_picture(content),), 0.0, audible=False, tokens=_PICTURE_TOKENS)
    if mime_type.startswith("video/"):
        return _clip(content)
    sound = mime_type.startswith("audio/")
    return Sight((), 0.0, audible=sound, tokens=_SOUND_TOKENS_PER_S * _UNREAD_CLIP_S if sound else _PICTURE_TOKENS)


def _picture(content: bytes) -> Thumbnail:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture.draft("RGB", (_COLUMNS * 4, _ROWS * 4))
            return _thumbnail(np.asarray(picture.convert("RGB").resize((_COLUMNS, _ROWS), Image.Resampling.BOX)))
    except (OSError, SyntaxError, ValueError) as error:
        raise invalid("Unable to process input image. Please retry or report in the developer forum.") from error


def _clip(content: bytes) -> Sight:
    """The clip's first and last pictures, key frames between them, and its length."""
    try:
        with av.open(io.BytesIO(content), "r") as container:
            stream = container.streams.video[0]
            seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
            audible = bool(container.streams.audio)
            moments = [_shown(frame) for frame in _sampled(container, stream)]
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise invalid("Unable to process input video. Please retry or report in the developer forum.") from error
    seconds = seconds or 1.0
    per_second = _PICTURE_TOKENS + (_SOUND_TOKENS_PER_S if audible else 0)
    return Sight(tuple(moments), seconds, audible, round(seconds * per_second))


def _sampled(container: Any, stream: Any) -> list[av.VideoFrame]:
    """Key frames, which are cheap to decode, and the very last picture."""
    stream.codec_context.skip_frame = "NONKEY"
    keys = list(container.decode(stream))
    step = max(1, -(-len(keys) // (_MOST_SAMPLES - 1)))
    container.seek(stream.duration or 0, stream=stream)
    stream.codec_context.skip_frame = "DEFAULT"
    *_, last = container.decode(stream)
    return [*keys[::step], last]


def _shown(frame: av.VideoFrame) -> Thumbnail:
    small = frame.reformat(width=_COLUMNS, height=_ROWS, format="rgb24", interpolation="AREA")
    return _thumbnail(np.asarray(small.to_ndarray(), dtype=np.uint8))


def _thumbnail(pixels: NDArray[np.uint8]) -> Thumbnail:
    return (pixels / np.float32(255)).astype(np.float32)
