"""One stitching of one cut list: a lease while it is made, its result for good. Named by the digest of its input."""

from typing import Literal

from promptreel.domain.call import Lease
from promptreel.domain.document import Document, Part, UtcDatetime
from promptreel.domain.job import Output


class RenderedClip(Part):
    """A clip that is made beside the film: a still, an animatic, a preview. ``frames`` at the plan's rate."""

    uri: str
    frames: int


class Render(Document):
    """``renders/{digest}``. A retry lands on another instance: the lease keeps two from making the same film."""

    id: str
    job: str
    state: Literal["RENDERING", "DONE"] = "RENDERING"
    lease: Lease | None = None
    output: Output | None = None
    clip: RenderedClip | None = None
    warnings: tuple[str, ...] = ()
    created: UtcDatetime
    updated: UtcDatetime

    @property
    def is_done(self) -> bool:
        """Whether its result is stored."""
        return self.output is not None or self.clip is not None

    def evolve(self, **changes: object) -> "Render":
        """The render with these fields changed."""
        return self._copy_with(changes)
