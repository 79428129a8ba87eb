"""Tasks from creation to the worker, through Google's own client and a real process."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2

from localcloud.tests.harness import Metadata, StandIn, Worker, stand_in
from localcloud.tests.loopback import free_port
from localcloud.tests.waiting import eventually

Connect = Callable[[StandIn], tasks_v2.CloudTasksClient]
MakeQueue = Callable[..., tasks_v2.Queue]
MakeTask = Callable[..., tasks_v2.Task]

LOCATION = "projects/local/locations/us-central1"


def test_worker_gets_its_request_and_the_services_headers_when_task_is_dispatched(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, worker: Worker
) -> None:
    queue = a_queue()
    reserved = {"User-Agent": "mine", "x-cloudtasks-taskpreviousresponse": "200", "X-Google-Thing": "no"}
    headers = {"Content-Type": "application/json", "X-Film": "7", **reserved}
    task = a_task(
        name=f"{queue.name}/tasks/scene-3",
        request={"headers": headers, "body": b'{"scene": 3}', "http_method": tasks_v2.HttpMethod.PUT},
    )
    client.create_task(parent=queue.name, task=task)
    got = eventually(lambda: worker.received)[0]

    assert (got.method, got.path, got.body) == ("PUT", "/work", b'{"scene": 3}')
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-film"] == "7"
    assert got.headers["user-agent"] == "Google-Cloud-Tasks"
    assert got.headers["x-cloudtasks-taskname"] == "scene-3"
    assert got.headers["x-cloudtasks-queuename"] == queue.name.rsplit("/", 1)[1]
    assert got.headers["x-cloudtasks-taskretrycount"] == "0"
    assert got.headers["x-cloudtasks-taskexecutioncount"] == "0"
    assert float(got.headers["x-cloudtasks-tasketa"]) == pytest.approx(datetime.now(UTC).timestamp(), abs=60)
    assert "x-cloudtasks-taskpreviousresponse" not in got.headers
    assert "x-google-thing" not in got.headers
    assert "authorization" not in got.headers


def test_failing_worker_is_told_of_its_answer_before_when_retried(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, worker: Worker
) -> None:
    worker.statuses = [418]
    queue = a_queue(retry_config={"min_backoff": {"nanos": 10_000_000}})
    client.create_task(parent=queue.name, task=a_task())
    eventually(lambda: len(worker.received) == 2)
    again = worker.received[1].headers

    assert again["x-cloudtasks-taskretrycount"] == "1"
    assert again["x-cloudtasks-taskexecutioncount"] == "1"
    assert again["x-cloudtasks-taskpreviousresponse"] == "418"
    eventually(lambda: not list(client.list_tasks(parent=queue.name)))


def test_named_task_is_answered_with_409_when_created_again_while_it_exists_or_after(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, worker: Worker
) -> None:
    queue = a_queue()
    task = a_task(name=f"{queue.name}/tasks/once")
    worker.open.clear()
    client.create_task(parent=queue.name, task=task)
    eventually(lambda: worker.received)
    with pytest.raises(exceptions.Conflict):
        client.create_task(parent=queue.name, task=task)
    worker.open.set()
    eventually(lambda: not list(client.list_tasks(parent=queue.name)))

    with pytest.raises(exceptions.Conflict):
        client.create_task(parent=queue.name, task=task)
    assert len(worker.received) == 1


def test_task_gets_an_id_of_its_own_when_created_without_a_name(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, worker: Worker
) -> None:
    queue = a_queue()
    names = {client.create_task(parent=queue.name, task=a_task()).name for _ in range(3)}

    assert len(names) == 3
    assert all(name.startswith(f"{queue.name}/tasks/") for name in names)
    eventually(lambda: len(worker.received) == 3)


def test_scheduled_task_waits_and_can_be_deleted_or_run_at_once_when_read(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, worker: Worker
) -> None:
    queue, tomorrow = a_queue(), datetime.now(UTC) + timedelta(days=1)
    kept = client.create_task(parent=queue.name, task=a_task(schedule_time=tomorrow))
    dropped = client.create_task(parent=queue.name, task=a_task(schedule_time=tomorrow))
    client.delete_task(name=dropped.name)
    listed = [task.name for task in client.list_tasks(parent=queue.name)]
    dispatched = client.run_task(name=kept.name)
    eventually(lambda: worker.received)

    assert listed == [kept.name]
    assert dispatched.dispatch_count == 1
    assert abs(kept.schedule_time - tomorrow) < timedelta(milliseconds=1)
    with pytest.raises(exceptions.NotFound):
        client.run_task(name=dropped.name)


def test_only_the_full_view_shows_its_body_when_task_is_read(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask
) -> None:
    queue = a_queue()
    client.pause_queue(name=queue.name)
    task = client.create_task(parent=queue.name, task=a_task(request={"body": b"secret"}))
    full = client.get_task(request={"name": task.name, "response_view": tasks_v2.Task.View.FULL})

    assert client.get_task(name=task.name).http_request.body == b""
    assert full.http_request.body == b"secret"


def test_failed_task_tells_of_its_attempts_when_read(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, worker: Worker
) -> None:
    worker.statuses = [500]
    queue = a_queue(retry_config={"min_backoff": {"seconds": 1000}})
    task = client.create_task(parent=queue.name, task=a_task())
    eventually(lambda: client.get_task(name=task.name).response_count)
    seen = client.get_task(name=task.name)

    assert (seen.dispatch_count, seen.response_count) == (1, 1)
    assert seen.last_attempt.response_status.code == 13
    assert seen.first_attempt.dispatch_time == seen.last_attempt.dispatch_time
    assert seen.schedule_time > datetime.now(UTC) + timedelta(seconds=900)


@pytest.mark.parametrize("token", ["oidc_token", "oauth_token"])
def test_task_of_an_account_carries_that_accounts_token_when_dispatched(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, worker: Worker, token: str
) -> None:
    wish = {"service_account_email": "film@local"} | ({"audience": "https://clips"} if token == "oidc_token" else {})
    client.create_task(parent=a_queue().name, task=a_task(request={token: wish}))
    got = eventually(lambda: worker.received)[0]

    expected = {"oidc_token": "id-token:film@local:https://clips", "oauth_token": "access-token:film@local"}
    assert got.headers["authorization"] == f"Bearer {expected[token]}"


def test_audience_is_the_target_when_account_without_an_audience_is_dispatched(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, worker: Worker, metadata: Metadata
) -> None:
    client.create_task(
        parent=a_queue().name, task=a_task(request={"oidc_token": {"service_account_email": "film@local"}})
    )
    got = eventually(lambda: worker.received)[0]

    assert got.headers["authorization"] == f"Bearer id-token:film@local:{worker.url}/work"
    assert "format=full" in metadata.received[-1].path


@pytest.mark.parametrize(
    "fields",
    [
        {"dispatch_deadline": {"seconds": 14}},
        {"dispatch_deadline": {"seconds": 1801}},
        {"schedule_time": datetime.now(UTC) + timedelta(days=31)},
        {"request": {"body": b"x" * (100 * 1024 + 1)}},
        {"request": {"url": "ftp://127.0.0.1/"}},
        {"request": {"url": "127.0.0.1/work"}},
        {"request": {"http_method": tasks_v2.HttpMethod.GET}},
        {"request": {"oidc_token": {"audience": "nobody"}}},
        {"name": "not-a-name"},
        {"name": f"{LOCATION}/queues/another/tasks/one"},
    ],
)
def test_task_outside_the_limits_is_answered_with_400_when_created(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, fields: dict[str, Any]
) -> None:
    with pytest.raises(exceptions.BadRequest):
        client.create_task(parent=a_queue().name, task=a_task(**fields))


@pytest.mark.parametrize("deadline_s", [15, 1800])
def test_task_at_the_limits_is_taken_when_created(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, worker: Worker, deadline_s: int
) -> None:
    body = b"x" * (100 * 1024)
    task = a_task(dispatch_deadline={"seconds": deadline_s}, request={"body": body})
    client.create_task(parent=a_queue().name, task=task)

    assert eventually(lambda: worker.received)[0].body == body


def test_task_is_answered_with_404_when_its_queue_does_not_exist(
    client: tasks_v2.CloudTasksClient, a_task: MakeTask
) -> None:
    with pytest.raises(exceptions.NotFound):
        client.create_task(parent=f"{LOCATION}/queues/none", task=a_task())


@pytest.mark.parametrize(
    ("url", "trouble"),
    [
        ("http://192.0.2.1/", "not on this machine"),
        ("https://example.com/", "not on this machine"),
        (f"http://127.0.0.1:{free_port()}/", "connect"),
    ],
    ids=["another-machine", "another-name", "nobody-listens"],
)
def test_target_out_of_reach_is_an_attempt_without_an_answer_when_dispatched(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, url: str, trouble: str
) -> None:
    queue = a_queue(retry_config={"min_backoff": {"seconds": 1000}})
    task = client.create_task(parent=queue.name, task=a_task(request={"url": url}))
    eventually(lambda: client.get_task(name=task.name).last_attempt.response_status.code)
    seen = client.get_task(name=task.name)

    assert seen.last_attempt.response_status.code == 14
    assert trouble in seen.last_attempt.response_status.message
    assert (seen.dispatch_count, seen.response_count) == (1, 0)


def test_task_is_delivered_twice_and_counted_when_duplicates_are_ordered(
    running: StandIn,
    client: tasks_v2.CloudTasksClient,
    a_queue: MakeQueue,
    a_task: MakeTask,
    worker: Worker,
) -> None:
    running.control("POST", "faults", json={"duplicate_rate": 1, "seed": 1})
    client.create_task(parent=a_queue().name, task=a_task())
    eventually(lambda: len(worker.received) == 2)
    report = running.control("GET", "faults").json()
    cleared = running.control("DELETE", "faults").json()

    assert worker.received[0] == worker.received[1]
    assert (report["duplicated"], cleared["duplicated"], cleared["duplicate_rate"]) == (1, 0, 0)


def test_killed_stand_in_knows_its_tasks_names_and_attempts_when_started_again(
    tmp_path: Path, connect: Connect, a_task: MakeTask, worker: Worker
) -> None:
    queue = tasks_v2.Queue({"name": f"{LOCATION}/queues/kept", "retry_config": {"min_backoff": {"nanos": 1_000_000}}})
    worker.statuses = [200, 200]
    with stand_in("tasks", "--state-dir", str(tmp_path)) as first:
        client = connect(first)
        client.create_queue(parent=LOCATION, queue=queue)
        done, half_done = (a_task(name=f"{queue.name}/tasks/{name}") for name in ("done", "half-done"))
        client.create_task(parent=queue.name, task=done)
        eventually(lambda: not list(client.list_tasks(parent=queue.name)))
        worker.open.clear()
        client.create_task(parent=queue.name, task=half_done)
        eventually(lambda: len(worker.received) == 2)
        first.kill()
    worker.open.set()
    with stand_in("tasks", "--state-dir", str(tmp_path)) as second:
        eventually(lambda: len(worker.received) == 3)
        client = connect(second)
        eventually(lambda: not list(client.list_tasks(parent=queue.name)))
        with pytest.raises(exceptions.Conflict):
            client.create_task(parent=queue.name, task=done)

    assert worker.received[2].headers["x-cloudtasks-taskname"] == "half-done"
    assert worker.received[2].headers["x-cloudtasks-taskretrycount"] == "1"


def test_reset_stand_in_knows_nothing_when_asked(connect: Connect, a_task: MakeTask) -> None:
    with stand_in("tasks") as process:
        client = connect(process)
        queue = client.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=f"{LOCATION}/queues/q"))
        client.pause_queue(name=queue.name)
        task = client.create_task(parent=queue.name, task=a_task(name=f"{queue.name}/tasks/t"))
        process.control("POST", "reset")

        assert list(client.list_queues(parent=LOCATION)) == []
        client.create_queue(parent=LOCATION, queue=queue)
        client.pause_queue(name=queue.name)
        assert client.create_task(parent=queue.name, task=task).name == task.name


def test_worker_that_redirects_is_followed_within_the_same_attempt_when_dispatched(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, worker: Worker
) -> None:
    worker.statuses = [307]
    worker.answer_headers = {"Location": "/moved"}
    queue = a_queue()
    client.create_task(parent=queue.name, task=a_task(request={"body": b"reel"}))
    eventually(lambda: not list(client.list_tasks(parent=queue.name)))

    assert [(got.path, got.body) for got in worker.received] == [("/work", b"reel"), ("/moved", b"reel")]
    assert {got.headers["x-cloudtasks-taskretrycount"] for got in worker.received} == {"0"}


def test_redirect_is_not_followed_and_the_attempt_fails_when_it_leads_off_this_machine(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, worker: Worker
) -> None:
    worker.statuses = [307]
    worker.answer_headers = {"Location": "http://192.0.2.1/"}
    queue = a_queue(retry_config={"min_backoff": {"nanos": 10_000_000}})
    client.create_task(parent=queue.name, task=a_task())
    eventually(lambda: len(worker.received) == 2)

    assert worker.received[1].headers["x-cloudtasks-taskpreviousresponse"] == "307"


@pytest.mark.parametrize(
    ("mode", "path", "expected"),
    [
        ("ALWAYS", "/work?a=1", "/other?b=2"),
        ("IF_NOT_EXISTS", "/work?a=1", "/work?a=1"),
        ("IF_NOT_EXISTS", "", "/other?b=2"),
    ],
)
def test_queue_with_a_target_is_laid_over_the_tasks_own_when_it_dispatches(
    client: tasks_v2.CloudTasksClient,
    a_queue: MakeQueue,
    a_task: MakeTask,
    worker: Worker,
    mode: str,
    path: str,
    expected: str,
) -> None:
    override = {"path_override": {"path": "/other"}, "query_override": {"query_params": "b=2"}}
    header = {"header": {"key": "X-Film", "value": "queue"}}
    target = {"uri_override": {**override, "uri_override_enforce_mode": mode}, "header_overrides": [header]}
    queue = a_queue(http_target=target)
    stored = client.create_task(
        parent=queue.name, task=a_task(request={"url": f"{worker.url}{path}", "headers": {"X-Film": "task"}})
    )
    got = eventually(lambda: worker.received)[0]

    assert (got.path, got.headers["x-film"]) == (expected, "queue")
    assert stored.http_request.url == f"{worker.url}{path}"


def test_queue_with_another_port_as_target_is_sent_there_as_that_method_without_a_body_when_it_dispatches(
    client: tasks_v2.CloudTasksClient, a_queue: MakeQueue, a_task: MakeTask, worker: Worker
) -> None:
    port = int(worker.url.rpartition(":")[2])
    queue = a_queue(http_target={"uri_override": {"port": port}, "http_method": "GET"})
    client.create_task(parent=queue.name, task=a_task(request={"url": "http://127.0.0.1:9/work", "body": b"x"}))
    got = eventually(lambda: worker.received)[0]

    assert (got.method, got.path, got.body) == ("GET", "/work", b"")
