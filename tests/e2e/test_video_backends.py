"""The same requests on every video backend: lengths to the frame, both keyframes in every clip, and what it cost."""

from pathlib import Path
from typing import Any

import av
import pytest

from localcloud.tests import loopback
from tests.e2e import pictures
from tests.e2e.stack import OMNI, Stack

VEO, KLING = "veo-3.1-generate-001", "kwaivgi/kling-v3-video"
FPS = 24
ODD_SCENE = {"scenes": 1, "duration_s": 7}
TWO_SCENES = {"scenes": 2, "duration_s": 12}
CLIPS_S = {VEO: [8, 6, 6], OMNI: [7, 6, 6], KLING: [7, 6, 6]}
"""Seconds of the clips of both films: Veo films 4, 6 or 8 s, the others any whole number."""


class Films:
    """Both films on each backend, and what the stand-ins billed for all of them."""

    def __init__(self, stack: Stack) -> None:
        stack.wait_until_idle()
        before = len(stack.bill()), len(stack.replicate_bill())
        ids = {
            model: [
                stack.submit("A heron lands on a misty lake, then flies off", models={"video": model}, **lengths)
                for lengths in (ODD_SCENE, TWO_SCENES)
            ]
            for model in CLIPS_S
        }
        self.jobs = {model: [stack.wait(one) for one in both] for model, both in ids.items()}
        self.calls = {
            model: [call for one in both for call in stack.ledger(one)["calls"]] for model, both in ids.items()
        }
        self.vertex, self.replicate = stack.bill()[before[0] :], stack.replicate_bill()[before[1] :]

    def clips(self, model: str) -> list[dict[str, Any]]:
        """The scenes of both films, in order."""
        return [scene for job in self.jobs[model] for scene in job["scenes"]]


@pytest.fixture(scope="module")
def films(shared_stack: Stack) -> Films:
    made = Films(shared_stack)
    assert [job["error"] for both in made.jobs.values() for job in both if job["state"] != "COMPLETE"] == []
    return made


@pytest.mark.parametrize("model", CLIPS_S)
def test_film_has_the_requested_frames_when_it_is_filmed_by(films: Films, model: str, tmp_path: Path) -> None:
    odd, two = films.jobs[model]

    assert [odd["output"]["frames"], two["output"]["frames"]] == [7 * FPS, 12 * FPS]
    assert count_frames(download(odd["output"]["film"]["url"], tmp_path / "film.mp4")) == 7 * FPS
    assert odd["planned_frames"] == 7 * FPS


@pytest.mark.parametrize("model", CLIPS_S)
def test_clip_has_a_length_that_its_model_films_and_shows_both_keyframes(
    films: Films, model: str, tmp_path: Path
) -> None:
    found = []
    for number, scene in enumerate(films.clips(model)):
        clip = download(scene["clip"]["url"], tmp_path / f"{number}.mp4")
        last = count_frames(clip) - 1
        shown = pictures.frames(clip, {0, last})
        start, end = (
            pictures.from_bytes(loopback.get(scene["keyframes"][frame]["url"]).content) for frame in ("start", "end")
        )
        assert pictures.psnr(shown[0], start) > 25
        assert pictures.psnr(shown[last], end) > 25
        assert pictures.psnr(start, end) < 25, "the keyframes must differ for this to show anything"
        found.append((last + 1) / FPS)

    assert found == CLIPS_S[model]


def test_ledgers_equal_the_bills_of_each_provider_to_the_micro_dollar(films: Films) -> None:
    video = {
        model: sum(call["cost_micros"] for call in calls if call["kind"] == "video")
        for model, calls in films.calls.items()
    }
    others = sum(call["cost_micros"] for calls in films.calls.values() for call in calls if call["kind"] != "video")

    assert {model: sum(line["micros"] for line in films.vertex if line["model"] == model) for model in (VEO, OMNI)} == {
        model: video[model] for model in (VEO, OMNI)
    }
    assert sum(line["micros"] for line in films.replicate) == video[KLING] == (7 + 6 + 6) * 126_000
    assert video[VEO] == (8 + 6 + 6) * 400_000
    assert sum(line["micros"] for line in films.vertex) == video[VEO] + video[OMNI] + others


def test_lost_submit_is_found_in_the_list_and_paid_once(stack: Stack) -> None:
    before = len(stack.replicate_bill())
    lost = {"model": KLING, "method": "models.predictions.create", "fault": "reset_after", "nth": [1]}
    stack.replicate("POST", "faults", [lost])

    job = stack.wait(stack.submit("A heron lands on a misty lake", models={"video": KLING}, **ODD_SCENE))

    assert job["state"] == "COMPLETE", job["error"]
    (line,) = stack.replicate_bill()[before:]
    (call,) = [one for one in stack.ledger(job["id"])["calls"] if one["kind"] == "video"]
    assert (line["outcome"], line["micros"]) == ("answer_lost", 7 * 126_000)
    assert (call["operation"], call["cost_micros"]) == (line["operation"], line["micros"])
    assert [one["outcome"] for one in job["scenes"][0]["attempts"]] == ["delivered"]


def download(url: str, path: Path) -> Path:
    path.write_bytes(loopback.get(url).raise_for_status().content)
    return path


def count_frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))
