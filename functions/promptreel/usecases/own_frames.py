"""A user's own keyframes: taken in with the request, and fitted to the film's frame before anything is drawn.

Fitting makes no paid call, so these keyframes have no call in the ledger. They are never drawn: one that is damaged is
fitted once more from the picture as it was taken in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from promptreel.domain import identifiers
from promptreel.domain.job import Job, Plan, Wave
from promptreel.domain.own_frames import OwnFrame, Place, RequestedFrame, frame_warnings, place_of
from promptreel.domain.scene import Keyframe, Scene
from promptreel.errors import AnswerLost, NotFound
from promptreel.ports.pictures import CleanPicture
from promptreel.services import Services
from promptreel.usecases import keyframe_looks
from promptreel.usecases.artifact_integrity import ArtifactDamaged
from promptreel.usecases.take_in_pictures import (
    WantedPicture,
    announce_pictures,
    copy_picture,
    store_picture,
)

LONGEST_FRAME_PX = 4096  # covers a 4k frame, with something to crop


@dataclass(frozen=True, slots=True)
class KeptFrames:
    """Own frames as they are stored, and what is said of each."""

    frames: tuple[OwnFrame, ...] = ()
    warnings: tuple[str, ...] = ()


def want_frames(requested: Sequence[RequestedFrame]) -> list[WantedPicture]:
    """The pictures of a request's frames."""
    return [WantedPicture(f"frames.{place}.uri", one.uri, LONGEST_FRAME_PX) for place, one in enumerate(requested)]


def keep_frames(
    job_id: str, requested: Sequence[RequestedFrame], pictures: Sequence[CleanPicture], services: Services
) -> KeptFrames:
    """Store a request's frames under the job that is about to be; ``pictures`` were taken in for them. Idempotent."""
    kept = []
    for asked, picture in zip(requested, pictures, strict=True):
        uri = store_picture(job_id, picture, services)
        kept.append(
            OwnFrame(
                **asked.model_dump(include={"scene", "frame", "fit", "colour"}),
                uri=uri,
                checksum=services.artifacts.read_checksum(uri),
                width_px=picture.width_px,
                height_px=picture.height_px,
                source=asked.uri,
            )
        )
    return KeptFrames(tuple(kept), tuple(frame_warnings(kept, [picture.remarks for picture in pictures])))


def copy_frames(job_id: str, film: Job, services: Services) -> tuple[OwnFrame, ...]:
    """Copy a film's own frames to the job that is about to make it again. Raises: Conflict when one is missing."""
    if film.frames:
        announce_pictures(job_id, services)
    return tuple(
        one.evolve(uri=copy_picture(job_id, one, f"frames: the {one.frame} of scene {one.scene}", services))
        for one in film.frames
    )


def fit_frames(job: Job, plan: Plan, services: Services) -> Mapping[Place, Keyframe]:
    """The job's own frames as keyframes of the plan's exact size, stored. Idempotent. Raises: ArtifactDamaged."""
    return {one.place: fit_frame(job, plan, one, services) for one in job.frames}


def fit_frame(job: Job, plan: Plan, own: OwnFrame, services: Services, run: int = 0) -> Keyframe:
    """Fit one picture. A damaged one is fitted once more under another name, which ``run`` makes.

    Raises: ArtifactDamaged when the picture that was taken in is missing or changed.
    """
    artifacts, (sequence, frame) = services.artifacts, own.place
    what = f"frames: your picture for the {own.frame} of scene {own.scene}"
    try:
        if artifacts.read_checksum(own.uri) != own.checksum:
            raise ArtifactDamaged("keyframe", "changed", f"{what} is no longer what was taken in: {own.uri}")
        fitted = services.pictures.fit(artifacts.get(own.uri), plan.size_px, own.fit, own.colour)
    except NotFound as error:
        raise ArtifactDamaged("keyframe", "missing", f"{what} is gone from the bucket: {own.uri}") from error
    except AnswerLost as error:
        raise ArtifactDamaged("keyframe", "changed", f"{what} cannot be read: {own.uri}") from error
    size = "x".join(map(str, plan.size_px))
    digest = identifiers.digest(own.checksum, own.fit, own.colour or "", size, str(run))
    path = f"jobs/{job.id}/keyframes/{identifiers.scene_id(sequence)}/{frame}-{digest}.png"
    uri = artifacts.put(path, fitted, "image/png")
    look, checksum = keyframe_looks.measure(job, fitted, services), artifacts.read_checksum(uri)
    return Keyframe(uri=uri, digest=digest, checksum=checksum, is_own=True, look=look)


def place_frames(scenes: Sequence[Scene], own: Mapping[Place, Keyframe], now: datetime) -> list[Scene]:
    """The scenes with the user's own pictures as keyframes; a scene that has both is drawn."""
    placed = []
    for scene in scenes:
        changed = scene
        for name in ("start", "end"):
            keyframe = own.get(place_of(scene.sequence, name))
            changed = changed if keyframe is None else changed.with_keyframe(name, keyframe, now)
        placed.append(changed)
    return placed


def leave_out(waves: Sequence[Wave], scenes: Sequence[Scene]) -> tuple[Wave, ...]:
    """The waves without the user's own pictures."""
    drawn = {(scene.id, name) for scene in scenes for name in scene.drawn_names()}
    kept = [
        wave.evolve(items=tuple(item for item in wave.items if (item.scene, item.frame) in drawn)) for wave in waves
    ]
    return tuple(wave for wave in kept if wave.items or wave.sheets)
