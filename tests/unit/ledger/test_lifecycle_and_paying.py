"""A job's end, and the artifact that stands before its receipt (DESIGN §3, §5.6)."""

from collections.abc import Callable

import pytest

from promptreel.domain.models import registry
from promptreel.domain.states import CallState, JobState
from promptreel.domain.tariffs import ReportedUsage, image_tariff
from promptreel.errors import Conflict
from promptreel.ledger.claims import CallRequest, Claim, EndedWithoutOutput, Ledger, Paid
from promptreel.ledger.paid_calls import Artifact, Made, Order, last_answer, pay
from promptreel.ports.models import Declined
from promptreel.ports.storage import Create
from promptreel.usecases import job_lifecycle
from tests.factories import a_job
from tests.fakes.services import FakeServices
from tests.fakes.system import START

TICKET = CallRequest(
    job_id="job-1", run=1, kind="image", model="m", purpose="k", digest="d", price_micros=100, timeout_s=60
)
ARTIFACT = Artifact("jobs/job-1/k.png", "image/png")
TARIFF = image_tariff(registry().image_model("gemini-3.1-flash-image"), "1K", 1, 2200)


def pay_for(world: FakeServices, post: Callable[[float], Made | Declined]) -> Claim:
    until = last_answer(world.clock.now(), request_s=300)
    return pay(Order(TICKET, ARTIFACT, TARIFF, until), post, world.ledger, world.artifacts, world.clock)


def test_cancel_then_also_stops_the_execution(world: FakeServices) -> None:
    job = world.opened()
    world.executions.active.add(str(job.execution))

    job_lifecycle.cancel(job.id, world)

    assert world.executions.active == set()


def test_job_that_ended_otherwise_then_cannot_be_cancelled(world: FakeServices) -> None:
    world.jobs.write(Create("job-1", a_job(state=JobState.COMPLETE)))

    with pytest.raises(Conflict, match="only a running job can be cancelled"):
        job_lifecycle.cancel("job-1", world)


def test_death_between_artifact_and_receipt_then_the_artifact_is_adopted_and_nothing_is_paid_again(
    world: FakeServices,
) -> None:
    world.jobs.write(Create("job-1", a_job()))
    posts = []

    def post(left_s: float) -> Made:
        posts.append(left_s)
        return Made(b"picture", ReportedUsage(input=1, output=1, picture=0))

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "settle", die)
        with pytest.raises(KeyboardInterrupt):
            pay_for(world, post)
    world.clock.pass_s(91)

    claim = pay_for(world, post)

    assert isinstance(claim, Paid)
    assert (claim.call.state, claim.call.cost_micros) == (CallState.ADOPTED, 100)
    assert len(posts) == 1


@pytest.mark.parametrize(
    ("usage", "cost_micros", "assumed"),
    [
        (ReportedUsage(input=1690, output=1720, picture=0), (1690 * 500_000 + 1720 * 3_000_000) // 1_000_000, ()),
        (ReportedUsage(), TARIFF.reserved_micros(START), ("input", "output", "picture")),
    ],
)
def test_answer_without_output_costs_its_usage_and_is_never_bought_twice(
    world: FakeServices, usage: ReportedUsage, cost_micros: int, assumed: tuple[str, ...]
) -> None:
    world.jobs.write(Create("job-1", a_job()))
    posts = []

    def post(left_s: float) -> Declined:
        posts.append(left_s)
        return Declined("No picture came: I cannot draw this.", ("15236754",), usage)

    claims = [pay_for(world, post) for _ in range(2)]

    assert [type(claim) for claim in claims] == [EndedWithoutOutput, EndedWithoutOutput]
    (call,) = (read.value for read in world.jobs.list_calls("job-1"))
    assert (call.state, call.cost_micros, call.artifact) == (CallState.SETTLED, cost_micros, None)
    assert (call.reason, call.codes) == ("No picture came: I cannot draw this.", ("15236754",))
    assert call.usage is not None
    assert call.usage.assumed == assumed
    assert len(posts) == 1


def test_answer_without_usage_is_kept_at_its_reserved_price(world: FakeServices) -> None:
    world.jobs.write(Create("job-1", a_job()))

    def post(left_s: float) -> Made:
        return Made(b"picture", ReportedUsage())

    claim = pay_for(world, post)

    assert isinstance(claim, Paid)
    assert world.artifacts.get(str(claim.call.artifact)) == b"picture"
    assert claim.call.cost_micros == TARIFF.reserved_micros(START)
