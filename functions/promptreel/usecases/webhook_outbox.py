"""Events for webhooks: stored in the batch of the change that they report, then put into the queue.

A change and its events are written together or not at all. Whoever has written them enqueues them; when it dies before,
`sweep_jobs` does (docs/adr/0030).
"""

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import islice

from promptreel.domain.job import Job
from promptreel.domain.scene import Scene
from promptreel.domain.states import SceneState
from promptreel.domain.webhooks import Delivery, Webhooks, deliveries_of_job, deliveries_of_scene
from promptreel.errors import PromptreelError, UnreadableDocument
from promptreel.ports.storage import Create, Replace, Update
from promptreel.ports.webhooks import DeliveryTask
from promptreel.services import Services

log = logging.getLogger(__name__)

OVERDUE_S = 300.0  # after its time, a delivery's task is taken for lost
GIVE_UP_S = 604_800.0  # a delivery that no task could bring to an end
SWEPT_AT_ONCE = 500  # the next sweep takes the others


def events_of_job(job: Job, services: Services) -> list[Create]:
    """What is written together with a job that enters its state, besides the job itself."""
    deliveries = deliveries_of_job(job, _read_webhooks(job.owner, services), services.clock.now())
    return [Create(job.id, delivery) for delivery in deliveries]


def enqueue_created(creates: Iterable[Create], services: Services) -> None:
    """Enqueue the deliveries among what was just written."""
    for create in creates:
        if isinstance(create.value, Delivery):
            enqueue(create.value, services)


def enqueue(delivery: Delivery, services: Services) -> None:
    """Enqueue the next attempt of a delivery, if there is one. Repeating is harmless: it is the same task.

    One that cannot be enqueued now is left to the sweep: the change that it reports is made and stays.
    """
    if delivery.due is None:
        return
    try:
        services.deliveries.enqueue(DeliveryTask(delivery.job, delivery.id, delivery.dispatch, delivery.due))
    except PromptreelError as error:
        log.warning("enqueue webhook failed", extra={"json_fields": {"job_id": delivery.job, "error": str(error)}})


def update_scene(job: Job, scene_id: str, change: Callable[[Scene], Scene | None], services: Services) -> Update[Scene]:
    """Change a scene as `JobStore.update_scene`; when that takes its clip, store and enqueue the events of it."""
    jobs, created = services.jobs, list[Create]()

    def attempt() -> Update[Scene]:
        created.clear()
        read = jobs.get_scene(job.id, scene_id)
        changed = change(read.value)
        if changed is None:
            return Update(read.value, read.value)
        if changed.state is SceneState.DONE and read.value.state is not SceneState.DONE:
            webhooks = _read_webhooks(job.owner, services)
            deliveries = deliveries_of_scene(job, changed, webhooks, services.clock.now())
            created.extend(Create(job.id, delivery) for delivery in deliveries)
        jobs.write(Replace(job.id, read, changed), *created)
        return Update(read.value, changed)

    update = jobs.retry_on_conflict(attempt)
    enqueue_created(created, services)
    return update


def list_overdue(services: Services) -> Iterable[Delivery]:
    """Deliveries whose task is lost: nobody has acted on them for long."""
    due = services.clock.now() - timedelta(seconds=OVERDUE_S * services.pace)
    return (read.value for read in islice(services.jobs.list_due_deliveries(due), SWEPT_AT_ONCE))


def renew(seen: Delivery, services: Services) -> bool:
    """Give an overdue delivery a new task, or give it up; tell whether this call did.

    The new dispatch makes a task that is only late send nothing.
    """
    now = services.clock.now()

    def change(delivery: Delivery) -> Delivery | None:
        if delivery.state != "pending" or delivery.dispatch != seen.dispatch:
            return None
        if now - delivery.created > timedelta(seconds=GIVE_UP_S * services.pace):
            return delivery.end("failed", now)
        return delivery.evolve(dispatch=delivery.dispatch + 1, due=now, updated=now)

    update = services.jobs.update_delivery(seen.job, seen.id, change)
    if update.is_written:
        enqueue(update.after, services)
    return update.is_written


def _read_webhooks(owner: str, services: Services) -> Webhooks | None:
    """The owner's webhooks. A document that this version cannot read keeps no job from its end."""
    try:
        read = services.jobs.get_webhooks(owner)
    except UnreadableDocument as error:
        log.error("document_unreadable", extra={"json_fields": {"document": error.path, "error": error.message}})  # noqa: TRY400 - the cause quotes values
        return None
    return read.value if read else None
