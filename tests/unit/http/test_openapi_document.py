"""The document of the API: complete, consistent in itself, and served as it is written."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from flask.testing import FlaskClient

from promptreel.http import routes
from promptreel.http.route import Answer, Route
from promptreel.http.route_table import ROUTES
from tests.fakes.services import FakeServices
from tools.docs import OPENAPI, ROOT
from tools.openapi import make_document

DOCUMENT: dict[str, Any] = json.loads(OPENAPI.read_text())


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in it."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(inner)


def operations(document: dict[str, Any] = DOCUMENT) -> dict[str, dict[str, Any]]:
    return {one["operationId"]: one for path in document["paths"].values() for one in path.values()}


def test_document_is_served_as_written_without_identity(http: FlaskClient) -> None:
    served = http.get("/v1/openapi.json")

    assert (served.status_code, served.content_type) == (200, "application/json")
    assert served.get_data() == OPENAPI.read_bytes() == (ROOT / "docs/openapi.json").read_bytes()
    assert served.get_json()["openapi"] == "3.1.1"


def test_document_has_every_route_of_the_app(world: FakeServices) -> None:
    added = {"HEAD", "OPTIONS"}  # by Flask
    rules = [rule for rule in routes.app(lambda: world).url_map.iter_rules() if rule.endpoint != "static"]
    served = Counter((rule.rule, method) for rule in rules for method in (rule.methods or set()) - added)

    assert served == Counter((route.rule, route.method) for route in ROUTES)
    assert len({route.operation_id for route in ROUTES}) == len(ROUTES)


def test_every_reference_and_link_of_the_document_leads_somewhere() -> None:
    for node in nodes(DOCUMENT):
        if isinstance(reference := node.get("$ref"), str):
            target: Any = DOCUMENT
            for key in reference.removeprefix("#/").split("/"):
                assert key in target, reference
                target = target[key]
    for name, operation in operations().items():
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                given = {one["name"] for one in operations()[link["operationId"]].get("parameters", ())}
                assert link["parameters"].keys() <= given, name


def test_every_operation_has_a_summary_and_every_schema_a_description() -> None:
    bare = [name for name, one in operations().items() if not one.get("summary")]
    schemas = [name for name, one in DOCUMENT["components"]["schemas"].items() if not one.get("description")]

    assert (bare, schemas) == ([], [])


def test_operation_needs_an_identity_unless_its_route_is_public() -> None:
    listed = [
        Route("GET", f"/{public}", f"get_{public}", "Get.", {200: Answer("It.")}, is_public=public)
        for public in (True, False)
    ]
    paths = json.loads(make_document(listed))["paths"]

    assert paths["/True"]["get"]["security"] == []
    assert "security" not in paths["/False"]["get"]
    assert "403" in paths["/False"]["get"]["responses"]
    assert "403" not in paths["/True"]["get"]["responses"]
    assert {name for name, one in operations().items() if one.get("security") == []} == {
        "get_health",
        "get_openapi",
        "show_problems",
    }
