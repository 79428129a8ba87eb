"""The standard library as tables: expression → value, expression → error tag, call step → result."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.workflows.stdlib.table import CONSTANTS, FUNCTIONS

Evaluate = Callable[..., Any]

VALUES: list[tuple[str, Any]] = [
    ("default(null, 5)", 5),
    ("default(false, 5)", False),
    ("if(true, 1, 2)", 1),
    ("if(null, 1, 2)", 2),
    ("int('42')", 42),
    ("int(-2.9)", -2),
    ("double('2.5')", 2.5),
    ("double(2)", 2.0),
    ("double('.5e1')", 5.0),
    ("int('+07')", 7),
    ("string(-1.5)", "-1.5"),
    ("string('as it is')", "as it is"),
    ("len('😀')", 1),
    ("len('')", 0),
    ("len(m)", 2),
    ("get_type(retry.always)", "function"),
    ("list.prepend([], null)", [None]),
    ("map.get(m, [])", {"a": 1, "b": {"c": 2}}),
    ("map.get(null, 'a')", None),
    ("map.merge_nested(m, m) == m", True),
    ("math.max(2, 1.5)", 2),
    ("math.abs(-2.5)", 2.5),
    ("math.floor(2)", 2),
    ("text.split('', ',')", [""]),
    ("text.split('añb', '')", ["a", "ñ", "b"]),
    ("text.substring('hé😀x', 1, 3)", "é😀"),
    ("text.substring('abc', 2, 9)", "c"),
    ("text.substring('abc', 7, 9)", ""),
    ("text.find_all('aaa', 'aa')", [0]),
    ("text.find_all('abc', 'x')", []),
    ("text.find_all_regex('é1b22', '[0-9]+')", [{"index": 1, "match": "1"}, {"index": 3, "match": "22"}]),
    ("text.replace_all('aXbX', '', '')", "aXbX"),
    ("text.replace_all_regex('hello', 'l+', '$1')", "he$1o"),
    ("text.url_decode('a%2Bb')", "a+b"),
    ("text.encode('é', 'ISO-8859-1') == text.encode('é')", False),
    ("json.decode('\"\\\\ud83d\\\\ude00\"')", "😀"),
    ("json.decode('\"\\\\ud800\"')", "\N{REPLACEMENT CHARACTER}"),
    ("json.decode('12345678901234567890')", 12345678901234567890.0),
    ("json.encode_to_string([1, 1.0, true, null])", "[1,1.0,true,null]"),
    ("json.encode_to_string([], true)", "[]"),
    ("time.format(1.23456789)", "1970-01-01T00:00:01.234568Z"),
    ("time.format(0, 'GMT')", "1970-01-01T00:00:00.000000Z"),
    ("time.format(0, '')", "1970-01-01T00:00:00.000000Z"),
    ("time.format(-1)", "1969-12-31T23:59:59.000000Z"),
    ("time.parse('2024-05-08T12:01:00.000000Z')", 1715169660.0),
    ("time.parse('1970-01-01t00:00:00z')", 0.0),
    ("retry.never(1)", False),
    ("string(true)", "true"),
    ("string(12)", "12"),
    ("len('héé')", 3),
    ("len([1, 2])", 2),
    ("keys(m)", ["a", "b"]),
    ("[get_type(1), get_type(1.0), get_type('s'), get_type(true)]", ["integer", "double", "string", "boolean"]),
    ("[get_type(null), get_type([]), get_type(m), get_type(text.encode('x'))]", ["null", "list", "map", "bytes"]),
    ("list.concat([1], [2])", [1, [2]]),
    ("list.prepend([1], 0)", [0, 1]),
    ("map.get(m, 'a')", 1),
    ("map.get(m, 'zz')", None),
    ("map.get(m, ['b', 'c'])", 2),
    ("map.get(m, ['a', 'c'])", None),
    ("map.get('not a map', 'a')", None),
    ("map.delete(m, 'b')", {"a": 1}),
    ("map.delete(m, 'zz') == m", True),
    ("map.merge(m, n)", {"a": 9, "b": {"d": 3}}),
    ("map.merge_nested(m, n)", {"a": 9, "b": {"c": 2, "d": 3}}),
    ("math.abs(-3)", 3),
    ("math.max(1, 2.5)", 2.5),
    ("math.min(1, 2.5)", 1),
    ("math.floor(-1.5)", -2),
    ("text.to_upper('aé')", "AÉ"),
    ("text.to_lower('AÉ')", "aé"),
    ("text.split('a,b,,c', ',')", ["a", "b", "", "c"]),
    ("text.substring('hello', 1, 3)", "el"),
    ("text.find_all('banana', 'an')", [1, 3]),
    ("text.find_all_regex('banana', 'a.')", [{"index": 1, "match": "an"}, {"index": 3, "match": "an"}]),
    ("text.match_regex('hello world', 'o w')", True),
    ("text.match_regex('hello', '^world')", False),
    ("text.replace_all('aXbX', 'X', '-')", "a-b-"),
    ("text.replace_all_regex('foobar', 'o+|oob', '_')", "f_ar"),
    ("text.replace_all_regex('ab', '(a)', '\\\\1')", "\\1b"),
    ("text.replace_all_regex('ab', '', '-')", "-a-b-"),
    ("text.url_encode('a b/~é')", "a%20b%2F%7E%C3%A9"),
    ("text.url_encode_plus('a b&c')", "a+b%26c"),
    ("text.url_decode('a+b%20c%C3%A9')", "a b cé"),
    ("text.decode(text.encode('hé'))", "hé"),
    ("text.decode(text.encode('\\\\ud800'), 'unicode_escape')", "\N{REPLACEMENT CHARACTER}"),
    ("json.decode('{\"a\": [1, 2.0, null]}').a", [1, 2.0, None]),
    ("json.decode(json.encode(m)) == m", True),
    ("json.encode_to_string([1, 'é'])", '[1,"é"]'),
    ("json.encode_to_string([1], true)", "[\n    1\n]"),
    ("json.encode_to_string([1], style)", "[\n> -1\n> ]"),
    ("base64.encode(text.encode('hi?'))", "aGk/"),
    ("base64.encode(text.encode('h'), false)", "aA"),
    ("text.decode(base64.decode('aGk='))", "hi"),
    ("text.decode(base64.decode('aGk', false))", "hi"),
    ("base64.encode(hash.compute_checksum(text.encode(''), 'MD5'))", "1B2M2Y8AsgTpgAmY7PhCfg=="),
    ("len(base64.encode(hash.compute_hmac(text.encode('k'), text.encode('d'), 'SHA256')))", 44),
    ("time.format(0)", "1970-01-01T00:00:00.000000Z"),
    ("time.format(1.5, 'Europe/Berlin')", "1970-01-01T01:00:01.500000+01:00"),
    ("time.parse('1970-01-01T00:01:00Z')", 60.0),
    ("time.parse('1970-01-01T01:00:00.5+01:00')", 0.5),
    ("sys.get_env('NAME')", None),
    ("sys.get_env('NAME', 'fallback')", "fallback"),
    ("sys.now()", 1_700_000_000.0),
    ("uuid.generate()", "00000000-0000-4000-8000-000000000001"),
    ("retry.always(1)", True),
    ("retry.default_backoff", {"initial_delay": 1, "max_delay": 60, "multiplier": 1.25}),
    ("http.default_retry.max_retries", 5),
    ("http.default_retry_predicate(e)", True),
    ("http.default_retry_predicate_non_idempotent(e)", False),
]

ERRORS = [
    ("default(m.zz, 1)", "KeyError"),
    ("if(1, 2, 3)", "TypeError"),
    ("int('4.5')", "ValueError"),
    ("int('')", "ValueError"),
    ("int(m)", "TypeError"),
    ("int(' 4')", "ValueError"),
    ("int('1_0')", "ValueError"),
    ("int(1e30)", "ValueError"),
    ("int('9223372036854775808')", "ValueError"),
    ("double('1_0')", "ValueError"),
    ("double('1e999')", "ValueError"),
    ("double(true)", "TypeError"),
    ("len(text.encode('x'))", "TypeError"),
    ("list.prepend(1, 1)", "TypeError"),
    ("map.merge_nested(m, 1)", "TypeError"),
    ("math.min('a', 1)", "TypeError"),
    ("math.floor('1')", "TypeError"),
    ("math.abs(-9223372036854775808)", "ValueError"),
    ("text.to_lower(null)", "TypeError"),
    ("text.find_all('a', 1)", "TypeError"),
    ("text.find_all_regex('a', '[')", "ValueError"),
    ("text.replace_all('a', 'b', null)", "TypeError"),
    ("text.replace_all_regex('a', '(', '')", "ValueError"),
    ("text.substring('abc', 0.5, 1)", "TypeError"),
    ("text.url_encode(1)", "TypeError"),
    ("text.url_encode_plus(1)", "TypeError"),
    ("text.url_decode('%ff')", "ValueError"),
    ("json.encode_to_string(m, 4)", "TypeError"),
    ("json.decode('')", "ValueError"),
    ("json.decode('1e999')", "ValueError"),
    ("hash.compute_hmac('k', text.encode('d'), 'MD5')", "TypeError"),
    ("time.parse('2021-01-01')", "ValueError"),
    ("time.parse('2021-01-01T00:00:00')", "ValueError"),
    ("time.parse('2021-13-01T00:00:00Z')", "ValueError"),
    ("time.parse(1)", "TypeError"),
    ("time.format(1e20)", "ValueError"),
    ("sys.get_env('NAME', 1)", "TypeError"),
    ("double('x')", "ValueError"),
    ("double('nan')", "ValueError"),
    ("string(m)", "TypeError"),
    ("string(null)", "TypeError"),
    ("len(1)", "TypeError"),
    ("keys([1])", "TypeError"),
    ("list.concat(m, 1)", "TypeError"),
    ("map.get(m, 1)", "TypeError"),
    ("map.get(m, ['a', 1])", "TypeError"),
    ("map.delete(1, 'a')", "TypeError"),
    ("map.merge(m, [1])", "TypeError"),
    ("math.abs('1')", "TypeError"),
    ("math.max(true, 1)", "TypeError"),
    ("text.to_upper(1)", "TypeError"),
    ("text.split('a', 1)", "TypeError"),
    ("text.substring('abc', -1, 2)", "ValueError"),
    ("text.substring('abc', 2, 1)", "ValueError"),
    ("text.match_regex('a', '(')", "ValueError"),
    ("text.match_regex('a', '(?=a)')", "ValueError"),
    ("text.url_decode('100%')", "ValueError"),
    ("text.url_decode('%zz')", "ValueError"),
    ("text.encode('é', 'ASCII')", "ValueError"),
    ("text.encode('a', 'no-such')", "ValueError"),
    ("text.decode('a')", "TypeError"),
    ("json.decode('{')", "ValueError"),
    ("json.decode('NaN')", "ValueError"),
    ("json.decode(1)", "TypeError"),
    ("json.encode(text.encode('x'))", "ValueError"),
    ("json.encode([retry.always])", "ValueError"),
    ("base64.encode('text')", "TypeError"),
    ("base64.decode('%%%')", "ValueError"),
    ("base64.decode('aGk')", "ValueError"),
    ("hash.compute_checksum('text', 'MD5')", "TypeError"),
    ("hash.compute_checksum(text.encode('x'), 'CRC')", "ValueError"),
    ("time.parse('yesterday')", "ValueError"),
    ("time.format('now')", "TypeError"),
    ("time.format(0, 'Mars/Olympus')", "ValueError"),
    ("sys.get_env(1)", "TypeError"),
]

VARIABLES = {
    "m": {"a": 1, "b": {"c": 2}},
    "n": {"a": 9, "b": {"d": 3}},
    "e": {"tags": ["HttpError"], "code": 502},
    "style": {"prefix": "> ", "indent": "-"},
}


@pytest.mark.parametrize(("expression", "value"), VALUES, ids=[expression for expression, _ in VALUES])
def test_function_gives_the_documented_value_when_called(evaluate: Evaluate, expression: str, value: Any) -> None:
    found = evaluate(expression, **VARIABLES)

    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(("expression", "tag"), ERRORS, ids=[expression for expression, _ in ERRORS])
def test_function_raises_the_documented_tag_when_called_wrongly(evaluate: Evaluate, expression: str, tag: str) -> None:
    assert tag in evaluate(expression, **VARIABLES)["tags"]


@pytest.mark.parametrize(
    ("code", "tags", "idempotent", "other"),
    [
        (429, ["HttpError"], True, True),
        (500, ["HttpError"], False, False),
        (502, ["HttpError"], True, False),
        (503, ["HttpError"], True, True),
        (504, ["HttpError"], True, False),
        (404, ["HttpError"], False, False),
        (None, ["ConnectionError"], True, False),
        (None, ["ConnectionFailedError"], True, True),
        (None, ["TimeoutError", "OSError"], True, False),
        (None, ["ValueError"], False, False),
    ],
)
def test_default_predicates_repeat_only_what_they_document_when_asked(
    evaluate: Evaluate, code: int | None, tags: list[str], idempotent: bool, other: bool
) -> None:
    error = {"tags": tags} if code is None else {"tags": tags, "code": code}
    asked = "[http.default_retry_predicate(e), http.default_retry_predicate_non_idempotent(e)]"

    assert evaluate(asked, e=error) == [idempotent, other]


OK = {"code": 200, "headers": {}, "body": "https://example.com/x"}
URL = {"url": "https://example.com/x"}
CALLS: list[tuple[str, Any, Any]] = [
    ("http.get", URL, OK),
    ("http.post", {**URL, "body": {"k": 1}}, OK),
    ("http.put", URL, OK),
    ("http.patch", URL, OK),
    ("http.delete", URL, OK),
    ("http.request", {**URL, "method": "OPTIONS"}, OK),
    ("http.request", {**URL, "method": "FETCH"}, "ValueError"),
    ("http.get", {"url": "ftp://example.com"}, "ValueError"),
    ("http.get", {**URL, "timeout": 1801}, "ValueError"),
    ("http.get", {**URL, "query": {"k": {}}}, "TypeError"),
    ("http.get", {**URL, "headers": {"k": 1}}, "TypeError"),
    ("http.get", {**URL, "auth": {"type": "Basic"}}, "ValueError"),
    ("sys.log", {"text": {"any": "value"}, "severity": "INFO"}, None),
    ("sys.log", {"data": 1, "severity": "LOUD"}, "ValueError"),
    ("sys.log", ["said", "INFO"], None),
    ("sys.log", {"data": None}, None),
    ("sys.log", {"severity": "INFO"}, "TypeError"),
    ("sys.log", {"data": 1, "text": "a"}, "TypeError"),
    ("sys.log", {"json": "a"}, "TypeError"),
    ("sys.sleep", {"seconds": 0.5}, None),
    ("sys.sleep", {"seconds": "1"}, "TypeError"),
    ("sys.sleep", {"seconds": -1}, "ValueError"),
    ("sys.sleep", {"seconds": 31_536_001}, "ValueError"),
    ("sys.sleep", [0.5], None),
    ("sys.sleep_until", {"time": "2000-01-01T00:00:00Z"}, None),
    ("sys.sleep_until", {"time": 12}, "TypeError"),
    ("sys.sleep_until", {"time": "2100-01-01T00:00:00Z"}, "ValueError"),
    ("sys.now", {}, 1_700_000_000.0),
    ("sys.get_env", {"name": "NAME", "default": "x"}, "x"),
    ("events.create_callback_endpoint", {"http_callback_method": "FETCH"}, "ValueError"),
    ("len", ["${keys(events.create_callback_endpoint())}"], 1),
    ("events.await_callback", {"callback": "url"}, "TypeError"),
    ("events.await_callback", {"callback": {}, "timeout": 0}, "ValueError"),
    ("gke.request", {"cluster_id": "c", "location": "l", "path": "/", "query": {"limit": 3}}, "SystemError"),
    ("gke.create_job", {"cluster_id": "c", "location": "l", "job": {}}, "SystemError"),
    ("gke.await_job", {"cluster_id": "c", "location": "l", "job_name": "j", "timeout": 90}, "SystemError"),
    ("gke.delete_job", {"cluster_id": "c", "location": "l", "job_name": "j", "query": {}}, "SystemError"),
    ("shell.gcloud", {"args": ["info"]}, "SystemError"),
    ("shell.kubectl", {"args": ["cluster-info"], "location": "global"}, "SystemError"),
    ("text.to_upper", {"source": "a"}, "A"),
    ("googleapis.compute.v1.instances.insert", {"project": "p", "zone": "z"}, "SystemError"),
]


@pytest.mark.parametrize(("name", "arguments", "wanted"), CALLS, ids=[f"{name} {given}" for name, given, _ in CALLS])
def test_function_gives_its_result_or_its_tag_when_called_by_a_step(
    play: Callable[..., Any], name: str, arguments: Any, wanted: Any
) -> None:
    step = {"call": name, "args": arguments, "result": "r"}
    handler = {"as": "e", "steps": [{"failed": {"return": "${e.tags[0]}"}}]}
    steps = [{"try_it": {"try": step, "except": handler}}, {"give": {"return": "${r}"}}]

    assert play(json.dumps(steps)).result == wanted


def test_every_function_has_a_case_when_listed() -> None:
    asked = " ".join(expression for expression, _ in [*VALUES, *ERRORS])
    covered = {*re.findall(r"[a-z_0-9.]+(?=\()", asked), *(name for name, _, _ in CALLS)}
    elsewhere = {"experimental.executions.run", "experimental.executions.map"}  # test_running_other_workflows.py

    assert set(FUNCTIONS) - covered == elsewhere


def test_every_constant_has_a_case_or_is_a_function_when_listed() -> None:
    assert set(CONSTANTS) - set(FUNCTIONS) == {
        "retry.default_backoff",
        "http.default_retry",
        "http.default_retry_non_idempotent",
    }
