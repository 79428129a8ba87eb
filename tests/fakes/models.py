"""The models as fakes: they count what they are paid for and fail on order, once per laid-in error."""

import io
import json
import re
from collections.abc import Iterable, Mapping

from PIL import Image

from promptreel.domain.models import GLOBAL, TokenUsage
from promptreel.domain.storyboard import Storyboard, StoryboardChapter
from promptreel.domain.tariffs import ReportedUsage
from promptreel.domain.treatment import Treatment
from promptreel.domain.verdict import ASPECTS, Verdict
from promptreel.errors import CallFailed, PromptreelError
from promptreel.ports.models import (
    Declined,
    Failed,
    ImageRequest,
    ImageResult,
    LostSubmit,
    Operation,
    OperationState,
    Running,
    Succeeded,
    TextRequest,
    TextResult,
    VideoRequest,
)
from tests.fakes.artifacts import MemoryArtifacts

USAGE = TokenUsage(input=1000, output=2000)
PICTURE_USAGE = TokenUsage(input=500, output=40, picture=1120)


def reported(usage: TokenUsage) -> ReportedUsage:
    """The same tokens as a provider reports them."""
    return ReportedUsage(input=usage.input, output=usage.output + usage.picture, picture=usage.picture)


def a_storyboard(scenes: int = 3, **changes: object) -> dict[str, object]:
    """A storyboard as the writer would answer."""
    return {
        "title": "The keeper",
        "style_guide": {"visual_style": "oil on board", "palette": ["teal", "amber"], "camera": "slow"},
        "characters": [{"name": "Mira", "description": "grey coat, red scarf"}],
        "settings": [{"name": "the lighthouse", "description": "white, on a rock"}],
        "scenes": [
            {
                "description": f"Scene {number} with Mira",
                "start_frame_prompt": f"start of {number}",
                "end_frame_prompt": f"end of {number}",
                "motion_prompt": f"motion of {number}",
                "transition_note": "cut",
            }
            for number in range(1, scenes + 1)
        ],
        **changes,
    }


def a_chapter(count: int, first: int) -> dict[str, object]:
    """Scenes of a long storyboard from this number on, as the writer would answer, with one new character."""
    shown = ["Mira", f"Guest {first}"]
    scenes: list[dict[str, object]] = a_storyboard(first + count - 1)["scenes"][first - 1 :]  # type: ignore[index]
    return {
        "characters": [{"name": name, "description": "a green hat"} for name in shown],
        "scenes": [{**scene, "characters": shown} for scene in scenes],
    }


def _answer_storyboard(request: TextRequest) -> dict[str, object]:
    asked = re.match(r"Write exactly (\d+) scenes, those with numbers (\d+)", request.prompt)
    if asked is None:
        return a_storyboard()
    count, first = int(asked[1]), int(asked[2])
    return a_storyboard(count) if request.schema is Storyboard else a_chapter(count, first)


MILDER_WORDS = {
    "description": "A milder scene",
    "start_frame_prompt": "a milder start",
    "end_frame_prompt": "a milder end",
    "motion_prompt": "a milder motion",
    "transition_note": "cut",
}


def a_verdict(request: TextRequest, **bad: str) -> dict[str, object]:
    """Good scores for every picture that is to be judged; ``bad`` says what drifts, by the words of its label."""
    labels = dict(re.findall(r"^Picture (\d+): (.*)$", request.prompt, re.MULTILINE))
    judged = re.findall(r"\d+", request.prompt.rpartition("Judge picture")[2])
    pictures: list[dict[str, object]] = []
    for number in judged:
        drift = next((words for name, words in bad.items() if name.replace("_", " ") in labels[number]), "")
        scores: dict[str, object] = {**dict.fromkeys(ASPECTS, 0.9), **({"clothing": 0.2} if drift else {})}
        pictures.append({"picture": int(number), **scores, "drift": drift, "worst": "clothing" if drift else "none"})
    return {"pictures": pictures}


TREATMENT: dict[str, object] = {"language": "en", "logline": "A keeper waits."}


class FakeTextGenerator:
    """Answers what was laid in, in order; then three scenes, a chapter, or a scene in milder words, for ever.

    Treatments are laid in and counted apart, because every film begins with one; without, the prompt says nothing. So
    are verdicts; without, every keyframe is good.
    """

    def __init__(self) -> None:
        self.location = GLOBAL
        self.requests: list[TextRequest] = []
        self.answers: list[str | Declined | CallFailed] = []
        self.treatment_requests: list[TextRequest] = []
        self.treatments: list[str | Declined | CallFailed] = []
        self.judge_requests: list[TextRequest] = []
        self.verdicts: list[str | Declined | CallFailed] = []
        self.billed: list[ReportedUsage] = []

    @property
    def calls(self) -> int:
        """Requests of every kind."""
        return len(self.requests) + len(self.treatment_requests) + len(self.judge_requests)

    def generate_text(self, request: TextRequest, timeout_s: float) -> TextResult | Declined:
        usual: Mapping[str, object] = TREATMENT
        if request.schema is Treatment:
            requests, answers = self.treatment_requests, self.treatments
        elif request.schema is Verdict:
            requests, answers, usual = self.judge_requests, self.verdicts, a_verdict(request)
        else:
            requests, answers = self.requests, self.answers
            is_board = request.schema in {Storyboard, StoryboardChapter}
            usual = _answer_storyboard(request) if is_board else MILDER_WORDS
        requests.append(request)
        answer = answers.pop(0) if answers else json.dumps(usual)
        if isinstance(answer, CallFailed):
            raise answer
        written = answer if isinstance(answer, Declined) else TextResult(answer, reported(USAGE))
        self.billed.append(written.usage)
        return written

    def connect(self) -> None:
        pass


def a_keyframe(frame_px: tuple[int, int] = (1280, 720), colour: tuple[int, int, int] = (200, 30, 7)) -> bytes:
    """A small PNG of one colour."""
    out, picture = io.BytesIO(), Image.new("P", frame_px)
    picture.putpalette(colour)
    picture.save(out, "PNG", bits=1)
    return out.getvalue()


class FakeImageGenerator:
    """Paints one colour per seed."""

    def __init__(self) -> None:
        self.location = GLOBAL
        self.requests: list[ImageRequest] = []
        self.failures: list[CallFailed | Declined] = []
        self.billed: list[ReportedUsage] = []
        self.billed_for: list[ImageRequest] = []  # the request of each
        self.shapes: list[tuple[int, int]] = []  # of the next pictures; the frame's own when there are none
        self.contents: list[tuple[int, int]] = []  # what is left of them without bars; all of it when there are none

    def connect(self) -> None:
        pass

    def generate_image(self, request: ImageRequest, timeout_s: float) -> ImageResult | Declined:
        self.requests.append(request)
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, CallFailed):
                raise failure
            self._bill(request, failure.usage)
            return failure
        data = a_keyframe(request.frame_px, (request.seed % 256, len(self.requests) % 256, 7))
        drawn_px = self.shapes.pop(0) if self.shapes else request.frame_px
        content_px = self.contents.pop(0) if self.contents else drawn_px
        painted = ImageResult(data, reported(PICTURE_USAGE), drawn_px, content_px)
        self._bill(request, painted.usage)
        return painted

    def _bill(self, request: ImageRequest, usage: ReportedUsage) -> None:
        self.billed.append(usage)
        self.billed_for.append(request)


class FakeVideoGenerator:
    """Takes every request; an operation runs until the test ends it."""

    def __init__(self, artifacts: MemoryArtifacts) -> None:
        self._artifacts = artifacts
        self.requests: list[VideoRequest] = []
        self.failures: list[CallFailed] = []
        self.states: dict[str, OperationState] = {}
        self.prefixes: dict[str, str] = {}
        self.listed: dict[str, Operation] = {}  # what `find` finds, by output address

    def connect(self, model_id: str) -> None:
        pass

    def submit(self, request: VideoRequest, output_uri: str, timeout_s: float) -> str:
        self.requests.append(request)
        if self.failures:
            raise self.failures.pop(0)
        operation = f"operations/{len(self.requests)}"
        self.states[operation] = Running()
        self.prefixes[operation] = output_uri
        return operation

    def find(self, lost: LostSubmit) -> Operation | None:
        return self.listed.get(lost.output_uri)

    def poll_all(
        self, operations: Iterable[Operation], within_s: float
    ) -> Mapping[str, OperationState | PromptreelError]:
        return {operation.name: self._outcome(operation.name) for operation in operations}

    def poll(self, operation: str) -> OperationState:
        """What one operation answers: a test may replace it."""
        return self.states[operation]

    def _outcome(self, operation: str) -> OperationState | PromptreelError:
        try:
            return self.poll(operation)
        except PromptreelError as error:
            return error

    def deliver(self, operation: str) -> str:
        """End an operation with a clip in the bucket; answers its URI."""
        path = f"{self.prefixes[operation].removeprefix(self._artifacts.uri(''))}123/sample_0.mp4"
        uri = self._artifacts.put(path, b"clip", "video/mp4")
        self.states[operation] = Succeeded(uri)
        return uri

    def filter(self, operation: str, code: str = "15236754") -> None:
        """End an operation by the safety filter."""
        self.states[operation] = Failed(f"Blocked. Support codes: {code}", (code,))
