"""try, retry and except: what is caught, how often it is repeated, how long the pauses are."""

from collections.abc import Callable
from typing import Any

import pytest

from localcloud.workflows.faults import fault

Play = Callable[..., Any]

CALL = """
main:
  params: [policy]
  steps:
  - attempt:
      try:
        call: http.post
        args: {url: "http://x"}
        result: answer
      retry: RETRY
      except:
        as: e
        steps: [{give_up: {return: {caught: "${e}"}}}]
  - give: {return: "${answer.body}"}
never_503:
  params: [e]
  steps: [{give: {return: "${not(e.code == 503)}"}}]
only_a_string:
  params: [e]
  steps: [{give: {return: "yes"}}]
raises:
  params: [e]
  steps: [{fail: {raise: "from the predicate"}}]
"""


def failing(times: int, *, code: int = 503, tag: str = "HttpError") -> Callable[[Any], Any]:
    """An answer that fails the first ``times`` requests."""
    left = [times]

    def answer(_: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise fault(tag, f"error {code}", code=code)
        return {"code": 200, "headers": {}, "body": "fine"}

    return answer


@pytest.mark.parametrize(
    ("retry", "failures", "result", "pauses"),
    [
        ("${http.default_retry}", 2, "fine", [1, 1.25]),
        ("${http.default_retry}", 5, "fine", [1, 1.25, 1.5625, 1.953125, 2.44140625]),
        ("{predicate: '${retry.always}', max_retries: 2, backoff: {initial_delay: 10, max_delay: 15, multiplier: 2}}",
         2, "fine", [10, 15]),
        ("{predicate: '${retry.always}', max_retries: '${1 + 1}', backoff: '${retry.default_backoff}'}",
         2, "fine", [1, 1.25]),
        ("{predicate: '${retry.always}', max_retries: 0, backoff: '${retry.default_backoff}'}", 1, None, []),
        ("{predicate: '${retry.never}', max_retries: 3, backoff: '${retry.default_backoff}'}", 1, None, []),
        ("{predicate: '${never_503}', max_retries: 3, backoff: '${retry.default_backoff}'}", 1, None, []),
    ],
)  # fmt: skip
def test_call_is_repeated_with_the_pauses_of_the_policy_when_it_fails(
    play: Play, scripted_runtime: Any, retry: str, failures: int, result: Any, pauses: list[float]
) -> None:
    played = play(CALL.replace("RETRY", retry), runtime=scripted_runtime(answer=failing(failures)))

    assert played.result == result if result else played.result["caught"]["code"] == 503
    assert played.runtime.slept_s == pauses
    assert len(played.runtime.requests) == len(pauses) + 1


def test_except_gets_the_last_error_when_retries_are_used_up(play: Play, scripted_runtime: Any) -> None:
    retry = "{predicate: '${http.default_retry_predicate}', max_retries: 2, backoff: '${retry.default_backoff}'}"
    played = play(CALL.replace("RETRY", retry), runtime=scripted_runtime(answer=failing(9)))

    assert played.result["caught"] == {"message": "error 503", "tags": ["HttpError"], "code": 503}
    assert len(played.runtime.requests) == 3


def test_default_retry_does_not_repeat_when_the_server_answers_500(play: Play, scripted_runtime: Any) -> None:
    played = play(CALL.replace("RETRY", "${http.default_retry}"), runtime=scripted_runtime(answer=failing(1, code=500)))

    assert (played.result["caught"]["code"], len(played.runtime.requests)) == (500, 1)


@pytest.mark.parametrize(
    ("retry", "tag"),
    [
        ("{predicate: '${only_a_string}', max_retries: 1, backoff: '${retry.default_backoff}'}", "TypeError"),
        ("{predicate: '${retry.always}', max_retries: many, backoff: '${retry.default_backoff}'}", "TypeError"),
        ("{predicate: '${retry.always}', max_retries: 1, backoff: {initial_delay: -1}}", "ValueError"),
        ("${policy}", "TypeError"),
    ],
)
def test_policy_raises_when_it_makes_no_sense(play: Play, scripted_runtime: Any, retry: str, tag: str) -> None:
    played = play(CALL.replace("RETRY", retry), 5, runtime=scripted_runtime(answer=failing(1)))

    assert tag in played.error["tags"]


def test_error_leaves_the_step_when_predicate_raises_itself(play: Play, scripted_runtime: Any) -> None:
    retry = "{predicate: '${raises}', max_retries: 1, backoff: '${retry.default_backoff}'}"

    assert play(CALL.replace("RETRY", retry), runtime=scripted_runtime(answer=failing(1))).error == "from the predicate"


def test_try_block_runs_again_from_its_first_step_when_retried(play: Play, scripted_runtime: Any) -> None:
    source = """
    - set: {assign: [{rounds: 0}]}
    - attempt:
        try:
          steps:
          - count: {assign: [{rounds: "${rounds + 1}"}]}
          - ask: {call: http.get, args: {url: "http://x"}}
        retry: ${http.default_retry}
    - give: {return: "${rounds}"}
    """

    assert play(source, runtime=scripted_runtime(answer=failing(3))).result == 4


@pytest.mark.parametrize("value", ['"only text"', "{code: 55, message: mine, extra: [1]}"])
def test_raised_value_is_unchanged_when_caught(play: Play, value: str) -> None:
    source = f"[{{a: {{try: {{raise: {value}}}, except: {{as: e, steps: [{{b: {{return: '${{e}}'}}}}]}}}}}}]"
    expected = {'"only text"': "only text"}.get(value, {"code": 55, "message": "mine", "extra": [1]})

    assert play(source).result == expected


def test_error_leaves_the_step_when_raised_again_in_except(play: Play) -> None:
    source = "[{a: {try: {return: '${1 / 0}'}, except: {as: e, steps: [{b: {raise: '${e}'}}]}}}]"

    assert "ZeroDivisionError" in play(source).error["tags"]


def test_next_step_follows_when_except_ends_without_jump(play: Play) -> None:
    source = """
    - a: {try: {raise: x}, except: {as: e, steps: [{note: {assign: [{inner: 1}]}}]}}
    - b: {return: went on}
    """

    assert play(source).result == "went on"


@pytest.mark.parametrize("value", ["5", "[1]", "null", "true"])
def test_raised_value_is_the_payload_when_it_is_neither_text_nor_map(play: Play, value: str) -> None:
    assert play(f"[{{a: {{raise: {value}}}}}]").report["payload"] == value


def test_unhandled_error_tells_the_steps_it_came_through_when_it_ends_the_execution(play: Play) -> None:
    source = """\
main:
  steps:
  - outer:
      steps:
      - calls_it:
          call: helper
          args:
            x: 0
helper:
  params: [x]
  steps:
  - divides:
      return: ${1 / x}
"""
    report = play(source).report

    assert report["context"].splitlines() == [
        "ZeroDivisionError: division by zero",
        'in step "divides", routine "helper", line: 13',
        'in step "calls_it", routine "main", line: 6',
    ]
    assert report["stackTrace"]["elements"] == [
        {"step": "divides", "routine": "helper", "position": {"line": "13", "column": "15", "length": "8"}},
        {"step": "calls_it", "routine": "main", "position": {"line": "6", "column": "11", "length": "4"}},
    ]


def test_payload_is_json_text_when_raised_text_is_unhandled(play: Play) -> None:
    assert play('[{a: {raise: "plain"}}]').report["payload"] == '"plain"'


@pytest.mark.parametrize(
    ("arguments", "tag"),
    [
        ("url: ftp://x", "ValueError"),
        ("url: 5", "TypeError"),
        ("url: http://x, timeout: 1801", "ValueError"),
        ("url: http://x, timeout: 0", "ValueError"),
        ("url: http://x, timeout: soon", "TypeError"),
        ("url: http://x, headers: {a: 1}", "TypeError"),
        ("url: http://x, query: {a: {b: 1}}", "TypeError"),
        ("url: http://x, auth: {type: Basic}", "ValueError"),
    ],
)
def test_http_call_raises_and_sends_nothing_when_its_arguments_are_wrong(play: Play, arguments: str, tag: str) -> None:
    played = play(f"[{{a: {{call: http.get, args: {{{arguments}}}}}}}]")

    assert played.error["tags"] == [tag]
    assert played.runtime.requests == []


@pytest.mark.parametrize(
    ("step", "slept_s"),
    [
        ("{call: sys.sleep, args: {seconds: 2.5}}", [2.5]),
        ("{call: sys.sleep_until, args: {time: '${time.format(sys.now() + 90)}'}}", [90.0]),
        ("{call: sys.sleep_until, args: {time: '2001-01-01T00:00:00Z'}}", []),
    ],
)
def test_sleep_waits_so_long_when_called(play: Play, step: str, slept_s: list[float]) -> None:
    played = play(f"[{{a: {step}}}]")

    assert (played.result, played.runtime.slept_s) == (None, slept_s)
