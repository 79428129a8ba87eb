"""Verify that stored artifacts still exist and are unchanged, before a call is paid or a film is cut from them.

promptreel replaces no artifact, but other principals can also write to the bucket. An artifact that is missing or
changed is named in the error, because its owner has paid for it and can restore it.
"""

from promptreel.domain.scene import Clip, Keyframe, Scene
from promptreel.errors import Broken, NotFound
from promptreel.ports.storage import ArtifactStore

REMEDY = "Restore the object (soft-deleted or older versions of it may still be there), then resume the job."
CLIP_REMEDY = f"{REMEDY} A job that is resumed without it films the scene again, within its budget."


class ArtifactDamaged(Broken):
    """An artifact is gone, or holds something else than what was stored."""


def checksum(what: str, uri: str, artifacts: ArtifactStore) -> str:
    """The checksum of what has just been made. Raises: ArtifactDamaged when it is gone already."""
    try:
        return artifacts.read_checksum(uri)
    except NotFound as error:
        raise ArtifactDamaged(
            f"{what} is gone from the bucket: {uri}", code=_code(what, "missing"), remedy=_remedy(what)
        ) from error


def check(what: str, stored: Keyframe | Clip, artifacts: ArtifactStore) -> None:
    """Raises: ArtifactDamaged naming `what` when it is gone or no longer what was stored."""
    found = checksum(what, stored.uri, artifacts)
    if stored.checksum and found != stored.checksum:
        raise ArtifactDamaged(
            f"{what} is no longer what was stored: {stored.uri}", code=_code(what, "changed"), remedy=_remedy(what)
        )


def check_pictures(scene: Scene, artifacts: ArtifactStore) -> None:
    """Both pictures, before a clip is paid that is made from them."""
    for name, keyframe in (("first", scene.start), ("last", scene.end)):
        if keyframe is not None and keyframe.checksum:
            check(f"{scene.id}: its {name} picture", keyframe, artifacts)


def check_clip(scene: Scene, artifacts: ArtifactStore) -> None:
    """The clip, before a film is cut from it; one stored before checksums were kept is only found missing."""
    if scene.clip is None:
        return
    what = f"{scene.id}: its clip, paid with {scene.clip.call},"
    if scene.clip.checksum:
        check(what, scene.clip, artifacts)
    else:
        checksum(what, scene.clip.uri, artifacts)


def _code(what: str, fault: str) -> str:
    return f"{'clip' if ' clip' in what else 'keyframe'}_{fault}"


def _remedy(what: str) -> str:
    return CLIP_REMEDY if " clip" in what else REMEDY
