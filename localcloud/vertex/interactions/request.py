"""The body of a new interaction: read, held against the model's limits, and refused in the service's words.

What the service accepts and this stand-in does not do is refused as well: a field is either served or a 400.
"""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from localcloud.serving import ApiError
from localcloud.vertex import wire
from localcloud.vertex.clip.request import ClipRequest, check_picture
from localcloud.vertex.registry import InteractionModel
from localcloud.vertex.storage import Storage, StorageError, split
from localcloud.vertex.store import Attached
from localcloud.vertex.wire import Json, invalid

TASKS = ("text_to_video", "image_to_video", "reference_to_video", "edit", "extend", "upscale")
_SERVED_TASKS = TASKS[:3]
_CONTENT_TYPES = ("text", "image", "document", "audio", "video")
_DELIVERIES = ("inline", "uri")
_USUAL_SECONDS, _USUAL_RESOLUTION, _USUAL_ASPECT = 10, "720p", "16:9"
_MOST_SEED = 2**31 - 1
# PIL's names of what it reads; the service also takes HEIC and HEIF.
_FORMATS: Mapping[str, str] = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
_LABEL_NAME, _LABEL_VALUE = re.compile(r"[a-z][\w-]{0,62}"), re.compile(r"[\w-]{0,63}")

# The fields that google-genai 3.6.1 knows. Those that are not served are named so that their refusal can say so.
_FIELDS = frozenset(
    {"model", "input", "background", "store", "stream", "generation_config", "response_format", "labels"}
)
_UNSERVED_FIELDS = frozenset(
    {
        "cached_content", "continuation_token", "environment", "response_mime_type", "safety_settings", "service_tier",
        "system_instruction", "tools", "webhook_config",
    }
)  # fmt: skip
_CONFIG_FIELDS = frozenset({"seed", "video_config"})
_UNSERVED_CONFIG_FIELDS = frozenset(
    {
        "image_config", "max_output_tokens", "speech_config", "stop_sequences", "temperature", "thinking_level",
        "thinking_summaries", "tool_choice", "top_p", "transcription_config",
    }
)  # fmt: skip
_FORMAT_FIELDS = frozenset({"type", "aspect_ratio", "duration", "resolution", "delivery", "gcs_uri"})


@dataclass(frozen=True, slots=True)
class InteractionRequest:
    """``pictures`` are those of the prompt, however they are used."""

    clip: ClipRequest
    pictures: tuple[Attached, ...]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Prompt:
    text: str
    pictures: tuple[bytes, ...]


async def read_interaction_request(model: InteractionModel, body: Json, storage: Storage) -> InteractionRequest:
    """Raises: ApiError 400 with the reason."""
    _check_top_level(model, body)
    config = _fields(body.get("generation_config"), "generation_config", _CONFIG_FIELDS, _UNSERVED_CONFIG_FIELDS)
    task = _task(model, config)
    prompt = _Prompt(*await _input(body.get("input"), storage))
    mode = _mode(model, task, len(prompt.pictures))
    output = _output(body.get("response_format"))
    resolution, seconds = _length(model, output, mode)
    aspect = output.get("aspect_ratio") or _aspect_of(prompt.pictures)
    _one_of(aspect, model.aspects, "response_format.aspect_ratio")
    first, last = (*prompt.pictures, b"", b"")[:2] if mode.startswith("first") else (b"", b"")
    clip = ClipRequest(
        prompt=prompt.text,
        seed=_seed(config),
        seconds=seconds,
        resolution=resolution,
        size_px=model.size_px(resolution, aspect),
        audio=True,
        samples=1,
        storage_uri=_storage_uri(output),
        first=first,
        last=last,
        references=prompt.pictures if mode == "references" else (),
    )
    images = (content for content, _ in _contents(body.get("input")) if content.get("type") == "image")
    uris = [str(content.get("uri") or "") for content in images]
    attached = tuple(Attached.of(uri, content) for uri, content in zip(uris, prompt.pictures, strict=True))
    return InteractionRequest(clip, attached, _labels(body.get("labels")))


def unknown(name: str, path: str = "") -> ApiError:
    """The refusal of a field that nobody knows."""
    return ApiError(400, f"Unknown parameter '{name}'{f' at {path!r}' if path else ''}.", "parameter_unknown")


def _check_top_level(model: InteractionModel, body: Json) -> None:
    if body.get("previous_interaction_id") is not None:
        raise invalid(f"{model.id} on this path do not support previous_interaction_id.")
    if body.get("response_modalities") is not None:  # the service names no field here
        raise invalid("Request contains an invalid argument.")
    _fields(body, "", _FIELDS | {"previous_interaction_id", "response_modalities"}, _UNSERVED_FIELDS)
    for name, served in (("background", (True,)), ("store", (True, None)), ("stream", (False, None))):
        if not any(body.get(name) is each for each in served):
            raise invalid(f"The value {_shown(body.get(name))} is not supported for '{name}' by this endpoint.")


def _fields(value: Any, path: str, served: frozenset[str], unserved: frozenset[str] = frozenset()) -> Json:
    """An object all of whose fields are served; null counts as absent, for the object and for its fields."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise invalid(f"Invalid input at '{path}'.")
    given = {name: each for name, each in value.items() if each is not None}
    for name in given:
        if name in unserved:
            where = f"{path}.{name}" if path else name
            raise invalid(f"The '{where}' parameter is not supported for video generation.")
        if name not in served:
            raise unknown(name, path)
    return given


def _task(model: InteractionModel, config: Json) -> str:
    """The service may choose a task itself; what it would choose is not known, so none is a mistake here."""
    path = "generation_config.video_config"
    task = _fields(config.get("video_config"), path, frozenset({"task"})).get("task")
    if task is None:
        raise invalid(f"The 'task' parameter is required at '{path}'.")
    _one_of(task, TASKS, f"{path}.task")
    if task not in _SERVED_TASKS:
        raise invalid(f"Task {task!r} is not supported for model {model.id} by this endpoint.")
    return str(task)


def _seed(config: Json) -> int:
    seed = config.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= _MOST_SEED:
        raise invalid("Invalid input at 'generation_config.seed'.")
    return seed


def _mode(model: InteractionModel, task: str, pictures: int) -> str:
    """The name that the registry has for this task with so many pictures."""
    if task == "text_to_video":
        least, most, mode = 0, 0, "text"
    elif task == "image_to_video":
        least, most, mode = 1, 2, "first" if pictures == 1 else "first_last"
    else:
        least, most, mode = 1, model.max_references, "references"
    if not least <= pictures <= most:
        span = f"between {least} and {most}" if most > least else str(least)
        raise invalid(f"Task {task} needs {span} input images, got {pictures}.")
    if mode not in model.seconds:
        raise invalid(f"Task {task} with {pictures} input images is not supported for model {model.id}.")
    return mode


async def _input(value: Any, storage: Storage) -> tuple[str, tuple[bytes, ...]]:
    """Text and pictures in order. None at all is not refused: the service answers it, and bills a whole clip."""
    texts, pictures = [], []
    for content, path in _contents(value):
        if content.get("type") == "text":
            text = _fields(content, path, frozenset({"type", "text"})).get("text", "")
            if not isinstance(text, str):
                raise invalid(f"Invalid input at '{path}.text'.")
            texts.append(text)
        else:
            pictures.append(await _picture(content, path, storage))
    return "\n".join(text for text in texts if text), tuple(pictures)


def _contents(value: Any) -> Iterator[tuple[Json, str]]:
    """Each text and picture of the prompt, with its path."""
    if value is None or isinstance(value, str):
        yield {"type": "text", "text": value or ""}, "input"
        return
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, Mapping) and "role" in item for item in items):
        raise invalid("When using the steps-based API version, use step_list input format instead of turn_list.")
    for i, item in enumerate(items):
        path = f"input[{i}]"
        if not isinstance(item, Mapping):
            raise invalid(f"Invalid input at '{path}'.")
        if item.get("type") in _CONTENT_TYPES:
            yield _content(item, path), path
            continue
        _one_of(_required(item, "type", path), ("user_input",), f"{path}.type")
        contents = _fields(item, path, frozenset({"type", "content"})).get("content", [])
        if not isinstance(contents, list):
            raise invalid(f"Invalid input at '{path}.content'.")
        for j, each in enumerate(contents):
            yield _content(each, f"{path}.content[{j}]"), f"{path}.content[{j}]"


def _content(value: Any, path: str) -> Json:
    if not isinstance(value, Mapping):
        raise invalid(f"Invalid input at '{path}'.")
    kind = _one_of(_required(value, "type", path), _CONTENT_TYPES, f"{path}.type")
    if kind not in ("text", "image"):
        raise invalid(f"Input of type {kind!r} is not supported at '{path}' by this endpoint.")
    return value


async def _picture(content: Json, path: str, storage: Storage) -> bytes:
    given = _fields(content, path, frozenset({"type", "mime_type", "data", "uri"}), frozenset({"resolution"}))
    mime_type = _one_of(_required(given, "mime_type", path), _FORMATS, f"{path}.mime_type")
    if ("data" in given) == ("uri" in given):
        raise invalid(f"Exactly one of 'data' and 'uri' is required at '{path}'.")
    if "data" in given:
        picture = wire.octets(given["data"], f"{path}.data")
    else:
        uri = str(given["uri"])
        try:
            picture = await storage.read(uri)
        except StorageError as error:
            raise invalid(f"Cannot fetch content from the provided URL {uri}: {error}") from error
    check_picture(picture, f"image at '{path}'", (_FORMATS[mime_type],))
    return picture


def _output(value: Any) -> Json:
    """The video's format; a list of one stands for it."""
    if isinstance(value, list):
        if len(value) != 1:
            raise invalid("Exactly one response format is supported for video generation.")
        value = value[0]
    output = _fields(value, "response_format", _FORMAT_FIELDS)
    _one_of(_required(output, "type", "response_format"), ("video",), "response_format.type")
    return output


def _length(model: InteractionModel, output: Json, mode: str) -> tuple[str, int]:
    """Resolution and whole seconds."""
    by_resolution = model.seconds[mode]
    resolution = _one_of(output.get("resolution", _USUAL_RESOLUTION), by_resolution, "response_format.resolution")
    supported = by_resolution[resolution]
    duration = output.get("duration")
    if duration is None:
        return resolution, _USUAL_SECONDS if _USUAL_SECONDS in supported else supported[-1]
    if not isinstance(duration, str) or not re.fullmatch(r"\d+(\.\d+)?s", duration):
        raise invalid("Invalid input at 'response_format'.")
    _one_of(duration, [f"{seconds}s" for seconds in supported], "response_format.duration")
    return resolution, int(duration[:-1])


def _storage_uri(output: Json) -> str:
    """Where to write the clip; empty for an inline answer."""
    delivery = _one_of(output.get("delivery", "inline"), _DELIVERIES, "response_format.delivery")
    uri = output.get("gcs_uri", "")
    if delivery == "inline":
        if uri:
            raise invalid("The 'gcs_uri' parameter at 'response_format' needs the delivery 'uri'.")
        return ""
    if not uri:
        raise invalid("The 'gcs_uri' parameter is required at 'response_format'.")
    try:
        split(f"{uri}/")
    except StorageError:
        raise invalid(f"Invalid Cloud Storage URI {uri!r} at 'response_format.gcs_uri'.") from None
    return str(uri)


def _aspect_of(pictures: Sequence[bytes]) -> str:
    """The shape of the first picture, where the request names none."""
    if not pictures:
        return _USUAL_ASPECT
    with Image.open(io.BytesIO(pictures[0])) as picture:
        return "9:16" if picture.height > picture.width else _USUAL_ASPECT


def _labels(value: Any) -> dict[str, str]:
    labels = {} if value is None else value
    if not isinstance(labels, Mapping):
        raise invalid("Invalid input at 'labels'.")
    for name, text in labels.items():
        if not _LABEL_NAME.fullmatch(name) or not isinstance(text, str) or not _LABEL_VALUE.fullmatch(text):
            raise invalid(f"Invalid input at 'labels.{name}'.")
    return dict(labels)


def _required(message: Json, name: str, path: str) -> Any:
    if message.get(name) is None:
        raise invalid(f"The '{name}' parameter is required at '{path}'.")
    return message[name]


def _one_of(value: Any, supported: Any, path: str) -> Any:
    """Raises: ApiError 400 with every value that is supported, as the service lists them."""
    if not isinstance(value, str) or value not in supported:
        listed = ", ".join(map(repr, supported))
        raise invalid(f"The value {_shown(value)} is not supported for '{path}'. Supported values: {listed}.")
    return value


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else json.dumps(value)
