"""What both APIs refuse to take, each with 400 and a reason, and changing nothing."""

import urllib.parse
from typing import Any

import pytest

SOURCE = "[{a: {return: 1}}]"
PARENT = "/v1/projects/local/locations/us-central1"
LONG = "x" * 64


@pytest.mark.parametrize(
    ("workflow_id", "accepted"),
    [("a", True), ("Z9_b-c", True), ("a" * 64, True), ("a" * 65, False), ("1a", False), ("a-", False), ("a_", False),
     ("", False), ("ä", False), ("a.b", False)],
)  # fmt: skip
def test_workflow_id_is_checked_when_given(stand_in: Any, workflow_id: str, accepted: bool) -> None:
    answer = stand_in.post(
        f"{PARENT}-ids/workflows?workflowId={urllib.parse.quote(workflow_id)}", {"sourceContents": SOURCE}
    )

    assert ("error" not in answer) is accepted


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sourceContents": None}, "must not be empty"),
        ({"sourceContents": ""}, "must not be empty"),
        ({"sourceContents": f"# {'x' * 128 * 1024}\n{SOURCE}"}, "128 KB"),
        ({"sourceContents": "[{a: {return: '${nope}'}}]"}, "line 1, column 18"),
        ({"sourceContents": 5}, "sourceContents"),
        ({"source": "x"}, 'Unknown name "source"'),
        ({"description": "d" * 1001}, "1000 characters"),
        ({"labels": {"Big": "x"}}, "Big"),
        ({"labels": {"9": "x"}}, "label key"),
        ({"labels": {"": "x"}}, "label key"),
        ({"labels": {LONG: "x"}}, "label key"),
        ({"labels": {"k": LONG}}, "k="),
        ({"labels": {"k": "a b"}}, "k="),
        ({"labels": {"k": 1}}, "labels"),
        ({"labels": {f"k{n}": "v" for n in range(65)}}, "64 labels"),
        ({"userEnvVars": {f"K{n}": "v" for n in range(21)}}, "20 environment variables"),
        ({"userEnvVars": {"GOOGLE_X": "v"}}, "reserved"),
        ({"userEnvVars": {"WORKFLOWS_X": "v"}}, "reserved"),
        ({"userEnvVars": {"": "v"}}, "needs a name"),
        ({"userEnvVars": {"K": "v" * 4095}}, "4096 bytes"),
        ({"callLogLevel": "LOG_SOME"}, "callLogLevel"),
        ({"executionHistoryLevel": "ALL"}, "executionHistoryLevel"),
    ],
)
def test_workflow_is_refused_by_create_and_update_when_outside_the_limits(
    stand_in: Any, fields: dict[str, Any], reason: str
) -> None:
    path = f"{PARENT}-limits/workflows"
    stand_in.post(f"{path}?workflowId=kept", {"sourceContents": SOURCE, "description": "as it was"})
    created = stand_in.post(f"{path}?workflowId=refused", {"sourceContents": SOURCE, **fields})
    updated = stand_in.send("PATCH", f"{path}/kept?updateMask={next(iter(fields))}", fields)

    assert created["error"]["status"] == updated["error"]["status"] == "INVALID_ARGUMENT"
    assert reason in created["error"]["message"]
    assert stand_in.get(f"{path}/kept")["description"] == "as it was"
    assert stand_in.send("GET", f"{path}/refused")["error"]["code"] == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"labels": {"größe": "ä-1_b", "k" * 63: "", "a-b": "v" * 63}},
        {"userEnvVars": {"K": "v" * 4094, "lower": ""}},
        {"description": "ü" * 1000},
        {"name": "ignored", "state": "UNAVAILABLE", "revisionId": "000099-fff", "createTime": "never"},
    ],
)
def test_workflow_is_taken_when_just_inside_the_limits(stand_in: Any, fields: dict[str, Any]) -> None:
    path = f"{PARENT}-inside/workflows"
    answer = stand_in.post(f"{path}?workflowId=w{abs(hash(str(fields)))}", {"sourceContents": SOURCE, **fields})

    assert (answer["response"]["state"], answer["response"]["revisionId"][:6]) == ("ACTIVE", "000001")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"argument": "nope"}, "not JSON"),
        ({"argument": {"a": 1}}, "argument"),
        ({"argument": '"' + "x" * 32767 + '"'}, "32 KB"),
        ({"labels": {"A": "b"}}, "label key"),
        ({"callLogLevel": "LOUD"}, "callLogLevel"),
        ({"disableConcurrencyQuotaOverflowBuffering": "yes"}, "disable"),
        ({"arguments": "{}"}, 'Unknown name "arguments"'),
    ],
)
def test_execution_does_not_start_when_wrongly_asked_for(stand_in: Any, fields: Any, reason: str) -> None:
    path = f"{PARENT}-start/workflows"
    stand_in.post(f"{path}?workflowId=w", {"sourceContents": SOURCE})
    error = stand_in.post(f"{path}/w/executions", fields)["error"]

    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert reason in error["message"]
    assert stand_in.get(f"{path}/w/executions")["executions"] == []


@pytest.mark.parametrize(
    "query", ["pageSize=-1", "pageSize=x", "pageToken=x", "pageToken=1-0", "filter=state", "orderBy=a+b+c"]
)
def test_list_is_answered_with_400_when_wrongly_asked_for(stand_in: Any, query: str) -> None:
    path = f"{PARENT}-lists/workflows"
    stand_in.post(f"{path}?workflowId=w", {"sourceContents": SOURCE})

    assert stand_in.send("GET", f"{path}?{query}")["error"]["status"] == "INVALID_ARGUMENT"
    assert stand_in.send("GET", f"{path}/w/executions?{query}")["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("mask", "description", "labels"),
    [("description", "new", {"a": "b"}), ("labels", "old", {}), ("description,labels", "new", {}),
     ("", "new", {"a": "b"}), ("*", "new", {"a": "b"})],
)  # fmt: skip
def test_update_takes_exactly_those_fields_when_masked(
    stand_in: Any, mask: str, description: str, labels: dict[str, str]
) -> None:
    path = f"{PARENT}-masks/workflows"
    stand_in.send("DELETE", f"{path}/w")
    given = {"sourceContents": SOURCE, "description": "old", "labels": {"a": "b"}}
    stand_in.post(f"{path}?workflowId=w", given)
    updated = stand_in.send("PATCH", f"{path}/w?updateMask={mask}", {"description": "new"})["response"]

    assert (updated["description"], updated.get("labels", {})) == (description, labels)
    assert (updated["sourceContents"], updated["revisionId"][:6]) == (SOURCE, "000001")


def test_update_is_answered_with_400_when_its_mask_names_what_cannot_be_updated(stand_in: Any) -> None:
    path = f"{PARENT}-masks/workflows"
    stand_in.post(f"{path}?workflowId=w2", {"sourceContents": SOURCE})
    error = stand_in.send("PATCH", f"{path}/w2?updateMask=state", {"description": "new"})["error"]

    assert "state" in error["message"]


def test_body_is_answered_with_400_when_not_a_json_object(stand_in: Any) -> None:
    error = stand_in.post(f"{PARENT}/workflows?workflowId=w", ["x"])["error"]

    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")


def test_operations_and_locations_are_there_when_asked_for(stand_in: Any) -> None:
    place = f"{PARENT}-ops"
    operation = stand_in.post(f"{place}/workflows?workflowId=w", {"sourceContents": SOURCE})["name"]
    listed = [found["name"] for found in stand_in.get(f"{place}/operations")["operations"]]
    deleted = stand_in.send("DELETE", f"/v1/{operation}")
    locations = [found["locationId"] for found in stand_in.get("/v1/projects/local/locations")["locations"]]

    assert listed == [operation]
    assert deleted == {}
    assert stand_in.send("GET", f"/v1/{operation}")["error"]["status"] == "NOT_FOUND"
    assert {"us-central1", "us-central1-ops"} <= set(locations)
    assert stand_in.get("/v1/projects/p/locations/mars")["locationId"] == "mars"


def test_request_is_answered_in_googles_envelope_when_its_path_is_unknown(stand_in: Any) -> None:
    assert stand_in.send("GET", "/v2/nothing")["error"]["status"] == "NOT_FOUND"
