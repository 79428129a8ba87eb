"""The sheet document: one picture of somebody or something as it looks in the whole film."""

from datetime import datetime
from typing import Literal, TypedDict, Unpack

from promptreel.domain.document import Document, OptionalText, Part, Problem, UtcDatetime

SheetKind = Literal["character", "place", "prop", "product"]
SHEET_PX = (1280, 720)
"""Width and height of a sheet: its views stand side by side."""
_PURPOSE = "sheet/"


class SheetImage(Part):
    """A stored sheet, and the digest of what it was made from."""

    uri: str
    digest: str
    checksum: OptionalText = None  # of its content, as stored


class SheetChanges(TypedDict, total=False):
    """The fields of a sheet that a write may change."""

    description: str
    views: tuple[str, ...]
    take: int
    image: SheetImage | None
    redraw: bool
    problem: Problem | None
    updated: datetime


class Sheet(Document):
    """One sheet. Without its problem it is drawn before the keyframes; with it they are drawn without it."""

    id: str
    number: int  # its place among the film's sheets, from 1
    kind: SheetKind
    name: str
    description: str
    views: tuple[str, ...]  # what it shows side by side, such as front and side
    take: int = 1  # raised when what it is drawn from changes
    image: SheetImage | None = None
    redraw: bool = False  # the image is to be replaced; the old one is kept until then
    problem: Problem | None = None  # why it was given up
    created: UtcDatetime
    updated: UtcDatetime

    def evolve(self, **changes: Unpack[SheetChanges]) -> "Sheet":
        """The sheet with these fields changed."""
        return self._copy_with(changes)

    @property
    def purpose(self) -> str:
        """The purpose of the calls that draw it."""
        return f"{_PURPOSE}{self.id}"

    @property
    def drawn(self) -> SheetImage | None:
        """The image to use; None when it is to be drawn, or to be drawn again."""
        return None if self.redraw else self.image

    def find_checksum(self, uri: str) -> str | None:
        """The checksum of the image at this address, as stored; None unless it is the sheet's."""
        return self.drawn.checksum if self.drawn is not None and self.drawn.uri == uri else None

    @property
    def is_awaited(self) -> bool:
        """Whether it is still to be drawn."""
        return self.drawn is None and self.problem is None


def find_sheet_id(purpose: str) -> str | None:
    """The id of the sheet that a call of this purpose draws; None for every other purpose."""
    return purpose.removeprefix(_PURPOSE) if purpose.startswith(_PURPOSE) else None
