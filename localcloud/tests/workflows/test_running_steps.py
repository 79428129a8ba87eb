"""Steps in order, jumps, loops, scopes and values by copy."""

from collections.abc import Callable
from typing import Any

import pytest

Play = Callable[..., Any]


def test_first_entry_of_a_switch_wins_when_several_are_true(play: Play) -> None:
    source = """
    main:
      params: [n]
      steps:
      - pick:
          switch:
          - condition: ${n > 10}
            next: large
          - condition: ${n > 5}
            assign: [{size: "medium"}]
            next: done
          - condition: true
            return: small
          next: large
      - large:
          assign: [{size: "large"}]
      - done:
          return: ${size}
    """

    assert [play(source, n).result for n in (11, 6, 5)] == ["large", "medium", "small"]


def test_switch_takes_its_own_next_when_no_entry_is_true(play: Play) -> None:
    source = """
    - a:
        switch:
        - condition: false
          return: wrong
        next: c
    - b:
        return: skipped
    - c:
        return: right
    """

    assert play(source).result == "right"


def test_condition_is_a_type_error_when_not_boolean(play: Play) -> None:
    assert play("[{a: {switch: [{condition: 1, return: x}]}}]").error["tags"] == ["TypeError"]


def test_jump_goes_on_outside_when_it_leaves_nested_blocks(play: Play) -> None:
    source = """
    - outer:
        steps:
        - attempt:
            try:
              raise: "no"
            except:
              as: e
              steps:
              - judge:
                  switch:
                  - condition: ${e == "no"}
                    next: rescued
        - unreachable:
            return: wrong
    - also_unreachable:
        return: wrong
    - rescued:
        return: right
    """

    assert play(source).result == "right"


def test_loop_repeats_until_the_switch_leaves_it_when_written_with_next(play: Play) -> None:
    source = """
    - init:
        assign: [{n: 0}, {log: []}]
    - again:
        switch:
        - condition: ${n == 3}
          next: out
    - body:
        assign:
        - log: ${list.concat(log, n)}
        - n: ${n + 1}
        next: again
    - out:
        return: ${log}
    """

    assert play(source).result == [0, 1, 2]


@pytest.mark.parametrize(
    ("over", "rounds"),
    [
        ("in: [a, b]", [[0, "a"], [1, "b"]]),
        ("in: []", []),
        ("in: ${keys(m)}", [[0, "x"], [1, "y"]]),
        ("range: [1, 3]", [[0, 1], [1, 2], [2, 3]]),
        ("range: ${[2, len(m)]}", [[0, 2]]),
        ("range: [3, 1]", []),
        ("range: [0.5, 2]", [[0, 0.5], [1, 1.5]]),
    ],
)
def test_for_goes_over_values_with_their_indices_when_run(play: Play, over: str, rounds: Any) -> None:
    source = f"""
    - init:
        assign: [{{m: {{x: 1, y: 2}}}}, {{seen: []}}]
    - loop:
        for:
          value: v
          index: i
          {over}
          steps:
          - note:
              assign: [{{seen: '${{list.concat(seen, [i, v])}}'}}]
    - give:
        return: ${{seen}}
    """

    assert play(source).result == rounds


def test_for_ends_the_round_or_the_loop_when_continued_or_broken(play: Play) -> None:
    source = """
    - init:
        assign: [{seen: []}]
    - loop:
        for:
          value: v
          range: [1, 9]
          steps:
          - inner:
              steps:
              - choose:
                  switch:
                  - {condition: "${v == 2}", next: continue}
                  - {condition: "${v == 5}", next: break}
          - note:
              assign: [{seen: "${list.concat(seen, v)}"}]
    - give:
        return: ${seen}
    """

    assert play(source).result == [1, 3, 4]


def test_return_ends_the_routine_when_inside_a_loop(play: Play) -> None:
    assert play("[{a: {for: {value: v, in: [7, 8], steps: [{b: {return: '${v}'}}]}}}]").result == 7


def test_routine_gives_null_when_end_is_reached(play: Play) -> None:
    assert play("[{a: {assign: [{x: 1}], next: end}}, {b: {return: wrong}}]").result is None


def test_value_is_a_copy_when_assigned_to_another_name(play: Play) -> None:
    source = """
    - set:
        assign:
        - a: {list: [1, 2], map: {k: v}}
        - b: ${a}
        - b.list[0]: changed
        - b.map.extra: new
        - c: ${[a, a]}
        - c[0].list: gone
    - give:
        return: ["${a}", "${b}", "${c[1]}"]
    """

    first, second, third = play(source).result

    assert first == third == {"list": [1, 2], "map": {"k": "v"}}
    assert second == {"list": ["changed", 2], "map": {"k": "v", "extra": "new"}}


def test_caller_keeps_its_value_when_a_subworkflow_changes_its_argument(play: Play) -> None:
    source = """
    main:
      steps:
      - set:
          assign: [{mine: [1]}]
      - call:
          call: change
          args: {theirs: "${mine}"}
          result: changed
      - give:
          return: ["${mine}", "${changed}"]
    change:
      params: [theirs]
      steps:
      - set:
          assign: [{"theirs[0]": 2}]
      - give:
          return: ${theirs}
    """

    assert play(source).result == [[1], [2]]


def test_list_stays_when_loop_value_is_changed(play: Play) -> None:
    source = """
    - set:
        assign: [{items: [{n: 1}]}]
    - loop:
        for:
          value: item
          in: ${items}
          steps:
          - change:
              assign: [{item.n: 2}]
    - give:
        return: ${items}
    """

    assert play(source).result == [{"n": 1}]


@pytest.mark.parametrize(
    ("line", "tag"),
    [
        ("m.a.b: 1", "KeyError"),
        ("'l[2]': 1", "IndexError"),
        ("l.x: 1", "TypeError"),
        ("n.x: 1", "TypeError"),
        ("'m[l]': 1", "TypeError"),
    ],
)
def test_assignment_raises_when_its_path_does_not_exist(play: Play, line: str, tag: str) -> None:
    source = f"- a: {{assign: [{{m: {{}}}}, {{l: [1, 2]}}, {{n: 5}}]}}\n- b: {{assign: [{{{line}}}]}}"

    assert tag in play(source).error["tags"]


def test_map_keys_are_evaluated_when_written_as_expressions(play: Play) -> None:
    source = "- a: {assign: [{k: name}, {m: {'${k}': 1, 2: two}}, {'m[k + \"!\"]': 3}]}\n- b: {return: '${m}'}"

    assert play(source).result == {"name": 1, "2": "two", "name!": 3}


def test_text_around_an_expression_is_plain_text_when_read(play: Play) -> None:
    assert play("[{a: {return: ['a ${x}', '$x', '{}']}}]").result == ["a ${x}", "$x", "{}"]


def test_reading_a_variable_raises_key_error_when_it_is_assigned_only_later(play: Play) -> None:
    source = "- a: {assign: [{b: '${late}'}]}\n- c: {assign: [{late: 1}]}"

    assert "KeyError" in play(source).error["tags"]


def test_outer_variable_is_updated_outside_when_assigned_in_a_loop(play: Play) -> None:
    source = """
    - set: {assign: [{total: 0}]}
    - loop: {for: {value: v, in: [1, 2, 3], steps: [{add: {assign: [{total: "${total + v}"}]}}]}}
    - give: {return: "${total}"}
    """

    assert play(source).result == 6


def test_parameters_have_defaults_and_order_when_a_subworkflow_is_called(play: Play) -> None:
    source = """
    main:
      params: [input]
      steps:
      - named:
          call: join
          args: {b: B, a: A}
          result: named
      - give:
          return: ["${named}", "${join(1, 2, 3)}", "${join(input.x, join(7, 8)) + '!'}"]
    join:
      params: [a, b, c: "-"]
      steps:
      - give:
          return: ${a + "/" + b + "/" + c}
    """

    assert play(source, {"x": "x"}).result == ["A/B/-", "1/2/3", "x/7/8/-/-!"]


def test_recursion_raises_recursion_error_when_deeper_than_the_limit(play: Play) -> None:
    source = """
    main:
      params: [n]
      steps:
      - give: {return: "${down(n)}"}
    down:
      params: [n]
      steps:
      - stop:
          switch:
          - condition: ${n <= 1}
            return: bottom
      - go: {return: "${down(n - 1)}"}
    """

    assert play(source, 19).result == "bottom"
    assert "RecursionError" in play(source, 20).error["tags"]


def test_parameter_is_null_or_the_default_when_main_is_started_without_argument(play: Play) -> None:
    assert play("main: {params: [x], steps: [{a: {return: '${x}'}}]}").result is None
    assert play("main: {params: [{x: 5}], steps: [{a: {return: '${x}'}}]}").result == 5
    assert play("main: {params: [{x: 5}], steps: [{a: {return: '${x}'}}]}", 6).result == 6


def test_result_is_kept_when_library_function_is_called_as_a_step(play: Play) -> None:
    source = """
    - env: {call: sys.get_env, args: {name: MISSING, default: d}, result: r}
    - log: {call: sys.log, args: {json: {k: "${r}"}, severity: WARNING}}
    - give: {return: "${r}"}
    """
    played = play(source, env={"GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID": "e1"})

    assert played.result == "d"
    assert played.runtime.logged == [{"severity": "WARNING", "execution": "e1", "data": {"k": "d"}}]


def test_execution_ends_uncatchably_when_steps_are_more_than_the_limit(play: Play) -> None:
    source = """
    - forever:
        try:
          steps:
          - a: {assign: [{x: 1}]}
          - b: {assign: [{x: 2}], next: a}
        except:
          as: e
          steps: [{caught: {return: caught}}]
    """

    assert play(source).error["tags"] == ["ResourceLimitError"]


def test_execution_ends_when_variables_are_more_than_the_limit(play: Play) -> None:
    source = """
    - set: {assign: [{all: []}, {s: "0123456789abcdef"}]}
    - loop:
        for:
          value: v
          range: [1, 10]
          steps: [{double: {assign: [{s: "${s + s}"}]}}]
    - keep:
        for:
          value: v
          range: [1, PIECES]
          steps: [{add: {assign: [{all: "${list.concat(all, s)}"}]}}]
    - give: {return: "${len(all)}"}
    """

    assert play(source.replace("PIECES", "15")).result == 15
    assert play(source.replace("PIECES", "40")).error["tags"] == ["ResourceLimitError"]


def test_variables_no_longer_count_when_scope_ends(play: Play) -> None:
    source = """
    - loop:
        for:
          value: v
          range: [1, 200]
          steps:
          - fill: {assign: [{s: "0123456789abcdef"}, {s: "${s+s+s+s+s+s+s+s}"}, {s: "${s+s+s+s+s+s+s+s}"}]}
          - more: {assign: [{s: "${s+s+s+s+s+s+s+s}"}]}
    """

    assert play(source).run.meter.variables_bytes == 0


def test_execution_fails_when_bytes_are_returned(play: Play) -> None:
    assert play("[{a: {return: '${text.encode(\"x\")}'}}]").error["tags"] == ["ValueError"]


@pytest.mark.parametrize(
    "call",
    [
        "list.concat(l, 9)",
        "list.prepend(l, 9)",
        "map.delete(m, 'a')",
        "map.merge(m, n)",
        "map.merge_nested(m, n)",
    ],
)
def test_argument_stays_when_library_function_gives_a_changed_collection(play: Play, call: str) -> None:
    source = f"""
    - set: {{assign: [{{l: [1]}}, {{m: {{a: {{b: 1}}}}}}, {{n: {{a: {{c: 2}}}}}}, {{changed: "${{{call}}}"}}]}}
    - give: {{return: ["${{l}}", "${{m}}", "${{n}}"]}}
    """

    assert play(source).result == [[1], {"a": {"b": 1}}, {"a": {"c": 2}}]


def test_variable_wins_over_its_constants_when_named_like_a_library(play: Play) -> None:
    source = "- a: {assign: [{http: {default_retry: mine}}]}\n- b: {return: '${http.default_retry}'}"

    assert play(source).result == "mine"
