"""What is refused at deploy, with the place of the complaint."""

from collections.abc import Callable

import pytest

Refusal = Callable[[str], str]

REFUSED = [
    ("main: {steps: [{a: {retrun: 1}}]}", "retrun"),
    ("main: {steps: [{a: {}}]}", "does nothing"),
    ("main: {steps: []}", "at least one step"),
    ("main: {params: [a, b], steps: [{a: {return: 1}}]}", "at most one parameter"),
    ("main: {stepz: []}", "stepz"),
    ("other: {steps: [{a: {return: 1}}]}", "no routine called main"),
    ("[{a: {return: 1}, b: {return: 2}}]", "one key"),
    ("[{a: {assign: [{x: 1}]}}, {a: {return: 1}}]", "exists twice"),
    ("[{a: {steps: [{b: {assign: [{x: 1}]}}]}}, {c: {steps: [{b: {return: 1}}]}}]", "exists twice in this routine"),
    ("[{a: {assign: [{x: 1}], return: 2}}]", "does one thing"),
    ("[{a: {assign: [{x: 1, y: 2}]}}]", "one variable"),
    ("[{a: {assign: {x: 1}}}]", "must be a list"),
    ("[{a: {assign: [{'x y': 1}]}}]", "bad expression"),
    ("[{a: {assign: [{'f(x)': 1}]}}]", "not a variable"),
    ("[{a: {raise: x, next: end}}]", "next"),
    ("[{a: {return: 1, next: nowhere}}]", "nowhere"),
    ("[{a: {assign: [{x: 1}], next: nowhere}}]", "nowhere"),
    ("[{a: {assign: [{x: 1}], next: break}}]", "break"),
    ("[{a: {steps: [{b: {assign: [{x: 1}]}}]}}, {c: {assign: [{x: 1}], next: b}}]", "'b'"),
    ("[{a: {call: no.such}}]", "no.such"),
    ("[{a: {call: sys.sleep}}]", "seconds"),
    ("[{a: {call: sys.sleep, args: {seconds: 1, minutes: 2}}}]", "minutes"),
    ("[{a: {call: sys.sleep, args: 1}}]", "args must be a map"),
    ("[{a: {call: sys.sleep, args: [1, 2]}}]", "sys.sleep takes at most 1 arguments, not 2"),
    ("[{a: {call: sys.sleep, args: []}}]", "needs the argument seconds"),
    ("[{a: {call: googleapis.pubsub.v1.projects.topics.publish, args: [1]}}]", "args must be a map"),
    ("[{a: {call: sys.now, result: x.y}}]", "result must be a name"),
    ("{main: {steps: [{a: {call: s}}]}, s: {params: [p], steps: [{b: {return: 1}}]}}", "needs the argument p"),
    ("{main: {steps: [{a: {return: '${s(1, 2)}'}}]}, s: {params: [p], steps: [{b: {return: 1}}]}}", "1 to 1"),
    ("{main: {steps: [{a: {return: '${s(1)}'}}]}, s: {params: [p: 1, q], steps: [{b: {return: 1}}]}}", "argument q"),
    ("{main: {steps: [{a: {call: s}}]}, s: {params: [p, p], steps: [{b: {return: 1}}]}}", "given twice"),
    ("{main: {params: [null], steps: [{a: {return: 1}}]}}", "a parameter must be a name"),
    ("{main: {params: [not], steps: [{a: {return: 1}}]}}", "word of the language"),
    ("[{a: {assign: [{é: 1}]}}]", "bad expression"),
    ("[{a: {assign: [{'${x}': 1}]}}]", "without ${"),
    ("[{p: {parallel: {branches: [{b: {return: 1}}]}}}]", "cannot return"),
    ("[{p: {parallel: {branches: [{b: [{c: {raise: x}}]}]}}}]", "the branch 'b' must be a map"),
    ("[{p: {parallel: {branches: [{b: {stepz: []}}]}}}]", "stepz"),
    ("[{a: {assign: []}}]", "1 to 50 assignments"),
    ("[{a: {for: {value: v, index: v, in: [1], steps: [{b: {return: 1}}]}}}]", "different names"),
    ("[{a: {assign: [{v: 1}]}}, {b: {for: {value: v, in: [1], steps: [{c: {return: 1}}]}}}]", "also a variable"),
    ("[{b: {for: {value: v, in: [1], steps: [{c: {assign: [{x: 1}]}}]}}}, {d: {assign: [{v: 1}]}}]", "also a variable"),
    ("[{p: {parallel: {concurrency_limit: many, for: {value: v, in: [1], steps: [{c: {assign: [{x: 1}]}}]}}}}]",
     "positive integer"),
    ("[{a: {return: '${sys.log(1)}'}}]", "waits"),
    ("[{a: {call: googleapis.cloudtasks.v2.projects.locations.queues.get}}]", "needs the argument name"),
    ("[{a: {return: '${nope(1)}'}}]", "nope"),
    ("[{a: {return: '${len()}'}}]", "takes 1 argument, not 0"),
    ("[{a: {return: '${http.get(\"http://x\")}'}}]", "waits"),
    ("[{a: {return: '${1 +}'}}]", "bad expression"),
    ("[{a: {return: '${}'}}]", "bad expression"),
    ("[{a: {return: '${${x}}'}}]", "bad expression"),
    ("[{a: {return: '${missing}'}}]", "symbol 'missing' is neither a variable nor"),
    ("[{a: {assign: [{'missing.x': 1}]}}]", "symbol 'missing' is neither a variable nor"),
    ("[{a: {for: {value: v, in: [1], steps: [{b: {assign: [{x: 1}]}}]}}}, {c: {return: '${x}'}}]", "'x' only exists"),
    ("[{a: {for: {value: v, in: [1], steps: [{b: {assign: [{x: 1}]}}]}}}, {c: {return: '${v}'}}]", "'v' only exists"),
    ("[{a: {try: {raise: x}, except: {as: e, steps: [{b: {assign: [{x: 1}]}}]}}}, {c: {return: '${e}'}}]", "'e'"),
    ("{main: {steps: [{a: {assign: [{x: 1}]}}]}, s: {steps: [{b: {return: '${x}'}}]}}", "'x' is neither"),
    ("[{a: {for: {value: v, steps: [{b: {return: 1}}]}}}]", "either in or range"),
    ("[{a: {for: {in: [1], steps: [{b: {return: 1}}]}}}]", "needs value"),
    ("[{a: {for: {value: v, range: [1], steps: [{b: {return: 1}}]}}}]", "two numbers"),
    ("[{a: {switch: [{next: end}]}}]", "condition"),
    ("[{a: {switch: []}}]", "1 to 50"),
    ("[{a: {try: {for: {value: v, in: [1], steps: [{b: {return: 1}}]}}, except: {steps: [{c: {return: 1}}]}}}]", "for"),
    ("[{a: {try: {return: 1}}}]", "retry or except"),
    ("[{a: {try: {return: 1}, retry: {predicate: x, tries: 3}}}]", "tries"),
    ("[{a: {try: {return: 1}, retry: always}}]", "retry must be"),
    ("[{a: {assign: [{x: 1}]}}, {p: {parallel: {for: {value: v, in: [1], steps: [{w: {assign: [{x: 2}]}}]}}}}]",
     "'x' is written in a parallel branch"),
    ("[{a: {assign: [{x: {}}]}}, {p: {parallel: {for: {value: v, in: [1], steps: [{w: {assign: [{x.y: 2}]}}]}}}}]",
     "'x' is written in a parallel branch"),
    ("[{a: {assign: [{x: 1}]}}, {p: {parallel: {branches: [{b: {steps: [{w: {call: sys.now, result: x}}]}}]}}}]",
     "'x' is written in a parallel branch"),
    ("[{p: {parallel: {shared: [z], for: {value: v, in: [1], steps: [{w: {return: 1}}]}}}}]", "'z' is neither"),
    ("[{p: {parallel: {branches: [{b: {steps: [{w: {assign: [{l: 1}]}}]}}, {c: {steps: [{r: {raise: '${l}'}}]}}]}}}]",
     "'l' only exists inside"),
    ("[{p: {parallel: {for: {value: v, in: [1], steps: [{w: {return: 1}}]}}}}]", "cannot return"),
    ("[{p: {parallel: {for: {value: v, in: [1], steps: [{w: {assign: [{q: 1}], next: break}}]}}}}]", "'break'"),
    ("[{p: {parallel: {branches: [{b: {steps: [{w: {assign: [{q: 1}], next: q}}]}}]}}}, {q: {return: 1}}]", "'q'"),
    ("[{p: {parallel: {branches: [{b: {steps: [{w: {assign: [{q: 1}], next: end}}]}}]}}}]", "cannot end"),
    ("[{p: {parallel: {shared: []}}}]", "either branches or for"),
    ("[{p: {parallel: {exception_policy: abort, for: {value: v, in: [1], steps: [{w: {assign: [{q: 1}]}}]}}}}]",
     "continueAll"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "complaint"), REFUSED, ids=[source for source, _ in REFUSED])
def test_deploy_is_refused_and_says_why_when_source_is_wrong(refusal: Refusal, source: str, complaint: str) -> None:
    assert complaint in refusal(source)


WRITE = "{w: {assign: [{x: 2}]}}"
LOOP = f"{{value: v, in: [1], steps: [{WRITE}]}}"
SHARED = f"[{{a: {{assign: [{{x: 1}}]}}}}, {{p: {{parallel: {{shared: [x], for: {LOOP}}}}}}}]"

ACCEPTED = [
    "{main: {params: null, steps: [{a: {call: sys.now, args: null, result: r}}]}}",
    (
        "[{a: {for: {value: v, in: [], steps: [{b: {raise: x}}]}}}, "
        "{c: {for: {value: v, in: [], steps: [{d: {raise: x}}]}}}]"
    ),
    "[{p: {parallel: {branches: [{a: {call: sys.now, result: t}}, {b: {steps: [{c: {raise: x}}]}}]}}}]",
    "[{a: {try: {raise: x}, except: {as: e, steps: [{b: {return: 1}}]}}}, {c: {assign: [{e: 1}]}}]",
    SHARED,
    "[{p: {parallel: {for: {value: v, in: [1], steps: [{w: {assign: [{q: 1}], next: continue}}]}}}}]",
    "[{a: {assign: [{x: 1}], next: b}}, {s: {return: 1}}, {b: {return: '${x}'}}]",
    "[{a: {switch: [{condition: true, next: b}]}}, {b: {assign: [{later: 1}]}}, {c: {return: '${later}'}}]",
    "[{a: {try: {steps: [{b: {return: 1}}]}, except: {steps: [{c: {return: 1}}]}}}]",
    "[{a: {try: [{b: {return: 1}}], retry: '${http.default_retry}'}}]",
    "{main: {steps: [{a: {call: s}}]}, s: {params: [{p: 1}], steps: [{b: {return: '${p}'}}]}}",
    "[{a: {assign: [{text: {k: v}}]}}, {b: {return: '${text.k + text.to_upper(text.k)}'}}]",
    "[{a: {for: {value: v, in: [1], steps: [{b: {assign: [{x: 1}], next: out}}]}}}, {out: {return: 1}}]",
]


@pytest.mark.parametrize("source", ACCEPTED)
def test_deploy_is_accepted_when_source_is_right(refusal: Refusal, source: str) -> None:
    assert refusal(source) == ""


def test_all_are_given_in_order_with_their_places_when_there_are_several(refusal: Refusal) -> None:
    source = """\
main:
  steps:
    - first:
        call: no.such
    - second:
        return: ${1 + oops}
    - third:
        assign:
          - x: 1
        next: nowhere
"""

    assert [line.partition(":")[0] for line in refusal(source).splitlines()] == [
        "line 4, column 15",
        "line 6, column 23",
        "line 10, column 15",
    ]


@pytest.mark.parametrize(
    ("count", "source"),
    [
        (50, "[{{a: {{assign: [{lines}]}}}}]"),
        (50, "[{{a: {{switch: [{cases}]}}}}]"),
        (50, "[{{a: {{parallel: {{branches: [{branches}]}}}}}}]"),
    ],
)
def test_deploy_is_refused_when_limit_is_passed_by_one(refusal: Refusal, count: int, source: str) -> None:
    def filled(number: int) -> str:
        return source.format(
            lines=", ".join(["{x: 1}"] * number),
            cases=", ".join(["{condition: true, next: end}"] * number),
            branches=", ".join(f"{{b{n}: {{steps: [{{s{n}: {{assign: [{{x: 1}}]}}}}]}}}}" for n in range(number)),
        )

    assert refusal(filled(count)) == ""
    assert str(count + 1) in refusal(filled(count + 1))
