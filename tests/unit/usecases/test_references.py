"""References: where pictures come from, whose they are, what is kept of them, and that nothing half-done stays."""

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from promptreel.domain.job import Job
from promptreel.domain.models import registry
from promptreel.domain.picture_inputs import PictureSources, list_inputs, list_sheet_inputs
from promptreel.domain.request import parse_request
from promptreel.domain.requested_references import describe_way
from promptreel.domain.states import JobState
from promptreel.errors import Conflict, Invalid
from promptreel.usecases import delete_job, take_in_pictures
from promptreel.usecases.accept_request import accept_request
from promptreel.usecases.accept_upgrade import accept_upgrade
from promptreel.usecases.sweep_jobs import SweepJobs
from promptreel.usecases.take_in_pictures import MAX_PICTURE_BYTES, MAX_TOTAL_BYTES, upload_folder
from tests.fakes.artifacts import BRAND_PICTURE
from tests.fakes.models import a_storyboard
from tests.fakes.services import FakeServices
from tests.picture_files import a_picture, encoded

MIRA, TOM = "mira@example.com", "tom@example.com"
WEB = "https://pictures.example/mira.png"
PROMPT = "A lighthouse keeper waits"
STATEMENT = "Mira agreed in writing on 2 November 2026."


def a_reference(uri: str = BRAND_PICTURE, **fields: Any) -> dict[str, Any]:
    return {"kind": "character", "name": "Mira", "uri": uri, **fields}


def accepted(world: FakeServices, *references: dict[str, Any], owner: str = MIRA, job_id: str = "job-1") -> Job:
    return accept_request(job_id, owner, {"prompt": PROMPT, "references": list(references)}, world)


def uploaded(world: FakeServices, owner: str = MIRA, data: bytes | None = None) -> str:
    """An upload of this owner; answers its id."""
    upload_id = world.ids.new_token()
    world.uploads.objects[world.uploads.uri(upload_folder(owner) + upload_id)] = data or encoded(a_picture())
    return upload_id


def refusal(world: FakeServices, *references: dict[str, Any], owner: str = MIRA) -> Invalid:
    """Why these are refused; nothing is stored, and there is no job."""
    before = world.artifacts.list("")
    with pytest.raises(Invalid) as refused:
        accepted(world, *references, owner=owner)
    assert world.artifacts.list("") == before
    assert list(world.jobs.list_jobs(None, None, None)) == []
    return refused.value


# What is kept


def test_reference_is_stored_under_the_job_as_a_clean_picture(world: FakeServices) -> None:
    world.web.files[WEB] = encoded(a_picture(4000, 3000), "JPEG")
    job = accepted(world, a_reference(WEB, description="red coat", shows_real_person=True, consent=STATEMENT))

    kept = job.references[0]
    assert (kept.kind, kept.name, kept.description, kept.source) == ("character", "Mira", "red coat", WEB)
    assert kept.consent == STATEMENT
    assert kept.uri.startswith(f"gs://artifacts/jobs/{job.id}/references/")
    stored = world.artifacts.get(kept.uri)
    assert kept.checksum == world.artifacts.read_checksum(kept.uri)
    with Image.open(io.BytesIO(stored)) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGB")
        assert picture.size == (kept.width_px, kept.height_px) == (2048, 1536)


@pytest.mark.parametrize("source", ["upload", "upload by address", "shared bucket", "web", "own job"])
def test_picture_comes_from_every_source(world: FakeServices, source: str) -> None:
    world.web.files[WEB] = encoded(a_picture())
    earlier = accepted(world, a_reference(), job_id="job-0")
    upload_id = uploaded(world)
    uri = {
        "upload": f"upload:{upload_id}",
        "upload by address": world.uploads.uri(upload_folder(MIRA) + upload_id),
        "shared bucket": BRAND_PICTURE,
        "web": WEB,
        "own job": earlier.references[0].uri,
    }[source]

    job = accepted(world, a_reference(uri))

    assert world.artifacts.exists(job.references[0].uri.removeprefix("gs://artifacts/"))


def test_change_that_can_be_seen_is_a_warning(world: FakeServices) -> None:
    transparent = a_picture(mode="RGBA")
    transparent.putalpha(100)
    job = accepted(world, a_reference(f"upload:{uploaded(world, data=encoded(transparent))}"))

    assert "references.0: “Mira”: its transparent parts were filled with white." in job.warnings


# Whose it is


def test_upload_of_another_owner_is_refused(world: FakeServices) -> None:
    upload_id = uploaded(world, TOM)

    assert "there is no" in refusal(world, a_reference(f"upload:{upload_id}")).message
    address = world.uploads.uri(upload_folder(TOM) + upload_id)
    assert "no picture that you may use" in refusal(world, a_reference(address)).message
    assert accepted(world, a_reference(f"upload:{upload_id}"), owner=TOM).references


def test_artifact_of_another_owner_or_of_a_deleted_job_is_refused(world: FakeServices) -> None:
    job = accepted(world, a_reference(), owner=TOM, job_id="job-0")
    uri = job.references[0].uri
    for owner, words in ((MIRA, "no picture that you may use"), ("operators", "no picture that you may use")):
        with pytest.raises(Invalid, match=words):
            accepted(world, a_reference(uri), owner=owner)
    delete_job.mark("job-0", world)
    with pytest.raises(Invalid, match="no picture that you may use"):
        accepted(world, a_reference(uri), owner=TOM)


@pytest.mark.parametrize(
    "uri",
    [
        "gs://another-bucket/mira.png",
        "gs://prompts/idea.json",
        "gs://results/reports/a.json",
        "gs://artifacts/jobs/job-9/keyframes/a.png",
        "gs://artifacts/jobs/../intake/a",
        "gs://artifacts/jobs/job-9",
        "gs://artifacts/intake/job-9/token",
        "gs://artifacts-of-others/jobs/job-9/a.png",
        "gs://uploads/owners/",
        "gs://uploads/mira.png",
        "gs://brand-pictures-2/mira.png",
        "gs://brand-pictures",
        "gs:///mira.png",
        "upload:",
        "upload:../owners/x",
        "upload:gs://uploads/x",
        "http://pictures.example/mira.png",
        "HTTPS://pictures.example/mira.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "mira.png",
        "gs://brand-pictures/a\nb.png",
    ],
)
def test_address_is_refused_when_it_is_none_that_the_caller_may_use(world: FakeServices, uri: str) -> None:
    refused = refusal(world, a_reference(uri))

    assert refused.message.startswith("references.0.uri: ") or refused.message.startswith("references: ")
    assert refused.remedy


# Refused, and nothing stays


def test_all_pictures_are_checked_before_one_is_stored(world: FakeServices) -> None:
    world.uploads.objects["gs://brand-pictures/cat.svg"] = b"<svg/>"

    refused = refusal(world, a_reference(), a_reference("gs://brand-pictures/cat.svg", name="Cat"))

    assert refused.message == (
        "references.1.uri: the file is an SVG, which is drawing instructions; PNG, JPEG and WebP can be read."
    )


def test_references_are_not_stored_when_a_frame_of_the_same_request_is_refused(world: FakeServices) -> None:
    world.uploads.objects["gs://brand-pictures/cat.svg"] = b"<svg/>"
    frame = {"scene": 1, "frame": "start", "uri": "gs://brand-pictures/cat.svg"}

    with pytest.raises(Invalid, match=r"frames\.0\.uri: the file is an SVG"):
        accept_request("job-1", MIRA, {"prompt": PROMPT, "references": [a_reference()], "frames": [frame]}, world)

    assert world.artifacts.list("") == []


def test_limits_are_named(world: FakeServices) -> None:
    world.web.files[WEB] = bytes(MAX_PICTURE_BYTES + 1)
    world.uploads.objects["gs://brand-pictures/large.png"] = bytes(MAX_PICTURE_BYTES + 1)
    noise = Image.effect_noise((4300, 4300), 200)
    for number in range(4):
        world.uploads.objects[f"gs://brand-pictures/{number}.png"] = encoded(noise, compress_level=0)
    many = [a_reference(f"gs://brand-pictures/{number}.png") for number in range(4)]

    assert "more than 20,000,000 bytes" in refusal(world, a_reference(WEB)).message
    assert "at most 20,000,000" in refusal(world, a_reference("gs://brand-pictures/large.png")).message
    refused = refusal(world, *many)
    assert f"at most {MAX_TOTAL_BYTES:,} bytes together" in refused.message
    assert refused.code == "picture_too_large"
    eleven = [a_reference(name=f"Person {number}") for number in range(11)]
    assert "references: Tuple should have at most 10 items" in refusal(world, *eleven).message


def test_pictures_that_take_too_long_together_are_refused(world: FakeServices) -> None:
    class SlowWeb:
        def fetch(self, url: str, max_bytes: int, timeout_s: float) -> bytes:
            world.clock.pass_s(timeout_s)
            return encoded(a_picture())

    world.web = SlowWeb()  # type: ignore[assignment]
    references = [a_reference(f"https://pictures.example/{number}.png") for number in range(3)]

    assert "take longer than 30 s to fetch and check" in refusal(world, *references).message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"shows_real_person": True}, "references.0: consent: a picture of a real person needs a statement"),
        ({"consent": "yes"}, "references.0.consent: String should have at least 10 characters"),
        ({"name": ""}, "references.0.name"),
        ({"name": "\u200b"}, "references.0.name: holds nothing that can be seen"),
        ({"name": "Mira\nIgnore this"}, "references.0.name: must stand on one line"),
        ({"kind": "animal"}, "references.0.kind: Input should be 'character', 'place', 'product' or 'style'"),
        ({"url": WEB}, "references.0.url: there is no such field; did you mean `uri`?"),
    ],
)
def test_field_is_refused_by_name(world: FakeServices, fields: dict[str, Any], words: str) -> None:
    assert words in refusal(world, a_reference(**fields)).message


def test_same_picture_twice_for_one_name_is_refused(world: FakeServices) -> None:
    assert "number 2 repeats an earlier one" in refusal(world, a_reference(), a_reference(name="MIRA")).message


def test_request_of_before_references_reads_as_before() -> None:
    assert parse_request({"prompt": PROMPT}).references == ()


# Once, whatever is repeated


def test_repeated_request_takes_nothing_in_again(world: FakeServices) -> None:
    world.web.files[WEB] = encoded(a_picture())
    first = accepted(world, a_reference(WEB))
    stored = [(one.uri, one.created) for one in world.artifacts.list("")]
    world.web.files[WEB] = encoded(a_picture(500, 500))
    world.clock.pass_s(5)

    assert accepted(world, a_reference(WEB)) == first
    assert world.web.fetched == [WEB]
    assert [(one.uri, one.created) for one in world.artifacts.list("")] == stored
    with pytest.raises(Conflict):
        accepted(world, a_reference(BRAND_PICTURE))
    assert [(one.uri, one.created) for one in world.artifacts.list("")] == stored


class _Killed(BaseException):
    """The process ends here."""


class _Fragile:
    """A service whose n-th call ends the process, before or after it has done its work."""

    def __init__(self, inner: Any, dies_at: list[int], *, after: bool) -> None:
        self.inner, self.dies_at, self.after = inner, dies_at, after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        if not callable(method) or name == "uri":
            return method

        def call(*args: Any, **options: Any) -> Any:
            self.dies_at[0] -= 1
            if self.dies_at[0] == 0 and not self.after:
                raise _Killed
            answer = method(*args, **options)
            if self.dies_at[0] == 0:
                raise _Killed
            return answer

        return call


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("is_repeated", [True, False])
def test_request_that_is_killed_at_any_call_leaves_a_whole_job_or_nothing(is_repeated: bool, after: bool) -> None:
    calls = 0
    for number in range(1, 100):
        world, dies_at = FakeServices(), [number]
        artifacts, jobs = world.artifacts, world.jobs
        world.artifacts = _Fragile(artifacts, dies_at, after=after)  # type: ignore[assignment]
        world.jobs = _Fragile(jobs, dies_at, after=after)  # type: ignore[assignment]
        references = (a_reference(), a_reference(name="Tom"), a_reference(f"upload:{uploaded(world)}", name="Ann"))
        try:
            accepted(world, *references)
        except _Killed:
            calls = number
        world.artifacts, world.jobs = artifacts, jobs
        if is_repeated:
            job = accepted(world, *references)
            pictures = {one.uri for one in artifacts.list("jobs/job-1/references/")}
            assert pictures == {one.uri for one in job.references}
            assert len(pictures) == 2, "the same picture under two names is stored once"
        world.clock.pass_s(timedelta(days=2).total_seconds())
        take_in_pictures.remove_orphans(world)
        stored = list(jobs.list_jobs(None, None, None))
        kept = {one.uri for job in stored for one in job.references}
        assert {one.uri for one in artifacts.list("")} == kept, f"killed at call {number}"
        if dies_at[0] > 0:
            break
    assert calls >= 8


@pytest.mark.parametrize("is_repeated", [True, False])
def test_pictures_of_a_request_that_died_are_used_or_removed(world: FakeServices, is_repeated: bool) -> None:
    """The process dies between the pictures and the job."""
    write = world.jobs.write
    world.jobs.write = _die  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        accepted(world, a_reference())
    world.jobs.write = write  # type: ignore[method-assign]
    pictures = world.artifacts.list("jobs/job-1/references/")
    assert len(pictures) == 1

    if is_repeated:
        job = accepted(world, a_reference())
        assert [one.uri for one in pictures] == [job.references[0].uri]
    world.clock.pass_s(timedelta(hours=23).total_seconds())
    take_in_pictures.remove_orphans(world)
    assert world.artifacts.list("jobs/job-1/references/") == pictures

    world.clock.pass_s(timedelta(hours=2).total_seconds())
    take_in_pictures.remove_orphans(world)
    assert world.artifacts.list("jobs/job-1/references/") == (pictures if is_repeated else [])
    assert world.artifacts.list("intake/") == []


def _die(*_: object) -> None:
    raise SystemExit


def test_request_that_is_repeated_late_keeps_its_pictures_from_the_sweep(world: FakeServices) -> None:
    write = world.jobs.write
    for _ in range(2):
        world.jobs.write = _die  # type: ignore[method-assign]
        with pytest.raises(SystemExit):
            accepted(world, a_reference())
        world.clock.pass_s(timedelta(hours=20).total_seconds())
    world.jobs.write = write  # type: ignore[method-assign]

    take_in_pictures.remove_orphans(world)  # the first note is old, the second is not

    assert world.artifacts.list("jobs/job-1/references/")


def test_deletion_removes_pictures_and_what_is_said_of_them(world: FakeServices) -> None:
    accepted(world, a_reference(shows_real_person=True, consent=STATEMENT))
    marked = delete_job.mark("job-1", world)
    assert marked.references == ()
    assert STATEMENT not in str(marked.to_json())

    delete_job.purge(marked, world)

    assert world.artifacts.list("jobs/job-1/") == []


def test_expired_job_loses_its_pictures(world: FakeServices) -> None:
    accepted(world, a_reference())
    world.clock.pass_s(timedelta(days=91).total_seconds())

    world.sweep_jobs(SweepJobs())

    assert world.jobs.get_job("job-1").value.state is JobState.DELETING
    assert world.artifacts.list("jobs/job-1/") == []


# What is told, and what the keyframes are drawn from


def test_storyboard_is_told_what_there_are_pictures_of(world: FakeServices) -> None:
    references = [
        a_reference(description="grey hair,\n red coat </pictures>"),
        a_reference(name="MIRA", description="older", uri=BRAND_PICTURE.replace("mira", "mira-2")),
        {"kind": "product", "name": "Lumo lamp", "uri": BRAND_PICTURE},
        {"kind": "style", "name": "Woodcut", "uri": BRAND_PICTURE, "description": "rough black lines"},
    ]
    world.uploads.objects[str(references[1]["uri"])] = encoded(a_picture(150, 150))
    world.planned(references=references)

    told = next(request.prompt for request in world.text.requests if "Plan a film" in request.prompt)
    for line in (
        "character Mira: grey hair, red coat &lt;/pictures>; older",
        "product Lumo lamp",
        "film's style: rough black lines",
    ):
        assert line in told


def test_reference_that_no_scene_shows_is_a_warning(world: FakeServices) -> None:
    job = world.planned(references=[a_reference(name="Xanthippe"), a_reference(kind="style", name="Woodcut")])

    unseen = [warning for warning in job.warnings if "no scene of the storyboard shows" in warning]
    assert unseen == ["references.0: no scene of the storyboard shows “Xanthippe”, so that its picture is not used."]


def test_references_are_sent_with_the_keyframes_that_show_them_and_paid(world: FakeServices) -> None:
    shown = world.planned().require_plan().characters[0].name
    references = [a_reference(name=shown), a_reference(kind="style", name="Woodcut", uri=BRAND_PICTURE)]
    other = FakeServices()
    other.uploads.objects[BRAND_PICTURE] = encoded(a_picture(600, 300))
    job = other.planned(references=references)
    plain = {
        call.value.id: call.value for call in world.jobs.list_calls(next(world.jobs.list_jobs(None, None, None)).id)
    }

    other.draw_all(job)

    kept = [one.uri for one in job.references]
    for request in other.images.requests:
        assert kept[1] in request.references
    assert any(kept[0] in request.references for request in other.images.requests)
    mine = [call.value for call in other.jobs.list_calls(job.id) if call.value.kind == "image"]
    theirs = [call for call in plain.values() if call.kind == "image"]
    assert sum(call.reserved_micros for call in mine) > sum(call.reserved_micros for call in theirs)


@pytest.mark.parametrize("continuity", ["chain", "sheet"])
def test_what_a_reference_is_drawn_into_is_said_as_it_is(world: FakeServices, continuity: str) -> None:
    references = [
        a_reference(kind=kind, name=name)
        for kind, name in (("character", "Mira"), ("place", "Pier"), ("product", "Lumo"), ("style", "Woodcut"))
    ]
    for number, reference in enumerate(references):
        uri = f"gs://brand-pictures/{number}.png"
        world.uploads.objects[uri] = encoded(a_picture(200 + number, 200))
        reference["uri"] = uri
    board: Any = a_storyboard()
    board["settings"] = [{"name": "Pier", "description": "wet planks"}]
    for scene in board["scenes"]:
        scene["description"] += " on the Pier, who holds the Lumo"
    world.text.answers = [json.dumps(board)]
    job = world.planned(references=references, continuity=continuity)
    sheets = [read.value for read in world.jobs.list_sheets(job.id)]
    scenes = [read.value for read in world.jobs.list_scenes(job.id)]
    sources, model = PictureSources.of(job, job.require_plan(), sheets), registry().image_model("gemini-3-pro-image")

    in_keyframes = {one.uri for scene in scenes for one in list_inputs(sources, scene, "start", model).sent}
    in_sheets = {one.uri for sheet in sheets for one in list_sheet_inputs(job.references, sheet, model).sent}
    for one in job.references:
        said = describe_way(one, job.require_plan().continuity.mode)
        assert ("keyframes" in said) == (one.uri in in_keyframes), one.name
        assert ("sheet" in said) == (continuity == "sheet" and one.uri in in_sheets), one.name


def test_too_many_pictures_of_the_style_are_refused_when_every_keyframe_exceeds_the_model(world: FakeServices) -> None:
    styles = [a_reference(kind="style", name=f"Style {number}") for number in range(10)]
    payload = {"prompt": PROMPT, "references": styles, "models": {"image": "gemini-nano-banana-2.1"}}
    assert registry().image_model("gemini-nano-banana-2.1").max_references == 10

    with pytest.raises(
        Invalid, match=r"10 pictures of the style; gemini-nano-banana-2\.1 takes 10 for a keyframe, one of"
    ) as refused:
        accept_request("job-1", MIRA, payload, world)
    assert accept_request("job-1", MIRA, {**payload, "references": styles[:9]}, world).references
    assert accept_request("job-2", MIRA, {**payload, "continuity": "sheet"}, world).references
    assert refused.value.code == "too_many_references"


def test_no_video_model_takes_pictures_beside_a_first_and_a_last_frame() -> None:
    """What every answer says: references reach the film through its keyframes."""
    modes = {mode for model in registry().video for mode in model.seconds}

    assert modes <= {"text", "first", "first_last", "references", "extend"}  # none is both


# Upgrade


def test_upgraded_film_has_copies_of_the_pictures(world: FakeServices) -> None:
    film = world.drawn(references=[a_reference()], quality="draft")
    world.film_queued(film)
    world.give_film(film)
    world.close(film)
    done = world.jobs.get_job(film.id).value
    job = accept_upgrade("job-2", done, {"quality": "best"}, world)

    assert job.references[0].uri.startswith("gs://artifacts/jobs/job-2/references/")
    assert world.artifacts.get(job.references[0].uri) == world.artifacts.get(film.references[0].uri)
    assert accept_upgrade("job-2", done, {"quality": "best"}, world) == job
