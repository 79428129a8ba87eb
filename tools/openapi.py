"""The OpenAPI document of the HTTP API, made from the routes and models that answer."""

import json
import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from openapi_pydantic import (
    Components,
    Header,
    Info,
    Link,
    MediaType,
    OpenAPI,
    Operation,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Response,
    Schema,
    SecurityScheme,
)
from openapi_pydantic.util import PydanticSchema, construct_open_api_with_schema_class
from pydantic import BaseModel, TypeAdapter

from promptreel.http import documents, problems
from promptreel.http.route import Answer, Route

DESCRIPTION = """A written idea becomes a finished film: submit a request, watch the job, download the film.

Every error is a problem document (RFC 9457): decide by its `code`; its `remedy` says what to do."""
PATH_PARAMETERS = {
    "job_id": "The id of a job, as its submission answered it.",
    "upload_id": "The id of an upload, as `POST /v1/uploads` answered it.",
    "webhook_id": "The id of a webhook.",
    "name": "The id of a style or template.",
}
_PATH_PARAMETER = re.compile(r"<(\w+)>")
_SCHEMA: TypeAdapter[Reference | Schema] = TypeAdapter(Reference | Schema)
_COMPONENT = "#/components/schemas/{model}"


def make_document(routes: Iterable[Route]) -> str:
    """The document as text: two-space JSON, so that a change of it can be read."""
    paths: dict[str, PathItem] = {}
    schemas: dict[str, Schema | Reference] = {}
    statuses = set[int]()
    for route in routes:
        item = paths.setdefault(_PATH_PARAMETER.sub(r"{\1}", route.rule), PathItem())
        setattr(item, route.method.lower(), _operation(route, schemas))
        statuses |= route.problem_statuses
    document = OpenAPI(
        openapi="3.1.1",
        info=Info(title="promptreel", version="1", description=DESCRIPTION),
        security=[{"google": []}],
        paths=paths,
        components=Components(
            schemas=schemas,
            responses={_phrase(status): _problem(status) for status in statuses},
            securitySchemes={"google": SecurityScheme(type="http", scheme="bearer", description="A Google ID token.")},
        ),
    )
    complete = construct_open_api_with_schema_class(document)
    dumped = complete.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    return json.dumps(dumped, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _operation(route: Route, schemas: dict[str, Schema | Reference]) -> Operation:
    """``schemas`` gets the components that the parameters of the query refer to."""
    parameters = [*_path_parameters(route), *_query_parameters(route.query, schemas), *_header_parameters(route)]
    answers = {str(status): _answer(answer) for status, answer in route.all_answers.items()}
    refused = {
        str(status): Reference(**{"$ref": f"#/components/responses/{_phrase(status)}"})
        for status in route.problem_statuses
    }
    return Operation(
        operationId=route.operation_id,
        summary=route.summary,
        security=[] if route.is_public else None,
        parameters=parameters or None,
        requestBody=_request_body(route) if route.body else None,
        responses={**answers, **refused},
    )


def _path_parameters(route: Route) -> Iterator[Parameter]:
    for name in _PATH_PARAMETER.findall(route.rule):
        yield _parameter("path", name, PATH_PARAMETERS[name], {"type": "string", "minLength": 1}, required=True)


def _query_parameters(query: type[BaseModel] | None, schemas: dict[str, Schema | Reference]) -> Iterator[Parameter]:
    described = query.model_json_schema(ref_template=_COMPONENT) if query else {}
    schemas.update({name: _SCHEMA.validate_python(one) for name, one in described.get("$defs", {}).items()})
    for name, schema in described.get("properties", {}).items():
        is_required = name in described.get("required", ())
        yield _parameter("query", name, schema.get("description"), _without_null(schema), required=is_required)


def _header_parameters(route: Route) -> Iterator[Parameter]:
    for name, says in route.all_headers.items():
        yield _parameter("header", name, says, {"type": "string"}, required=False)


def _parameter(place: str, name: str, says: str | None, schema: Any, *, required: bool) -> Parameter:
    return Parameter.model_validate(
        {"in": place, "name": name, "required": required, "description": says, "schema": schema}
    )


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is left out is absent, never null."""
    kept = {key: value for key, value in schema.items() if key not in {"anyOf", "description", "title"}}
    choices = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if kept.get("default", ...) is None:
        del kept["default"]
    return {**kept, **choices[0]} if len(choices) == 1 else {**kept, **({"anyOf": choices} if choices else {})}


def _request_body(route: Route) -> RequestBody:
    content = {"application/json": MediaType(media_type_schema=PydanticSchema(schema_class=route.body))}
    return RequestBody(content=content, required=not route.is_body_optional)


def _answer(answer: Answer) -> Response:
    content = None
    if answer.document is not None:
        content = {"application/json": MediaType(media_type_schema=PydanticSchema(schema_class=answer.document))}
    if answer.media_type is not None:
        content = {**(content or {}), answer.media_type: MediaType()}
    links = {
        operation: Link(operationId=operation, parameters=dict(parameters))
        for operation, parameters in answer.links.items()
    }
    headers = {
        name: Header(description=says, param_schema=Schema(type="string")) for name, says in answer.headers.items()
    }
    return Response(description=answer.says, content=content, headers=headers or None, links=links or None)


def _problem(status: int) -> Response:
    content = {problems.MEDIA_TYPE: MediaType(media_type_schema=PydanticSchema(schema_class=documents.Problem))}
    return Response(description=HTTPStatus(status).phrase, content=content)


def _refer(component: str) -> Reference:
    return Reference.model_validate({"$ref": f"#/components/{component}"})


def _phrase(status: int) -> str:
    return HTTPStatus(status).name.title().replace("_", "")
