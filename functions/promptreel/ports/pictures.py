"""Pictures that people bring, as the use cases need them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from promptreel.domain.own_frames import FrameFit

UploadMethod = Literal["PUT", "POST"]


@dataclass(frozen=True, slots=True)
class CleanPicture:
    """A picture encoded anew: a PNG, sRGB with 8 bits a channel, opaque, upright, without metadata.

    ``remarks`` say what was changed that a person may see, as sentences.
    """

    png: bytes
    width_px: int
    height_px: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What a file is that was decoded as a picture: its real type, and its size in pixels once it is upright.

    ``remarks`` say what is changed, that a person may see, when it is used.
    """

    content_type: str
    width_px: int
    height_px: int
    remarks: tuple[str, ...] = ()


class PictureCleaner(Protocol):
    """Opens pictures of unknown origin."""

    def clean(self, data: bytes, field: str, longest_px: int) -> CleanPicture:
        """The picture in these bytes, scaled down so that no side is longer than ``longest_px``.

        ``field`` of the request is named in messages. Raises: Invalid naming the field, the limit and the way out.
        """

    def inspect(self, data: bytes, field: str) -> PictureFacts:
        """Decode a picture and say what it is; refuses what `clean` refuses. Raises: Invalid."""

    def read_pixels(self, data: bytes, width_px: int) -> Sequence[tuple[int, int, int]]:
        """The pixels of a picture that promptreel has stored, scaled down to so many in a row: red, green, blue."""

    def fit(self, data: bytes, frame_px: tuple[int, int], fit: FrameFit, colour: str | None = None) -> bytes:
        """A stored picture as a PNG of exactly this size; ``colour`` is that of the bars of ``pad``.

        Raises: AnswerLost when the bytes are no picture.
        """


class PictureUploads(Protocol):
    """The bucket into which people upload pictures, and other buckets of the deployment with pictures."""

    @property
    def shared_buckets(self) -> frozenset[str]:
        """Buckets whose pictures everybody who may ask for films may use."""

    def uri(self, name: str) -> str:
        """Return the address of an upload: ``gs://bucket/name``."""

    def sign_upload(self, uri: str, method: UploadMethod, headers: Mapping[str, str], expires_s: int) -> str:
        """Return a link for one request with exactly these headers: it writes the object, or starts a session."""

    def read(self, uri: str, max_bytes: int) -> bytes:
        """Read an object of any bucket that this account may read. Raises: NotFound; NotAllowed; TooLarge."""


class Unfetchable(Exception):
    """An address on the web gave no file; the message says why, to follow the address."""


class Web(Protocol):
    """Files at public https addresses."""

    def fetch(self, url: str, max_bytes: int, timeout_s: float) -> bytes:
        """Read a file without sending any credential. Raises: Unfetchable."""
