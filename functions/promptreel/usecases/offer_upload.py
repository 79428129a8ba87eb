"""Offer the place for one picture, to which its owner uploads it before the request that names it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from promptreel.domain.document import Frozen
from promptreel.domain.request import validate_fields
from promptreel.errors import Invalid
from promptreel.ports.pictures import UploadMethod
from promptreel.services import Services
from promptreel.usecases.take_in_pictures import MAX_PICTURE_BYTES, UPLOAD_SCHEME, upload_folder

LINK_S = 900
UPLOAD_ID_CHARS = 40
_PLANNED_KINDS = ("music", "narration")


class UploadRequest(Frozen):
    """What is to be uploaded."""

    kind: Annotated[Literal["picture"], Field(description="A reference or an own frame.")] = "picture"
    content_type: Literal["image/png", "image/jpeg", "image/webp"]
    sha256: Annotated[
        str | None,
        StringConstraints(pattern=r"^[0-9a-f]{64}$"),
        Field(description="The file's digest: the same file gets the same place."),
    ] = None
    resumable: Annotated[bool, Field(strict=True, description="Send it in pieces, and go on after a cut.")] = False


@dataclass(frozen=True, slots=True)
class Upload:
    """A signed link for one request. ``headers`` must be sent as they are: the signature covers them."""

    id: str
    uri: str
    method: UploadMethod
    url: str
    headers: Mapping[str, str]
    max_bytes: int
    expires: datetime


def offer_upload(owner: str, payload: object, new_id: str, services: Services) -> Upload:
    """Sign a link to a new object in the owner's folder. Nothing is stored. Raises: Invalid naming each wrong field.

    The link writes once, one type, and no more than a picture may have; what is uploaded and never used expires by the
    bucket's life cycle. An owner who says the file's digest gets the same place for the same file. The link of a
    resumable upload starts a session, to which the pieces go.
    """
    asked = validate_fields(UploadRequest, _refuse_planned(payload))
    upload_id = new_id if asked.sha256 is None else asked.sha256[:UPLOAD_ID_CHARS]
    method: UploadMethod = "POST" if asked.resumable else "PUT"
    headers = {
        "Content-Type": asked.content_type,
        "x-goog-content-length-range": f"1,{MAX_PICTURE_BYTES}",
        "x-goog-if-generation-match": "0",
        **({"x-goog-resumable": "start"} if asked.resumable else {}),
    }
    address = services.uploads.uri(upload_folder(owner) + upload_id)
    return Upload(
        id=upload_id,
        uri=f"{UPLOAD_SCHEME}{upload_id}",
        method=method,
        url=services.uploads.sign_upload(address, method, headers, LINK_S),
        headers=headers,
        max_bytes=MAX_PICTURE_BYTES,
        expires=services.clock.now() + timedelta(seconds=LINK_S),
    )


def _refuse_planned(payload: object) -> object:
    """The payload, unless it names a kind that is not built yet. Raises: Invalid."""
    if isinstance(payload, dict) and payload.get("kind") in _PLANNED_KINDS:
        raise Invalid(
            f"kind: {payload['kind']} is not supported yet.",
            code="not_supported_yet",
            remedy="Upload pictures; a film has the sound that its video model makes.",
        )
    return payload
