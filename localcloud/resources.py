"""Google's resources: names like ``projects/P/locations/L/COLLECTION/ID``, and protobuf messages with their JSON form.

The only place that knows protobuf's conversions. Requests are parsed by protobuf, never by hand: the official clients
send enums as integers, gcloud as names.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from localcloud.serving import ApiError


def from_json(document: Mapping[str, Any], kind: Any) -> Any:
    """A message of the kind from its JSON form. Raises: ApiError 400."""
    try:
        return json_format.ParseDict(dict(document), kind())
    except json_format.ParseError as exc:
        raise ApiError(400, f"Invalid JSON payload received. {exc}") from exc


def to_json(message: Message) -> dict[str, Any]:
    return dict(json_format.MessageToDict(message))


def clone(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def copy_field(path: str, source: Any, target: Any) -> None:
    """Make one field of the target, ``a.b.c`` in protobuf's own names, what it is in the source: unset, too.

    Raises:
        KeyError: there is no such field.
    """
    name, _, rest = path.partition(".")
    field = source.DESCRIPTOR.fields_by_name[name]
    if rest and field.message_type is None:
        raise KeyError(path)
    if rest and (source.HasField(name) or target.HasField(name)):
        copy_field(rest, getattr(source, name), getattr(target, name))
    elif not rest:
        target.ClearField(name)
        if field.is_repeated:
            getattr(target, name).MergeFrom(getattr(source, name))
        elif field.message_type is not None and source.HasField(name):
            getattr(target, name).CopyFrom(getattr(source, name))
        elif field.message_type is None and getattr(source, name) != getattr(target, name):
            setattr(target, name, getattr(source, name))  # writing a default would make its parents present


def clear_fields(message: Any, fields: Iterable[str]) -> Any:
    """The same message, the fields unset: what callers send in output-only fields is ignored."""
    for field in fields:
        message.ClearField(field)
    return message


def seconds(value: Any) -> float:
    """A Duration, or a Timestamp since 1970, in seconds."""
    return float(value.seconds + value.nanos / 1e9)


def set_seconds(value: Any, total_s: float) -> None:
    """Write seconds into a Duration or Timestamp field, to the microsecond, as the services keep them."""
    micros = round(total_s * 1e6)
    value.seconds, value.nanos = micros // 1_000_000, micros % 1_000_000 * 1000


LOCATION = r"projects/[A-Za-z0-9:.\-]{1,100}/locations/[A-Za-z0-9\-]{1,100}"


def check_name(text: str, pattern: re.Pattern[str], complaint: str) -> str:
    """The name, if it has the shape. Raises: ApiError 400."""
    if not pattern.fullmatch(text):
        raise ApiError(400, complaint)
    return text


def parent_of(name: str) -> str:
    """What the resource lies in, two parts up."""
    return name.rsplit("/", 2)[0]


def resource_id(name: str) -> str:
    """The last part: the resource's id."""
    return name.rsplit("/", 1)[1]
