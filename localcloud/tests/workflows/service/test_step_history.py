"""The record of steps: rounds and branches, who stands beside whom, variables, filters, what deleting leaves."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.tests.waiting import eventually
from localcloud.workflows import step_entries

PARENT = "/v1/projects/local/locations/us-central1"

Play = Callable[..., Any]


def recorded(played: Any) -> list[dict[str, Any]]:
    return [step_entries.step_entry("e", entry) for entry in played.run.journal.entries]


def test_steps_are_recorded_with_kind_state_and_thread_when_run(play: Play) -> None:
    source = """
    - set: {assign: [{x: 1}]}
    - both:
        parallel:
          branches:
          - one: {steps: [{ask: {call: sys.sleep, args: {seconds: 5}}}]}
    - fails:
        try: {raise: "x"}
        except: {steps: [{go: {next: done}}]}
    - done: {return: "${x}"}
    """
    entries = play(source).run.journal.entries

    assert [(entry.step, entry.kind, entry.state, entry.thread) for entry in entries] == [
        ("set", "STEP_ASSIGN", "STATE_SUCCEEDED", 0),
        ("both", "STEP_PARALLEL_BRANCH", "STATE_SUCCEEDED", 0),
        ("both", "STEP_PARALLEL_BRANCH_ENTRY", "STATE_SUCCEEDED", 1),
        ("ask", "STEP_STD_LIB_CALL", "STATE_SUCCEEDED", 1),
        ("fails", "STEP_TRY_RETRY_EXCEPT", "STATE_SUCCEEDED", 0),
        ("fails", "STEP_TRY", "STATE_FAILED", 0),
        ("fails", "STEP_RAISE", "STATE_FAILED", 0),
        ("fails", "STEP_EXCEPT", "STATE_SUCCEEDED", 0),
        ("go", "STEP_GOTO", "STATE_SUCCEEDED", 0),
        ("done", "STEP_RETURN", "STATE_SUCCEEDED", 0),
    ]
    assert entries[3].ended_s - entries[3].began_s == 5


def test_each_is_an_entry_that_holds_its_steps_when_rounds_are_run(play: Play) -> None:
    source = """
    main:
      steps:
      - set: {assign: [{x: 0}]}
      - loop:
          for:
            value: v
            in: [1, 2]
            steps:
            - twice: {call: double_of, args: {n: "${v}"}, result: x}
            - next_one: {assign: [{x: "${x + 1}"}]}
      - end: {return: "${x}"}
    double_of:
      params: [n]
      steps:
      - give: {return: "${n * 2}"}
    """
    entries = recorded(play(source))
    links = [(e["step"], e["stepType"], e["navigationInfo"].get("parent")) for e in entries]

    assert links == [
        ("set", "STEP_ASSIGN", None),
        ("loop", "STEP_FOR", None),
        ("loop", "STEP_FOR_ITERATION", "2"),
        ("twice", "STEP_SUBWORKFLOW_CALL", "3"),
        ("give", "STEP_RETURN", "4"),
        ("next_one", "STEP_ASSIGN", "3"),
        ("loop", "STEP_FOR_ITERATION", "2"),
        ("twice", "STEP_SUBWORKFLOW_CALL", "7"),
        ("give", "STEP_RETURN", "8"),
        ("next_one", "STEP_ASSIGN", "7"),
        ("end", "STEP_RETURN", None),
    ]
    assert entries[1]["navigationInfo"] == {"previous": "1", "next": "11", "children": ["3", "7"]}
    assert {e["state"] for e in entries} == {"STATE_SUCCEEDED"}
    assert entries[6]["stepEntryMetadata"] == {
        "threadId": "0", "progressType": "PROGRESS_TYPE_FOR", "progressNumber": "2",
    }  # fmt: skip


def test_entry_failed_and_the_others_did_not_when_one_fails(play: Play) -> None:
    source = """
    - all:
        parallel:
          for:
            value: v
            in: [1, 0, 2]
            steps:
            - wait: {call: sys.sleep, args: {seconds: "${v}"}}
            - divide: {assign: [{y: "${1 / v}"}]}
    """
    entries = recorded(play(source))
    rounds = [
        (e["stepEntryMetadata"]["threadId"], e["state"]) for e in entries if e["stepType"] == "STEP_FOR_ITERATION"
    ]

    assert rounds == [("1", "STATE_SUCCEEDED"), ("2", "STATE_FAILED"), ("3", "STATE_SUCCEEDED")]
    assert {e["navigationInfo"]["parent"] for e in entries if e["stepType"] == "STEP_FOR_ITERATION"} == {"1"}
    assert [e["stepEntryMetadata"]["threadId"] for e in entries if e["step"] == "divide"] == ["2", "1", "3"]
    assert "ZeroDivisionError" in next(e for e in entries if e["state"] == "STATE_FAILED")["exception"]["payload"]


def parts(played: Any) -> list[tuple[Any, ...]]:
    entries = recorded(played)
    return [
        (e["stepType"], e["state"], e["navigationInfo"].get("parent"), e["stepEntryMetadata"].get("progressNumber"))
        for e in entries
    ]


def test_each_is_an_entry_that_holds_its_steps_when_a_step_is_tried_again(play: Play) -> None:
    source = """
    - risky:
        try: {steps: [{go: {raise: "x"}}]}
        retry: {predicate: "${retry.always}", max_retries: 2, backoff: {initial_delay: 1, max_delay: 1, multiplier: 1}}
        except: {as: e, steps: [{give_up: {return: "${e}"}}]}
    """

    assert parts(play(source)) == [
        ("STEP_TRY_RETRY_EXCEPT", "STATE_SUCCEEDED", None, None),
        ("STEP_TRY", "STATE_FAILED", "1", None),
        ("STEP_RAISE", "STATE_FAILED", "2", None),
        ("STEP_RETRY", "STATE_FAILED", "1", "1"),
        ("STEP_RAISE", "STATE_FAILED", "4", "1"),
        ("STEP_RETRY", "STATE_FAILED", "1", "2"),
        ("STEP_RAISE", "STATE_FAILED", "6", "2"),
        ("STEP_EXCEPT", "STATE_SUCCEEDED", "1", None),
        ("STEP_RETURN", "STATE_SUCCEEDED", "8", None),
    ]


def test_case_is_an_entry_that_holds_its_steps_when_a_condition_holds(play: Play) -> None:
    source = """
    - which: {switch: [{condition: false, next: end}, {condition: true, steps: [{set: {assign: [{x: 1}]}}]}]}
    - none: {switch: [{condition: false, next: end}]}
    """

    assert parts(play(source)) == [
        ("STEP_SWITCH", "STATE_SUCCEEDED", None, None),
        ("STEP_CONDITION", "STATE_SUCCEEDED", "1", "2"),
        ("STEP_ASSIGN", "STATE_SUCCEEDED", "2", "2"),
        ("STEP_SWITCH", "STATE_SUCCEEDED", None, None),
    ]


@pytest.fixture
def run_to_end(stand_in: Any, ended: Callable[[str], Any], request: pytest.FixtureRequest) -> Callable[..., str]:
    def run(source: str, **fields: Any) -> str:
        workflow_id = request.node.name[-50:].strip("_").replace("[", "-").replace("]", "")
        stand_in.post(f"{PARENT}/workflows?workflowId={workflow_id}", {"sourceContents": source})
        name = stand_in.post(f"{PARENT}/workflows/{workflow_id}/executions", fields)["name"]
        ended(name)
        return str(name)

    return run


LOOP = (
    "[{set: {assign: [{x: 1}]}}, {loop: {for: {value: v, range: [1, 3], steps: [{add: {assign: [{x: '${x + v}'}]}}]}}}]"
)


def test_history_shows_the_variables_a_step_left_when_detailed(stand_in: Any, run_to_end: Any) -> None:
    name = run_to_end(LOOP, executionHistoryLevel="EXECUTION_HISTORY_DETAILED")
    entries = stand_in.get(f"/v1/{name}/stepEntries?filter=step%3D%22add%22")["stepEntries"]

    assert [entry["variableData"]["variables"] for entry in entries] == [
        {"x": 2, "v": 1},
        {"x": 4, "v": 2},
        {"x": 7, "v": 3},
    ]


EXPECTING = {
    "list": ("{for: {value: v, in: [1, 2], steps: STEPS}}", 2),
    "doubles": ("{for: {value: v, range: [0.5, 2], steps: STEPS}}", 2),
    "parallel": ("{parallel: {for: {value: v, range: [3, 5], steps: STEPS}}}", 3),
    "branches": ("{parallel: {branches: [{one: {steps: STEPS}}]}}", 1),
}


@pytest.mark.parametrize("kind", EXPECTING)
def test_rounds_show_how_many_are_expected_when_the_history_is_detailed(
    stand_in: Any, run_to_end: Any, kind: str
) -> None:
    step, rounds = EXPECTING[kind]
    source = f"[{{all: {step.replace('STEPS', '[{set: {assign: [{x: 1}]}}]')}}}]"
    name = run_to_end(source, executionHistoryLevel="EXECUTION_HISTORY_DETAILED")
    entries = stand_in.get(f"/v1/{name}/stepEntries")["stepEntries"]

    assert {entry["stepEntryMetadata"]["expectedIteration"] for entry in entries} == {str(rounds)}


def test_a_retry_shows_how_many_are_allowed_when_history_is_detailed(stand_in: Any, run_to_end: Any) -> None:
    retry = "{predicate: '${retry.always}', max_retries: 1, backoff: {initial_delay: 0, max_delay: 0, multiplier: 1}}"
    source = f"[{{all: {{try: {{raise: x}}, retry: {retry}}}}}]"
    name = run_to_end(source, executionHistoryLevel="EXECUTION_HISTORY_DETAILED")
    entries = stand_in.get(f"/v1/{name}/stepEntries?filter=stepType%3DSTEP_RETRY")["stepEntries"]

    assert [entry["stepEntryMetadata"] for entry in entries] == [
        {"threadId": "0", "progressType": "PROGRESS_TYPE_RETRY", "progressNumber": "1", "expectedIteration": "1"}
    ]


def test_history_shows_neither_variables_nor_expected_rounds_when_not_detailed(stand_in: Any, run_to_end: Any) -> None:
    entries = stand_in.get(f"/v1/{run_to_end(LOOP)}/stepEntries")["stepEntries"]

    assert len(entries) == 8
    assert not any("variableData" in entry for entry in entries)
    assert not any("expectedIteration" in entry["stepEntryMetadata"] for entry in entries)


def test_skip_filter_and_order_apply_when_step_entries_are_listed_in_pages(stand_in: Any, run_to_end: Any) -> None:
    path = f"/v1/{run_to_end(LOOP)}/stepEntries"
    first = stand_in.get(f"{path}?pageSize=3&skip=1&orderBy=entryId%20desc")
    second = stand_in.get(f"{path}?pageSize=3&orderBy=entryId%20desc&pageToken={first['nextPageToken']}")
    foreign = stand_in.send("GET", f"{path}?pageToken={first['nextPageToken']}")
    rounds = stand_in.get(f"{path}?filter=stepType%3DSTEP_FOR_ITERATION%20AND%20entryId%3E3")

    assert [entry["entryId"] for entry in first["stepEntries"]] == ["7", "6", "5"]
    assert [entry["entryId"] for entry in second["stepEntries"]] == ["4", "3", "2"]
    assert (first["totalSize"], rounds["totalSize"]) == (8, 2)
    assert foreign["error"]["status"] == "INVALID_ARGUMENT"


def test_step_entries_show_what_it_was_doing_when_the_execution_is_cancelled(stand_in: Any) -> None:
    source = "[{set: {assign: [{x: 1}]}}, {nap: {call: sys.sleep, args: {seconds: 3600}}}]"
    stand_in.post(f"{PARENT}/workflows?workflowId=history", {"sourceContents": source})
    execution = stand_in.post(f"{PARENT}/workflows/history/executions", {})["name"]
    eventually(lambda: stand_in.get(f"/v1/{execution}/stepEntries")["totalSize"] == 2, "the second step")
    stand_in.post(f"/v1/{execution}:cancel", {})
    entries = stand_in.get(f"/v1/{execution}/stepEntries")["stepEntries"]

    assert [(e["step"], e["state"]) for e in entries] == [("set", "STATE_SUCCEEDED"), ("nap", "STATE_CANCELLED")]
    assert stand_in.get(f"/v1/{execution}/stepEntries/2") == entries[1]
    assert stand_in.send("GET", f"/v1/{execution}/stepEntries/3")["error"]["status"] == "NOT_FOUND"


def test_history_holds_execution_and_steps_when_exported_until_it_is_deleted(stand_in: Any, run_to_end: Any) -> None:
    name = run_to_end(LOOP)
    data = json.loads(stand_in.get(f"/v1/{name}:exportData")["data"])
    deleted = stand_in.post(f"/v1/{name}:deleteExecutionHistory", {})

    assert data["execution"]["name"] == name
    assert len(data["stepEntries"]) == 8
    assert deleted == {}
    assert stand_in.get(f"/v1/{name}/stepEntries")["totalSize"] == 0
    assert stand_in.get(f"/v1/{name}")["state"] == "SUCCEEDED"
