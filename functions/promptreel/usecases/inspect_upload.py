"""Look at an uploaded file before a request names it: what it really is, by decoding it, and whether it can be used."""

import hashlib
from dataclasses import dataclass

from promptreel.errors import Invalid, NotFound, Rejected, TooLarge
from promptreel.ports.pictures import PictureFacts
from promptreel.services import Services
from promptreel.usecases.take_in_pictures import AT_ONCE, MAX_PICTURE_BYTES, UPLOAD_ID, UPLOAD_SCHEME, upload_folder


@dataclass(frozen=True, slots=True)
class InspectedUpload:
    """An upload as it is stored; ``facts`` are None, and ``problem`` says why, when no request can use it.

    A file that is too large is not read: its size and digest are None.
    """

    id: str
    uri: str
    size: int | None
    sha256: str | None
    facts: PictureFacts | None
    problem: Rejected | None


def inspect_upload(owner: str, upload_id: str, services: Services) -> InspectedUpload:
    """Decode an upload of this owner. Raises: NotFound when nothing was uploaded there, or it has expired."""
    uri = f"{UPLOAD_SCHEME}{upload_id}"
    if not UPLOAD_ID.fullmatch(upload_id):
        raise _missing(upload_id)
    with AT_ONCE:  # a file and its pixels are in memory
        try:
            data = services.uploads.read(services.uploads.uri(upload_folder(owner) + upload_id), MAX_PICTURE_BYTES)
        except NotFound as error:
            raise _missing(upload_id) from error
        except TooLarge:
            limit = f"{uri}: a picture has at most {MAX_PICTURE_BYTES:,} bytes."
            problem = Invalid(limit, code="picture_too_large", remedy="Save it smaller, or as JPEG.")
            return InspectedUpload(upload_id, uri, None, None, None, problem)
        digest = hashlib.sha256(data).hexdigest()
        try:
            facts = services.pictures.inspect(data, uri)
        except Invalid as error:
            return InspectedUpload(upload_id, uri, len(data), digest, None, error)
    return InspectedUpload(upload_id, uri, len(data), digest, facts, None)


def _missing(upload_id: str) -> NotFound:
    return NotFound(
        f"There is no upload {upload_id[:80]}.",
        remedy="Upload the file to the link that `POST /v1/uploads` gives; it is kept for two days.",
    )
