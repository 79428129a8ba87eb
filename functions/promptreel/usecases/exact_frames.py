"""The keyframes of a clip at exactly the size that its model films, as read from their stored bytes.

A keyframe is stored at that size; one that is not (stored by an earlier version, or for a model of other frames) is
fitted from the stored picture, free, because a model that is sent another size crops, stretches or refuses it.
"""

import logging
import struct

from promptreel.domain import identifiers
from promptreel.domain.scene import Keyframe, Scene
from promptreel.errors import AnswerLost, VersionConflict
from promptreel.services import Services
from promptreel.usecases.artifact_integrity import ArtifactDamaged

log = logging.getLogger(__name__)

_PNG = b"\x89PNG\r\n\x1a\n"
HEADER_BYTES = 24  # signature, and the width and height of the first chunk


def fit_keyframes(job_id: str, scene: Scene, frame_px: tuple[int, int], services: Services) -> tuple[str, str]:
    """The addresses of the scene's two keyframes at exactly this size.

    Idempotent: a fitted copy is named by what it was made from. Raises: ArtifactDamaged when one is no picture.
    """
    if scene.start is None or scene.end is None:
        raise VersionConflict(f"{scene.id}: its keyframes are being replaced.")
    folder = f"jobs/{job_id}/keyframes/{scene.id}"
    start = _fit(f"{folder}/start", scene.start, frame_px, services)
    return start, _fit(f"{folder}/end", scene.end, frame_px, services)


def png_size_px(data: bytes) -> tuple[int, int] | None:
    """Width and height that a PNG's first bytes name; None when they are no PNG's."""
    if len(data) < HEADER_BYTES or not data.startswith(_PNG) or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", data[16:HEADER_BYTES])
    return width, height


def _fit(path: str, keyframe: Keyframe, frame_px: tuple[int, int], services: Services) -> str:
    artifacts = services.artifacts
    stored_px = png_size_px(artifacts.read_start(keyframe.uri, HEADER_BYTES))
    if stored_px == frame_px:
        return keyframe.uri
    frame = "x".join(map(str, frame_px))
    try:
        fitted = services.pictures.fit(artifacts.get(keyframe.uri), frame_px, "crop")
    except AnswerLost as error:
        raise ArtifactDamaged("keyframe", "changed", f"{keyframe.uri} is no picture: {error}") from error
    log.warning("keyframe of %s fitted to %s: %s", stored_px, frame, keyframe.uri)
    digest = identifiers.digest(keyframe.digest, keyframe.checksum or "", frame)
    return artifacts.put(f"{path}-{digest}.png", fitted, "image/png")
