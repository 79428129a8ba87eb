"""Pictures that people bring, as the use cases need them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from promptreel.domain.own_frames import FrameFit


@dataclass(frozen=True, slots=True)
class CleanPicture:
    """A picture encoded anew: a PNG, sRGB with 8 bits a channel, opaque, upright, without metadata.

    ``remarks`` say what was changed that a person may see, as sentences.
    """

    png: bytes
    width_px: int
    height_px: int
    remarks: tuple[str, ...] = ()


class PictureCleaner(Protocol):
    """Opens pictures of unknown origin."""

    def clean(self, data: bytes, field: str, longest_px: int) -> CleanPicture:
        """The picture in these bytes, scaled down so that no side is longer than ``longest_px``.

        ``field`` of the request is named in messages. Raises: Invalid naming the field, the limit and the way out.
        """

    def read_pixels(self, data: bytes, width_px: int) -> Sequence[tuple[int, int, int]]:
        """The pixels of a picture that promptreel has stored, scaled down to so many in a row: red, green, blue."""

    def fit(self, data: bytes, frame_px: tuple[int, int], fit: FrameFit, colour: str | None = None) -> bytes:
        """A stored picture as a PNG of exactly this size; ``colour`` is that of the bars of ``pad``.

        Raises: AnswerLost when the bytes are no picture.
        """
