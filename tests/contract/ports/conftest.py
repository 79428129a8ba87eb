"""Each port twice: the fake of the unit tests and the adapter over a real emulator."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from localcloud.tests import loopback
from promptreel.adapters.firestore import FirestoreJobs
from promptreel.adapters.gcs import GcsArtifacts
from promptreel.adapters.signer import RemoteSigner
from promptreel.ports.storage import ArtifactStore, Inbox, JobStore
from tests.contract.ports import emulators
from tests.contract.ports.documents import FirestoreDocuments, MemoryDocuments, RawDocuments
from tests.contract.ports.inboxes import InMemory, InStorage, LaidIn
from tests.fakes.artifacts import MemoryArtifacts
from tests.fakes.jobs import MemoryJobs
from tests.fakes.system import FakeClock


@pytest.fixture(scope="session")
def firebase_emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[emulators.Addresses]:
    with emulators.both_of_firebase_tools(tmp_path_factory.mktemp("firebase")) as addresses:
        yield addresses


@pytest.fixture(scope="session")
def firestore_host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if emulators.is_firebase():
        yield request.getfixturevalue("firebase_emulators").firestore
        return
    with emulators.firestore(tmp_path_factory.mktemp("firestore")) as host:
        yield host


@pytest.fixture(scope="session")
def storage_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if emulators.is_firebase():
        yield request.getfixturevalue("firebase_emulators").storage
        return
    with emulators.storage(tmp_path_factory.mktemp("storage")) as url:
        yield url


@pytest.fixture(params=["memory", "firestore"])
def jobs(request: pytest.FixtureRequest) -> JobStore:
    if request.param == "memory":
        return MemoryJobs()
    store: JobStore = request.getfixturevalue("firestore_jobs")
    return store


@pytest.fixture
def firestore_jobs(firestore_host: str, monkeypatch: pytest.MonkeyPatch) -> FirestoreJobs:
    """A store in a project of its own."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    return FirestoreJobs(f"local-{uuid4().hex[:8]}", "(default)")


@pytest.fixture
def raw(jobs: JobStore) -> RawDocuments:
    """The documents below the store, as another version of promptreel would find and leave them."""
    return FirestoreDocuments(jobs) if isinstance(jobs, FirestoreJobs) else MemoryDocuments(jobs)


@pytest.fixture(params=["memory", "storage"])
def artifacts(request: pytest.FixtureRequest) -> ArtifactStore:
    if request.param == "memory":
        return MemoryArtifacts(FakeClock())
    make: Callable[[], ArtifactStore] = request.getfixturevalue("gcs_artifacts")
    return make()


@pytest.fixture
def gcs_artifacts(
    storage_url: str, supports_bucket_creation: bool, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], GcsArtifacts]:
    def make() -> GcsArtifacts:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage_url)
        bucket = f"b-{uuid4().hex[:8]}"
        answer = loopback.post(f"{storage_url}/storage/v1/b", json={"name": bucket})
        assert answer.is_success is supports_bucket_creation, answer.text
        return GcsArtifacts("local", bucket, RemoteSigner(""), "")

    return make


@pytest.fixture(params=["memory", "storage"])
def laid_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> LaidIn:
    if request.param == "memory":
        return InMemory()
    url: str = request.getfixturevalue("storage_url")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", url)
    return InStorage(url)


@pytest.fixture
def inbox(laid_in: LaidIn) -> Inbox:
    return laid_in.inbox


# What firebase-tools' Storage emulator lacks, each by its name; a test states what happens with and without it, so that
# the day it learns something a test fails and says so.


@pytest.fixture(scope="session")
def supports_bucket_creation() -> bool:
    """firebase-tools answers 501 and makes a bucket when it is first named."""
    return not emulators.is_firebase()


@pytest.fixture
def supports_generation_preconditions(artifacts: ArtifactStore) -> bool:
    """firebase-tools ignores ``ifGenerationMatch``: the last writer of a name wins."""
    return not (isinstance(artifacts, GcsArtifacts) and emulators.is_firebase())


@pytest.fixture
def supports_preconditions_of_rewrites(artifacts: ArtifactStore) -> bool:
    """Neither firebase-tools nor fake-gcs-server looks at ``ifGenerationMatch`` when an object is rewritten."""
    return not isinstance(artifacts, GcsArtifacts)
