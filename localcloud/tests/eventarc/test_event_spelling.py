"""Bucket changes as CloudEvents, in both spellings."""

import json
from typing import Any

import pytest

from localcloud.eventarc.events import FINALIZED, TYPES, binary_mode, complete_resource, object_event, structured_mode

# What fake-gcs-server publishes (measured).
REPORTED: dict[str, Any] = {
    "kind": "storage#object",
    "id": "prompts/a dir/é.json#1587627537231057",
    "name": "a dir/é.json",
    "bucket": "prompts",
    "generation": "1587627537231057",
    "contentType": "application/json",
    "timeCreated": "2020-04-23T07:38:57.230000Z",
    "updated": "2020-04-23T07:38:57.240000Z",
    "storageClass": "STANDARD",
    "size": "14",
    "md5Hash": "dxLuSeSaiLSqznWHvfHdhg==",
    "crc32c": "ufcVHg==",
    "metadata": {"owner": "mira@example.com"},
}


def a_report(**overrides: Any) -> dict[str, Any]:
    return {**REPORTED, **overrides}


def test_reported_object_has_what_googles_events_carry_when_completed() -> None:
    data = complete_resource(a_report())

    assert data["id"] == "prompts/a dir/é.json/1587627537231057"
    assert data["metageneration"] == "1"
    assert data["etag"] == "CNHZkbuF/ugCEAE="  # of this generation in the documentation of storage triggers
    assert data["selfLink"] == "https://www.googleapis.com/storage/v1/b/prompts/o/a%20dir%2F%C3%A9.json"
    assert data["mediaLink"].endswith("/a%20dir%2F%C3%A9.json?generation=1587627537231057&alt=media")
    assert data["timeStorageClassUpdated"] == data["timeCreated"]
    assert data["size"] == "14"
    assert data["metadata"] == {"owner": "mira@example.com"}


def test_content_type_is_absent_when_the_object_has_none() -> None:
    assert "contentType" not in complete_resource(a_report(contentType=""))


def test_event_has_its_attributes_in_headers_and_the_object_in_the_body_when_sent_to_a_service() -> None:
    event = object_event(FINALIZED, a_report())
    headers, body = binary_mode(event)

    assert headers == {
        "ce-bucket": "prompts",
        "ce-id": event.id,
        "ce-source": "//storage.googleapis.com/projects/_/buckets/prompts",
        "ce-specversion": "1.0",
        "ce-subject": "objects/a%20dir/%C3%A9.json",
        "ce-time": "2020-04-23T07:38:57.240000Z",
        "ce-type": "google.cloud.storage.object.v1.finalized",
        "Content-Type": "application/json",
    }
    assert json.loads(body) == complete_resource(a_report())


def test_event_has_its_attributes_beside_the_data_when_sent_to_a_workflow() -> None:
    event = object_event(FINALIZED, a_report())

    assert structured_mode(event) == {
        "bucket": "prompts",
        "data": complete_resource(a_report()),
        "datacontenttype": "application/json",
        "id": event.id,
        "source": "//storage.googleapis.com/projects/_/buckets/prompts",
        "specversion": "1.0",
        "subject": "objects/a dir/é.json",
        "time": "2020-04-23T07:38:57.240000Z",
        "type": "google.cloud.storage.object.v1.finalized",
    }


@pytest.mark.parametrize("change", [{"generation": "1587627537231058"}, {"name": "other"}, {"bucket": "other"}])
def test_event_id_differs_when_the_change_is_another_one(change: dict[str, str]) -> None:
    event = object_event(FINALIZED, a_report())

    assert object_event(FINALIZED, a_report()).id == event.id
    assert object_event(FINALIZED, a_report(**change)).id != event.id
    assert object_event(TYPES["OBJECT_DELETE"], a_report()).id != event.id


def test_event_id_changes_only_for_metadata_events_when_the_metadata_changed_meanwhile() -> None:
    patched, updated = a_report(metageneration="2"), TYPES["OBJECT_METADATA_UPDATE"]

    assert object_event(FINALIZED, patched).id == object_event(FINALIZED, a_report()).id
    assert object_event(updated, patched).id != object_event(updated, a_report()).id
