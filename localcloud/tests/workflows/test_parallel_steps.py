"""Branches and rounds at the same time: sharing, limits, and errors that stop nobody else."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.workflows import engine
from localcloud.workflows.compiler.routines import compile_source

Play = Callable[..., Any]


def test_branches_run_at_the_same_time_when_they_sleep(play: Play) -> None:
    source = """
    - both:
        parallel:
          branches:
          - one: {steps: [{nap: {call: sys.sleep, args: {seconds: 30}}}]}
          - two: {steps: [{longer_nap: {call: sys.sleep, args: {seconds: 50}}}]}
    """

    assert play(source).took_s == 50


def test_shared_total_loses_no_update_when_added_to_by_many_rounds(play: Play) -> None:
    source = """
    main:
      steps:
      - set: {assign: [{total: 0}]}
      - all:
          parallel:
            shared: [total]
            for:
              value: n
              range: [1, 60]
              steps:
              - ask: {call: http.get, args: {url: "http://x"}}
              - add: {assign: [{total: "${total + n}"}]}
              - again: {assign: [{total: "${total + waits(0)}"}]}
      - give: {return: "${total}"}
    waits:
      params: [n]
      steps:
      - nap: {call: sys.sleep, args: {seconds: 1}}
      - give: {return: "${n}"}
    """

    assert play(source).result == sum(range(1, 61))


def test_shared_map_keeps_every_entry_when_written_by_key(play: Play) -> None:
    source = """
    - set: {assign: [{found: {}}]}
    - all:
        parallel:
          shared: [found]
          for:
            value: n
            index: i
            in: [a, b, c]
            steps:
            - nap: {call: sys.sleep, args: {seconds: "${3 - i}"}}
            - put: {assign: [{"found[n]": "${i}"}]}
    - give: {return: "${found}"}
    """

    assert play(source).result == {"a": 0, "b": 1, "c": 2}


@pytest.mark.parametrize(
    ("limit", "rounds", "took_s"),
    [("", 20, 1), ("", 21, 2), ("concurrency_limit: 3", 7, 3), ("concurrency_limit: ${1 + 1}", 4, 2)],
)
def test_rounds_queue_when_more_of_them_wait_than_may_run_at_once(
    play: Play, limit: str, rounds: int, took_s: int
) -> None:
    source = f"""
    - all:
        parallel:
          {limit}
          for: {{value: n, range: [1, {rounds}], steps: [{{nap: {{call: sys.sleep, args: {{seconds: 1}}}}}}]}}
    """

    assert play(source).took_s == took_s


def test_other_branches_finish_before_the_error_when_one_branch_fails(play: Play) -> None:
    source = """
    - set: {assign: [{finished: []}]}
    - attempt:
        try:
          parallel:
            shared: [finished]
            branches:
            - quick: {steps: [{fail: {raise: {code: 7, message: "broken"}}}]}
            - slow:
                steps:
                - nap: {call: sys.sleep, args: {seconds: 5}}
                - note: {assign: [{finished: "${list.concat(finished, 'slow')}"}]}
            - third: {steps: [{fail_too: {raise: "text"}}]}
        except:
          as: e
          steps: [{give: {return: {error: "${e}", finished: "${finished}"}}}]
    """
    result = play(source).result

    assert result["finished"] == ["slow"]
    assert "UnhandledBranchError" in result["error"]["tags"]
    assert [branch["id"] for branch in result["error"]["branches"]] == ["quick", "third"]
    assert [branch["error"]["payload"] for branch in result["error"]["branches"]] == [
        {"code": 7, "message": "broken"},
        "text",
    ]
    assert 'in step "fail", routine "main"' in result["error"]["branches"][0]["error"]["context"]
    assert result["error"]["truncated"] is False


def test_parallel_step_succeeds_when_error_is_caught_inside_its_branch(play: Play) -> None:
    source = """
    - all:
        parallel:
          for:
            value: n
            in: [1, 2]
            steps:
            - risky: {try: {raise: "x"}, except: {as: e, steps: [{ok: {assign: [{y: "${e}"}]}}]}}
    - give: {return: fine}
    """

    assert play(source).result == "fine"


def test_loop_with_next_runs_beside_the_other_branch_when_inside_a_branch(play: Play) -> None:
    source = """
    - set: {assign: [{drawn: 0}, {polls: 0}]}
    - both:
        parallel:
          shared: [drawn, polls]
          branches:
          - drawing:
              steps:
              - waves:
                  for:
                    value: wave
                    in: [[1, 2], [3, 4, 5]]
                    steps:
                    - items:
                        parallel:
                          shared: [drawn]
                          for:
                            value: item
                            in: ${wave}
                            steps:
                            - draw: {call: sys.sleep, args: {seconds: 10}}
                            - count: {assign: [{drawn: "${drawn + 1}"}]}
          - filming:
              steps:
              - poll: {assign: [{polls: "${polls + 1}"}]}
              - check:
                  switch:
                  - condition: ${drawn == 5}
                    next: done
              - nap: {call: sys.sleep, args: {seconds: 3}, next: poll}
              - done: {assign: [{unused: 1}]}
    - give: {return: ["${drawn}", "${polls}"]}
    """
    played = play(source)

    assert played.result == [5, 8]
    assert played.took_s == 21


def test_parallel_raises_parallel_nesting_error_when_nested_three_deep(play: Play) -> None:
    def nested(depth: int) -> str:
        inner = "{nap: {assign: [{x: 1}]}}" if depth == 0 else nested(depth - 1)
        return f"{{p{depth}: {{parallel: {{for: {{value: v{depth}, in: [1], steps: [{inner}]}}}}}}}}"

    assert play(f"[{nested(1)}]").result is None
    payload = play(f"[{nested(2)}]").error["branches"][0]["error"]["payload"]
    assert "ParallelNestingError" in payload["branches"][0]["error"]["payload"]["tags"]


def test_all_branches_stop_at_once_when_one_of_them_exhausts_the_step_limit(play: Play) -> None:
    source = """
    - both:
        parallel:
          branches:
          - busy: {steps: [{a: {assign: [{x: 1}], next: a}}]}
          - idle: {steps: [{nap: {call: sys.sleep, args: {seconds: 1000}}}]}
    """
    played = play(source)

    assert played.error["tags"] == ["ResourceLimitError"]
    assert played.took_s == 0


def test_sleeping_branches_stop_at_once_when_their_execution_is_cancelled(scripted_runtime: Any) -> None:
    source = """
- attempt:
    try:
      parallel:
        branches:
        - one: {steps: [{nap: {call: sys.sleep, args: {seconds: 3600}}}]}
        - two: {steps: [{inner: {parallel: {for: {value: v, in: [1, 2], steps: [
            {nap2: {call: sys.sleep, args: {seconds: 3600}}}]}}}}]}
    except: {as: e, steps: [{swallow: {return: swallowed}}]}
"""

    async def cancel_midway() -> tuple[bool, int]:
        runtime = scripted_runtime()
        task = asyncio.ensure_future(engine.execute(engine.start(compile_source(source), runtime, {})))
        await all_asleep(runtime, 3)
        task.cancel()
        ended = await asyncio.gather(task, return_exceptions=True)
        return isinstance(ended[0], asyncio.CancelledError), len(asyncio.all_tasks())

    assert asyncio.run(cancel_midway()) == (True, 1)


async def all_asleep(runtime: Any, sleepers: int) -> None:
    """Let the loop turn until so many branches sleep; a hundred turns are far more than they need."""
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(runtime.slept_s) == sleepers
