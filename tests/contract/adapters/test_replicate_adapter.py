"""What only Replicate has: outputs to copy, and a list in which a lost submit is found."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from localcloud.tests.object_store import ObjectStore
from localcloud.tests.replicate.harness import FakeReplicate
from promptreel.errors import AnswerLost, NotFound, Refused, Transient
from promptreel.ports.models import LostSubmit, Operation, Succeeded
from tests.contract.adapters.backends import OpenArtifacts, Setting, loopback_replicate, replicate_setting

PAGE = 100


@pytest.fixture
def setting(replicate: FakeReplicate, object_store: ObjectStore) -> Iterator[Setting]:
    with replicate_setting(replicate, object_store) as setting:
        yield setting


@pytest.fixture
def artifacts(object_store: ObjectStore) -> Iterator[OpenArtifacts]:
    artifacts = OpenArtifacts(object_store)
    yield artifacts
    artifacts.close()


def stored_at(store: ObjectStore, operation: Operation) -> list[str]:
    found = store.listed(operation.output_uri.removeprefix("gs://films/"))
    return [f"gs://films/{each['name']}" for each in found]


def test_output_is_copied_once_when_it_is_polled_twice(
    setting: Setting, replicate: FakeReplicate, object_store: ObjectStore
) -> None:
    replicate.break_with("hang", method="download", args={"s": 0})  # counts the downloads, and delays none
    operation = setting.submit("copied-once")
    states = [setting.end_of(operation), setting.backend.poll(operation)]

    assert states == [Succeeded(uri) for uri in stored_at(object_store, operation) * 2]
    assert replicate.happened() == {"hang": 1}


def test_output_is_copied_by_the_next_poll_when_its_download_failed(
    setting: Setting, replicate: FakeReplicate, object_store: ObjectStore
) -> None:
    replicate.break_with("status", method="download", nth=[1], args={"code": 503})
    operation = setting.submit("copied-later")
    replicate.ended(operation.name)

    with pytest.raises(Transient):
        setting.backend.poll(operation)
    assert stored_at(object_store, operation) == []
    assert setting.backend.poll(operation) == Succeeded(stored_at(object_store, operation)[0])


@pytest.mark.parametrize("fault", ["output_expired", "output_missing"])
def test_clip_is_paid_and_missing_when_its_output_cannot_be_had_any_more(
    setting: Setting, replicate: FakeReplicate, object_store: ObjectStore, fault: str
) -> None:
    replicate.break_with(fault)
    operation = setting.submit(fault)
    state = setting.end_of(operation)

    assert isinstance(state, Succeeded)
    assert state.uri.startswith(operation.output_uri)
    assert stored_at(object_store, operation) == []
    assert setting.bills() == [("delivered", 4 * 200_000)]


def test_clip_is_paid_and_missing_when_someone_canceled_it_while_it_ran(
    setting: Setting, replicate: FakeReplicate
) -> None:
    replicate.break_with("never_done")
    operation = setting.submit("canceled")
    replicate.reaches(operation.name, "processing")
    replicate.ask("POST", f"predictions/{operation.name}/cancel")

    assert isinstance(setting.backend.poll(operation), Succeeded)
    assert setting.bills() == [("canceled", 4 * 200_000)]


def lose(setting: Setting, replicate: FakeReplicate, folder: str) -> LostSubmit:
    """Submit a clip whose answer does not arrive."""
    replicate.break_with("reset_after")
    sent_at = datetime.now(UTC)
    with pytest.raises(AnswerLost):
        setting.submit(folder)
    replicate.control("DELETE", "faults")
    return LostSubmit(setting.request.model, setting.uri(folder), sent_at)


def test_lost_submit_is_found_by_its_mark_and_filmed_to_its_end(
    setting: Setting, replicate: FakeReplicate, object_store: ObjectStore
) -> None:
    before = setting.submit("same-keyframes-before")
    lost = lose(setting, replicate, "lost")
    after = setting.submit("same-keyframes-after")

    found = setting.backend.find(lost)

    assert found is not None
    assert found.name not in {before.name, after.name}
    assert setting.end_of(found) == Succeeded(stored_at(object_store, found)[0])
    assert found.output_uri == lost.output_uri


def test_lost_submit_is_not_found_when_it_never_arrived(setting: Setting) -> None:
    setting.submit("same-keyframes")

    never_arrived = LostSubmit(setting.request.model, setting.uri("never-arrived"), datetime.now(UTC))
    assert setting.backend.find(never_arrived) is None


def test_lost_submit_is_looked_for_from_a_minute_before_it_was_sent(setting: Setting, replicate: FakeReplicate) -> None:
    lost = lose(setting, replicate, "window")

    assert setting.backend.find(replace(lost, sent_at=lost.sent_at + timedelta(seconds=50))) is not None
    assert setting.backend.find(replace(lost, sent_at=lost.sent_at + timedelta(seconds=120))) is None


def test_lost_submit_is_found_on_the_second_page(setting: Setting, replicate: FakeReplicate) -> None:
    lost = lose(setting, replicate, "second-page")
    replicate.break_with("never_done")
    later = [setting.submit("same-keyframes") for _ in range(PAGE)]

    found = setting.backend.find(lost)

    assert found is not None
    assert found.name not in {operation.name for operation in later}


def test_list_that_cannot_be_read_is_transient(setting: Setting, replicate: FakeReplicate) -> None:
    lost = lose(setting, replicate, "unreadable")
    replicate.break_with("status", method="predictions.list", args={"code": 503})

    with pytest.raises(Transient):
        setting.backend.find(lost)


def test_calls_stop_as_misconfigured_when_the_token_is_not_valid(
    setting: Setting, replicate: FakeReplicate, artifacts: OpenArtifacts
) -> None:
    with loopback_replicate(replicate.url, artifacts, token="r8_wrong") as backend:
        stranger = replace(setting, backend=backend)
        with pytest.raises(Refused) as refused:
            stranger.submit("token")
        with pytest.raises(Transient):
            backend.poll(setting.unknown_operation())

    assert refused.value.codes == ("configuration",)
    assert setting.bills() == []


def test_prediction_fails_when_a_keyframe_cannot_be_fetched(setting: Setting) -> None:
    operation = setting.submit("no-keyframe", last_uri="gs://films/keyframes/absent.png")
    state = setting.end_of(operation)

    assert not isinstance(state, Succeeded)
    assert setting.bills() == [("failed", 0)]


def test_prediction_is_unknown_when_no_such_id_exists(setting: Setting) -> None:
    with pytest.raises(NotFound):
        setting.backend.poll(setting.unknown_operation())
