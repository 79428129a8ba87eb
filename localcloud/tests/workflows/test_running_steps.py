"""Steps in order, jumps, loops, scopes and values by copy."""

from collections.abc import Callable
from typing import Any

import pytest

Play = Callable[..., Any]


def test_switch_when_several_entries_are_true_then_the_first_wins(play: Play) -> None:
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


def test_switch_when_nothing_is_true_then_its_own_next_is_taken(play: Play) -> None:
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


def test_condition_when_not_boolean_then_is_a_type_error(play: Play) -> None:
    assert play("[{a: {switch: [{condition: 1, return: x}]}}]").error["tags"] == ["TypeError"]


def test_jump_when_it_leaves_nested_blocks_then_goes_on_outside(play: Play) -> None:
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


def test_loop_when_written_with_next_then_repeats_until_the_switch_leaves_it(play: Play) -> None:
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
def test_for_when_run_then_goes_over_values_with_their_indices(play: Play, over: str, rounds: Any) -> None:
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


def test_for_when_continued_or_broken_then_ends_the_round_or_the_loop(play: Play) -> None:
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


def test_return_when_inside_a_loop_then_ends_the_routine(play: Play) -> None:
    assert play("[{a: {for: {value: v, in: [7, 8], steps: [{b: {return: '${v}'}}]}}}]").result == 7


def test_end_when_reached_then_the_routine_gives_null(play: Play) -> None:
    assert play("[{a: {assign: [{x: 1}], next: end}}, {b: {return: wrong}}]").result is None


def test_value_when_assigned_to_another_name_then_is_a_copy(play: Play) -> None:
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


def test_argument_when_changed_by_a_subworkflow_then_the_caller_keeps_its_own(play: Play) -> None:
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


def test_loop_value_when_changed_then_the_list_stays(play: Play) -> None:
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
def test_assignment_when_its_path_does_not_exist_then_raises(play: Play, line: str, tag: str) -> None:
    source = f"- a: {{assign: [{{m: {{}}}}, {{l: [1, 2]}}, {{n: 5}}]}}\n- b: {{assign: [{{{line}}}]}}"

    assert tag in play(source).error["tags"]


def test_map_keys_when_written_as_expressions_then_are_evaluated(play: Play) -> None:
    source = "- a: {assign: [{k: name}, {m: {'${k}': 1, 2: two}}, {'m[k + \"!\"]': 3}]}\n- b: {return: '${m}'}"

    assert play(source).result == {"name": 1, "2": "two", "name!": 3}


def test_text_around_an_expression_when_read_then_is_plain_text(play: Play) -> None:
    assert play("[{a: {return: ['a ${x}', '$x', '{}']}}]").result == ["a ${x}", "$x", "{}"]


def test_variable_when_assigned_only_later_then_reading_it_raises_key_error(play: Play) -> None:
    source = "- a: {assign: [{b: '${late}'}]}\n- c: {assign: [{late: 1}]}"

    assert "KeyError" in play(source).error["tags"]


def test_outer_variable_when_assigned_in_a_loop_then_is_updated_outside(play: Play) -> None:
    source = """
    - set: {assign: [{total: 0}]}
    - loop: {for: {value: v, in: [1, 2, 3], steps: [{add: {assign: [{total: "${total + v}"}]}}]}}
    - give: {return: "${total}"}
    """

    assert play(source).result == 6


def test_subworkflow_when_called_then_parameters_have_defaults_and_order(play: Play) -> None:
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


def test_recursion_when_deeper_than_the_limit_then_raises_recursion_error(play: Play) -> None:
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


def test_main_when_started_without_argument_then_its_parameter_is_null_or_the_default(play: Play) -> None:
    assert play("main: {params: [x], steps: [{a: {return: '${x}'}}]}").result is None
    assert play("main: {params: [{x: 5}], steps: [{a: {return: '${x}'}}]}").result == 5
    assert play("main: {params: [{x: 5}], steps: [{a: {return: '${x}'}}]}", 6).result == 6


def test_library_function_when_called_as_a_step_then_its_result_is_kept(play: Play) -> None:
    source = """
    - env: {call: sys.get_env, args: {name: MISSING, default: d}, result: r}
    - log: {call: sys.log, args: {json: {k: "${r}"}, severity: WARNING}}
    - give: {return: "${r}"}
    """
    played = play(source, env={"GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID": "e1"})

    assert played.result == "d"
    assert played.world.logged == [{"severity": "WARNING", "execution": "e1", "data": {"k": "d"}}]


def test_steps_when_more_than_the_limit_then_the_execution_ends_uncatchably(play: Play) -> None:
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


def test_variables_when_more_than_the_limit_then_the_execution_ends(play: Play) -> None:
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


def test_scope_when_it_ends_then_its_variables_no_longer_count(play: Play) -> None:
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


def test_bytes_when_returned_then_the_execution_fails(play: Play) -> None:
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
def test_library_function_when_it_gives_a_changed_collection_then_its_argument_stays(play: Play, call: str) -> None:
    source = f"""
    - set: {{assign: [{{l: [1]}}, {{m: {{a: {{b: 1}}}}}}, {{n: {{a: {{c: 2}}}}}}, {{changed: "${{{call}}}"}}]}}
    - give: {{return: ["${{l}}", "${{m}}", "${{n}}"]}}
    """

    assert play(source).result == [[1], {"a": {"b": 1}}, {"a": {"c": 2}}]


def test_variable_when_named_like_a_library_then_wins_over_its_constants(play: Play) -> None:
    source = "- a: {assign: [{http: {default_retry: mine}}]}\n- b: {return: '${http.default_retry}'}"

    assert play(source).result == "mine"
