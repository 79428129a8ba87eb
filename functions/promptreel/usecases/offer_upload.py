"""Offer the place for one picture, to which its owner uploads it before the request that names it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import StringConstraints

from promptreel.domain.document import Frozen
from promptreel.domain.request import validate_fields
from promptreel.services import Services
from promptreel.usecases.take_in_pictures import MAX_PICTURE_BYTES, UPLOAD_SCHEME, upload_folder

LINK_S = 900
UPLOAD_ID_CHARS = 40


class _UploadRequest(Frozen):
    content_type: Literal["image/png", "image/jpeg", "image/webp"]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A signed link for one PUT. ``headers`` must be sent as they are: the signature covers them."""

    id: str
    uri: str
    url: str
    headers: Mapping[str, str]
    max_bytes: int
    expires: datetime


def offer_upload(owner: str, payload: object, new_id: str, services: Services) -> Upload:
    """Sign a link to a new object in the owner's folder. Nothing is stored. Raises: Invalid naming each wrong field.

    The link writes once, one type, and no more than a picture may have; what is uploaded and never used expires by the
    bucket's life cycle. An owner who says the file's digest gets the same place for the same file.
    """
    asked = validate_fields(_UploadRequest, payload)
    upload_id = new_id if asked.sha256 is None else asked.sha256[:UPLOAD_ID_CHARS]
    headers = {
        "Content-Type": asked.content_type,
        "x-goog-content-length-range": f"1,{MAX_PICTURE_BYTES}",
        "x-goog-if-generation-match": "0",
    }
    address = services.uploads.uri(upload_folder(owner) + upload_id)
    return Upload(
        id=upload_id,
        uri=f"{UPLOAD_SCHEME}{upload_id}",
        url=services.uploads.sign_put(address, headers, LINK_S),
        headers=headers,
        max_bytes=MAX_PICTURE_BYTES,
        expires=services.clock.now() + timedelta(seconds=LINK_S),
    )
