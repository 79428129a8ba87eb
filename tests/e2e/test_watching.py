"""As many people as may watch one film, through the gate and the real server, which is killed once."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx

from client.api import PromptreelClient
from client.watching import follow
from localcloud.tests import loopback
from localcloud.tests.waiting import PATIENCE_S, eventually
from promptreel.usecases.watch_job import MAX_WATCHERS
from tests.e2e.stack import ONE_SHORT_SCENE, Stack


class Watcher:
    """A client that reads a stream of events and comes back with ``Last-Event-ID`` when it is cut off."""

    def __init__(self, stack: Stack, job_id: str, is_waiting: Barrier) -> None:
        self._url = f"{stack.state['api']}/v1/jobs/{job_id}/events"
        self._headers = {"Authorization": f"Bearer {stack.state['tokens']['owner']}", "Accept": "text/event-stream"}
        self._is_waiting = is_waiting
        self._has_waited = False
        self.events: list[dict[str, Any]] = []
        self.connections = 0

    def watch(self) -> None:
        """Read until the job has ended."""
        eventually(self._read, "the end of a stream", first_pause_s=0.2)

    def _read(self) -> bool:
        self.connections += 1
        try:
            with loopback.stream("GET", self._url, headers=self._headers) as answer:
                if answer.status_code != 200:  # the server is being started again
                    return False
                return self._read_messages(answer)
        except httpx.TransportError:
            return False

    def _read_messages(self, answer: httpx.Response) -> bool:
        message: dict[str, str] = {}
        for line in answer.iter_lines():
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                message[name] = value
            elif message:
                if "id" in message:
                    self._headers["Last-Event-ID"] = message["id"]
                    self.events.append(json.loads(message["data"]))
                if message.get("event") == "end":
                    return True
                if not self._has_waited and '"AWAITING_APPROVAL"' in message.get("data", ""):
                    self._has_waited = True
                    self._is_waiting.wait(PATIENCE_S)
                message = {}
        return False


STREAMS = MAX_WATCHERS - 1
"""One is left for the command line."""


def test_watchers_see_every_event_once_when_the_api_is_killed_meanwhile(stack: Stack) -> None:
    job_id = stack.submit("A paper boat on a lake", approval="storyboard", **ONE_SHORT_SCENE)
    all_wait = Barrier(STREAMS + 1)
    watchers = [Watcher(stack, job_id, all_wait) for _ in range(STREAMS)]
    with ThreadPoolExecutor(STREAMS) as pool:
        watching = [pool.submit(watcher.watch) for watcher in watchers]
        all_wait.wait(PATIENCE_S)
        os.killpg(stack.state["processes"]["api"], signal.SIGKILL)
        eventually(lambda: _approve(stack, job_id), "an approval")
        with PromptreelClient(stack.state["api"], stack.state["tokens"]["owner"]) as client:
            *_, last = follow(client, job_id)
        assert last["state"] == "COMPLETE"
        for one in watching:
            one.result(PATIENCE_S)

    listed = stack.api("GET", f"/v1/jobs/{job_id}/events").json()["events"]
    assert listed[-1]["state"] == "COMPLETE"
    expected = _spell(listed)
    assert [_spell(watcher.events) for watcher in watchers] == [expected] * STREAMS
    assert all(watcher.connections > 1 for watcher in watchers), "each was cut off"


def _approve(stack: Stack, job_id: str) -> bool:
    return stack.api("POST", f"/v1/jobs/{job_id}:approve", json={}).status_code == 202


def _spell(events: list[dict[str, Any]]) -> list[str]:
    """Every event as text, in an order that does not depend on when it was sent."""
    return sorted(json.dumps(event, sort_keys=True) for event in events)
