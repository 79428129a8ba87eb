"""The models that write, draw and film: requests, results and the protocol of each.

Paid calls end in `Unpaid`, `Refused` or `AnswerLost` when they do not answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel

from promptreel.domain.models import Aspect, ImageSize, Resolution
from promptreel.domain.tariffs import ReportedUsage
from promptreel.errors import PromptreelError


@dataclass(frozen=True, slots=True)
class TextRequest:
    """What the writer is asked."""

    model: str
    instruction: str
    prompt: str
    schema: type[BaseModel]
    seed: int
    max_output_tokens: int
    thinking_level: str


@dataclass(frozen=True, slots=True)
class TextResult:
    """The writer's answer: text as it came, not yet believed."""

    text: str
    usage: ReportedUsage


@dataclass(frozen=True, slots=True)
class Declined:
    """The model answered without output, and the answer is billed: refused in words, filtered, or cut off."""

    reason: str
    codes: tuple[str, ...]
    usage: ReportedUsage


class TextGenerator(Protocol):
    """A model that writes."""

    @property
    def location(self) -> str:
        """Where the model is called: its price depends on it."""

    def generate_text(self, request: TextRequest, timeout_s: float) -> TextResult | Declined:
        """One paid call. Raises: Unpaid, Refused, AnswerLost."""


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What the painter is asked. References are ``gs://`` addresses of PNG pictures it must see, in this order."""

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
    """A PNG picture of exactly the frame's size, whatever size the model drew, which is ``drawn_px``."""

    data: bytes
    usage: ReportedUsage
    drawn_px: tuple[int, int]


class ImageGenerator(Protocol):
    """A model that draws."""

    @property
    def location(self) -> str:
        """Where the model is called: its price depends on it."""

    def generate_image(self, request: ImageRequest, timeout_s: float) -> ImageResult | Declined:
        """One paid call. Raises: Unpaid, Refused, AnswerLost."""


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """What the filmer is asked: from the first picture to the last, in whole seconds."""

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
class Running:
    """The operation has not ended."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The clip is in the bucket."""

    uri: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The operation ended without a clip and without a bill: filtered, or failed. ``codes`` say which remedy fits."""

    reason: str
    codes: tuple[str, ...]


OperationState = Running | Succeeded | Failed


class VideoGenerator(Protocol):
    """A model that films."""

    def submit(self, request: VideoRequest, output_uri: str, timeout_s: float) -> str:
        """One paid call; answers the operation's full name. Raises: Unpaid, Refused, AnswerLost."""

    def poll_all(self, operations: Iterable[str], within_s: float) -> Mapping[str, OperationState | PromptreelError]:
        """Poll these operations at the same time; free and repeatable.

        Returns: what is known of each after at most ``within_s`` seconds: its state, or why its poll failed (NotFound
        when the operation is unknown). Operations whose poll has not been answered by then are left out.
        """
