"""What every `JobStore` promises, in memory and in Firestore alike."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import Any

import pytest

from promptreel.adapters import firestore
from promptreel.adapters.firestore import FirestoreJobs
from promptreel.domain.active_jobs import ActiveJobs
from promptreel.domain.job import DrawItem, Job, Wave
from promptreel.domain.rates import ModelAttempts, Rates
from promptreel.domain.send_slots import SendSlots, slots_id
from promptreel.domain.states import CallState, JobState
from promptreel.domain.stored_answer import StoredAnswer
from promptreel.domain.webhooks import Delivery, Endpoint, Webhooks, webhooks_id
from promptreel.errors import NotFound, UnreadableDocument, VersionConflict
from promptreel.ports.storage import Create, Delete, JobPlace, JobStore, Period, Replace
from tests.contract.ports.documents import RawDocuments
from tests.factories import a_call, a_job, a_render, a_scene, a_sheet, altered, later
from tests.fakes.services import FakeServices
from tests.recorded import MOMENTS, documents, from_a_newer_version


def place_of(job: Job) -> JobPlace:
    return JobPlace(job.created, job.id)


def test_document_is_read_back_equal(jobs: JobStore) -> None:
    job, scene, sheet, call, render = a_job(), a_scene(), a_sheet(), a_call(), a_render()

    jobs.write(*(Create(job.id, document) for document in (job, scene, sheet, call, render)))

    assert jobs.get_job(job.id).value == job
    assert jobs.get_scene(job.id, scene.id).value == scene
    assert jobs.get_sheet(job.id, sheet.id).value == sheet
    read_call, read_render = jobs.get_call(job.id, call.id), jobs.get_render(render.id)
    assert read_call is not None
    assert read_render is not None
    assert (read_call.value, read_render.value) == (call, render)


def test_sheets_are_listed_by_number_and_changed_only_as_they_were_read(jobs: JobStore) -> None:
    jobs.write(*(Create("job-1", a_sheet(number)) for number in (2, 10, 1)))
    read = jobs.get_sheet("job-1", "sheet-02")

    changed = jobs.update_sheet("job-1", "sheet-02", lambda sheet: sheet.evolve(take=2, redraw=True))

    assert [one.value.number for one in jobs.list_sheets("job-1")] == [1, 2, 10]
    assert jobs.get_sheet("job-1", "sheet-02").value == changed.after == read.value.evolve(take=2, redraw=True)
    with pytest.raises(VersionConflict):
        jobs.write(Replace("job-1", read, read.value.evolve(take=3)))


def test_rates_are_read_back_equal(jobs: JobStore) -> None:
    veo = ModelAttempts(model="google/veo-3.1", made=3, in_vain=1)
    first = Rates.of_nothing("mira@example.com", later(0)).plus((veo,), later(1))
    jobs.write(Create("job-1", first))
    read = jobs.get_rates("mira@example.com")
    assert read is not None
    assert read.value == first

    more = read.value.plus((veo, ModelAttempts(model="gemini-3.8-flash", made=2)), later(2))
    jobs.write(Replace("job-2", read, more))

    after = jobs.get_rates("mira@example.com")
    assert after is not None
    assert after.value == more
    assert [one.made for one in after.value.attempts] == [6, 2]
    with pytest.raises(VersionConflict):
        jobs.write(Replace("job-3", read, first))
    assert jobs.get_rates("other@example.com") is None


def a_delivery(delivery_id: str = "dlv-1", job: str = "job-1", **fields: Any) -> Delivery:
    defaults = {"id": delivery_id, "job": job, "event": "evt-1", "type": "job.complete", "endpoint": "hook-1"}
    times = {"due": later(1), "created": later(0), "updated": later(0)}
    return Delivery.model_validate({**defaults, "body": '{"type":"job.complete"}', **times, **fields})


def test_webhooks_of_an_owner_are_read_back_equal_and_changed_only_as_they_were_read(jobs: JobStore) -> None:
    endpoint = Endpoint(id="hook-1", url="https://a.example.com/", events=("job.complete",), created=later(0))
    stored = Webhooks(
        id=webhooks_id("mira@example.com"), endpoints=(endpoint,), secret="1", created=later(0), updated=later(0)
    )
    jobs.write(Create("", stored))
    read = jobs.get_webhooks("mira@example.com")

    assert read is not None
    assert read.value == stored
    assert jobs.get_webhooks("other@example.com") is None
    jobs.write(Replace("", read, stored.with_secret("2", later(9), later(1))))
    with pytest.raises(VersionConflict):
        jobs.write(Replace("", read, stored))


def test_deliveries_are_listed_oldest_first_changed_and_deleted_with_their_job(jobs: JobStore) -> None:
    second, first = a_delivery("dlv-1", created=later(2)), a_delivery("dlv-2", created=later(1))
    jobs.write(Create("job-1", a_job()), Create("job-1", second), Create("job-1", first))

    changed = jobs.update_delivery("job-1", "dlv-1", lambda one: one.end("delivered", later(3)))

    assert [read.value for read in jobs.list_deliveries("job-1")] == [first, changed.after]
    found = jobs.get_delivery("job-1", "dlv-1")
    assert found is not None
    assert found.value.state == "delivered"
    assert jobs.get_delivery("job-1", "dlv-9") is None
    assert jobs.delete_owned_documents("job-1", 10) == 2
    assert jobs.list_deliveries("job-1") == []
    with pytest.raises(NotFound):
        jobs.update_delivery("job-1", "dlv-1", lambda one: one)


def test_due_deliveries_come_from_all_jobs_the_longest_overdue_first(jobs: JobStore) -> None:
    jobs.write(
        Create("job-1", a_delivery("dlv-1", due=later(2))),
        Create("job-2", a_delivery("dlv-2", "job-2", due=later(1))),
        Create("job-2", a_delivery("dlv-3", "job-2", due=later(4))),
        Create("job-2", a_delivery("dlv-4", "job-2", due=None, state="delivered")),
    )

    assert [read.value.id for read in jobs.list_due_deliveries(later(3))] == ["dlv-2", "dlv-1"]


def test_rates_outlive_the_documents_of_a_job(jobs: JobStore) -> None:
    jobs.write(Create("job-1", Rates.of_nothing("mira@example.com", later(0))), Create("job-1", a_scene()))

    assert jobs.delete_owned_documents("job-1", 10) == 1
    assert jobs.get_rates("mira@example.com") is not None


def test_answer_is_read_back_equal_and_deleted_only_as_it_was_read(jobs: JobStore) -> None:
    begun = StoredAnswer.begin("answer-1", "digest", "holder", later(0))
    jobs.write(Create("", begun))
    stale = jobs.get_answer("answer-1")
    assert stale is not None
    assert stale.value == begun
    answered = begun.answered(202, '{"id": "job-1"}', "job-1", later(1))
    jobs.write(Replace("", stale, answered))

    with pytest.raises(VersionConflict):
        jobs.write(Delete("", stale))
    read = jobs.get_answer("answer-1")
    assert read is not None
    assert read.value == answered

    jobs.write(Delete("", read))
    assert jobs.get_answer("answer-1") is None
    with pytest.raises(VersionConflict):
        jobs.write(Delete("", read))


def test_active_jobs_are_read_back_equal_and_changed_only_as_they_were_read(jobs: JobStore) -> None:
    assert jobs.get_active_jobs("mira@example.com") is None
    first = ActiveJobs.of_nothing("mira@example.com", later(0)).with_jobs(["job-1"], later(1))
    jobs.write(Create("", first))
    read = jobs.get_active_jobs("mira@example.com")
    assert read is not None
    assert read.value == first

    with pytest.raises(VersionConflict):  # nor is the job written
        jobs.write(Create("job-2", a_job("job-2")), Create("", first))
    jobs.write(Replace("", read, first.with_jobs(["job-1", "job-3"], later(2))))
    with pytest.raises(VersionConflict):
        jobs.write(Create("job-2", a_job("job-2")), Replace("", read, first.with_jobs(["job-2"], later(2))))
    with pytest.raises(NotFound):
        jobs.get_job("job-2")


def test_answers_go_with_the_job_that_they_are_about(jobs: JobStore) -> None:
    for name, job in (("one", "job-1"), ("two", "job-2")):
        begun = StoredAnswer.begin(name, "digest", "holder", later(0))
        jobs.write(Create("", begun.answered(200, "{}", job, later(1))))

    assert jobs.delete_owned_documents("job-1", 10) == 1
    assert (jobs.get_answer("one"), jobs.get_answer("two") is None) == (None, False)
    jobs.delete_answers("job-3")
    assert jobs.get_answer("two") is not None
    jobs.delete_answers("job-2")
    assert jobs.get_answer("two") is None


def test_send_slots_are_read_back_equal_and_changed_only_as_they_were_read(jobs: JobStore) -> None:
    model = "google/veo-3.1"
    first = SendSlots(id=slots_id(model), model=model, taken_until=later(3), updated=later(0))
    jobs.write(Create("", first))
    read = jobs.get_send_slots(model)
    assert read is not None
    assert read.value == first

    jobs.write(Replace("", read, first.evolve(taken_until=later(6), updated=later(1))))

    after = jobs.get_send_slots(model)
    assert after is not None
    assert after.value.taken_until == later(6)
    with pytest.raises(VersionConflict):
        jobs.write(Replace("", read, first))
    assert jobs.get_send_slots("veo-3.1-generate-001") is None


def test_planned_job_is_read_back_equal(jobs: JobStore, world: FakeServices) -> None:
    planned = world.planned()
    assert planned.require_plan().waves[0] == Wave(items=(DrawItem(scene="scene-01", frame="start"),))

    jobs.write(Create(planned.id, planned))

    assert jobs.get_job(planned.id).value == planned


def test_missing_document_is_not_found_or_none(jobs: JobStore) -> None:
    with pytest.raises(NotFound):
        jobs.get_job("job-9")
    with pytest.raises(NotFound):
        jobs.get_scene("job-9", "scene-01")
    with pytest.raises(NotFound):
        jobs.get_sheet("job-9", "sheet-01")
    assert list(jobs.list_sheets("job-9")) == []
    assert jobs.get_call("job-9", "call-9") is None
    assert jobs.get_render("digest-9") is None
    assert jobs.get_rates("nobody@example.com") is None
    assert list(jobs.list_scenes("job-9")) == []


def test_second_create_conflicts_and_the_first_document_stays(jobs: JobStore) -> None:
    jobs.write(Create("job-1", a_job()))

    with pytest.raises(VersionConflict):
        jobs.write(Create("job-1", a_job(owner="other@example.com")))
    assert jobs.get_job("job-1").value.owner == "mira@example.com"


def test_replace_conflicts_and_changes_nothing_when_the_read_is_stale(jobs: JobStore) -> None:
    jobs.write(Create("job-1", a_job()))
    stale = jobs.get_job("job-1")
    jobs.write(Replace("job-1", stale, stale.value.evolve(run=2)))

    with pytest.raises(VersionConflict):
        jobs.write(Replace("job-1", stale, stale.value.evolve(run=9)))
    assert jobs.get_job("job-1").value.run == 2


def test_no_change_is_written_when_one_of_a_batch_conflicts(jobs: JobStore) -> None:
    jobs.write(Create("job-1", a_job()), Create("job-1", a_call("call-1")))

    with pytest.raises(VersionConflict):
        jobs.write(Create("job-1", a_call("call-2")), Create("job-1", a_call("call-1")))
    assert jobs.get_call("job-1", "call-2") is None


def test_field_is_none_when_written_as_none(jobs: JobStore) -> None:
    jobs.write(Create("job-1", a_job(execution="e-1")))
    read = jobs.get_job("job-1")

    jobs.write(Replace("job-1", read, read.value.evolve(execution=None)))

    assert jobs.get_job("job-1").value.execution is None


def test_scenes_come_in_display_order(jobs: JobStore) -> None:
    jobs.write(
        Create("job-1", a_job()),
        Create("job-1", a_scene(1, display_order=3)),
        Create("job-1", a_scene(2, display_order=1)),
        Create("job-1", a_scene(3, display_order=2)),
    )

    assert [read.value.sequence for read in jobs.list_scenes("job-1")] == [2, 3, 1]


def test_jobs_of_an_owner_come_newest_first_and_page_by_page(jobs: JobStore) -> None:
    for number in range(5):
        jobs.write(Create(f"job-{number}", a_job(f"job-{number}", created=later(number))))
    jobs.write(Create("job-x", a_job("job-x", owner="other@example.com")))

    first = list(islice(jobs.list_jobs("mira@example.com", None, None), 2))
    second = jobs.list_jobs("mira@example.com", None, place_of(first[-1]))

    assert [job.id for job in first] == ["job-4", "job-3"]
    assert [job.id for job in second] == ["job-2", "job-1", "job-0"]
    assert list(jobs.list_jobs("mira@example.com", JobState.FAILED, None)) == []


@pytest.mark.parametrize("owner", ["mira@example.com", None])
@pytest.mark.parametrize("state", [JobState.PENDING, None])
def test_no_job_is_missed_or_repeated_when_several_have_the_same_time(
    jobs: JobStore, owner: str | None, state: JobState | None
) -> None:
    for number in range(7):
        jobs.write(Create(f"job-{number}", a_job(f"job-{number}", created=later(number // 4))))
    listed, place = list[str](), None
    for _ in range(4):
        page = list(islice(jobs.list_jobs(owner, state, place), 2))
        listed += [job.id for job in page]
        place = place_of(page[-1])

    assert listed == ["job-6", "job-5", "job-4", "job-3", "job-2", "job-1", "job-0"]


def test_jobs_of_a_period_are_listed_from_its_start_to_before_its_end(jobs: JobStore) -> None:
    for number in range(5):
        jobs.write(Create(f"job-{number}", a_job(f"job-{number}", created=later(number))))

    def listed(place: JobPlace | None, created: Period) -> list[str]:
        return [job.id for job in jobs.list_jobs("mira@example.com", JobState.PENDING, place, created)]

    assert listed(None, Period(later(1), later(3))) == ["job-2", "job-1"]
    assert listed(JobPlace(later(2), "job-2"), Period(later(1), later(3))) == ["job-1"]
    assert listed(None, Period(start=later(4))) == ["job-4"]
    assert listed(None, Period(end=later(1))) == ["job-0"]


def test_jobs_of_everybody_come_newest_first_when_no_owner_is_named(jobs: JobStore) -> None:
    jobs.write(Create("job-1", a_job("job-1", created=later(1))))
    jobs.write(Create("job-2", a_job("job-2", created=later(2), owner="other@example.com")))
    jobs.write(Create("job-3", a_job("job-3", created=later(3), owner="other@example.com", state=JobState.FAILED)))

    assert [job.id for job in jobs.list_jobs(None, None, None)] == ["job-3", "job-2", "job-1"]
    assert [job.id for job in jobs.list_jobs(None, None, JobPlace(later(3), "job-3"))] == ["job-2", "job-1"]
    assert [job.id for job in jobs.list_jobs(None, JobState.FAILED, None)] == ["job-3"]


def test_jobs_in_states_come_from_all_owners_oldest_change_first(jobs: JobStore) -> None:
    jobs.write(Create("job-1", a_job("job-1", updated=later(9))))
    jobs.write(Create("job-2", a_job("job-2", owner="other@example.com", updated=later(3))))
    jobs.write(Create("job-3", a_job("job-3", state=JobState.COMPLETE)))

    assert [job.id for job in jobs.list_jobs_in_states({JobState.PENDING, JobState.STITCH})] == ["job-2", "job-1"]


def test_calls_in_states_come_from_all_jobs(jobs: JobStore) -> None:
    jobs.write(Create("job-1", a_call("call-1")), Create("job-1", a_call("call-2", state=CallState.SETTLED)))
    jobs.write(Create("job-2", a_call("call-3", job="job-2", state=CallState.UNCERTAIN)))

    found = jobs.list_calls_in_states({CallState.SETTLED, CallState.UNCERTAIN})
    assert {read.value.id for read in found} == {"call-2", "call-3"}


def test_jobs_with_open_calls_come_in_the_order_in_which_they_ended(jobs: JobStore) -> None:
    for number, ended in enumerate((later(9), later(3), None)):
        jobs.write(Create(f"job-{number}", a_job(f"job-{number}", open_calls_since=ended)))

    assert [job.id for job in jobs.list_jobs_with_open_calls(later(9))] == ["job-1", "job-0"]


def test_lists_across_jobs_are_whole_when_they_need_several_pages(
    jobs: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firestore, "PAGE", 2)
    names = [f"job-{number}" for number in range(5)]
    for number, name in enumerate(names):
        moments = {"updated": later(number), "expires": later(number), "open_calls_since": later(number)}
        jobs.write(Create(name, a_job(name, **moments)), Create(name, a_call(f"call-{number}", job=name)))

    assert [job.id for job in jobs.list_jobs_in_states({JobState.PENDING})] == names
    assert [job.id for job in jobs.list_expired_jobs(later(9))] == names
    assert [job.id for job in jobs.list_jobs_with_open_calls(later(9))] == names
    assert sorted(read.value.job for read in jobs.list_calls_in_states({CallState.PLANNED})) == names


def test_exactly_one_of_many_concurrent_writers_wins_each_version(jobs: JobStore) -> None:
    jobs.write(Create("job-1", a_job()))
    read = jobs.get_job("job-1")

    def try_to_win(run: int) -> bool:
        try:
            jobs.write(Replace("job-1", read, read.value.evolve(run=run)))
        except VersionConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(try_to_win, range(2, 10)))

    assert sum(won) == 1
    assert jobs.get_job("job-1").value.run == won.index(True) + 2


def test_expired_jobs_are_listed_longest_overdue_first(jobs: JobStore) -> None:
    for number, expires in enumerate((later(9), later(3), later(30), None)):
        jobs.write(Create(f"job-{number}", a_job(f"job-{number}", expires=expires)))

    assert [job.id for job in jobs.list_expired_jobs(later(9))] == ["job-1", "job-0"]


def test_erase_removes_what_one_job_owns_and_nothing_else(
    jobs: JobStore,
) -> None:
    for job_id in ("job-1", "job-2"):
        scenes = [Create(job_id, a_scene(number)) for number in (1, 2, 3)]
        calls = [Create(job_id, a_call(f"call-{number}", job=job_id)) for number in (1, 2)]
        render = Create(job_id, a_render(f"cut-{job_id}", job=job_id))
        jobs.write(Create(job_id, a_job(job_id)), Create(job_id, a_sheet()), *scenes, *calls, render)

    removed = [jobs.delete_owned_documents("job-1", 4) for _ in range(3)]

    assert removed == [4, 3, 0]
    assert (list(jobs.list_sheets("job-1")), len(jobs.list_sheets("job-2"))) == ([], 1)
    assert (list(jobs.list_scenes("job-1")), list(jobs.list_calls("job-1")), jobs.get_render("cut-job-1")) == (
        [],
        [],
        None,
    )
    assert jobs.get_job("job-1").value.id == "job-1"
    assert (len(jobs.list_scenes("job-2")), len(jobs.list_calls("job-2"))) == (3, 2)
    assert jobs.get_render("cut-job-2") is not None


def test_replace_conflicts_when_the_document_was_erased(jobs: JobStore) -> None:
    jobs.write(Create("job-1", a_job()), Create("job-1", a_call("call-1")))
    read = jobs.get_call("job-1", "call-1")
    assert read is not None
    jobs.delete_owned_documents("job-1", 10)

    with pytest.raises(VersionConflict):
        jobs.write(Replace("job-1", read, read.value.evolve(reason="late")))
    assert jobs.get_call("job-1", "call-1") is None


def test_tombstone_has_its_end_as_the_timestamp_that_the_ttl_policy_reads(firestore_jobs: FirestoreJobs) -> None:
    firestore_jobs.write(Create("job-1", a_job("job-1", forget=later(60))), Create("job-2", a_job("job-2")))

    stored = {found.id: found.to_dict() or {} for found in firestore_jobs._db.collection("jobs").stream()}

    assert stored["job-1"]["forget"] == later(60)
    assert isinstance(stored["job-1"]["forget"], datetime)
    assert stored["job-2"]["forget"] is None
    assert firestore_jobs.get_job("job-1").value.forget == later(60)


@pytest.mark.parametrize("moment", [moment for moment in MOMENTS if moment.endswith(("/complete", "/refused"))])
def test_store_keeps_unknown_fields_at_every_depth_when_a_newer_document_is_changed(
    jobs: JobStore, raw: RawDocuments, moment: str
) -> None:
    newer = {path: from_a_newer_version(data) for path, data in documents(moment).items()}
    for path, data in newer.items():
        raw.store(path, data)
    job_id = next(path for path in newer if path.startswith("jobs/")).split("/")[1]

    read, scenes, calls = jobs.get_job(job_id), jobs.list_scenes(job_id), jobs.list_calls(job_id)
    jobs.write(
        Replace(job_id, read, read.value.evolve(run=7)),
        *(Replace(job_id, scene, scene.value.evolve(take=7)) for scene in scenes),
        *(Replace(job_id, call, altered(call.value, attempt=7)) for call in calls),
    )

    changed = {path: {"run": 7} for path in newer if path.count("/") == 1 and path.startswith("jobs/")}
    changed |= {path: {"take": 7} for path in newer if "/scenes/" in path}
    changed |= {path: {"attempt": 7} for path in newer if "/calls/" in path}
    for path, data in newer.items():
        assert_contains(raw.read(path), data | changed.get(path, {}))


def assert_contains(stored: Any, wanted: Any) -> None:
    """Everything wanted is stored, at every depth; fields that were added since the recording may be there as well."""
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            assert_contains(stored[name], value)
    elif isinstance(wanted, list):
        assert len(stored) == len(wanted)
        for one, other in zip(stored, wanted, strict=True):
            assert_contains(one, other)
    else:
        assert stored == wanted


def test_store_removes_unknown_fields_when_the_new_value_has_dropped_them(jobs: JobStore, raw: RawDocuments) -> None:
    raw.store("jobs/job-1", {**a_job().to_json(), "synopsis": "A keeper waits"})
    read = jobs.get_job("job-1")

    jobs.write(Replace("job-1", read, read.value.mark_deleted(later(1))))

    assert "synopsis" not in raw.read("jobs/job-1")


def test_lists_across_jobs_are_filled_up_without_documents_that_cannot_be_read(
    jobs: JobStore, raw: RawDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firestore, "LIST_PAGE", 3)
    for number in range(7):
        name = f"job-{number}"
        job = a_job(name, created=later(number), updated=later(number), expires=later(number))
        unreadable = {"schema": 2} if number in {2, 3, 5} else {}
        raw.store(f"jobs/{name}", job.to_json() | unreadable)
        raw.store(f"jobs/{name}/calls/call-{number}", a_call(f"call-{number}", job=name).to_json() | unreadable)

    assert [job.id for job in jobs.list_jobs("mira@example.com", None, None)] == ["job-6", "job-4", "job-1", "job-0"]
    assert [job.id for job in jobs.list_jobs_in_states({JobState.PENDING})] == ["job-0", "job-1", "job-4", "job-6"]
    assert [job.id for job in jobs.list_expired_jobs(later(9))] == ["job-0", "job-1", "job-4", "job-6"]
    assert {read.value.id for read in jobs.list_calls_in_states({CallState.PLANNED})} == {
        "call-0",
        "call-1",
        "call-4",
        "call-6",
    }


def test_documents_of_one_job_are_refused_by_path_when_one_cannot_be_read(jobs: JobStore, raw: RawDocuments) -> None:
    raw.store("jobs/job-1", a_job().to_json() | {"schema": 2})
    raw.store("jobs/job-1/scenes/scene-01", a_scene().to_json() | {"state": "GRADING"})
    raw.store("jobs/job-1/sheets/sheet-01", a_sheet().to_json() | {"kind": "hologram"})
    raw.store("jobs/job-1/calls/call-1", a_call().to_json() | {"kind": "hologram"})
    raw.store("renders/digest-1", a_render().to_json() | {"schema": 2})

    reads: dict[str, Callable[[], object]] = {
        "jobs/job-1": lambda: jobs.get_job("job-1"),
        "jobs/job-1/scenes/scene-01": lambda: jobs.get_scene("job-1", "scene-01"),
        "jobs/job-1/scenes/scene-0.": lambda: jobs.list_scenes("job-1"),
        "jobs/job-1/sheets/sheet-01": lambda: jobs.get_sheet("job-1", "sheet-01"),
        "jobs/job-1/sheets/sheet-0.": lambda: jobs.list_sheets("job-1"),
        "jobs/job-1/calls/call-1": lambda: jobs.get_call("job-1", "call-1"),
        "jobs/job-1/calls/call-.": lambda: jobs.list_calls("job-1"),
        "renders/digest-1": lambda: jobs.get_render("digest-1"),
    }
    for path, read in reads.items():
        with pytest.raises(UnreadableDocument, match=f"^{path} was stored"):
            read()


def test_list_says_in_the_log_which_document_it_left_out(
    firestore_jobs: FirestoreJobs, caplog: pytest.LogCaptureFixture
) -> None:
    firestore_jobs._db.document("jobs/job-1").set(a_job().to_json() | {"schema": 2, "owner": "mira@example.com"})

    assert list(firestore_jobs.list_jobs("mira@example.com", None, None)) == []

    (record,) = caplog.records
    assert (record.message, record.levelname) == ("document_unreadable", "ERROR")
    assert record.__dict__["json_fields"]["document"] == "jobs/job-1"


def test_calls_with_a_cache_key_come_from_all_jobs_the_latest_change_first(jobs: JobStore, raw: RawDocuments) -> None:
    for number, key in enumerate(("one", "two", "one", None), start=1):
        job_id = f"job-{number}"
        call = a_call(f"call-{number}", job=job_id, cache_key=key, updated=later(number))
        jobs.write(Create(job_id, a_job(job_id)), Create(job_id, call))
    raw.store("jobs/job-5/calls/call-5", {"cache_key": "one", "schema": 2})

    assert [read.value.id for read in jobs.list_calls_with_key("one")] == ["call-3", "call-1"]
    assert jobs.list_calls_with_key("three") == []
