"""``text.*``: strings and RE2 regular expressions."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote_to_bytes

import re2

from localcloud.workflows.faults import value_fault
from localcloud.workflows.stdlib.functions import Namespace, need
from localcloud.workflows.values import Value, well_formed

namespace = Namespace()

_HEX = frozenset("0123456789abcdefABCDEF")


def _strings(**values: Value) -> None:
    for name, value in values.items():
        need(str, value, name)


def _compiled(regexp: str) -> Any:
    options = re2.Options()
    options.longest_match = True  # leftmost-longest, not leftmost-first
    options.log_errors = False
    try:
        return re2.compile(regexp, options)  # type: ignore[no-untyped-call]
    except re2.error as error:
        raise value_fault(f"not a regular expression: {regexp!r}") from error


@namespace.plain("text.to_lower", "source")
def to_lower(source: Value) -> str:
    _strings(source=source)
    return str(source.lower())


@namespace.plain("text.to_upper", "source")
def to_upper(source: Value) -> str:
    _strings(source=source)
    return str(source.upper())


@namespace.plain("text.split", "source", "separator")
def split(source: Value, separator: Value) -> list[str]:
    _strings(source=source, separator=separator)
    return source.split(separator) if separator else list(source)


@namespace.plain("text.substring", "source", "start", "end")
def substring(source: Value, start: Value, end: Value) -> str:
    _strings(source=source)
    need(int, start, "start")
    need(int, end, "end")
    if not 0 <= start <= end:
        raise value_fault(f"no substring goes from {start} to {end}")
    return str(
        source[start:end]
    )  # beyond its end a string has nothing; Google's sample of parallel summaries counts on it


@namespace.plain("text.find_all", "source", "substr")
def find_all(source: Value, substr: Value) -> list[int]:
    _strings(source=source, substr=substr)
    return list(_starts(source, substr))


def _starts(source: str, substr: str) -> Iterator[int]:
    start = source.find(substr)
    while start >= 0:
        yield start
        start = source.find(substr, start + max(1, len(substr)))


@namespace.plain("text.find_all_regex", "source", "regexp")
def find_all_regex(source: Value, regexp: Value) -> list[Value]:
    _strings(source=source, regexp=regexp)
    return [{"index": match.start(), "match": match.group()} for match in _compiled(regexp).finditer(source)]


@namespace.plain("text.match_regex", "source", "regexp")
def match_regex(source: Value, regexp: Value) -> bool:
    _strings(source=source, regexp=regexp)
    return _compiled(regexp).search(source) is not None


@namespace.plain("text.replace_all", "source", "substr", "repl")
def replace_all(source: Value, substr: Value, repl: Value) -> str:
    _strings(source=source, substr=substr, repl=repl)
    return str(source.replace(substr, repl))


@namespace.plain("text.replace_all_regex", "source", "regexp", "repl")
def replace_all_regex(source: Value, regexp: Value, repl: Value) -> str:
    _strings(source=source, regexp=regexp, repl=repl)
    return str(_compiled(regexp).sub(lambda _: repl, source))


@namespace.plain("text.encode", "text", charset="UTF-8")
def encode(text: Value, charset: Value) -> bytes:
    _strings(text=text, charset=charset)
    try:
        return bytes(text.encode(charset))
    except (LookupError, ValueError) as error:
        raise value_fault(f"cannot encode as {charset}: {error}") from error


@namespace.plain("text.decode", "data", charset="UTF-8")
def decode(data: Value, charset: Value) -> str:
    need(bytes, data, "data")
    _strings(charset=charset)
    try:
        return well_formed(data.decode(charset))
    except (LookupError, ValueError) as error:
        raise value_fault(f"cannot decode from {charset}: {error}") from error


@namespace.plain("text.url_encode", "source")
def url_encode(source: Value) -> str:
    _strings(source=source)
    return quote(source, safe="").replace("~", "%7E")  # only letters, digits and .-_ stay


@namespace.plain("text.url_encode_plus", "source")
def url_encode_plus(source: Value) -> str:
    _strings(source=source)
    return quote_plus(source, safe="").replace("~", "%7E")


@namespace.plain("text.url_decode", "source")
def url_decode(source: Value) -> str:
    _strings(source=source)
    for escape in str(source).split("%")[1:]:
        if len(escape) < 2 or not _HEX.issuperset(escape[:2]):  # noqa: PLR2004 - two hex digits
            raise value_fault(f"a stray % in {source!r}")
    try:
        return unquote_to_bytes(source.replace("+", " ")).decode()
    except UnicodeError as error:
        raise value_fault(f"{source!r} is not UTF-8 once decoded") from error
