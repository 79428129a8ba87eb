"""A set of drawn films, most with one keyframe that drifts: what the judge finds through the real request.

The stand-in paints and judges. That says that request, answer and redraws work, and nothing about a real model's eyes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import pytest

from localcloud.tests import loopback
from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import FakeVertex
from localcloud.vertex.picture.paint import PictureRequest, paint
from promptreel.domain import continuity, prompts
from promptreel.domain.continuity import FilmKeyframe
from promptreel.domain.job import FilmStyle, Job, Plan
from promptreel.domain.models import registry
from promptreel.domain.picture_inputs import PictureInput
from promptreel.domain.scene import Keyframe, Scene
from promptreel.domain.states import JobState
from promptreel.domain.storyboard import Character, Setting
from promptreel.domain.verdict import Verdict, parse_verdict
from promptreel.ports.models import ImageRequest, ImageResult, TextRequest, TextResult
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.job_lifecycle import JobRun
from tests.contract.adapters.test_gemini_adapter import LoopbackGemini
from tests.factories import a_scene
from tests.fakes.artifacts import MemoryArtifacts
from tests.fakes.models import PICTURE_USAGE, a_storyboard, reported
from tests.fakes.services import FakeServices

PLACES = ("the sea", "a street in the city", "the forest", "a mountain", "a meadow on a hill")
LIGHTS = ("at dawn", "at noon", "at dusk", "at night", "in a storm")
COATS = (("yellow", "raincoat"), ("blue", "jumper"), ("red", "coat"), ("purple", "cloak"))
PROPS = (("red", "umbrella"), ("teal", "suitcase"), ("orange", "kite"), ("green", "bag"))
SHOTS = ("wide shot", "close to her", "from above", "seen from the side")
OTHER_LIGHT = {"at dawn": "at night", "at noon": "at night", "at dusk": "at noon", "at night": "at noon"}
SIZE_PX = (344, 192)
TEXT = registry().text_model("gemini-3.8-flash")


@dataclass(frozen=True)
class Example:
    """A film of three scenes; ``planted`` is what is painted otherwise in the keyframe of this number, from 0."""

    number: int
    place: str
    light: str
    coat: tuple[str, str]
    prop: tuple[str, str]
    planted: str
    at: int
    with_sheets: bool

    @property
    def story(self) -> list[str]:
        """What each of its four keyframes is to show."""
        prop = " ".join(self.prop)
        acts = (
            f"Ada stands with her {prop}",
            f"Ada lifts the {prop}",
            f"Ada walks on, the {prop} beside her",
            "Ada rests",
        )
        return [
            f"{act} by {self.place} {self.light}, {shot}" + ("" if prop in act else f", the {prop} near her")
            for act, shot in zip(acts, SHOTS, strict=True)
        ]

    @property
    def cast(self) -> str:
        return f"a girl in a {' '.join(self.coat)}"

    def spoil(self, prompt: str) -> str:
        """The prompt that is painted instead of the right one."""
        other = next(colour for colour, _ in COATS if colour not in {self.coat[0], self.prop[0]})
        return {
            "coat": prompt.replace(" ".join(self.coat), f"{other} {self.coat[1]}"),
            "prop": prompt.replace(" ".join(self.prop), "empty hands"),
            "light": prompt.replace(self.light, OTHER_LIGHT.get(self.light, "at night")),
            "none": prompt,
        }[self.planted]


def _examples() -> Iterator[Example]:
    kinds = ("coat", "prop", "light", "none")
    for number, (place, light) in enumerate(product(PLACES, LIGHTS)):
        for turn in range(3):
            at = number * 3 + turn
            coat, prop = COATS[at % 4], PROPS[(at // 2) % 4]
            if coat[0] == prop[0]:
                prop = PROPS[(at // 2 + 1) % 4]
            yield Example(at, place, light, coat, prop, kinds[(at + at // 4) % 4], (at // 3) % 4, at % 2 == 0)


EXAMPLES = list(_examples())


def a_plan(example: Example) -> Plan:
    return Plan(
        title="Ada",
        storyboard_uri="gs://films/s",
        style_guide=FilmStyle(visual_style="gouache", palette=["warm", "cool"], camera="slow"),
        characters=(Character(name="Ada", description=example.cast),),
        settings=(Setting(name=example.place, description="as it always was"),),
        text_model=TEXT.id,
        image_model="gemini-3.1-flash-image",
        video_model="gemini-omni-1.2-flash",
        aspect="16:9",
        resolution="720p",
        fps=24,
        planned_frames=288,
        transition_kind="cut",
        transition_frames=0,
        waves=(),
    )


def painted(prompt: str, seed: str, references: tuple[bytes, ...] = ()) -> bytes:
    return paint(PictureRequest(prompt, references, "1K", *SIZE_PX, seed))


def lay_in(example: Example, store: ObjectStore) -> tuple[Plan, list[Scene], list[PictureInput]]:
    """The film with its keyframes in the bucket, each painted from the prompt that is sent for it, one spoiled."""
    plan, image = a_plan(example), registry().image_model("gemini-3.1-flash-image")
    told = example.story
    scenes = [
        a_scene(n, description="Ada is on her way.", start_prompt=told[n - 1], end_prompt=told[n], characters=["Ada"])
        for n in (1, 2, 3)
    ]
    keyframes: list[Keyframe] = []
    before: tuple[bytes, ...] = ()
    for at in range(4):
        scene, frame = scenes[max(0, at - 1)], "start" if at == 0 else "end"
        prompt = prompts.keyframe_prompt(plan, scene, frame, image).text  # type: ignore[arg-type]
        content = painted(example.spoil(prompt) if at == example.at else prompt, f"{example.number}", before)
        before = (content,)
        uri = store.put(f"examples/{example.number}/{at}.png", content, "image/png")
        keyframes.append(Keyframe(uri=uri, digest=str(at), checksum=f"{example.number}-{at}"))
    drawn = [scene.with_edit({"start": keyframes[n], "end": keyframes[n + 1]}) for n, scene in enumerate(scenes)]
    if not example.with_sheets:
        return plan, drawn, []
    sheet = store.put(
        f"examples/{example.number}/sheet.png", painted(f"Sheet of Ada, {example.cast}", "s"), "image/png"
    )
    return plan, drawn, [PictureInput("Ada, seen from several sides", "Ada", sheet, "sheet")]


def judge(gemini: LoopbackGemini, plan: Plan, scenes: list[Scene], looks: list[PictureInput]) -> list[FilmKeyframe]:
    """The keyframes with the verdicts that came through the adapter."""
    keyframes = continuity.list_keyframes(scenes)
    (question,) = continuity.list_questions(plan, keyframes, looks, TEXT)
    request = TextRequest(
        model=TEXT.id,
        instruction=prompts.JUDGE_INSTRUCTION,
        prompt=prompts.check_prompt(plan, [one.label for one in question.pictures], list(question.judged)),
        schema=Verdict,
        seed=7,
        max_output_tokens=8192,
        thinking_level=TEXT.thinking_level,
        pictures=tuple(one.uri for one in question.pictures),
    )
    answer = gemini.generate_text(request, 60.0)
    assert isinstance(answer, TextResult)
    verdicts = continuity.to_verdicts(question, parse_verdict(answer.text, question.judged), 1)
    for keyframe, verdict in verdicts:
        at = next(index for index, scene in enumerate(scenes) if scene.id == keyframe.scene.id)
        scenes[at] = scenes[at].evolve(verdicts=(*scenes[at].verdicts, verdict))
    return continuity.list_keyframes(scenes)


def test_judge_finds_nine_of_ten_planted_drifts_and_raises_one_false_alarm_in_ten_at_most(
    vertex: FakeVertex, object_store: ObjectStore
) -> None:
    gemini = LoopbackGemini(vertex, "global")
    planted, found, alarms, sound, topics, chosen_right = 0, 0, 0, 0, 0, 0
    for example in EXAMPLES:
        keyframes = judge(gemini, *lay_in(example, object_store))
        failing = {at for at, one in enumerate(keyframes) if one.verdict is not None and not one.verdict.passes}
        drifting = {example.at} if example.planted != "none" else set()
        planted += len(drifting)
        found += len(drifting & failing)
        sound += 4 - len(drifting)
        alarms += len(failing - drifting)
        chosen = {keyframes.index(one) for one in continuity.choose_redraws(keyframes)}
        chosen_right += chosen == drifting
        worst = {"coat": "clothing", "prop": "props"}.get(example.planted, example.planted)
        verdict = keyframes[example.at].verdict
        topics += bool(drifting & failing) and verdict is not None and verdict.worst == worst

    measured = (
        f"{found} of {planted} found, {alarms} alarms on {sound}, {topics} of the right aspect, {chosen_right} right"
    )
    assert len(EXAMPLES) >= 60
    assert found >= 0.9 * planted, measured
    assert alarms <= 0.1 * sound, measured
    assert topics >= 0.9 * found, measured
    assert chosen_right >= 0.9 * len(EXAMPLES), measured


class StoredArtifacts(MemoryArtifacts):
    """Artifacts that the stand-in can read too."""

    store: ObjectStore

    def put(self, path: str, data: bytes, content_type: str) -> str:
        uri = super().put(path, data, content_type)
        url = f"{self.store.url}/upload/storage/v1/b/artifacts/o"
        loopback.post(url, params={"uploadType": "media", "name": path}, content=data).raise_for_status()
        return uri


class Painter:
    """Paints what it is told; the picture that is drawn at this place the first time is spoiled."""

    location = "global"

    def __init__(self, example: Example) -> None:
        self.example, self.drawn = example, 0

    def connect(self) -> None:
        pass

    def generate_image(self, request: ImageRequest, timeout_s: float) -> ImageResult:
        prompt = self.example.spoil(request.prompt) if self.drawn == self.example.at else request.prompt
        self.drawn += 1
        content = painted(prompt, str(request.seed))
        return ImageResult(content, reported(PICTURE_USAGE), request.frame_px, request.frame_px)


@pytest.mark.parametrize("planted", ["coat", "prop", "light", "none"])
def test_step_draws_exactly_the_planted_keyframe_again(
    vertex: FakeVertex, object_store: ObjectStore, planted: str
) -> None:
    loopback.post(f"{object_store.url}/storage/v1/b", json={"name": "artifacts"})
    example = next(one for one in EXAMPLES if (one.planted, one.light) == (planted, "at noon") and one.at)
    world = FakeServices()
    artifacts = StoredArtifacts(world.clock)
    artifacts.store = object_store
    world.artifacts = artifacts
    told = example.story
    job = _planned(world, example, told)
    world.text = LoopbackGemini(vertex, "global")  # type: ignore[assignment]
    world.images = Painter(example)  # type: ignore[assignment]
    world.draw_all(job)
    for _ in range(10):
        checked = world.check_continuity(JobRun(job.id, job.run))
        if checked.state == "done":
            break
        for wave in checked.waves:
            for item in wave.items:
                world.draw_keyframe(DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take))

    calls = [read.value for read in world.jobs.list_calls(job.id) if read.value.kind == "image"]
    again = [call.purpose for call in calls if call.attempt > 1]
    assert again == ([f"keyframe/scene-0{example.at}/end"] if planted != "none" else [])
    after = world.jobs.get_job(job.id).value
    assert (after.state, after.check and after.check.state) == (JobState.VIDEO_GEN, "passed")


def _planned(world: FakeServices, example: Example, told: list[str]) -> Job:
    """A job with the example's storyboard."""
    scenes = [
        {
            "description": "Ada is on her way.",
            "start_frame_prompt": told[n],
            "end_frame_prompt": told[n + 1],
            "motion_prompt": "She moves.",
            "transition_note": "cut",
            "characters": ["Ada"],
        }
        for n in range(3)
    ]
    board = a_storyboard(scenes=3, characters=[{"name": "Ada", "description": example.cast}], settings=[]) | {
        "scenes": scenes,
        "style_guide": {"visual_style": "gouache", "palette": ["warm", "cool"], "camera": "slow"},
    }
    world.text.answers = [json.dumps(board)]
    return world.planned(checks=True)
