"""Connectors of the Workflows stand-in against the emulators: documents in Firestore, objects in Cloud Storage."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from localcloud.tests import loopback
from localcloud.tests.waiting import eventually
from localcloud.tests.workflows.service.conftest import start_stand_in, stop
from tests.contract.ports import emulators

PARENT = "/v1/projects/local/locations/us-central1"
DOCUMENTS = "googleapis.firestore.v1.projects.databases.documents"
STORAGE = "googleapis.storage.v1"

STORE_DOCUMENTS = f"""
main:
  params: [collection]
  steps:
  - set_names:
      assign:
      - root: projects/local/databases/(default)/documents
      - first: ${{root + "/" + collection + "/first"}}
      - deleted_status: null
  - create:
      call: {DOCUMENTS}.createDocument
      args:
        parent: ${{root}}
        collectionId: ${{collection}}
        query: {{documentId: first}}
        body: {{fields: {{title: {{stringValue: draft}}, takes: {{integerValue: 1}}}}}}
      result: created
  - change:
      call: {DOCUMENTS}.patch
      args:
        name: ${{first}}
        updateMask: {{fieldPaths: [takes]}}
        body: {{fields: {{takes: {{integerValue: 2}}}}}}
  - add:
      call: {DOCUMENTS}.patch
      args:
        name: ${{root + "/" + collection + "/second"}}
        body: {{fields: {{takes: {{integerValue: 9}}}}}}
  - get: {{call: {DOCUMENTS}.get, args: {{name: "${{first}}"}}, result: found}}
  - list:
      call: {DOCUMENTS}.list
      args: {{parent: "${{root}}", collectionId: "${{collection}}", pageSize: 10}}
      result: listed
  - query:
      call: {DOCUMENTS}.runQuery
      args:
        parent: ${{root}}
        body:
          structuredQuery:
            from: [{{collectionId: "${{collection}}"}}]
            where: {{fieldFilter: {{field: {{fieldPath: takes}}, op: GREATER_THAN, value: {{integerValue: 5}}}}}}
      result: matches
  - delete: {{call: {DOCUMENTS}.delete, args: {{name: "${{first}}"}}}}
  - get_deleted:
      try: {{call: {DOCUMENTS}.get, args: {{name: "${{first}}"}}}}
      except: {{as: e, steps: [{{keep: {{assign: [{{deleted_status: "${{e.code}}"}}]}}}}]}}
  - return_result:
      return:
        created: ${{created.name == first}}
        title: ${{found.fields.title.stringValue}}
        takes: ${{int(found.fields.takes.integerValue)}}
        listed: ${{len(listed.documents)}}
        matches: ${{text.split(matches[0].document.name, "/")[6]}}
        deleted_status: ${{deleted_status}}
"""

STORE_OBJECTS = f"""
main:
  params: [bucket]
  steps:
  - set_names: {{assign: [{{name: films/one film.json}}, {{deleted_status: null}}]}}
  - write:
      call: {STORAGE}.objects.insert
      args: {{bucket: "${{bucket}}", name: "${{name}}", body: {{scenes: [1, 2]}}}}
      result: written
  - get:
      call: {STORAGE}.objects.get
      args: {{bucket: "${{bucket}}", object: "${{text.url_encode(name)}}"}}
      result: found
  - read:
      call: {STORAGE}.objects.get
      args: {{bucket: "${{bucket}}", object: "${{text.url_encode(name)}}", alt: media}}
      result: content
  - list: {{call: {STORAGE}.objects.list, args: {{bucket: "${{bucket}}", prefix: films/}}, result: listed}}
  - delete: {{call: {STORAGE}.objects.delete, args: {{bucket: "${{bucket}}", object: "${{text.url_encode(name)}}"}}}}
  - get_deleted:
      try: {{call: {STORAGE}.objects.get, args: {{bucket: "${{bucket}}", object: "${{text.url_encode(name)}}"}}}}
      except: {{as: e, steps: [{{keep: {{assign: [{{deleted_status: "${{e.code}}"}}]}}}}]}}
  - return_result:
      return:
        names: ["${{written.name}}", "${{found.name}}", "${{listed.items[0].name}}"]
        content: ${{content}}
        deleted_status: ${{deleted_status}}
"""


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[emulators.Addresses]:
    if emulators.is_firebase():
        with emulators.both_of_firebase_tools(tmp_path_factory.mktemp("firebase")) as addresses:
            yield addresses
        return
    with (
        emulators.firestore(tmp_path_factory.mktemp("firestore")) as host,
        emulators.storage(tmp_path_factory.mktemp("storage")) as url,
    ):
        yield emulators.Addresses(host, url)


@pytest.fixture
def outcome(
    stores: emulators.Addresses, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[str, str], Any]]:
    """Run a workflow in a stand-in whose environment names both emulators, and return its result."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", stores.firestore)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", stores.storage)
    stand_in = start_stand_in("--state-dir", str(tmp_path))

    def run(source: str, argument: str) -> Any:
        stand_in.post(f"{PARENT}/workflows?workflowId=stores", {"sourceContents": source})
        name = stand_in.post(f"{PARENT}/workflows/stores/executions", {"argument": json.dumps(argument)})["name"]
        ended = eventually(
            lambda: found if (found := stand_in.get(f"/v1/{name}"))["state"] != "ACTIVE" else None, "the end"
        )
        return json.loads(ended["result"]) if "result" in ended else ended["error"]["context"]

    yield run
    stop(stand_in)


@pytest.fixture
def bucket(stores: emulators.Addresses) -> str:
    """A new bucket; firebase-tools creates buckets on first use and has no request for it."""
    name = f"b-{uuid4().hex[:8]}"
    if not emulators.is_firebase():
        loopback.post(f"{stores.storage}/storage/v1/b", json={"name": name}).raise_for_status()
    return name


def test_workflow_finds_changes_and_deletes_documents(outcome: Any) -> None:
    assert outcome(STORE_DOCUMENTS, f"films-{uuid4().hex[:8]}") == {
        "created": True,
        "title": "draft",
        "takes": 2,
        "listed": 2,
        "matches": "second",
        "deleted_status": 404,
    }


def test_workflow_reads_lists_and_deletes_objects(outcome: Any, bucket: str) -> None:
    assert outcome(STORE_OBJECTS, bucket) == {
        "names": ["films/one film.json"] * 3,
        "content": {"scenes": [1, 2]},
        "deleted_status": 404,
    }
