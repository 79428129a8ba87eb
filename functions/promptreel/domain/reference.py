"""A user's own picture of somebody or something that the film shows, or of its style."""

from typing import Literal

from promptreel.domain.document import OptionalText, Part

ReferenceKind = Literal["character", "place", "product", "style"]


class Reference(Part):
    """A picture that was taken in with the request and is stored under the job, as PNG."""

    kind: ReferenceKind
    name: str
    description: OptionalText = None
    uri: str
    checksum: str
    width_px: int
    height_px: int
    source: str
    consent: OptionalText = None
