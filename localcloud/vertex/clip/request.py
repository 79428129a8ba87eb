"""predictLongRunning's request: read, held against the model's limits, and refused in Veo's words.

The client libraries validate nothing, so every bad combination has to be found here.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from localcloud.vertex import wire
from localcloud.vertex.judging import look
from localcloud.vertex.registry import VeoModel
from localcloud.vertex.storage import Storage, StorageError
from localcloud.vertex.store import Attached
from localcloud.vertex.wire import Json, invalid

_USUAL_SECONDS = 8
_MOST_SAMPLES = 4
_MOST_SEED = 2**32 - 1
_MOST_IMAGE_BYTES = 20_000_000
# Video extension, Veo 3.1 page, read 2026-10: seconds the given clip may have.
_EXTENDED_S = (1, 30)
_COMPRESSIONS = ("optimized", "lossless")
_RESIZE_MODES = ("crop", "pad")
_PERSON_GENERATION = ("allow_adult", "dont_allow", "disallow", "allow_all")


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """What to render. Pictures are encoded bytes; ``storage_uri`` is empty for an inline answer."""

    prompt: str
    seed: int
    seconds: int
    resolution: str
    size_px: tuple[int, int]
    audio: bool
    samples: int
    storage_uri: str
    first: bytes = b""
    last: bytes = b""
    references: tuple[bytes, ...] = ()
    extended: bytes = b""  # the clip to go on from
    pad: bool = False  # pictures of another shape are padded instead of cropped


async def read_clip_request(model: VeoModel, body: Json, storage: Storage) -> ClipRequest:
    """Raises: ApiError 400 with the reason."""
    instances = wire.items(body, "instances")
    if len(instances) != 1 or not isinstance(instances[0], dict):
        raise invalid("Request must contain exactly one instance.")
    instance, parameters = instances[0], wire.section(body, "parameters")
    prompt = str(wire.field(instance, "prompt", ""))
    feature = _feature(model, instance, prompt)
    resolution, seconds = _length(model, parameters, feature, _mode(feature, instance))
    aspect = _one_of("aspectRatio", str(wire.field(parameters, "aspectRatio", "16:9")), model.aspects)
    return ClipRequest(
        prompt=prompt,
        seed=_within("seed", wire.whole(parameters, "seed", 0), 0, _MOST_SEED),
        seconds=seconds,
        resolution=resolution,
        size_px=model.size_px(resolution, aspect),
        audio=wire.flag(parameters, "generateAudio", default=True),
        samples=_within("sampleCount", wire.whole(parameters, "sampleCount", 1), 1, _MOST_SAMPLES),
        storage_uri=_storage_uri(parameters),
        first=await _picture(instance, "image", storage),
        last=await _picture(instance, "lastFrame", storage),
        references=tuple([await _picture(each, "image", storage) for each in wire.items(instance, "referenceImages")]),
        extended=await _clip(instance, storage),
        pad=_one_of("resizeMode", str(wire.field(parameters, "resizeMode", "crop")).lower(), _RESIZE_MODES) == "pad",
    )


def list_attached(body: Json, wanted: ClipRequest) -> list[Attached]:
    """The request's pictures and clip: its first frame, its last one, then its references."""
    instance = wire.items(body, "instances")[0]
    references = wire.items(instance, "referenceImages")
    holders = [(instance, "image"), (instance, "lastFrame"), *((each, "image") for each in references)]
    holders.append((instance, "video"))
    contents = (wanted.first, wanted.last, *wanted.references, wanted.extended)
    return [
        Attached.of(str(wire.field(wire.section(holder, name), "gcsUri", "")), content)
        for (holder, name), content in zip(holders, contents, strict=True)
        if content
    ]


def _feature(model: VeoModel, instance: Json, prompt: str) -> str:
    """What Veo calls this combination of inputs."""
    if wire.section(instance, "mask"):  # inserting and removing objects is Veo 2's
        raise invalid(f"Mask is not supported by model {model.id}.")
    image, last = wire.section(instance, "image"), wire.section(instance, "lastFrame")
    references = wire.items(instance, "referenceImages")
    if wire.section(instance, "video"):
        if image or last or references:
            raise invalid("Video cannot be set together with image, lastFrame or reference images.")
        return "video_extension"
    if not prompt and not image:
        raise invalid("Text prompt or image is required for video generation.")
    if last and not image:
        raise invalid("lastFrame is only supported together with image: image field is required.")
    if not references:
        return "image_to_video" if image else "text_to_video"
    _check_references(model, references, prompt, alone=not image)
    return "reference_to_video"


def _check_references(model: VeoModel, references: list[Any], prompt: str, *, alone: bool) -> None:
    if not model.max_references:
        raise invalid(f"Reference images are not supported by model {model.id}.")
    if len(references) > model.max_references:
        raise invalid(f"Too many reference images: {len(references)}, at most {model.max_references} are supported.")
    if not alone:
        raise invalid("Image and reference images cannot be both set.")
    if not prompt:
        raise invalid("Text prompt is required for feature reference_to_video.")
    for reference in references:
        _one_of("referenceType", str(wire.field(reference, "referenceType", "ASSET")).upper(), ("ASSET",))


def _mode(feature: str, instance: Json) -> str:
    """The feature's name in the registry."""
    if feature == "image_to_video":
        return "first_last" if wire.section(instance, "lastFrame") else "first"
    return {"text_to_video": "text", "reference_to_video": "references", "video_extension": "extend"}[feature]


def _length(model: VeoModel, parameters: Json, feature: str, mode: str) -> tuple[str, int]:
    """Resolution and whole seconds."""
    resolution = str(wire.field(parameters, "resolution", "720p"))
    _one_of("resolution", resolution, model.frame_px)
    by_resolution = model.seconds.get(mode, {})
    if not by_resolution:
        raise invalid(f"Feature {feature} is not supported by model {model.id}.")
    supported = sorted({seconds for each in by_resolution.values() for seconds in each})
    usual = _USUAL_SECONDS if _USUAL_SECONDS in supported else supported[-1]
    seconds = wire.whole(parameters, "durationSeconds", usual)
    _check_seconds(seconds, supported, f"feature {feature}")
    _one_of("resolution", resolution, by_resolution)
    _check_seconds(seconds, by_resolution[resolution], f"resolution {resolution}")
    fps = wire.whole(parameters, "fps", 24)
    _one_of("fps", fps, (24,))
    person = str(wire.field(parameters, "personGeneration", "allow_adult")).lower()
    _one_of("personGeneration", person, _PERSON_GENERATION)
    compression = str(wire.field(parameters, "compressionQuality", "optimized")).lower()
    _one_of("compressionQuality", compression, _COMPRESSIONS)
    return resolution, seconds


def _check_seconds(seconds: int, supported: Sequence[int], purpose: str) -> None:
    if seconds not in supported:
        listed = ",".join(map(str, supported))
        raise invalid(
            f"Unsupported output video duration {seconds} seconds, supported durations are [{listed}] for {purpose}."
        )


def _storage_uri(parameters: Json) -> str:
    uri = str(wire.field(parameters, "storageUri", ""))
    if uri and not uri.startswith("gs://"):
        raise invalid(f"Invalid storageUri {uri!r}: a Cloud Storage URI starting with gs:// is expected.")
    return uri


async def _picture(message: Any, name: str, storage: Storage) -> bytes:
    """The bytes of an image object; none at all if it is absent."""
    content = await _content(message, name, storage)
    if content:
        check_picture(content, name, ("PNG", "JPEG"))
    return content


def check_picture(content: bytes, name: str, formats: tuple[str, ...]) -> None:
    """Raises: ApiError 400 for a picture that is too large or not readable as one of the formats."""
    if len(content) > _MOST_IMAGE_BYTES:
        raise invalid(f"The {name} is too large: {len(content)} bytes, at most {_MOST_IMAGE_BYTES} are supported.")
    try:
        with Image.open(io.BytesIO(content), formats=formats) as picture:
            picture.verify()
    except (OSError, SyntaxError) as error:
        raise invalid(f"The {name} is not a readable {' or '.join(formats)} image.") from error


async def _clip(instance: Json, storage: Storage) -> bytes:
    """The clip to extend; none at all if it is absent."""
    content = await _content(instance, "video", storage)
    if not content:
        return b""
    shown_s = look(content, "video/mp4").seconds
    least_s, most_s = _EXTENDED_S
    if not least_s <= round(shown_s, 1) <= most_s:
        raise invalid(f"The video has {shown_s:.1f} seconds, between {least_s} and {most_s} are supported.")
    return content


async def _content(message: Any, name: str, storage: Storage) -> bytes:
    """The bytes of a media object, sent inline or read from the bucket."""
    found = wire.section(message, name)
    if not found:
        return b""
    inline, uri = wire.field(found, "bytesBase64Encoded", ""), str(wire.field(found, "gcsUri", ""))
    if bool(inline) == bool(uri):
        raise invalid(f"Exactly one of bytesBase64Encoded and gcsUri is required in {name}.")
    if not uri:
        return wire.octets(inline, f"{name}.bytesBase64Encoded")
    try:
        return await storage.read(uri)
    except StorageError as error:
        raise invalid(f"Failed to read {uri}: {error}") from error


def _one_of(name: str, value: Any, options: Any) -> Any:
    if value not in options:
        raise invalid(f"Unsupported {name} {value}, supported values are [{','.join(map(str, options))}].")
    return value


def _within(name: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise invalid(f"{name} must be between {least} and {most}, got {value}.")
    return value
