"""What Google's own sample workflows write, and not every reading of the reference would accept."""

from collections.abc import Callable
from typing import Any

import pytest

Play = Callable[..., Any]
Refusal = Callable[[str], str]

ACCEPTED = {
    "expressions in flow lists and maps without quotes": """
        - a: {assign: [{key: k}, {list: [${key}, ${key + "}, ]"}, {m: ${key}}]}]}
        - b: {return: "${list}"}
    """,
    "an expression as a key": """
        - a:
            assign:
              - key: k
              - m:
                  ${key + "2"}:
                    nested: ${key}
    """,
    "an expression over several lines": """
        - a:
            assign:
              - name: x
              - query: ${
                  "SELECT name " +
                  " WHERE name='" + name + "' "
                  }
    """,
    "steps that nothing can reach": """
        - a: {return: 1}
        - b: {raise: never}
        - c: {next: end}
    """,
    "a return that also says where to go": """
        - a: {switch: [{condition: true, return: 1, next: b}], next: end}
        - b: {return: "nothing to do", next: end}
    """,
    "null as YAML spells it": """
        - a: {assign: [{x: Null}]}
        - b: {return: "${x == Null and x == NULL}"}
    """,
    "commands with their log turned off": """
        - a: {call: shell.gcloud, args: {args: [info], location: global, skip_logging: true}}
    """,
    "step names with spaces and marks": """
        - Is it done?: {switch: [{condition: true, next: Yes - it is!}]}
        - Yes - it is!: {return: 1}
    """,
    "numbers as step names": """
        - 1: {assign: [{x: 1}], next: "2"}
        - 2: {return: "${x}"}
    """,
    "variables named like modules": """
        - a: {assign: [{text: [1]}, {list: "${list.concat(text, 2)}"}, {map: {1: 2}}, {sum: "${map[1]}"}]}
        - b: {return: "${text.to_upper(string(list[0]))}"}
    """,
    "connectors that are not here": """
        - a: {call: googleapis.bigquery.v2.jobs.query, args: {projectId: p, body: {query: q}}, result: r}
        - b: {call: googleapis.translate.v3beta1.projects.locations.batchTranslateText, args: {parent: p}}
        - c: {return: "${r.rows[0].f[0].v}"}
    """,
    "a mask as a map, query parameters in query": """
        - a:
            call: googleapis.firestore.v1.projects.databases.documents.patch
            args: {name: n, updateMask: {fieldPaths: [a]}, body: {}}
        - b:
            call: googleapis.firestore.v1.projects.databases.documents.createDocument
            args: {parent: p, collectionId: c, query: {documentId: d}, body: {}}
    """,
    "a connector in an expression": """
        - a:
            assign:
              - s: ${googleapis.secretmanager.v1.projects.secrets.versions.accessString("s", "1", "p")}
    """,
    "polling settings of a connector": """
        - a:
            call: googleapis.workflowexecutions.v1.projects.locations.workflows.executions.run
            args:
              workflow_id: w
              connector_params: {timeout: 3600, polling_policy: {initial_delay: 2.0, multiplier: 1.5, max_delay: 60}}
    """,
    "main without parameters": """
        main:
          params: []
          steps:
            - a: {return: 1}
    """,
    "steps under try": """
        - a:
            try:
              steps:
                - b: {call: sys.now, result: r}
            retry: ${http.default_retry_non_idempotent}
            except: {as: e, steps: [{c: {raise: "${e}"}}]}
    """,
}

REFUSED = {
    "variables of loops behind them": """
        - a: {for: {value: v, in: [1], steps: [{b: {assign: [{w: 1}]}}]}}
        - c: {return: ["${v}", "${w}"]}
    """,
    "subworkflows of another file": "[{a: {call: name_message, args: {first: x}}}]",
}


@pytest.mark.parametrize("construct", ACCEPTED)
def test_source_deploys_when_it_writes_as_the_samples_do(refusal: Refusal, construct: str) -> None:
    assert refusal(ACCEPTED[construct]) == ""


@pytest.mark.parametrize("construct", REFUSED)
def test_source_is_refused_when_the_samples_say_it_is_not_allowed(refusal: Refusal, construct: str) -> None:
    assert refusal(REFUSED[construct]) != ""


def test_unquoted_expressions_in_flow_lists_are_expressions_when_run(play: Play) -> None:
    source = """
        - a: {assign: [{key: k}, {list: [${key}, '${key + "2"}', ${"a,b]}" + key}, plain]}]}
        - b: {return: "${list}"}
    """

    assert play(source).result == ["k", "k2", "a,b]}k", "plain"]


def test_mask_is_sent_like_the_dotted_one_when_written_as_a_map(play: Play, scripted_runtime: Any) -> None:
    def request(mask: str) -> Any:
        runtime = scripted_runtime()
        call = "googleapis.firestore.v1.projects.databases.documents.get"
        play(f"[{{a: {{call: {call}, args: {{name: projects/p/databases/d/documents/x, {mask}}}}}}}]", runtime=runtime)
        return runtime.requests[0]

    assert request("mask: {fieldPaths: [a, b]}") == request("mask.fieldPaths: [a, b]")


def test_json_source_runs_when_indented_with_tabs_and_escapes(play: Play) -> None:
    source = '{\n\t"main": {\n\t\t"steps": [\n\t\t\t{"a": {"return": "tab\\there \\ud83d\\ude00"}}\n\t\t]\n\t}\n}\n'

    assert play(source).result == "tab\there 😀"


def test_last_chunk_is_what_is_left_when_text_is_cut_into_chunks(
    play: Play,
) -> None:
    source = """
        - init: {assign: [{whole: abcdefg}, {chunks: []}]}
        - cut:
            for:
              value: n
              range: ${[0, int(len(whole) / 3) + 1]}
              steps:
                - take: {assign: [{chunks: '${list.concat(chunks, text.substring(whole, n * 3, n * 3 + 3))}'}]}
        - give: {return: '${chunks}'}
    """

    assert play(source).result == ["abc", "def", "g", ""]
