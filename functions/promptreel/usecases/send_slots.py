"""Wait for a send slot of a video model, so that its quota is kept and high priority goes first (docs/adr/0032)."""

from collections.abc import Callable
from datetime import datetime, timedelta

from promptreel.domain.models import VideoModel, registry
from promptreel.domain.send_slots import Cadence, Priority, SendSlots, slots_id
from promptreel.errors import Transient
from promptreel.ports.storage import Create, Replace
from promptreel.services import Services

# Real seconds that a task may wait here. A standard one goes back to its queue before it keeps others from being
# delivered; as many high ones as are delivered at once (infra/config/queues.json) all find a slot of a small quota.
PATIENCE_S: dict[Priority, float] = {"standard": 10.0, "high": 60.0}


def await_slot(
    model: VideoModel,
    priority: Priority,
    until: datetime,
    services: Services,
    is_wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Take the model's next slot for one request and wait for it, no longer than ``until``.

    A high one takes its slot before it waits, so that no later standard one comes between. A standard one takes it when
    it is there, unless its slot is no longer wanted: of one task that is delivered many times at once, the others find
    the request sent. A slot whose request is not sent after all is lost, and nothing else.

    Raises: Transient when the next slot is too far away.
    """
    quota = quota_per_minute(model, services.veo_quota_per_minute)
    if quota is None:
        return
    cadence, jobs, clock = Cadence.of(quota, services.pace), services.jobs, services.clock
    deadline = min(until, clock.now() + timedelta(seconds=PATIENCE_S[priority]))
    latest = deadline if priority == "high" else clock.now()
    while True:
        send_at, is_taken = jobs.retry_on_conflict(lambda: _take(model.id, cadence, priority, latest, services))
        if send_at > deadline:
            raise Transient(f"{model.id}: its quota of {quota} requests a minute is taken.", code="slots_taken")
        clock.sleep(max(0.0, (send_at - clock.now()).total_seconds()))
        if is_taken or not is_wanted():
            return


def quota_per_minute(model: VideoModel, granted: int) -> int | None:
    """How many requests a minute a model's provider takes.

    ``granted`` is what the project was granted for Veo; a Veo model with less than Veo's usual quota keeps its own.
    """
    own = model.quota_per_minute
    if own is None or model.protocol != "veo":
        return own
    usual = max(veo.quota_per_minute or 0 for veo in registry().video if veo.protocol == "veo")
    return granted if own == usual else min(own, granted)


def _take(
    model: str, cadence: Cadence, priority: Priority, latest: datetime, services: Services
) -> tuple[datetime, bool]:
    """When the request may be sent, and whether the slot is taken for it: unless that is later than ``latest``."""
    read, now = services.jobs.get_send_slots(model), services.clock.now()
    taken_until = read.value.taken_until if read else now
    send_at = cadence.send_at(taken_until, priority, now)
    if send_at > max(latest, now):
        return send_at, False
    taken = cadence.take(taken_until, now)
    if read:
        services.jobs.write(Replace("", read, read.value.evolve(taken_until=taken, updated=now)))
    else:
        services.jobs.write(Create("", SendSlots(id=slots_id(model), model=model, taken_until=taken, updated=now)))
    return send_at, True
