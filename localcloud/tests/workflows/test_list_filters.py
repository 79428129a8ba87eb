"""filter and orderBy of list calls."""

from typing import Any

import pytest

from localcloud.serving import ApiError
from localcloud.workflows.filters import filter_resources, sort_resources

ITEMS: list[dict[str, Any]] = [
    {"name": "a", "state": "FAILED", "labels": {"team": "x"}, "createTime": "2026-01-02T00:00:00Z"},
    {"name": "b", "state": "SUCCEEDED", "labels": {"team": "y"}, "createTime": "2026-01-03T00:00:00Z"},
    {"name": "c", "state": "FAILED", "createTime": "2026-01-01T00:00:00Z"},
]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "abc"),
        ('state="FAILED"', "ac"),
        ("state = FAILED", "ac"),
        ("state!='FAILED'", "b"),
        ('(state="FAILED") AND labels.team="x"', "a"),
        ("labels.team:*", "ab"),
        ('createTime>"2026-01-01T12:00:00Z"', "ab"),
        ('create_time<="2026-01-02T00:00:00Z"', "ac"),
        ("nothing=1", ""),
        ('state="SUCCEEDED" OR labels.team="x"', "ab"),
        ('state="FAILED" AND labels.team="x" OR name="c"', "ac"),
        ('labels.team="x" OR name="c" AND createTime>"2026-01-01T12:00:00Z"', "a"),
        ("NOT state=FAILED", "b"),
        ("-state=FAILED", "b"),
        ("NOT (state=FAILED AND name=a)", "bc"),
        ("state=FAILED name=c", "c"),
        ("label.team=y", "b"),
        ("labels:team", "ab"),
        ("executionId=a", "a"),
        ("state=F*", "ac"),
        ('createTime>="2026-01-02"', "ab"),
        ("createTime<2026-01-01T01:00:00+01:00", ""),
        ("createTime<=2026-01-01T01:00:00+01:00", "c"),
    ],
)
def test_list_keeps_what_matches_when_filtered(text: str, names: str) -> None:
    assert "".join(item["name"] for item in filter_resources(ITEMS, text)) == names


@pytest.mark.parametrize("text", ["state", "NOT", "=x", "state=", "(state=A", "state=A)", 'state="A', "state = = A"])
def test_filter_is_refused_and_never_ignored_when_not_understood(text: str) -> None:
    with pytest.raises(ApiError, match="not understood"):
        filter_resources(ITEMS, text)


@pytest.mark.parametrize(
    ("text", "names"),
    [("", "abc"), ("createTime", "cab"), ("createTime desc", "bac"), ("state, createTime desc", "acb")],
)
def test_list_follows_the_fields_when_ordered(text: str, names: str) -> None:
    assert "".join(item["name"] for item in sort_resources(ITEMS, text)) == names


def test_order_is_refused_when_not_understood() -> None:
    with pytest.raises(ApiError, match="not understood"):
        sort_resources(ITEMS, "name upwards")
