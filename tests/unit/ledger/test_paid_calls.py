"""`pay`: what every claim and every ending of the POST leave in the ledger, and that nothing is paid twice."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from promptreel.domain.call import Call, Lease, committed_micros
from promptreel.domain.models import registry
from promptreel.domain.states import CallState, JobState
from promptreel.domain.tariffs import ReportedUsage, image_tariff
from promptreel.errors import (
    AnswerLost,
    BudgetExceeded,
    QuotaExhausted,
    Refused,
    Throttled,
    Transient,
    Unpaid,
)
from promptreel.ledger.claims import Busy, CallRequest, Claim, EndedWithoutOutput, Paid, Superseded
from promptreel.ledger.paid_calls import Made, Order, last_answer, pay
from promptreel.ports.models import Declined
from promptreel.ports.storage import Change, Create
from tests.factories import a_call, a_job, a_scene, later
from tests.fakes.services import FakeServices
from tests.fakes.system import START

PRICE_MICROS = 90_000
REQUEST = CallRequest(
    job_id="job-1",
    run=1,
    kind="image",
    model="m",
    purpose="keyframe/scene-01/start",
    digest="d",
    price_micros=PRICE_MICROS,
    timeout_s=60,
    scene="scene-01",
)
PATH = "jobs/job-1/keyframe.png"
TARIFF = image_tariff(registry().image_model("gemini-3.1-flash-image"), "1K", 1, 2200)
USAGE = ReportedUsage(input=1690, output=1360, picture=1120)
COST_MICROS = TARIFF.cost_micros(TARIFF.complete(USAGE), START)
LEASE_OVER_S = 91.0  # the POST's 60 s and the grace of 30 s


@dataclass
class Provider:
    """Ends every POST in one way, and counts the POSTs."""

    ending: Made | Declined | BaseException
    posts: int = field(default=0)

    def __call__(self, left_s: float) -> Made | Declined:
        assert 0 < left_s <= REQUEST.timeout_s
        self.posts += 1
        if isinstance(self.ending, BaseException):
            raise self.ending
        return self.ending


ANSWER = Made(b"picture", USAGE, remark="cropped")
DECLINED = Declined("No picture came.", ("15236754",), USAGE)


@pytest.fixture
def services() -> FakeServices:
    """A running job with one scene, and no call yet."""
    fake = FakeServices()
    fake.jobs.write(Create("job-1", a_job(budget={"limit_micros": 1_000_000})), Create("job-1", a_scene()))
    return fake


def pay_for(services: FakeServices, post: Callable[[float], Made | Declined], request_s: float = 300) -> Claim:
    until = last_answer(services.clock.now(), request_s)
    order = Order(REQUEST, PATH, "image/png", TARIFF, until, services.images.connect)
    return pay(order, post, services.ledger, services.artifacts, services.clock)


def stored(services: FakeServices) -> Call:
    (read,) = services.jobs.list_calls("job-1")
    return read.value


def store_call(services: FakeServices, **fields: Any) -> None:
    call = REQUEST.planned(START).evolve(**fields)
    services.jobs.write(Create("job-1", call))


def lease(seconds: float) -> Lease:
    return Lease(holder="another worker", until=later(seconds))


# What is stored before `pay` looks; the call may be sent.
SENDABLE: dict[str, dict[str, Any] | None] = {
    "not planned": None,
    "planned": {},
    "planned at a lower price": {"reserved_micros": 1},
    "abandoned before it was sent": {"state": CallState.RESERVED, "lease": lease(-1)},
    "tried before and unpaid": {"reason": "429"},
}


@dataclass(frozen=True)
class Ending:
    """What follows from one ending of the POST."""

    of_post: Made | Declined | BaseException
    outcome: type[object]  # of the claim that is returned, or of the error that is raised
    state: CallState
    committed_micros: int
    posts_when_repeated: int = 1
    reason: str = ""
    codes: tuple[str, ...] = ()


LOST = Ending(AnswerLost("reset"), EndedWithoutOutput, CallState.LOST, PRICE_MICROS, reason="reset")
ENDINGS: dict[str, Ending] = {
    "answer": Ending(ANSWER, Paid, CallState.SETTLED, COST_MICROS, reason="cropped"),
    "declined": Ending(
        DECLINED, EndedWithoutOutput, CallState.SETTLED, COST_MICROS, reason="No picture came.", codes=("15236754",)
    ),
    "unpaid": Ending(Unpaid("no route"), Transient, CallState.PLANNED, PRICE_MICROS, 2, "no route"),
    "throttled": Ending(Throttled("429"), QuotaExhausted, CallState.PLANNED, PRICE_MICROS, 2, "429"),
    "refused": Ending(
        Refused("hate", codes=("57734940",)), EndedWithoutOutput, CallState.RELEASED, 0, 1, "hate", ("57734940",)
    ),
    "answer lost": LOST,
    "bug in reading the answer": replace(LOST, of_post=KeyError("candidates"), reason="KeyError('candidates')"),
    "store error inside the POST": replace(
        LOST, of_post=Transient("read gs://a: 503"), reason="Transient('read gs://a: 503')"
    ),
}


@pytest.mark.parametrize("before", SENDABLE.values(), ids=SENDABLE)
@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_pay_posts_once_and_records_how_it_ended(
    services: FakeServices, before: dict[str, Any] | None, ending: Ending
) -> None:
    if before is not None:
        store_call(services, **before)
    provider = Provider(ending.of_post)

    outcome = outcome_of(services, provider)

    call = stored(services)
    assert type(outcome) is ending.outcome
    assert provider.posts == 1
    assert (call.state, call.reason, call.codes) == (ending.state, ending.reason, ending.codes)
    assert committed_micros([call]) == ending.committed_micros


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_pay_repeats_the_post_only_when_nothing_was_paid(services: FakeServices, ending: Ending) -> None:
    provider = Provider(ending.of_post)

    outcomes = [outcome_of(services, provider) for _ in range(2)]
    services.clock.pass_s(LEASE_OVER_S)
    outcomes.append(outcome_of(services, provider))

    assert {type(outcome) for outcome in outcomes} == {ending.outcome}
    assert provider.posts == (1 if ending.posts_when_repeated == 1 else 3)
    assert stored(services).state is ending.state


def outcome_of(services: FakeServices, provider: Provider) -> Claim | Exception:
    try:
        return pay_for(services, provider)
    except (Transient, BudgetExceeded) as error:
        return error


def test_pay_keeps_the_answer_with_its_usage_and_cost(services: FakeServices) -> None:
    claim = pay_for(services, Provider(ANSWER))

    assert isinstance(claim, Paid)
    assert claim.call == stored(services)
    assert services.artifacts.get(str(claim.call.artifact)) == b"picture"
    assert claim.call.usage == TARIFF.complete(USAGE)


@pytest.mark.parametrize("ending", [Made(b"picture", ReportedUsage()), replace(DECLINED, usage=ReportedUsage())])
def test_pay_counts_an_answer_at_its_reserved_price_when_it_reports_no_usage(
    services: FakeServices, ending: Made | Declined
) -> None:
    pay_for(services, Provider(ending))

    call = stored(services)
    assert call.cost_micros == TARIFF.reserved_micros(START)
    assert call.usage is not None
    assert call.usage.assumed == ("input", "output", "picture")


def test_pay_names_the_reason_of_a_refusal_in_the_claim(services: FakeServices) -> None:
    claim = pay_for(services, Provider(Refused("hate", codes=("57734940",))))

    assert isinstance(claim, EndedWithoutOutput)
    assert (claim.call.reason, claim.call.codes) == ("hate", ("57734940",))


def test_unpaid_call_is_reported_as_not_sent(services: FakeServices) -> None:
    with pytest.raises(Transient) as failed:
        pay_for(services, Provider(Unpaid("no route")))

    assert failed.value.code == "not_sent"


# Stored call, what `pay` returns, and the state afterwards: nothing may be sent for any of them.
CLAIMS: dict[str, tuple[dict[str, Any], type[Claim], CallState]] = {
    "claimed by another worker": ({"state": CallState.RESERVED, "lease": lease(5)}, Busy, CallState.RESERVED),
    "being answered": ({"state": CallState.SENT, "lease": lease(5)}, Busy, CallState.SENT),
    "sent by a worker that died": ({"state": CallState.SENT, "lease": lease(-1)}, EndedWithoutOutput, CallState.LOST),
    "uncertain": ({"state": CallState.UNCERTAIN, "lease": lease(5)}, EndedWithoutOutput, CallState.LOST),
    "settled": (
        {"state": CallState.SETTLED, "artifact": "gs://artifacts/a", "cost_micros": 5},
        Paid,
        CallState.SETTLED,
    ),
    "adopted": (
        {"state": CallState.ADOPTED, "artifact": "gs://artifacts/a", "cost_micros": 5},
        Paid,
        CallState.ADOPTED,
    ),
    "declined": ({"state": CallState.SETTLED, "cost_micros": 5}, EndedWithoutOutput, CallState.SETTLED),
    "released": ({"state": CallState.RELEASED}, EndedWithoutOutput, CallState.RELEASED),
    "lost": ({"state": CallState.LOST}, EndedWithoutOutput, CallState.LOST),
}


@pytest.mark.parametrize(("before", "outcome", "state"), CLAIMS.values(), ids=CLAIMS)
def test_pay_sends_nothing_when_the_call_is_not_free(
    services: FakeServices, before: dict[str, Any], outcome: type[Claim], state: CallState
) -> None:
    store_call(services, **before)
    provider = Provider(ANSWER)

    claim = pay_for(services, provider)
    if isinstance(claim, Busy) and claim.call.state is CallState.UNCERTAIN:
        claim = pay_for(services, provider)  # the first look at a dead sender's call only moves it on

    assert type(claim) is outcome
    assert stored(services).state is state
    assert provider.posts == 0


@pytest.mark.parametrize("before", [{"state": CallState.UNCERTAIN}, {"state": CallState.SENT, "lease": lease(-1)}])
def test_pay_adopts_a_stored_artifact_when_its_answer_was_lost(services: FakeServices, before: dict[str, Any]) -> None:
    store_call(services, **before)
    services.artifacts.put(PATH, b"picture", "image/png")
    provider = Provider(ANSWER)

    claims = [pay_for(services, provider) for _ in range(3)]

    call = stored(services)
    assert isinstance(claims[-1], Paid)
    assert (call.state, call.artifact) == (CallState.ADOPTED, services.artifacts.uri(PATH))
    assert committed_micros([call]) == PRICE_MICROS
    assert provider.posts == 0


SUPERSEDED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # fields of the job and of the scene
    "the job ended": ({"state": JobState.CANCELLED}, {}),
    "a newer run began": ({"run": 2}, {}),
    "the scene has a newer take": ({}, {"take": 2}),
}


@pytest.mark.parametrize(("job", "scene"), SUPERSEDED.values(), ids=SUPERSEDED)
def test_pay_sends_nothing_when_the_caller_is_stale(job: dict[str, Any], scene: dict[str, Any]) -> None:
    services = FakeServices()
    services.jobs.write(Create("job-1", a_job(**job)), Create("job-1", a_scene(**scene)))
    provider = Provider(ANSWER)

    assert isinstance(pay_for(services, provider), Superseded)
    assert provider.posts == 0
    assert list(services.jobs.list_calls("job-1")) == []


def test_pay_sends_nothing_when_the_budget_does_not_hold_the_call(services: FakeServices) -> None:
    services.jobs.write(Create("job-1", a_call("other", reserved_micros=1_000_000 - PRICE_MICROS + 1)))
    provider = Provider(ANSWER)

    with pytest.raises(BudgetExceeded):
        pay_for(services, provider)

    assert provider.posts == 0
    assert [read.value.id for read in services.jobs.list_calls("job-1")] == ["other"]


def test_pay_claims_nothing_when_the_answer_may_come_too_late(services: FakeServices) -> None:
    provider = Provider(ANSWER)

    assert isinstance(pay_for(services, provider, request_s=79), Busy)
    assert provider.posts == 0
    assert list(services.jobs.list_calls("job-1")) == []


class FailingWrites:
    """Writes of call documents that fail, so many times."""

    def __init__(
        self,
        services: FakeServices,
        state: CallState | None,
        times: int,
        *,
        landed: bool,
        error: BaseException | None = None,
    ) -> None:
        """``state`` None: whatever is written after SENT; ``landed``: the write happens and its answer is lost."""
        self._write = services.jobs.write
        self._state, self._left, self._landed = state, times, landed
        self._error = error or Transient("503")
        self._is_sent = False
        services.jobs.write = self  # type: ignore[method-assign]

    def __call__(self, *changes: Change) -> None:
        written = [change.value.state for change in changes if isinstance(change.value, Call)]
        is_meant = written == [self._state] if self._state else bool(written and self._is_sent)
        if not is_meant or not self._left:
            self._write(*changes)
            self._is_sent |= written == [CallState.SENT]
            return
        self._left -= 1
        if self._landed:
            self._write(*changes)
        raise self._error

    def recover(self) -> None:
        self._left = 0


FOR_GOOD = 1_000_000


@pytest.mark.parametrize("landed", [False, True], ids=["write lost", "answer of the write lost"])
@pytest.mark.parametrize("state", [CallState.RESERVED, CallState.SENT])
def test_pay_sends_nothing_when_its_intent_cannot_be_stored(
    services: FakeServices, state: CallState, *, landed: bool
) -> None:
    store_call(services)
    store = FailingWrites(services, state, FOR_GOOD, landed=landed)
    provider = Provider(ANSWER)

    with pytest.raises(Transient, match="503"):
        pay_for(services, provider)

    assert provider.posts == 0
    store.recover()
    services.clock.pass_s(LEASE_OVER_S)
    claims = [pay_for(services, provider) for _ in range(2)]
    is_perhaps_sent = state is CallState.SENT and landed
    assert provider.posts == (0 if is_perhaps_sent else 1)
    assert type(claims[-1]) is (EndedWithoutOutput if is_perhaps_sent else Paid)


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_pay_records_the_ending_when_the_store_comes_back(services: FakeServices, ending: Ending) -> None:
    FailingWrites(services, None, 5, landed=False)
    provider = Provider(ending.of_post)

    assert type(outcome_of(services, provider)) is ending.outcome
    assert stored(services).state is ending.state
    assert provider.posts == 1


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_pay_records_the_ending_once_when_the_store_loses_its_answer(services: FakeServices, ending: Ending) -> None:
    FailingWrites(services, None, 1, landed=True)
    provider = Provider(ending.of_post)

    assert type(outcome_of(services, provider)) is ending.outcome
    assert stored(services).state is ending.state
    assert committed_micros([stored(services)]) == ending.committed_micros
    assert provider.posts == 1


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_pay_never_posts_a_second_time_when_the_ending_cannot_be_recorded(
    services: FakeServices, ending: Ending
) -> None:
    """The worker fails; the next one finds a dead sender's call and adopts its artifact or counts it as lost."""
    store = FailingWrites(services, None, FOR_GOOD, landed=False)
    provider = Provider(ending.of_post)

    with pytest.raises(Transient, match="503"):
        pay_for(services, provider)
    assert stored(services).state is CallState.SENT
    store.recover()
    services.clock.pass_s(LEASE_OVER_S)
    claims = [pay_for(services, provider) for _ in range(3)]

    is_stored = ending.of_post is ANSWER
    assert type(claims[-1]) is (Paid if is_stored else EndedWithoutOutput)
    assert stored(services).state is (CallState.ADOPTED if is_stored else CallState.LOST)
    assert committed_micros([stored(services)]) == PRICE_MICROS
    assert provider.posts == 1


@pytest.mark.parametrize("landed", [False, True], ids=["upload lost", "answer of the upload lost"])
def test_pay_never_posts_a_second_time_when_the_upload_fails(services: FakeServices, *, landed: bool) -> None:
    put = services.artifacts.put

    def fail(path: str, data: bytes, content_type: str) -> str:
        if landed:
            put(path, data, content_type)
        raise Transient("write: 503")

    services.artifacts.put = fail  # type: ignore[method-assign]
    provider = Provider(ANSWER)

    with pytest.raises(Transient, match="write: 503"):
        pay_for(services, provider)
    assert stored(services).state is CallState.SENT
    services.artifacts.put = put  # type: ignore[method-assign]
    assert isinstance(pay_for(services, provider), Busy)
    services.clock.pass_s(LEASE_OVER_S)
    claims = [pay_for(services, provider) for _ in range(2)]

    assert type(claims[-1]) is (Paid if landed else EndedWithoutOutput)
    assert stored(services).state is (CallState.ADOPTED if landed else CallState.LOST)
    assert committed_micros([stored(services)]) == PRICE_MICROS
    assert provider.posts == 1


def test_pay_adopts_the_artifact_when_the_process_ends_before_the_receipt(services: FakeServices) -> None:
    store = FailingWrites(services, None, 1, landed=False, error=KeyboardInterrupt())
    provider = Provider(ANSWER)

    with pytest.raises(KeyboardInterrupt):
        pay_for(services, provider)
    store.recover()
    services.clock.pass_s(LEASE_OVER_S)
    claims = [pay_for(services, provider) for _ in range(2)]

    assert isinstance(claims[-1], Paid)
    assert (claims[-1].call.state, claims[-1].call.cost_micros) == (CallState.ADOPTED, PRICE_MICROS)
    assert provider.posts == 1


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(1)])
def test_pay_never_posts_a_second_time_when_the_process_ends_in_the_post(
    services: FakeServices, stop: BaseException
) -> None:
    provider = Provider(stop)

    with pytest.raises(type(stop)):
        pay_for(services, provider)
    services.clock.pass_s(LEASE_OVER_S)
    claims = [pay_for(services, provider) for _ in range(2)]

    assert isinstance(claims[-1], EndedWithoutOutput)
    assert stored(services).state is CallState.LOST
    assert provider.posts == 1
