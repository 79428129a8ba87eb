"""A user's own pictures in a request: options become references, and files on this machine are uploaded."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from client.api import PromptreelClient
from client.documents import FilmRequest
from client.errors import InvalidInput

_CONTENT_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
_FIELDS = ("references", "frames")
_FRAME_FIELDS = ("frame", "fit", "colour")
_ELSEWHERE = ("https://", "gs://", "upload:")


def parse_references(references: Sequence[str], consents: Sequence[str]) -> list[dict[str, Any]] | None:
    """The references that ``KIND:NAME=FILE`` and ``NAME=STATEMENT`` say; None for none.

    Raises: InvalidInput that names the option.
    """
    stated = dict(_split("--consent", one, "NAME=STATEMENT") for one in consents)
    parsed = []
    for one in references:
        what, uri = _split("--reference", one, "KIND:NAME=FILE")
        kind, _, name = what.partition(":")
        if not name:
            raise InvalidInput(f"--reference: {one!r} names no kind.", remedy="Write it as character:Mira=mira.png.")
        reference: dict[str, Any] = {"kind": kind, "name": name, "uri": uri}
        if name in stated:
            reference |= {"shows_real_person": True, "consent": stated[name]}
        parsed.append(reference)
    unknown = stated.keys() - {one["name"] for one in parsed}
    if unknown:
        raise InvalidInput(f"--consent: there is no --reference of {', '.join(sorted(unknown))}.")
    return parsed or None


def parse_frames(frames: Sequence[str]) -> list[dict[str, Any]] | None:
    """The own frames that ``SCENE:start|end[:FIT[:COLOUR]]=FILE`` say; None for none.

    Raises: InvalidInput that names the option.
    """
    return [_parse_frame(one) for one in frames] or None


def _parse_frame(text: str) -> dict[str, Any]:
    place, uri = _split("--frame", text, "SCENE:start=FILE")
    scene, *names = place.split(":")
    if not scene.isdecimal() or not 1 <= len(names) <= len(_FRAME_FIELDS):
        raise InvalidInput(
            f"--frame: {text!r} names no place.", remedy="Write it as 3:start=pic.png or 3:end:pad:#102030=pic.png."
        )
    return {"scene": int(scene), **dict(zip(_FRAME_FIELDS, names, strict=False)), "uri": uri}


def _split(option: str, text: str, form: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise InvalidInput(f"{option}: {text!r} is not {form}.")
    return name, value


def upload_pictures(client: PromptreelClient, request: FilmRequest) -> FilmRequest:
    """The request, with the pictures that are files on this machine uploaded. Raises: InvalidInput for a missing file.

    A repeated upload of the same file has the same address, so that a repeated request is the same request.
    """
    pictures = {name: value for name in _FIELDS if isinstance(value := request.get(name), list)}
    return {**request, **{name: [_upload(client, one) for one in value] for name, value in pictures.items()}}


def _upload(client: PromptreelClient, reference: Any) -> Any:
    uri = reference.get("uri") if isinstance(reference, Mapping) else None
    if not isinstance(uri, str) or uri.startswith(_ELSEWHERE):
        return reference
    file = Path(uri).expanduser()
    kind = _CONTENT_TYPES.get(file.suffix.lower())
    if kind is None:
        raise InvalidInput(f"{uri}: PNG, JPEG and WebP can be uploaded.", remedy="Save the picture as one of them.")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{uri} cannot be read: {error}.") from error
    return {**reference, "uri": client.upload_picture(content, kind, hashlib.sha256(content).hexdigest())}
