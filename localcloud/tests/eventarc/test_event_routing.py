"""Who is owed which event, and how long it is tried: on a clock that the test moves."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localcloud.delivery import Outcome
from localcloud.eventarc.delivery import RETENTION_S, Faults, Router
from localcloud.eventarc.events import FINALIZED, CloudEvent
from localcloud.eventarc.outbox import Outbox
from localcloud.eventarc.sources import BucketPoller
from localcloud.eventarc.triggers import Backoff, BadConfig, Config, Service, Trigger, Workflow, load
from localcloud.serving import ApiError


@dataclass
class FakeCourier:
    """Answers from a script, then 204."""

    statuses: list[int | None] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)  # trigger and subject

    async def deliver(self, trigger: Trigger, event: CloudEvent) -> Outcome:
        self.sent.append((trigger.name, event.subject))
        return Outcome(self.statuses.pop(0) if self.statuses else 204)


def a_trigger(name: str = "prompts", *, bucket: str = "prompts", event: str = FINALIZED) -> Trigger:
    return Trigger(name, bucket, event, "", Service("http://127.0.0.1:1/", "a"))


def a_resource(name: str = "idea.json", *, bucket: str = "prompts", generation: int = 7) -> dict[str, Any]:
    return {"bucket": bucket, "name": name, "generation": str(generation), "updated": "2026-01-01T00:00:00Z"}


class Stage:
    def __init__(self, *triggers: Trigger, state_dir: Path | None = None) -> None:
        self.now_s = 1_800_000_000.0
        self.outbox, self.courier, self.faults = Outbox(state_dir), FakeCourier(), Faults()
        config = Config(triggers or (a_trigger(),), Backoff(min_s=1, max_s=5))
        self.router = Router(config, self.outbox, self.courier, self.faults, now_s=lambda: self.now_s)

    def report(self, resource: dict[str, Any]) -> None:
        self.router.hear({"eventType": "OBJECT_FINALIZE"}, json.dumps(resource).encode())

    async def launch(self) -> float | None:
        while True:
            before = len(self.courier.sent)
            wait_s = self.router.send_due()
            for _ in range(20):  # turns of the loop, so that fake deliveries end and are settled
                await asyncio.sleep(0)
            if len(self.courier.sent) == before:
                return wait_s


def played(stage: Stage, play: Callable[[], Awaitable[None]]) -> None:
    async def on_stage() -> None:
        await play()

    try:
        asyncio.run(on_stage())
    finally:
        stage.outbox.close()


def test_change_reaches_each_matching_trigger_once_when_reported() -> None:
    stage = Stage(
        a_trigger("one"),
        a_trigger("two"),
        a_trigger("elsewhere", bucket="results"),
        a_trigger("deletions", event="google.cloud.storage.object.v1.deleted"),
    )

    async def play() -> None:
        stage.report(a_resource())
        stage.report(a_resource())  # the same change, reported again after its answer was lost
        await stage.launch()
        stage.report(a_resource())
        await stage.launch()

        assert sorted(stage.courier.sent) == [("one", "objects/idea.json"), ("two", "objects/idea.json")]
        assert stage.outbox.owed() == []

    played(stage, play)


def test_overwritten_object_is_a_new_event_when_reported() -> None:
    stage = Stage()

    async def play() -> None:
        stage.report(a_resource(generation=7))
        stage.report(a_resource(generation=8))
        await stage.launch()

        assert len(stage.courier.sent) == 2

    played(stage, play)


@pytest.mark.parametrize(
    ("kind", "data"),
    [("OBJECT_PAINTED", b"{}"), ("OBJECT_FINALIZE", b"{}"), ("OBJECT_FINALIZE", b"[]"), ("OBJECT_FINALIZE", b"?")],
)
def test_report_is_dropped_when_it_cannot_be_read(kind: str, data: bytes) -> None:
    stage = Stage()
    stage.router.hear({"eventType": kind}, data)

    assert stage.outbox.owed() == []
    stage.outbox.close()


@pytest.mark.parametrize("status", [None, 302, 400, 404, 429, 500, 503])
def test_event_is_sent_again_with_growing_waits_when_its_destination_does_not_acknowledge(
    status: int | None,
) -> None:
    stage = Stage()

    async def play() -> None:
        stage.courier.statuses = [status] * 5
        stage.report(a_resource())
        waits_s = []
        while (wait_s := await stage.launch()) is not None:
            waits_s.append(wait_s)
            stage.now_s += wait_s

        assert waits_s == [1, 2, 4, 5, 5]
        assert len(stage.courier.sent) == 6
        assert stage.outbox.owed() == []

    played(stage, play)


def test_owed_event_is_delivered_with_its_attempts_counted_when_the_process_comes_back(tmp_path: Path) -> None:
    first = Stage(state_dir=tmp_path)

    async def fail() -> None:
        first.courier.statuses = [500, 500]
        first.report(a_resource())
        await first.launch()
        first.now_s += 1
        await first.launch()

    played(first, fail)
    second = Stage(state_dir=tmp_path)

    async def succeed() -> None:
        waits_s = await second.launch()
        second.now_s += 3
        await second.launch()

        assert waits_s == 3
        assert len(second.courier.sent) == 1
        assert second.outbox.owed() == []

    played(second, succeed)


def test_delivered_event_is_not_owed_again_when_reported_after_a_restart(tmp_path: Path) -> None:
    first, second = Stage(state_dir=tmp_path), Stage(state_dir=tmp_path)

    async def deliver() -> None:
        first.report(a_resource())
        await first.launch()

    played(first, deliver)
    second.report(a_resource())

    assert second.outbox.owed() == []
    second.outbox.close()


def test_event_is_sent_twice_and_counted_when_duplicates_are_ordered() -> None:
    stage = Stage()

    async def play() -> None:
        stage.faults.order({"duplicate_rate": 1})
        stage.report(a_resource())
        await stage.launch()

        assert stage.courier.sent == [("prompts", "objects/idea.json")] * 2
        assert stage.faults.report()["duplicated"] == 1

    played(stage, play)


def test_later_event_is_sent_first_and_none_is_lost_when_reordering_is_ordered() -> None:
    stage = Stage()

    async def play() -> None:
        stage.faults.order({"reorder_rate": 1, "hold_s": 3})
        stage.report(a_resource("first.json"))
        held_s = await stage.launch()
        stage.faults.order({})
        stage.report(a_resource("second.json"))
        await stage.launch()
        before = list(stage.courier.sent)
        stage.now_s += 3
        await stage.launch()

        assert held_s == 3
        assert before == [("prompts", "objects/second.json")]
        assert stage.courier.sent[1:] == [("prompts", "objects/first.json")]

    played(stage, play)


def test_same_events_are_late_when_reordering_has_the_same_seed() -> None:
    def late(seed: int) -> list[bool]:
        faults = Faults()
        faults.order({"reorder_rate": 0.5, "seed": seed})
        return [faults.reorder_delay_s() > 0 for _ in range(20)]

    assert late(1) == late(1) != late(2)
    assert any(late(1))
    assert not all(late(1))


@pytest.mark.parametrize("order", [{"reorder_rate": 2}, {"hold_s": 0}, {"hold_s": "1"}, {"seed": "x"}, {"speed": 1}])
def test_fault_order_is_refused_when_unknown_or_out_of_range(order: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        Faults().order(order)


def test_event_is_dropped_for_good_when_nobody_takes_it_for_a_day() -> None:
    stage = Stage()

    async def play() -> None:
        stage.courier.statuses = [500] * 2
        stage.report(a_resource())
        await stage.launch()
        stage.now_s += RETENTION_S - 1
        await stage.launch()
        within = len(stage.courier.sent)
        stage.now_s += 5
        await stage.launch()
        stage.report(a_resource())
        await stage.launch()

        assert (within, len(stage.courier.sent)) == (2, 2)
        assert stage.outbox.owed() == []

    played(stage, play)


def test_file_triggers_know_their_destination_when_read(tmp_path: Path) -> None:
    common = {"bucket": "prompts", "event": FINALIZED, "account": "e@local"}
    film = {"workflow": "projects/p/locations/l/workflows/film", "workflows_url": "http://127.0.0.1:1/"}
    file = tmp_path / "triggers.json"
    file.write_text(
        json.dumps(
            {
                "triggers": [
                    {"name": "w", **common, **film},
                    {"name": "s", **common, "url": "http://127.0.0.1:2/hook", "audience": "a"},
                ],
                "backoff": {"min_s": 0.1, "max_s": 1},
            }
        )
    )
    config = load(file)

    assert [trigger.destination for trigger in config.triggers] == [
        Workflow("projects/p/locations/l/workflows/film", "http://127.0.0.1:1"),
        Service("http://127.0.0.1:2/hook", "a"),
    ]
    assert (
        config.triggers[0].destination.url == "http://127.0.0.1:1/v1/projects/p/locations/l/workflows/film/executions"
    )
    assert config.backoff == Backoff(0.1, 1)


@pytest.mark.parametrize(
    "change", [{"url": "http://192.0.2.1/"}, {"bucket": None}, {"url": None}, {"workflow": "w"}, {"event": None}]
)
def test_unusable_trigger_is_refused_when_read(tmp_path: Path, change: dict[str, Any]) -> None:
    entry = {"name": "t", "bucket": "b", "event": FINALIZED, "url": "http://127.0.0.1:1/", **change}
    file = tmp_path / "triggers.json"
    file.write_text(json.dumps({"triggers": [{key: value for key, value in entry.items() if value is not None}]}))

    with pytest.raises(BadConfig):
        load(file)


def test_buckets_are_polled_ever_more_seldom_until_a_change_was_not_notified() -> None:
    """Reports are the fast way: looking is for what was not reported, and an idle stack must stay idle."""
    stage, waits_s = Stage(), list[float]()

    class Scripted(BucketPoller):
        async def poll(self) -> bool:
            return len(waits_s) == 4  # news at the fourth look

    async def sleep(wait_s: float) -> None:
        waits_s.append(round(wait_s, 3))
        if len(waits_s) == 7:
            raise asyncio.CancelledError

    async def play() -> None:
        poller = Scripted("", stage.router, stage.outbox)
        await asyncio.wait([asyncio.ensure_future(poller.keep_polling(1.0, 1.2, sleep=sleep))])
        await poller.close()

    played(stage, play)

    assert waits_s == [1.0, 1.1, 1.2, 1.2, 1.0, 1.1, 1.2]
