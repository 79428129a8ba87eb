"""Pictures that a request names: found, checked and encoded anew before its job exists, by every way in alike.

A picture is an upload of the caller, an object in a bucket that he may use, or a file at a public https address. All of
a request's pictures are checked before the first is stored, and stored before the job is.
"""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath

from promptreel.domain import identifiers
from promptreel.domain.job import Job
from promptreel.domain.own_frames import OwnFrame
from promptreel.domain.reference import Reference
from promptreel.domain.requested_references import RequestedReference
from promptreel.errors import Conflict, Invalid, NotFound, Rejected
from promptreel.ports.pictures import CleanPicture, Unfetchable
from promptreel.ports.storage import StoredObject
from promptreel.services import Services

MAX_PICTURE_BYTES = 20_000_000
MAX_TOTAL_BYTES = 60_000_000
MAX_TOTAL_S = 30.0  # of a request that is answered within 60 (infra/config/services.json)
WEB_TIMEOUT_S = 15.0
LONGEST_REFERENCE_PX = 2048  # no model looks at more of a picture that it is given to draw from
UPLOAD_SCHEME = "upload:"
INTAKE_FOLDER = "intake/"
ORPHANED = timedelta(days=1)  # longer than any caller repeats a request whose answer was lost
UPLOAD_ID = re.compile(r"[a-z0-9-]{6,40}")
_OBJECT = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])/([^\r\n]{1,1024})")
_JOB_OBJECT = re.compile(r"jobs/([^/]+)/.+")
_UPLOAD_INSTEAD = "Upload it, and no larger than it needs to be: `POST /v1/uploads`, or `--reference` with a file."
AT_ONCE = threading.BoundedSemaphore(2)  # requests of one instance that hold pictures in memory


def upload_folder(owner: str) -> str:
    """The folder of the uploads bucket that is this owner's alone."""
    return f"owners/{identifiers.digest('uploads', owner)}/"


@dataclass(frozen=True, slots=True)
class WantedPicture:
    """A picture's address, the field of the request that names it, and its longest side once it is stored."""

    field: str
    uri: str
    longest_px: int


def take_in_pictures(wanted: Sequence[WantedPicture], owner: str, services: Services) -> list[CleanPicture]:
    """Every picture, encoded anew, in the same order. Nothing is stored.

    Raises: Invalid naming the field of the first picture that cannot be used, the limit and the way out.
    """
    if not wanted:
        return []
    with AT_ONCE:
        intake = _Intake(owner, services)
        return [intake.take(one) for one in wanted]


@dataclass(frozen=True, slots=True)
class KeptReferences:
    """References as they are stored, and what was changed of them."""

    references: tuple[Reference, ...] = ()
    warnings: tuple[str, ...] = ()


def want_references(requested: Sequence[RequestedReference]) -> list[WantedPicture]:
    """The pictures of a request's references."""
    return [
        WantedPicture(f"references.{place}.uri", one.uri, LONGEST_REFERENCE_PX) for place, one in enumerate(requested)
    ]


def keep_references(
    job_id: str, requested: Sequence[RequestedReference], pictures: Sequence[CleanPicture], services: Services
) -> KeptReferences:
    """Store a request's references under the job that is about to be; ``pictures`` were taken in for them, in order.

    Idempotent: the same pictures have the same names.
    """
    pairs = list(zip(requested, pictures, strict=True))
    return KeptReferences(
        tuple(_keep(job_id, one, picture, services) for one, picture in pairs),
        tuple(
            f"references.{place}: “{one.name}”: {remark}."
            for place, (one, picture) in enumerate(pairs)
            for remark in picture.remarks
        ),
    )


def copy_references(job_id: str, film: Job, services: Services) -> tuple[Reference, ...]:
    """Copy a film's references to the job that is about to make it again. Raises: Conflict when one is missing."""
    if not film.references:
        return ()
    announce_pictures(job_id, services)
    return tuple(
        one.evolve(uri=copy_picture(job_id, one, f"references: the picture of “{one.name}”", services))
        for one in film.references
    )


def copy_picture(job_id: str, picture: Reference | OwnFrame, what: str, services: Services) -> str:
    """Copy a taken-in picture of another job; its new address. Raises: Conflict when it is missing or changed."""
    path = f"jobs/{job_id}/references/{PurePosixPath(picture.uri).name}"
    try:
        if not services.artifacts.exists(path):
            services.artifacts.copy(picture.uri, path, picture.checksum)
    except NotFound as error:
        raise Conflict(
            f"{what} is missing or changed.",
            code="source_damaged",
            remedy="Restore the object (soft-deleted or older versions of it may still be there), or submit anew.",
        ) from error
    return services.artifacts.uri(path)


def remove_orphans(services: Services) -> None:
    """Remove the pictures of requests that never became a job: their process died in between."""
    artifacts, now = services.artifacts, services.clock.now()
    announced: dict[str, list[StoredObject]] = {}
    for note in artifacts.list(INTAKE_FOLDER):
        announced.setdefault(note.uri.removeprefix(artifacts.uri(INTAKE_FOLDER)).partition("/")[0], []).append(note)
    for job_id, notes in announced.items():
        if any(now - note.created < ORPHANED for note in notes):
            continue
        if not _exists(job_id, services):
            for picture in artifacts.list(f"jobs/{job_id}/references/"):
                artifacts.delete(picture.uri)
        for note in notes:
            artifacts.delete(note.uri)


def _exists(job_id: str, services: Services) -> bool:
    try:
        services.jobs.get_job(job_id)
    except NotFound:
        return False
    return True


def announce_pictures(job_id: str, services: Services) -> None:
    """Note that pictures of this job are being stored, so that they are found if the job never comes to be."""
    services.artifacts.put(f"{INTAKE_FOLDER}{job_id}/{services.ids.new_token()}", b"{}", "application/json")


def store_picture(job_id: str, picture: CleanPicture, services: Services) -> str:
    """Store a picture that was taken in, under the job that is about to be; its address."""
    artifacts = services.artifacts
    path = f"jobs/{job_id}/references/{identifiers.content_digest(picture.png)}.png"
    if not artifacts.exists(path):  # who accepts requests may create objects and overwrite none
        artifacts.put(path, picture.png, "image/png")
    return artifacts.uri(path)


def _keep(job_id: str, asked: RequestedReference, picture: CleanPicture, services: Services) -> Reference:
    uri = store_picture(job_id, picture, services)
    return Reference(
        kind=asked.kind,
        name=asked.name,
        description=asked.description,
        uri=uri,
        checksum=services.artifacts.read_checksum(uri),
        width_px=picture.width_px,
        height_px=picture.height_px,
        source=asked.uri,
        consent=asked.consent,
    )


class _Intake:
    """Finds the pictures of one request, within what one request may bring."""

    def __init__(self, owner: str, services: Services) -> None:
        self._owner = owner
        self._services = services
        self._bytes = 0
        self._until = services.clock.now() + timedelta(seconds=MAX_TOTAL_S)

    def take(self, wanted: WantedPicture) -> CleanPicture:
        """One picture. Raises: Invalid."""
        left_s = (self._until - self._services.clock.now()).total_seconds()
        if left_s <= 0:
            fault = f"the pictures of a request take longer than {MAX_TOTAL_S:.0f} s to fetch and check"
            raise _unusable(wanted.field, fault, _UPLOAD_INSTEAD)
        data = self._read(wanted, min(left_s, WEB_TIMEOUT_S))
        self._bytes += len(data)
        if self._bytes > MAX_TOTAL_BYTES:
            raise Invalid(
                f"{wanted.field}: the pictures of a request have at most {MAX_TOTAL_BYTES:,} bytes together.",
                code="picture_too_large",
                remedy="Save them smaller, or name fewer.",
            )
        return self._services.pictures.clean(data, wanted.field, wanted.longest_px)

    def _read(self, wanted: WantedPicture, timeout_s: float) -> bytes:
        uri, field = wanted.uri, wanted.field
        if uri.startswith("https://"):
            return self._fetch(field, uri, timeout_s)
        address = self._locate(field, uri)
        try:
            return self._services.uploads.read(address, MAX_PICTURE_BYTES)
        except NotFound as error:
            raise _unusable(field, f"there is no {uri[:200]} of yours", "Upload it first.") from error
        except Rejected as error:
            raise _unusable(field, error.message.rstrip("."), "Save it smaller, or as JPEG.") from error

    def _fetch(self, field: str, url: str, timeout_s: float) -> bytes:
        try:
            return self._services.web.fetch(url, MAX_PICTURE_BYTES, timeout_s)
        except Unfetchable as error:
            raise _unusable(field, f"{url[:200]} cannot be used: {error}", _UPLOAD_INSTEAD) from error

    def _locate(self, field: str, uri: str) -> str:
        """The object that an address names, if it is one that the owner may use. Raises: Invalid."""
        uploads, artifacts = self._services.uploads, self._services.artifacts
        folder = upload_folder(self._owner)
        if uri.startswith(UPLOAD_SCHEME):
            upload = uri.removeprefix(UPLOAD_SCHEME)
            if not UPLOAD_ID.fullmatch(upload):
                raise _unusable(field, f"{uri[:200]!r} is no upload", "Name the `uri` that `POST /v1/uploads` gave.")
            return uploads.uri(folder + upload)
        found = _OBJECT.fullmatch(uri)
        if found is None:
            fault = f"{uri[:200]!r} is no address of a picture"
            raise _unusable(field, fault, "Name upload:ID, gs://BUCKET/NAME, or a file by https.")
        bucket, name = found.groups()
        is_own = (
            bucket in uploads.shared_buckets
            or (uri.startswith(uploads.uri(folder)) and UPLOAD_ID.fullmatch(name.removeprefix(folder)))
            or (uri.startswith(artifacts.uri("jobs/")) and self._owns(name))
        )
        if not is_own:
            buckets = ", ".join(sorted(uploads.shared_buckets)) or "none"
            fault = f"{uri[:200]} is no picture that you may use"
            raise _unusable(
                field,
                fault,
                f"Name an upload or an artifact of a job of yours, or an object in a bucket of this deployment "
                f"({buckets}).",
            )
        return uri

    def _owns(self, name: str) -> bool:
        """Whether this object of the artifacts bucket belongs to a job of the owner."""
        found = _JOB_OBJECT.fullmatch(name)
        if found is None or not identifiers.ID_PATTERN.match(found[1]):
            return False
        try:
            job: Job = self._services.jobs.get_job(found[1]).value
        except NotFound:
            return False
        return job.owner == self._owner and not job.is_hidden(self._services.clock.now())


def _unusable(field: str, fault: str, remedy: str) -> Invalid:
    return Invalid(f"{field}: {fault}.", code="picture_unusable", remedy=remedy)
