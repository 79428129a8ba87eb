"""The standard library as tables: expression → value, expression → error tag."""

from collections.abc import Callable
from typing import Any

import pytest

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
    ("json.decode('{\"a\": [1, 2.0, null]}').a", [1, 2.0, None]),
    ("json.decode(json.encode(m)) == m", True),
    ("json.encode_to_string([1, 'é'])", '[1,"é"]'),
    ("json.encode_to_string([1], true)", "[\n    1\n]"),
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
    ("text.substring('abc', 2, 9)", "ValueError"),
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

VARIABLES = {"m": {"a": 1, "b": {"c": 2}}, "n": {"a": 9, "b": {"d": 3}}, "e": {"tags": ["HttpError"], "code": 502}}


@pytest.mark.parametrize(("expression", "value"), VALUES, ids=[expression for expression, _ in VALUES])
def test_function_when_called_then_gives_the_documented_value(evaluate: Evaluate, expression: str, value: Any) -> None:
    found = evaluate(expression, **VARIABLES)

    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(("expression", "tag"), ERRORS, ids=[expression for expression, _ in ERRORS])
def test_function_when_called_wrongly_then_raises_the_documented_tag(
    evaluate: Evaluate, expression: str, tag: str
) -> None:
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
def test_default_predicates_when_asked_then_repeat_only_what_they_document(
    evaluate: Evaluate, code: int | None, tags: list[str], idempotent: bool, other: bool
) -> None:
    error = {"tags": tags} if code is None else {"tags": tags, "code": code}
    asked = "[http.default_retry_predicate(e), http.default_retry_predicate_non_idempotent(e)]"

    assert evaluate(asked, e=error) == [idempotent, other]
