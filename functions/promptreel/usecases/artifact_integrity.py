"""Verify that stored artifacts still exist and are unchanged, before a call is paid or a film is cut from them.

promptreel replaces no artifact, but other principals can also write to the bucket. An artifact that is missing or
changed is named in the error, because its owner has paid for it and can restore it.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from promptreel.domain.reference import Reference
from promptreel.domain.scene import Clip, Keyframe, KeyframeName, Scene
from promptreel.domain.sheet import Sheet, SheetImage
from promptreel.errors import Broken, NotFound
from promptreel.ports.storage import ArtifactStore

ArtifactKind = Literal["keyframe", "clip", "sheet", "reference"]

RESTORE_REMEDY = "Restore the object (soft-deleted or older versions of it may still be there), then resume the job."
_KEYFRAME_REMEDY = f"{RESTORE_REMEDY} A job that is resumed without it draws the keyframe again, within its budget."
CLIP_REMEDY = f"{RESTORE_REMEDY} A job that is resumed without it films the scene again, within its budget."
_SHEET_REMEDY = f"{RESTORE_REMEDY} A job that is resumed without it draws the sheet again, within its budget."
_REMEDIES: Mapping[ArtifactKind, str] = {
    "keyframe": _KEYFRAME_REMEDY,
    "clip": CLIP_REMEDY,
    "sheet": _SHEET_REMEDY,
    "reference": RESTORE_REMEDY,
}
SHEET_CODES = frozenset({"sheet_missing", "sheet_changed"})
KEYFRAME_CODES = frozenset({"keyframe_missing", "keyframe_changed"})


class ArtifactDamaged(Broken):
    """An artifact is missing, or holds something else than what was stored."""

    def __init__(self, kind: ArtifactKind, fault: Literal["missing", "changed"], message: str) -> None:
        super().__init__(message, code=f"{kind}_{fault}", remedy=_REMEDIES[kind])


def keyframe_checksum(scene: Scene, frame: KeyframeName, uri: str, artifacts: ArtifactStore) -> str:
    """The checksum of a keyframe that has just been stored. Raises: ArtifactDamaged when it is missing."""
    return _read_checksum("keyframe", f"{scene.id}: its {frame} picture", uri, artifacts)


def check_keyframe(scene: Scene, name: Literal["first", "last"], keyframe: Keyframe, artifacts: ArtifactStore) -> None:
    """Raises: ArtifactDamaged when the keyframe is missing or changed."""
    _check("keyframe", f"{scene.id}: its {name} picture", keyframe, artifacts)


def check_keyframes(scene: Scene, artifacts: ArtifactStore) -> None:
    """Check both keyframes, except those that were stored before checksums were. Raises: ArtifactDamaged."""
    if scene.start is not None and scene.start.checksum:
        check_keyframe(scene, "first", scene.start, artifacts)
    if scene.end is not None and scene.end.checksum:
        check_keyframe(scene, "last", scene.end, artifacts)


def sheet_checksum(sheet: Sheet, uri: str, artifacts: ArtifactStore) -> str:
    """The checksum of a sheet that has just been stored. Raises: ArtifactDamaged when it is missing."""
    return _read_checksum("sheet", f"{sheet.id}: the sheet of {sheet.name}", uri, artifacts)


def check_sheet(sheet: Sheet, artifacts: ArtifactStore) -> None:
    """Check the image, if it is drawn. Raises: ArtifactDamaged when it is missing or changed."""
    if sheet.drawn is not None:
        _check("sheet", f"{sheet.id}: the sheet of {sheet.name}", sheet.drawn, artifacts)


def find_damaged_sheets(sheets: Iterable[Sheet], artifacts: ArtifactStore) -> frozenset[str]:
    """The ids of those sheets whose image is missing or changed."""
    damaged = set()
    for sheet in sheets:
        try:
            check_sheet(sheet, artifacts)
        except ArtifactDamaged:
            damaged.add(sheet.id)
    return frozenset(damaged)


def check_reference(reference: Reference, artifacts: ArtifactStore) -> None:
    """Raises: ArtifactDamaged when a picture of the job's owner is missing or changed."""
    _check("reference", f"the reference of {reference.name}", reference, artifacts)


def find_damaged_keyframes(scenes: Iterable[Scene], artifacts: ArtifactStore) -> frozenset[str]:
    """The addresses of those keyframes of these scenes that are missing or changed."""
    stored = {keyframe.uri: keyframe for scene in scenes for keyframe in (scene.start, scene.end) if keyframe}
    return frozenset(uri for uri, keyframe in stored.items() if not _is_intact(keyframe, artifacts))


def check_clip(scene: Scene, artifacts: ArtifactStore) -> None:
    """Check the clip, if there is one. Raises: ArtifactDamaged."""
    if scene.clip is not None:
        _check("clip", f"{scene.id}: its clip, paid with {scene.clip.call},", scene.clip, artifacts)


def _is_intact(keyframe: Keyframe, artifacts: ArtifactStore) -> bool:
    try:
        _check("keyframe", "a keyframe", keyframe, artifacts)
    except ArtifactDamaged:
        return False
    return True


def _check(
    kind: ArtifactKind, what: str, stored: Keyframe | Clip | SheetImage | Reference, artifacts: ArtifactStore
) -> None:
    """An artifact that was stored before checksums were can only be found missing."""
    found = _read_checksum(kind, what, stored.uri, artifacts)
    if stored.checksum and found != stored.checksum:
        raise ArtifactDamaged(kind, "changed", f"{what} is no longer what was stored: {stored.uri}")


def _read_checksum(kind: ArtifactKind, what: str, uri: str, artifacts: ArtifactStore) -> str:
    try:
        return artifacts.read_checksum(uri)
    except NotFound as error:
        raise ArtifactDamaged(kind, "missing", f"{what} is gone from the bucket: {uri}") from error
