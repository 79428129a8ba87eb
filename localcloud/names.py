"""How Google's resource names are made: ``projects/P/locations/L/COLLECTION/ID/…``. Pure; no service's own rule."""

import re

from localcloud.serving import ApiError

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
