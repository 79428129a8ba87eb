"""Webhooks' adapters: the secrets before the stand-in, the queue before the stand-in, and messages as they come."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import pytest
from google.cloud import tasks_v2
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.oauth2.credentials import Credentials

from localcloud.tests.harness import Received, StandIn, Worker, listening
from localcloud.tests.secretmanager.conftest import KEEPER, READER
from localcloud.tests.tasks.conftest import LOCATION
from localcloud.tests.waiting import eventually
from promptreel.adapters.secrets import SecretManagerSecrets
from promptreel.adapters.web import PublicWeb
from promptreel.adapters.webhooks import CloudTasksDeliveries, StandardWebhooks
from promptreel.errors import Broken, NotFound
from promptreel.ports.webhooks import DeliveryTask, Sent, SigningSecret, WebhookMessage

NOW = datetime(2026, 11, 21, 9, 0, 0, 500_000, tzinfo=UTC)
OLD = SigningSecret("1", f"whsec_{base64.b64encode(b'the secret of last week!').decode()}")
NEW = SigningSecret("2", f"whsec_{base64.b64encode(b'the secret of this week!').decode()}")
BODY = json.dumps({"type": "job.complete", "data": {"job": "job-1", "title": "Fähre"}}, ensure_ascii=False)


def verify(secret: str, request: Received) -> bool:
    """Standard Webhooks by its specification, without the library that signs."""
    headers = request.headers
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), request.body])
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(wanted, one) for one in headers["webhook-signature"].split(" "))


@pytest.fixture
def receiver() -> Iterator[Worker]:
    with listening(Worker()) as server:
        yield server


def address_of(receiver: Worker, path: str = "/films?of=mira") -> str:
    """The receiver's address as a local stack has it."""
    return f"https://port-{urlsplit(receiver.url).port}.test{path}"


def a_message(url: str, *secrets: SigningSecret) -> WebhookMessage:
    return WebhookMessage("evt-1", url, BODY, secrets or (NEW,))


@pytest.fixture
def sender() -> StandardWebhooks:
    return StandardWebhooks(PublicWeb("http://127.0.0.1:9"))


def test_receiver_verifies_the_message_by_an_implementation_of_its_own(
    sender: StandardWebhooks, receiver: Worker
) -> None:
    sent = sender.send(a_message(address_of(receiver)), NOW, 5)

    assert sent == Sent(200)
    (request,) = receiver.received
    assert (request.method, request.path, request.body.decode()) == ("POST", "/films?of=mira", BODY)
    assert request.headers["webhook-id"] == "evt-1"
    assert request.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert request.headers["content-type"] == "application/json"
    assert "authorization" not in request.headers
    assert verify(NEW.value, request)
    assert not verify(OLD.value, request)


def test_receiver_verifies_with_the_old_and_with_the_new_secret_during_a_rotation(
    sender: StandardWebhooks, receiver: Worker
) -> None:
    sender.send(a_message(address_of(receiver), NEW, OLD), NOW, 5)

    (request,) = receiver.received
    assert verify(NEW.value, request)
    assert verify(OLD.value, request)


def test_signature_does_not_fit_when_id_time_or_body_is_changed(sender: StandardWebhooks, receiver: Worker) -> None:
    sender.send(a_message(address_of(receiver)), NOW, 5)

    (request,) = receiver.received
    for name in ("webhook-id", "webhook-timestamp"):
        changed = Received(request.method, request.path, {**request.headers, name: "1"}, request.body)
        assert not verify(NEW.value, changed)
    assert not verify(NEW.value, Received(request.method, request.path, request.headers, request.body + b" "))


def test_redirect_is_an_answer_and_is_not_followed(sender: StandardWebhooks, receiver: Worker) -> None:
    with listening(Worker()) as inside:
        receiver.statuses, receiver.answer_headers = [302], {"Location": inside.url}

        assert sender.send(a_message(address_of(receiver)), NOW, 5) == Sent(302)

        assert inside.received == []


def test_receiver_that_does_not_answer_in_time_is_a_problem(sender: StandardWebhooks, receiver: Worker) -> None:
    receiver.open.clear()
    began = time.monotonic()

    sent = sender.send(a_message(address_of(receiver)), NOW, 0.3)

    assert sent.status is None
    assert sent.problem
    assert time.monotonic() - began < 5


def test_receiver_that_is_down_is_a_problem_that_names_its_host_alone(sender: StandardWebhooks) -> None:
    sent = sender.send(a_message("https://port-1.test/secret-path"), NOW, 5)

    assert sent == Sent(None, "port-1.test cannot be reached (ConnectError)")


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://user:word@hooks.example.com/",
        "https://hooks.example.com:8443/",
        "https://loopback.example.com/",
        "https://metadata.example.com/",
        "https://private.example.com/",
        "https://half.example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/computeMetadata/v1/",
        "https://unknown.example.com/",
        "https://port-8080.test/",
    ],
)
def test_address_off_the_public_internet_is_refused_when_it_is_registered_and_when_it_is_sent_to(url: str) -> None:
    hosts = {
        "loopback.example.com": ["127.0.0.1"],
        "metadata.example.com": ["169.254.169.254"],
        "private.example.com": ["10.0.0.8"],
        "half.example.com": ["93.184.215.14", "192.168.1.1"],
        "hooks.example.com": ["93.184.215.14"],
    }

    def resolve(host: str, _port: int) -> list[str]:
        if host[0].isdigit() or ":" in host:
            return [host]
        if host not in hosts:
            raise OSError("unknown")
        return hosts[host]

    web = PublicWeb(resolver=resolve, backend=_NoNetwork())

    with pytest.raises(Exception, match=r".") as caught:
        StandardWebhooks(web).check(url)
    assert type(caught.value).__name__ == "Unfetchable"
    sent = StandardWebhooks(web).send(a_message(url), NOW, 5)
    assert sent.status is None
    assert sent.problem == str(caught.value)


def test_name_that_leads_elsewhere_after_it_was_checked_is_refused_when_it_is_sent_to() -> None:
    answers = iter([["93.184.215.14"], ["169.254.169.254"]])
    sender = StandardWebhooks(PublicWeb(resolver=lambda *_: next(answers), backend=_NoNetwork()))
    sender.check("https://rebinds.example.com/")

    sent = sender.send(a_message("https://rebinds.example.com/"), NOW, 5)

    assert sent == Sent(None, "rebinds.example.com is not on the public Internet")


class _NoNetwork(httpcore2.MockBackend):
    """A network of which nothing may be asked."""

    def __init__(self) -> None:
        super().__init__([])

    def connect_tcp(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("it was connected to")


@pytest.fixture
def secrets_as(secret_manager: StandIn, token_of: Callable[[str], str]) -> Callable[[str], SecretManagerSecrets]:
    def make(account: str) -> SecretManagerSecrets:
        secrets = SecretManagerSecrets("local", "us-central1", secret_manager.url)
        secrets.__dict__["_client"] = SecretManagerServiceClient(
            transport="rest",
            client_options={"api_endpoint": secret_manager.url},
            credentials=Credentials(token_of(account)),
        )
        return secrets

    return make


def test_secret_is_made_rotated_and_destroyed_by_one_account_and_read_by_another(
    secrets_as: Callable[[str], SecretManagerSecrets],
) -> None:
    keeper, reader = secrets_as(KEEPER), secrets_as(READER)

    first, second = keeper.add("0123456789abcdef"), keeper.add("0123456789abcdef")

    assert (first.version, second.version) == ("1", "2")
    assert first.value != second.value
    assert len(base64.b64decode(first.value.removeprefix("whsec_"))) == 32
    assert reader.read("0123456789abcdef", "1") == first
    keeper.destroy("0123456789abcdef", "1")
    with pytest.raises(Broken, match="DESTROYED"):
        reader.read("0123456789abcdef", "1")
    assert reader.read("0123456789abcdef", "2") == second
    with pytest.raises(NotFound):
        reader.read("0123456789abcdef", "3")
    keeper.destroy("0123456789abcdef", "3")
    with pytest.raises(Broken):
        keeper.read("0123456789abcdef", "2")


def test_delivery_is_dispatched_once_and_not_before_its_time(
    running: StandIn, connect: Callable[[StandIn], tasks_v2.CloudTasksClient], worker: Worker
) -> None:
    client, queue = connect(running), f"{LOCATION}/queues/webhooks"
    client.update_queue(queue=tasks_v2.Queue(name=queue))
    deliveries = CloudTasksDeliveries(queue, running.url, f"{worker.url}/deliver", "tasks@local")
    deliveries.__dict__["_client"] = client
    now = datetime.now(UTC)
    task = DeliveryTask("job-0123456789abcdef0123", "dlv-1", 1, now)
    later = DeliveryTask("job-0123456789abcdef0123", "dlv-1", 2, now + timedelta(hours=1))

    for one in (task, task, later):
        deliveries.enqueue(one)

    eventually(lambda: len(worker.received) == 1)
    body = {"job_id": task.job_id, "delivery": "dlv-1", "dispatch": 1}
    assert json.loads(worker.received[0].body) == body
    eventually(lambda: len(list(client.list_tasks(parent=queue))) == 1)
    (waiting,) = client.list_tasks(parent=queue)
    assert abs((waiting.schedule_time - later.due).total_seconds()) < 1
