"""Executions inside one process, in jumping time: what cancelling, failing and closing leave behind."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from localcloud.serving import ApiError
from localcloud.workflows.deployments import Deployments
from localcloud.workflows.executions import Executions
from localcloud.workflows.hostmap import HostMap

PARENT = "projects/local/locations/us-central1"
NAPS = """
- loop:
    for:
      value: v
      range: [1, 3]
      steps:
      - nap: {call: sys.sleep, args: {seconds: 60}}
- give: {return: "rested"}
"""


@pytest.fixture
def in_service(scripted_runtime: Any, virtual_run: Callable[..., Any]) -> Callable[..., Any]:
    """Run a scenario, a coroutine function of (executions, runtime, start), on a service of its own."""

    def play(scenario: Callable[..., Coroutine[Any, Any, Any]], source: str = NAPS) -> Any:
        async def staged() -> Any:
            runtime = scripted_runtime()
            catalogue = Deployments(runtime.now_s)
            catalogue.create(PARENT, "w", {"sourceContents": source})
            executions = Executions(catalogue, runtime, runtime.now_s, "http://127.0.0.1:1")
            return await scenario(executions, runtime, lambda: executions.create(f"{PARENT}/workflows/w", {})["name"])

        return virtual_run(staged())

    return play


def test_cancelled_execution_does_nothing_more_when_time_goes_on(in_service: Callable[..., Any]) -> None:
    async def scenario(executions: Any, runtime: Any, start: Any) -> Any:
        name = start()
        await asyncio.sleep(90)
        executions.cancel(name)
        await asyncio.sleep(9000)
        return executions.get(name), runtime.slept_s

    execution, slept_s = in_service(scenario)

    assert (execution["state"], execution["duration"]) == ("CANCELLED", "90s")
    assert slept_s == [60, 60]


def test_duration_is_the_time_it_took_when_execution_ends(in_service: Callable[..., Any]) -> None:
    async def scenario(executions: Any, _: Any, start: Any) -> Any:
        name = start()
        await asyncio.sleep(200)
        return executions.get(name)

    execution = in_service(scenario)

    assert (execution["state"], execution["result"], execution["duration"]) == ("SUCCEEDED", '"rested"', "180s")


def test_ended_execution_keeps_its_result_when_cancelled(in_service: Callable[..., Any]) -> None:
    async def scenario(executions: Any, _: Any, start: Any) -> Any:
        name = start()
        await asyncio.sleep(200)
        with pytest.raises(ApiError, match="already ended"):
            executions.cancel(name)
        return executions.get(name)["state"]

    assert in_service(scenario) == "SUCCEEDED"


def test_execution_fails_when_the_stand_in_has_a_bug(
    in_service: Callable[..., Any],
) -> None:
    def broken(_: Any) -> Any:
        msg = "a bug"
        raise LookupError(msg)

    async def scenario(executions: Any, runtime: Any, start: Any) -> Any:
        runtime.answer = broken
        name = start()
        await asyncio.sleep(1)
        return executions.get(name)

    execution = in_service(scenario, '[{a: {call: http.get, args: {url: "http://x"}}}]')

    assert execution["state"] == "FAILED"
    assert "SystemError" in execution["error"]["payload"]


def test_no_task_is_left_when_service_is_closed(in_service: Callable[..., Any]) -> None:
    async def scenario(executions: Any, _: Any, start: Any) -> Any:
        for _ in range(5):
            start()
        await asyncio.sleep(1)
        await executions.close()
        return len(asyncio.all_tasks())

    assert in_service(scenario) == 1


def test_executions_do_not_wait_for_each_other_when_many_run_together(in_service: Callable[..., Any]) -> None:
    async def scenario(executions: Any, _: Any, start: Any) -> Any:
        names = [start() for _ in range(100)]
        await asyncio.sleep(181)
        return {executions.get(name)["duration"] for name in names}

    assert in_service(scenario) == {"180s"}


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://a.run.app/p?q=1", "http://127.0.0.1:81/p?q=1"),
        ("https://a.run.app:443/", "http://127.0.0.1:81/"),
        ("http://a.run.app/", None),
        ("https://b.run.app/", None),
        ("http://8.8.8.8/", None),
        ("http://127.0.0.1.evil.test/", None),
        ("http://127.0.0.1:5/x", "http://127.0.0.1:5/x"),
        ("http://localhost:5/", "http://localhost:5/"),
        ("http://[::1]:5/", "http://[::1]:5/"),
    ],
)
def test_url_is_loopback_or_nothing_when_looked_up(url: str, target: str | None) -> None:
    found = HostMap({"https://a.run.app": "http://127.0.0.1:81"}).target(httpx.URL(url))

    assert (None if found is None else str(found)) == target


def test_host_map_is_refused_when_it_leads_away_from_loopback() -> None:
    with pytest.raises(ValueError, match="loopback"):
        HostMap({"https://a.run.app": "http://example.com"})
