"""Webhooks: an event is stored with its change, sent until it is received, and never lost with the one who sends it."""

import json
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest

from promptreel.domain.document import Problem
from promptreel.domain.job import Job
from promptreel.domain.request import parse_approval
from promptreel.domain.states import SceneState
from promptreel.domain.webhooks import EVENT_TYPES, MAX_ENDPOINTS, OVERLAP_S, WAITS_S, Delivery
from promptreel.errors import AnswerLost, Conflict, Invalid, NotFound, Transient, VersionConflict
from promptreel.ports.webhooks import Sent
from promptreel.usecases import job_lifecycle, manage_webhooks, webhook_outbox
from promptreel.usecases.deliver_webhook import DeliverWebhook
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.manage_webhooks import Registered
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.submit_clip import SubmitClip
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.fakes.hooks import HookedWorld, Killed
from tests.fakes.services import FakeServices

URL = "https://hooks.example.com/films"
OWNER = "mira@example.com"


def accept() -> Sent:
    return Sent(204)


def register(world: FakeServices, url: str = URL, answer: Callable[[], Sent] = accept, **fields: Any) -> Registered:
    world.webhooks.answers[url] = answer
    return manage_webhooks.register(OWNER, {"url": url, **fields}, world)


def a_job(world: FakeServices, execution: str = "e-1") -> Job:
    """A running job of the owner; another execution's is another job."""
    opened = world.open_job(OpenJob(execution, {"prompt": "A lighthouse keeper waits", "owner": OWNER}))
    return world.jobs.get_job(opened.job_id).value


def deliveries(world: FakeServices, job: Job) -> list[Delivery]:
    return [read.value for read in world.jobs.list_deliveries(job.id)]


def deliver_due(world: FakeServices) -> list[str]:
    """Deliver every task whose time has come, once; answers the states."""
    due = [key for key, task in world.deliveries.tasks.items() if task.due <= world.clock.now()]
    tasks = [world.deliveries.tasks.pop(key) for key in due]
    return [world.deliver_webhook(DeliverWebhook(one.job_id, one.delivery, one.dispatch)).state for one in tasks]


def bodies(world: FakeServices) -> list[dict[str, Any]]:
    return [json.loads(message.body) for message in world.webhooks.messages]


def test_failed_job_is_told_with_its_error_when_its_owner_has_a_webhook(world: FakeServices) -> None:
    register(world)
    job = a_job(world)

    world.fail_job(FailJob(job.id, job.run, {"code": "quota", "message": "Too many.", "remedy": "Wait."}))

    assert deliver_due(world) == ["delivered"]
    (body,) = bodies(world)
    assert body["type"] == "job.failed"
    assert body["timestamp"] == "2026-11-21T09:00:00Z"
    error = {"code": "quota", "message": "Too many.", "remedy": "Wait."}
    assert body["data"] == {"job": job.id, "state": "FAILED", "run": 1, "error": error}
    (delivery,) = deliveries(world, job)
    assert (delivery.state, delivery.due, [one.status for one in delivery.attempts]) == ("delivered", None, [204])


def test_nothing_is_stored_or_queued_when_the_owner_has_no_webhook(world: FakeServices) -> None:
    job = a_job(world)

    job_lifecycle.cancel(job.id, world)

    assert deliveries(world, job) == []
    assert world.deliveries.tasks == {}


def test_each_endpoint_gets_the_events_that_it_asked_for_under_one_id(world: FakeServices) -> None:
    register(world, "https://a.example.com/", events=["job.cancelled", "job.failed"])
    register(world, "https://b.example.com/", events=["job.complete"])
    register(world, "https://c.example.com/")
    job = a_job(world)

    job_lifecycle.cancel(job.id, world)

    deliver_due(world)
    assert {message.url for message in world.webhooks.messages} == {"https://a.example.com/", "https://c.example.com/"}
    assert len({message.id for message in world.webhooks.messages}) == 1


def test_film_with_a_gate_tells_every_scene_the_gate_and_the_end(world: FakeServices) -> None:
    register(world)
    job = world.planned(owner=OWNER, stop_after="storyboard")
    deliver_due(world)
    assert [body["data"].get("gate") for body in bodies(world)] == ["storyboard"]
    job = job_lifecycle.approve(job.id, parse_approval({}), world)
    world.open_job(OpenJob("e-2", {"job_id": job.id, "run": job.run}))
    world.draw_all(job)
    assert world.film_queued(job) == "done"
    world.give_film(job)
    world.close(job)

    deliver_due(world)

    kinds = [body["type"] for body in bodies(world)]
    scenes = [read.value for read in world.jobs.list_scenes(job.id)]
    assert kinds == ["job.awaiting_approval", *["scene.done"] * len(scenes), "job.complete"]
    told = [body["data"]["scene"] for body in bodies(world) if body["type"] == "scene.done"]
    assert sorted(told) == [scene.id for scene in scenes if scene.state is SceneState.DONE]


def test_scene_is_told_once_when_its_clip_is_found_before_the_next_attempt_is_paid(world: FakeServices) -> None:
    register(world)
    job = world.drawn(owner=OWNER)
    world.video.failures = [AnswerLost("reset")]
    world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1))
    world.clock.pass_s(60 + 900 + 121)
    world.poll(job)
    lost = next(read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01")
    world.artifacts.put(f"{lost.prefix}7/sample_0.mp4", b"clip", "video/mp4")

    for _ in range(2):
        world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 2))

    deliver_due(world)
    assert [(body["type"], body["data"]["scene"]) for body in bodies(world)] == [("scene.done", "scene-01")]


def test_receiver_that_is_down_for_a_while_gets_every_event_once_it_is_back(world: FakeServices) -> None:
    is_up = False
    register(world, answer=lambda: Sent(200) if is_up else Sent(None, "it cannot be reached"))
    jobs = [a_job(world, f"e-{number}") for number in range(3)]
    for job in jobs:
        job_lifecycle.cancel(job.id, world)
    for wait_s in WAITS_S[:4]:
        assert deliver_due(world) == ["waiting"] * 3
        world.clock.pass_s(wait_s)
    is_up = True

    assert deliver_due(world) == ["delivered"] * 3

    assert [body["data"]["job"] for body in bodies(world)[-3:]] == [job.id for job in jobs]
    (delivery,) = deliveries(world, jobs[0])
    assert [one.status for one in delivery.attempts] == [None] * 4 + [200]
    assert delivery.attempts[0].problem == "it cannot be reached"


def test_attempts_keep_id_and_body_and_come_at_the_written_times_until_the_last_one_fails(world: FakeServices) -> None:
    register(world, answer=lambda: Sent(500))
    job = a_job(world)
    job_lifecycle.cancel(job.id, world)
    states = []
    for wait_s in (*WAITS_S, 0.0):
        states += deliver_due(world)
        assert deliver_due(world) == []  # not before its time
        world.clock.pass_s(wait_s)

    assert states == ["waiting"] * len(WAITS_S) + ["failed"]
    assert len({(message.id, message.body) for message in world.webhooks.messages}) == 1
    (delivery,) = deliveries(world, job)
    waits = [(after.at - before.at).total_seconds() for before, after in pairwise(delivery.attempts)]
    assert waits == list(WAITS_S)
    assert world.deliveries.tasks == {}


def test_task_sends_nothing_when_the_delivery_is_made_or_another_dispatch_has_it(world: FakeServices) -> None:
    register(world)
    job = a_job(world)
    job_lifecycle.cancel(job.id, world)
    (delivery,) = deliveries(world, job)
    old = DeliverWebhook(job.id, delivery.id, delivery.dispatch)
    webhook_outbox.renew(delivery, world)
    assert world.deliver_webhook(old).state == "superseded"
    newer = DeliverWebhook(job.id, delivery.id, delivery.dispatch + 1)

    assert [world.deliver_webhook(newer).state for _ in range(2)] == ["delivered", "superseded"]

    assert len(world.webhooks.messages) == 1


def test_event_is_sent_to_no_endpoint_that_was_removed_meanwhile(world: FakeServices) -> None:
    endpoint = register(world).endpoint
    job = a_job(world)
    job_lifecycle.cancel(job.id, world)
    manage_webhooks.remove(OWNER, endpoint.id, world)

    assert deliver_due(world) == ["dropped"]

    assert world.webhooks.messages == []
    assert [one.state for one in deliveries(world, job)] == ["dropped"]


def test_endpoint_is_disabled_when_its_receiver_says_that_it_is_gone(world: FakeServices) -> None:
    register(world, answer=lambda: Sent(410))
    first, second = a_job(world, "e-1"), a_job(world, "e-2")
    job_lifecycle.cancel(first.id, world)

    assert deliver_due(world) == ["failed"]

    (endpoint,) = manage_webhooks.list_endpoints(OWNER, world)
    assert endpoint.disabled == "the receiver answered 410 Gone"
    job_lifecycle.cancel(second.id, world)
    assert deliveries(world, second) == []


def test_deleted_job_tells_nothing_more(world: FakeServices) -> None:
    register(world)
    job = a_job(world)
    job_lifecycle.cancel(job.id, world)
    read = world.jobs.get_job(job.id)
    world.jobs.update_job(job.id, lambda one: one.mark_deleted(world.clock.now()))
    assert read.value.id == job.id

    assert deliver_due(world) == ["dropped"]

    assert world.webhooks.messages == []
    assert world.jobs.delete_owned_documents(job.id, 100) > 0
    assert deliveries(world, job) == []


# Who acts next when somebody dies.


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_no_event_is_lost_when_the_one_who_ends_the_job_dies_at_any_call(after: bool) -> None:
    """Killed at each port call of `cancel`: the change and its event are both there or both not."""
    undisturbed = HookedWorld()
    register(undisturbed)
    job = a_job(undisturbed)
    undisturbed.called = []
    job_lifecycle.cancel(job.id, undisturbed)
    assert {"jobs.write", "deliveries.enqueue"} <= set(undisturbed.called)
    kills = 0
    for number in range(len(undisturbed.called)):
        world = HookedWorld()
        register(world)
        job = a_job(world)
        world.at(number, kill, after=after)
        with suppress(Killed):
            job_lifecycle.cancel(job.id, world)
        kills += not world.is_waiting()
        job_lifecycle.cancel(job.id, world)
        world.clock.pass_s(webhook_outbox.OVERDUE_S + 1)
        world.sweep_jobs(SweepJobs())

        deliver_due(world)

        assert [body["type"] for body in bodies(world)] == ["job.cancelled"]
    assert kills >= len(undisturbed.called) - 1  # a call around others ends after them, and is not killed then


def kill(_: str) -> None:
    raise Killed


def test_sweep_gives_an_event_a_new_task_when_its_own_was_never_made(world: FakeServices) -> None:
    register(world)
    job = a_job(world)
    world.deliveries.failure = Transient("the queue cannot be reached")
    job_lifecycle.cancel(job.id, world)
    world.deliveries.failure = None
    assert world.sweep_jobs(SweepJobs()).webhooks == 0  # its task may only be slow
    world.clock.pass_s(webhook_outbox.OVERDUE_S + 1)

    assert world.sweep_jobs(SweepJobs()).webhooks == 1

    assert deliver_due(world) == ["delivered"]


def test_next_attempt_is_made_when_the_one_who_was_to_enqueue_it_died(world: FakeServices) -> None:
    answers = iter([Sent(503), Sent(200)])
    register(world, answer=lambda: next(answers))
    job = a_job(world)
    job_lifecycle.cancel(job.id, world)
    world.deliveries.failure = Transient("the queue cannot be reached")
    assert deliver_due(world) == ["waiting"]
    world.deliveries.failure = None
    world.clock.pass_s(WAITS_S[0] + webhook_outbox.OVERDUE_S + 1)

    world.sweep_jobs(SweepJobs())

    assert deliver_due(world) == ["delivered"]


def test_attempt_is_repeated_when_its_process_dies_before_it_is_written(world: FakeServices) -> None:
    register(world)
    job = a_job(world)
    job_lifecycle.cancel(job.id, world)
    (task,) = world.deliveries.tasks.values()
    write = world.jobs.write

    def die(*_: Any) -> None:
        raise Killed

    world.jobs.write = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        world.deliver_webhook(DeliverWebhook(task.job_id, task.delivery, task.dispatch))
    world.jobs.write = write  # type: ignore[method-assign]

    assert deliver_due(world) == ["delivered"]

    first, second = world.webhooks.messages
    assert first == second


def test_delivery_that_no_task_could_end_is_given_up_after_a_week(world: FakeServices) -> None:
    register(world)
    job = a_job(world)
    job_lifecycle.cancel(job.id, world)
    world.clock.pass_s(webhook_outbox.GIVE_UP_S + 1)

    world.sweep_jobs(SweepJobs())

    assert [(one.state, one.due) for one in deliveries(world, job)] == [("failed", None)]


def test_job_ends_when_its_owners_webhooks_cannot_be_read(
    world: FakeServices, caplog: pytest.LogCaptureFixture
) -> None:
    register(world)
    job = a_job(world)
    path = f"webhooks/{world.jobs.get_webhooks(OWNER).value.id}"  # type: ignore[union-attr]
    world.jobs.store(path, {**world.jobs.stored(path), "schema": 2})

    assert job_lifecycle.cancel(job.id, world).state == "CANCELLED"

    assert "document_unreadable" in caplog.text


def test_job_of_which_the_rates_are_always_lost_has_its_event_all_the_same(world: FakeServices) -> None:
    register(world)
    job = a_job(world)
    write = world.jobs.write

    def lose_rates(*changes: Any) -> None:
        if any(type(change.value).__name__ == "Rates" for change in changes):
            raise VersionConflict("another film of the owner ended")
        write(*changes)

    world.write_storyboard(JobRun(job.id, job.run))
    world.jobs.write = lose_rates  # type: ignore[method-assign]
    problem = Problem(code="step_failed", message="It broke.")
    job_lifecycle.fail(job.id, job.run, problem, world)

    assert deliver_due(world) == ["delivered"]


# Registering, removing, rotating, trying.


def test_registration_gives_the_secret_once_and_the_same_address_is_the_same_endpoint(world: FakeServices) -> None:
    first = register(world)
    again = register(world, events=["job.complete", "job.complete"])
    other = register(world, "https://other.example.com/")

    assert first.secret is not None
    assert first.secret.startswith("whsec_")
    assert (again.secret, other.secret) == (None, None)
    assert again.endpoint.id == first.endpoint.id
    assert again.endpoint.events == ("job.complete",)
    assert first.endpoint.events == EVENT_TYPES
    assert {one.url for one in manage_webhooks.list_endpoints(OWNER, world)} == {URL, "https://other.example.com/"}


def test_document_of_an_owners_webhooks_holds_neither_name_nor_secret(world: FakeServices) -> None:
    secret = register(world).secret
    read = world.jobs.get_webhooks(OWNER)

    assert read is not None
    stored = json.dumps(read.value.to_json())
    assert OWNER not in stored
    assert secret is not None
    assert secret not in stored


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"url": "https://unknown.example.com/"}, "url: cannot be used"),
        ({}, "url"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": ["job.started"]}, "events"),
        ({"url": "https://a.example/" + "a" * 2000}, "url"),
        ({"url": URL, "secret": "mine"}, "secret"),
    ],
)
def test_registration_is_refused_by_field(world: FakeServices, body: dict[str, Any], words: str) -> None:
    world.webhooks.answers[URL] = accept

    with pytest.raises(Invalid, match=words):
        manage_webhooks.register(OWNER, body, world)


def test_sixth_webhook_is_refused(world: FakeServices) -> None:
    for number in range(MAX_ENDPOINTS):
        register(world, f"https://{number}.example.com/")

    with pytest.raises(Conflict, match="5 webhooks already") as refused:
        register(world)
    assert refused.value.code == "too_many_webhooks"

    register(world, "https://0.example.com/", events=["job.failed"])  # known: not one more


def test_secret_of_a_registration_that_was_second_is_destroyed(world: FakeServices) -> None:
    """Two first registrations at once: one secret signs, and the owner of the other gets none."""
    read = world.jobs.get_webhooks
    answers = iter([None])
    world.webhooks.answers["https://b.example.com/"] = accept
    register(world)
    world.jobs.get_webhooks = lambda owner: next(answers, read(owner))  # type: ignore[method-assign]

    second = manage_webhooks.register(OWNER, {"url": "https://b.example.com/"}, world)

    assert second.secret is None
    (versions,) = world.secrets.versions.values()
    assert [one is None for one in versions] == [False, True]
    assert len(manage_webhooks.list_endpoints(OWNER, world)) == 2


def test_both_secrets_sign_for_a_day_after_a_rotation_and_the_one_before_is_destroyed(world: FakeServices) -> None:
    first = register(world).secret
    endpoint = manage_webhooks.list_endpoints(OWNER, world)[0].id

    second = manage_webhooks.rotate(OWNER, world)
    manage_webhooks.send_test(OWNER, endpoint, world)
    world.clock.pass_s(OVERLAP_S)
    manage_webhooks.send_test(OWNER, endpoint, world)
    third = manage_webhooks.rotate(OWNER, world)
    manage_webhooks.send_test(OWNER, endpoint, world)

    signed = [[secret.value for secret in message.secrets] for message in world.webhooks.messages]
    assert signed == [[second.secret, first], [second.secret], [third.secret, second.secret]]
    (versions,) = world.secrets.versions.values()
    assert [one is None for one in versions] == [True, False, False]


def test_repeated_rotation_leaves_the_secret_that_the_receiver_has_its_day(world: FakeServices) -> None:
    first = register(world).secret
    endpoint = manage_webhooks.list_endpoints(OWNER, world)[0].id
    lost, second = manage_webhooks.rotate(OWNER, world), manage_webhooks.rotate(OWNER, world)

    manage_webhooks.send_test(OWNER, endpoint, world)

    signed = [secret.value for secret in world.webhooks.messages[0].secrets]
    assert signed == [second.secret, lost.secret, first]
    for _ in range(2):
        manage_webhooks.rotate(OWNER, world)
    with pytest.raises(Conflict, match="4 secrets") as refused:
        manage_webhooks.rotate(OWNER, world)
    assert refused.value.code == "too_many_rotations"


def test_test_event_says_which_webhook_and_how_its_receiver_answered(world: FakeServices) -> None:
    endpoint = register(world, answer=lambda: Sent(302)).endpoint

    assert manage_webhooks.send_test(OWNER, endpoint.id, world) == Sent(302)

    assert [(body["type"], body["data"]) for body in bodies(world)] == [("webhook.test", {"webhook": endpoint.id})]


def test_foreign_webhook_is_not_found(world: FakeServices) -> None:
    endpoint = register(world).endpoint
    acts: list[Callable[[str], Any]] = [
        lambda owner: manage_webhooks.remove(owner, endpoint.id, world),
        lambda owner: manage_webhooks.send_test(owner, endpoint.id, world),
        lambda owner: manage_webhooks.rotate(owner, world),
    ]
    for act in acts:
        with pytest.raises(NotFound):
            act("stranger@example.com")

    assert manage_webhooks.list_endpoints("stranger@example.com", world) == ()
    with pytest.raises(NotFound, match="There is no webhook hook-x"):
        manage_webhooks.remove(OWNER, "hook-x", world)
