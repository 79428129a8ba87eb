"""A prompt becomes a film with the right format, content, cost and access."""

import hashlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import av
import pytest

from client.api import PromptreelClient
from localcloud.tests import loopback
from tests.e2e import pictures
from tests.e2e.stack import BY_VEO, Stack

PROMPT = (
    "A film of four scenes. Mira, the keeper in a grey coat, climbs the winding stairs. She lights the great lamp. "
    "A fishing boat turns away from the rocks. In the morning gulls circle the white tower."
)


@pytest.fixture(scope="module")
def film(shared_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """A complete job and its film, downloaded from the link in the API's answer."""
    job = shared_stack.wait(shared_stack.submit(PROMPT, scenes=4, duration_s=20))
    assert job["state"] == "COMPLETE", job["error"]
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    path.write_bytes(loopback.get(job["output"]["film"]["url"]).raise_for_status().content)
    return job, path


def test_film_is_h264_and_aac_of_the_right_size_rate_and_length_to_the_frame(
    film: tuple[dict[str, Any], Path],
) -> None:
    job, path = film
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        counted = sum(1 for _ in container.decode(video=0))

        assert (video.codec.canonical_name, audio.codec.canonical_name) == ("h264", "aac")
        assert (video.width, video.height) == (1280, 720)
        assert video.average_rate == Fraction(24)
    assert counted == job["planned_frames"] == job["output"]["frames"] == 20 * 24


def test_film_shows_each_scene_in_order_and_has_sound(film: tuple[dict[str, Any], Path]) -> None:
    job, path = film
    starts, position = [], 0
    for scene in job["scenes"]:
        starts.append(position)
        position += scene["frames"]
    shown = pictures.frames(path, set(starts))
    keyframes = [
        pictures.from_bytes(loopback.get(scene["keyframes"]["start"]["url"]).content) for scene in job["scenes"]
    ]

    recognised = [
        max(range(4), key=[pictures.psnr(shown[at], keyframe) for keyframe in keyframes].__getitem__) for at in starts
    ]

    assert recognised == [0, 1, 2, 3]
    assert min(pictures.psnr(shown[at], keyframe) for at, keyframe in zip(starts, keyframes, strict=True)) > 25
    assert pictures.has_sound(path)


def test_ledger_equals_the_bill_to_the_micro_dollar(stack: Stack, film: tuple[dict[str, Any], Path]) -> None:
    job, _ = film
    ledger = stack.ledger(job["id"])
    clips = [call for call in ledger["calls"] if call["kind"] == "video"]

    assert sum(line["micros"] for line in stack.bill(job["id"])) == sum(call["cost_micros"] for call in clips)
    assert ledger["totals"]["spent_micros"] == sum(call["cost_micros"] for call in ledger["calls"])
    assert ledger["totals"]["reserved_micros"] == 0
    assert {call["state"] for call in ledger["calls"]} == {"SETTLED"}


def test_poster_is_a_picture(film: tuple[dict[str, Any], Path]) -> None:
    job, _ = film

    assert pictures.from_bytes(loopback.get(job["output"]["poster"]["url"]).content).std() > 5


def test_link_of_the_film_serves_ranges(film: tuple[dict[str, Any], Path]) -> None:
    job, path = film
    content = path.read_bytes()

    answer = loopback.get(job["output"]["film"]["url"], headers={"Range": "bytes=1000-1999"})

    assert (answer.status_code, answer.content) == (206, content[1000:2000])
    assert answer.headers["content-range"] == f"bytes 1000-1999/{len(content)}"


def test_archive_holds_every_file_of_the_job_as_it_is_stored(
    stack: Stack, film: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    job, path = film
    with PromptreelClient(stack.state["api"], stack.state["tokens"]["owner"]) as client:
        saved = client.export(job["id"], tmp_path / "job.zip")

    with ZipFile(saved) as archive:
        assert archive.testzip() is None
        packed = {name: archive.read(name) for name in archive.namelist()}
    shown, manifest = json.loads(packed["job.json"]), json.loads(packed["manifest.json"])
    assert packed[shown["output"]["film"]["url"]] == path.read_bytes()
    assert packed[shown["scenes"][0]["clip"]["url"]]
    assert {file["path"] for file in manifest["files"]} == set(packed) - {"manifest.json"}
    assert all(hashlib.sha256(packed[file["path"]]).hexdigest() == file["sha256"] for file in manifest["files"])
    assert json.loads(packed["ledger.json"]) == stack.ledger(job["id"])
    table = stack.api("GET", f"/v1/jobs/{job['id']}/ledger", headers={"Accept": "text/csv"})
    assert table.content == packed["ledger.csv"]


def test_film_is_not_found_when_it_belongs_to_another_owner(stack: Stack, film: tuple[dict[str, Any], Path]) -> None:
    job, _ = film

    for method, path in (("GET", ""), ("GET", "/ledger"), ("GET", "/archive"), ("POST", ":cancel")):
        assert stack.api(method, f"/v1/jobs/{job['id']}{path}", person="stranger").status_code == 404
    own, others = (
        {one["id"] for one in stack.api("GET", "/v1/jobs", person=person).json()["jobs"]}
        for person in ("owner", "stranger")
    )
    assert job["id"] in own
    assert not own & others
    assert stack.api("GET", f"/v1/jobs/{job['id']}", person="").status_code == 401


def test_film_matches_its_request_when_vertical_crossfaded_and_silent(stack: Stack, tmp_path: Path) -> None:
    job = stack.wait(
        stack.submit(
            "Two scenes: a paper boat on a stream, then the boat reaches the sea",
            scenes=2,
            duration_s=8,
            aspect="9:16",
            clip_audio=False,
            **BY_VEO,
            transition={"kind": "crossfade", "duration_s": 0.5},
        )
    )

    assert job["state"] == "COMPLETE", job["error"]
    path = tmp_path / "film.mp4"
    path.write_bytes(loopback.get(job["output"]["film"]["url"]).content)
    with av.open(str(path)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (720, 1280)
        assert sum(1 for _ in container.decode(video=0)) == job["planned_frames"] == 8 * 24
    clips = sorted(call["cost_micros"] for call in stack.ledger(job["id"])["calls"] if call["kind"] == "video")
    assert clips == [4 * 80_000, 6 * 80_000]  # of 10 s, the film shows 8.5 s, of which 0.5 s are shared


@pytest.mark.parametrize(
    ("wish", "frames", "paid_s"),
    [
        ({"scenes": 3, "duration_s": 13}, 13 * 24, [4, 4, 6]),
        ({"scenes": 3, "duration_s": 10.3, "transition": {"kind": "fade_black"}}, 247, [4, 4, 4]),
    ],
)
def test_film_has_the_asked_frames_and_pays_for_the_shortest_clips_that_hold_them(
    stack: Stack, tmp_path: Path, wish: dict[str, Any], frames: int, paid_s: list[int]
) -> None:
    job = stack.wait(stack.submit("Three scenes of a tide on a beach", clip_audio=False, **BY_VEO, **wish))

    assert (job["state"], job["warnings"]) == ("COMPLETE", []), job["error"]
    path = tmp_path / "film.mp4"
    path.write_bytes(loopback.get(job["output"]["film"]["url"]).content)
    assert pictures.count(path) == job["planned_frames"] == job["output"]["frames"] == frames
    assert sum(scene["frames"] for scene in job["scenes"]) == frames
    clips = [call["cost_micros"] for call in stack.ledger(job["id"])["calls"] if call["kind"] == "video"]
    assert sorted(clips) == [seconds * 80_000 for seconds in paid_s]
