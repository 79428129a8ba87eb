"""How well what a prompt shows would be judged: a score between 0 and 1, with the findings in words.

A picture should show something, a clip should move, and several of them should look as if they belonged together.
Nothing is known here of which scores a schema wants.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from localcloud.vertex.continuity import Comparison, Shown, compare
from localcloud.vertex.picture.wardrobe import list_colours
from localcloud.vertex.storage import Storage, StorageError
from localcloud.vertex.wire import Media, invalid

Thumbnail = NDArray[np.float32]  # _ROWS x _COLUMNS x 3, 0..1

_COLUMNS, _ROWS = 32, 18
_SKY_SHARE = 0.35  # of a picture's height, from its top
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
    shown: Shown | None = None  # of a picture

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
        thumbnail, shown = _picture(content)
        return Sight((thumbnail,), 0.0, audible=False, tokens=_PICTURE_TOKENS, shown=shown)
    if mime_type.startswith("video/"):
        return _clip(content)
    sound = mime_type.startswith("audio/")
    return Sight((), 0.0, audible=sound, tokens=_SOUND_TOKENS_PER_S * _UNREAD_CLIP_S if sound else _PICTURE_TOKENS)


def _picture(content: bytes) -> tuple[Thumbnail, Shown]:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            whole = picture.convert("RGB")
            small = _thumbnail(np.asarray(whole.resize((_COLUMNS, _ROWS), Image.Resampling.BOX)))
            sky = float(small[: round(_ROWS * _SKY_SHARE)].mean())
            return small, Shown(list_colours(whole), sky)
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


_DARK, _FLAT = 0.06, 0.015  # mean light and deviation below which there is nothing to see
_STILL = 0.004  # mean change between moments below which nothing moves
_UNLIKE = 0.2  # mean difference at which two pictures have nothing in common
_DRIFTS = 0.25  # the mark of a picture that shows something else than the others and the words
_HOLDS = "The pictures hold together."
_HARD = 0.3  # what one plain flaw leaves of the mark


@dataclass(frozen=True, slots=True)
class QualityScore:
    """``mark`` is 1 where nothing is wrong; ``flaws`` say what is, ``praise`` what is not.

    ``topics`` are what the flaws are about, where that is known. ``by_picture`` are the scores of those pictures that
    the prompt wants judged by their number.
    """

    mark: float
    flaws: tuple[str, ...]
    praise: tuple[str, ...]
    topics: tuple[str, ...] = ()
    by_picture: Mapping[int, "QualityScore"] = field(default_factory=dict)


def judge(sights: Sequence[Sight], text: str = "") -> QualityScore | None:
    """None where there is nothing to see at all. ``text`` is what the prompt says of the pictures."""
    pictures = [sight.shown for sight in sights if sight.shown is not None]
    comparison = compare(text, pictures) if pictures and len(pictures) == len(sights) else None
    if comparison is not None:
        return _judge_each(comparison)
    seen = [sight for sight in sights if sight.moments]
    if not seen:
        return None
    mark, flaws, praise = 1.0, [], []
    for n, sight in enumerate(seen, start=1):
        thing = f"{'clip' if sight.is_clip else 'picture'} {n}"
        empty = float(np.mean([_is_empty(moment) for moment in sight.moments]))
        if empty > 0:
            mark *= _HARD ** (2 * empty)
            flaws.append(f"The {thing} is black or shows nothing.")
        elif sight.is_clip and _motion(sight.moments) < _STILL:
            mark *= _HARD
            flaws.append(f"The {thing} is frozen: nothing moves.")
        else:
            praise.append(f"The {thing} {'moves steadily' if sight.is_clip else 'is clear'}.")
    alike = min((_likeness(a, b) for a, b in combinations(seen, 2)), default=1.0)
    mark *= alike
    if len(seen) > 1:
        words = "The pictures do not look alike." if alike < 1 / 2 else "The pictures belong together."
        (flaws if alike < 1 / 2 else praise).append(words)
    return QualityScore(mark, tuple(flaws), tuple(praise))


def _judge_each(comparison: Comparison) -> QualityScore:
    """The scores of the pictures one by one; the whole is as good as the worst of them."""
    found = {}
    for number, drifts in comparison.drifts.items():
        flaws = tuple(drift.words for drift in drifts)
        topics = tuple(dict.fromkeys(drift.topic for drift in drifts))
        found[number] = QualityScore(_DRIFTS if drifts else 1.0, flaws, () if flaws else (_HOLDS,), topics)
    flaws = tuple(flaw for score in found.values() for flaw in score.flaws)
    mark = min((score.mark for score in found.values()), default=1.0)
    return QualityScore(mark, flaws, () if flaws else (_HOLDS,), by_picture=found)


def _is_empty(moment: Thumbnail) -> bool:
    return bool(moment.mean() < _DARK or moment.std(axis=(0, 1)).max() < _FLAT)


def _motion(moments: Sequence[Thumbnail]) -> float:
    return max((float(np.abs(a - b).mean()) for a, b in pairwise(moments)), default=0.0)


def _likeness(a: Sight, b: Sight) -> float:
    """Of their best matching moments: a clip is like the picture it begins or ends with."""
    nearest = min(_difference(one, other) for one in a.moments for other in b.moments)
    return float(1 - min(1.0, nearest / _UNLIKE) * 0.9)


def _difference(a: Thumbnail, b: Thumbnail) -> float:
    """A third where things are, the rest which colours there are."""
    layout = np.abs(a - b).mean()
    colours = np.abs(np.sort(a.reshape(-1, 3), axis=0) - np.sort(b.reshape(-1, 3), axis=0)).mean()
    return float(layout + 2 * colours) / 3
