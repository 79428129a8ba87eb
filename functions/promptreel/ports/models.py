"""The models that generate text, images and video: requests, results and the protocol of each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel

from promptreel.domain.models import Aspect, ImageSize, Resolution, TokenUsage
from promptreel.domain.tariffs import ReportedUsage
from promptreel.errors import PromptreelError


@dataclass(frozen=True, slots=True)
class TextRequest:
    """One prompt with its instruction, the JSON schema of the answer, and limits.

    ``pictures`` are ``gs://`` addresses of PNG images that the model sees, in this order.
    """

    model: str
    instruction: str
    prompt: str
    schema: type[BaseModel]
    seed: int
    max_output_tokens: int
    thinking_level: str
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextResult:
    """The text of the answer, not yet validated against the schema."""

    text: str
    usage: ReportedUsage


@dataclass(frozen=True, slots=True)
class Declined:
    """The model answered without output, and the answer is billed: refused in words, filtered, or cut off."""

    reason: str
    codes: tuple[str, ...]
    usage: ReportedUsage


class Located(Protocol):
    """Models that are called in one location."""

    @property
    def location(self) -> str:
        """The location of the calls, on which their price depends."""

    def connect(self) -> None:
        """Import and make what a call needs, which takes seconds in a new process. Sends nothing.

        It comes before the claim: a process that is killed meanwhile leaves no call that was perhaps paid.
        """


class TextGenerator(Located, Protocol):
    """Text models."""

    def generate_text(self, request: TextRequest, timeout_s: float) -> TextResult | Declined:
        """Make one paid call. Raises: Unpaid (Throttled for the rate limit), Refused, AnswerLost (perhaps paid)."""


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One keyframe to draw. ``references`` are ``gs://`` addresses of PNG images that the model sees, in this order."""

    model: str
    prompt: str
    references: tuple[str, ...]
    aspect: Aspect
    size: ImageSize
    frame_px: tuple[int, int]
    seed: int
    max_output_tokens: int
    thinking_level: str


@dataclass(frozen=True, slots=True)
class ImageResult:
    """A PNG of exactly the frame's size; ``drawn_px`` is the size that the model drew.

    ``content_px`` is what was left of it without bars, which are in no result.
    """

    data: bytes
    usage: ReportedUsage
    drawn_px: tuple[int, int]
    content_px: tuple[int, int]


class ImageGenerator(Located, Protocol):
    """Image models."""

    def generate_image(self, request: ImageRequest, timeout_s: float) -> ImageResult | Declined:
        """Make one paid call. Raises: Unpaid (Throttled for the rate limit), Refused, AnswerLost (perhaps paid)."""


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """One clip between two stored keyframes; its length is in whole seconds."""

    model: str
    prompt: str
    first_uri: str
    last_uri: str
    seconds: int
    aspect: Aspect
    resolution: Resolution
    audio: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Operation:
    """One clip being made: its model, its name at the provider, and the address below which its clip is to lie."""

    model: str
    name: str
    output_uri: str


@dataclass(frozen=True, slots=True)
class LostSubmit:
    """A submit whose answer was lost, by what only it could have been given."""

    model: str
    output_uri: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Running:
    """The operation has not ended."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The clip is in the bucket. ``usage`` is what the provider counted, where the model is paid by tokens."""

    uri: str
    usage: TokenUsage | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The operation ended without a clip: filtered, or failed. ``codes`` decide the remedy.

    It is not billed, unless it reports ``usage``.
    """

    reason: str
    codes: tuple[str, ...]
    usage: TokenUsage | None = None


OperationState = Running | Succeeded | Failed


class VideoGenerator(Protocol):
    """Video models."""

    def connect(self, model_id: str) -> None:
        """As `Located.connect`, for calls of one model."""

    def submit(self, request: VideoRequest, output_uri: str, timeout_s: float) -> str:
        """Make one paid call whose clip is written below ``output_uri``.

        Returns: the operation's name at its provider.
        Raises: Unpaid (Throttled for the rate limit), Refused, AnswerLost (perhaps paid).
        """

    def find(self, lost: LostSubmit) -> Operation | None:
        """Find the operation of a submit whose answer was lost, where the provider lists them. Raises: Transient."""

    def poll_all(
        self, operations: Iterable[Operation], within_s: float
    ) -> Mapping[str, OperationState | PromptreelError]:
        """Poll these operations at the same time; free and repeatable.

        Returns: after at most ``within_s`` seconds, by name, the state of each operation or the error of its poll
            (NotFound when the operation is unknown). Operations whose poll was not answered by then are left out.
        """
