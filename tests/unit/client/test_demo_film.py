"""The demo's checks: a correct film passes, and each single defect is named."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from examples.demo import Stages
from examples.demo_film import Film, faults, measure, paid_calls
from examples.demo_sheet import Row, contact_sheet

RIGHT = Film("h264", "aac", 1280, 720, 24.0, 768, 0.5)


@pytest.fixture
def finished(
    job_json: Callable[..., Any], scene_json: Callable[..., Any], film_output: dict[str, Any]
) -> Callable[..., Any]:
    """Build a complete job, with overrides."""

    def build(**overrides: Any) -> Any:
        job = job_json(
            state="COMPLETE",
            scenes=[scene_json(number, drawn=2, state="DONE") for number in (1, 2, 3)],
            budget={"limit_usd": "25.00", "reserved_usd": "0.00", "spent_usd": "3.201250"},
            planned_frames=768,
            output=film_output,
        )
        return job | overrides

    return build


@pytest.fixture
def bill() -> Callable[..., Any]:
    """Build a ledger of two paid calls and a released one, with its total."""

    def build(spent_micros: int = 3_201_250, state: str = "SETTLED") -> Any:
        return {
            "calls": [
                {
                    "state": state,
                    "reserved_micros": 9,
                    "cost_micros": 1_250,
                    "counted_micros": 1_250,
                    "counted_as": "spent",
                },
                {
                    "state": state,
                    "reserved_micros": 9,
                    "cost_micros": 3_200_000,
                    "counted_micros": 3_200_000,
                    "counted_as": "spent",
                },
                {
                    "state": "RELEASED",
                    "reserved_micros": 9,
                    "cost_micros": 0,
                    "counted_micros": 0,
                    "counted_as": "spent",
                },
            ],
            "totals": {"limit_micros": 25_000_000, "reserved_micros": 0, "spent_micros": spent_micros},
        }

    return build


def test_faults_are_empty_for_a_correct_film(finished: Callable[..., Any], bill: Callable[..., Any]) -> None:
    assert faults(RIGHT, finished(), bill()) == []
    assert paid_calls(bill()) == 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"video_codec": "hevc"}, "not H.264"),
        ({"audio_codec": ""}, "missing, not AAC"),
        ({"peak": 0.0}, "silent"),
        ({"width_px": 1278}, "1278x720"),
        ({"fps": 25.0}, "25 frames a second"),
        ({"frames": 767}, "767 frames, 768 were planned"),
    ],
)
def test_faults_name_each_single_defect(
    finished: Callable[..., Any], bill: Callable[..., Any], changed: dict[str, Any], message: str
) -> None:
    assert any(message in fault for fault in faults(dataclasses.replace(RIGHT, **changed), finished(), bill()))


def test_faults_name_a_wrong_aspect_ratio(finished: Callable[..., Any], bill: Callable[..., Any]) -> None:
    upright = finished(request={"prompt": "Rain", "resolution": "720p", "aspect": "9:16"})

    assert faults(RIGHT, upright, bill()) == ["The picture is 1280x720."]
    assert faults(dataclasses.replace(RIGHT, width_px=720, height_px=1280), upright, bill()) == []


def test_faults_name_a_film_longer_than_the_job_reports(
    finished: Callable[..., Any], bill: Callable[..., Any], film_output: dict[str, Any]
) -> None:
    job = finished(output=film_output | {"frames": 700})

    assert faults(RIGHT, job, bill()) == ["The film has 768 frames, the job says 700."]


def test_faults_name_missing_scenes(
    finished: Callable[..., Any], bill: Callable[..., Any], scene_json: Callable[..., Any]
) -> None:
    short = finished(scenes=[scene_json(1, state="DONE"), scene_json(2, state="FAILED")])

    assert faults(RIGHT, short, bill()) == [
        "The film has 2 scenes, not 3 or more.",
        "Only 1 of 2 scenes are DONE.",
    ]


def test_faults_name_a_ledger_that_does_not_add_up(finished: Callable[..., Any], bill: Callable[..., Any]) -> None:
    assert len(faults(RIGHT, finished(), bill(spent_micros=3_201_251))) == 2
    assert faults(RIGHT, finished(), bill(state="LOST"))[0] == "No call was paid, so nothing was made."


def test_measure_counts_decoded_frames_and_samples(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=24)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("aac", rate=48_000)
        for shade in range(36):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), shade * 7, np.uint8), format="rgb24")
            container.mux(video.encode(picture))
        wave = np.sin(np.linspace(0, 3000, 48_000, dtype=np.float32))[None] * np.float32(0.5)
        tone = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        tone.sample_rate = 48_000
        container.mux(sound.encode(tone))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))

    film = measure(path)

    assert dataclasses.replace(film, peak=0.5) == Film("h264", "aac", 64, 48, 24.0, 36, 0.5)
    assert 0.2 < film.peak < 0.6  # the encoder spreads one channel over two
    assert film.duration_s == 1.5


def test_contact_sheet_has_a_labelled_row_per_scene(tmp_path: Path) -> None:
    for name, colour in (("a", "red"), ("b", "blue")):
        Image.new("RGB", (160, 90), colour).save(tmp_path / f"{name}.png")
    images = (tmp_path / "a.png", tmp_path / "b.png")

    sheet = contact_sheet([Row("1  Dusk " * 40, images), Row("2  Dawn", images[:1])], tmp_path / "sheet.jpg")

    with Image.open(sheet) as page:
        pixels = np.asarray(page)

    assert pixels.shape == (566, 848, 3)
    assert [int(pixels[150, x].argmax()) for x in (200, 640)] == [0, 2]  # red, blue
    assert int(pixels[450, 640].max()) < 40  # the second row has one image
    assert int(pixels[:50].max()) > 200  # the label above the first row


def test_stages_add_up_seconds_when_a_job_returns_to_a_stage() -> None:
    ticks = iter([0.0, 1.0, 3.0, 7.0, 8.0])
    states: Any = [{"state": state} for state in ("KEYFRAMES", "VIDEO_GEN", "KEYFRAMES", "COMPLETE")]
    stages = Stages(clock=lambda: next(ticks))

    assert list(stages.measure(states)) == states

    assert stages.seconds == {"PENDING": 1.0, "KEYFRAMES": 3.0, "VIDEO_GEN": 4.0}
    assert stages.makespan_s == 8.0
