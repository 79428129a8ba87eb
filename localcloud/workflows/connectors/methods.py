"""Which connector is which REST request: ``services.toml``, read once.

A name of a connector's form that is not in there has no `Method`: it can be deployed, and fails when it is called.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files

PREFIX = "googleapis."
COMMON_ARGUMENTS = ("connector_params",)
# Google's standard query parameters: every REST method has them.
STANDARD_QUERY = ("alt", "fields", "key", "prettyPrint", "quotaUser", "uploadType")

_NAME = re.compile(r"googleapis\.[a-z][a-z0-9]*\.v\d\w*(\.[A-Za-z]\w*)+")
_LINE = re.compile(r"(?P<verb>[A-Z]+) (?P<path>\S+)(?: \? (?P<query>[^!]+?))?(?: ! (?P<waits>\w+))?")
_PARAMETER = re.compile(r"{(\w+)}")


class Waits(Enum):
    """What a connector waits for before it gives a result."""

    FOR_NOTHING = "the answer is the result"
    FOR_OPERATION = "an operation in the answer is polled until it is done"
    FOR_EXECUTION = "the started execution is polled until it ends"


_WAITS = {None: Waits.FOR_NOTHING, "operation": Waits.FOR_OPERATION, "execution": Waits.FOR_EXECUTION}


@dataclass(frozen=True, slots=True)
class Method:
    """``path`` holds its parameters in braces; ``query`` lists the others that may be given."""

    verb: str
    origin: str
    path: str
    query: tuple[str, ...] = ()
    waits: Waits = Waits.FOR_NOTHING

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(_PARAMETER.findall(self.path))

    @property
    def is_upload(self) -> bool:
        """The body is an object's content, not a resource."""
        return self.path.startswith("/upload/")

    @property
    def has_body(self) -> bool:
        return self.verb in ("POST", "PUT", "PATCH")

    @property
    def version(self) -> str:
        return self.path.split("/")[1]


def is_connector_name(name: str) -> bool:
    """``googleapis.SERVICE.VERSION.RESOURCE.METHOD``, whether this stand-in knows it or not."""
    return _NAME.fullmatch(name) is not None


def _read() -> Iterator[tuple[str, Method]]:
    services = tomllib.loads(files(__package__).joinpath("services.toml").read_text(encoding="utf-8"))
    for service, lines in services.items():
        origin = lines.pop("origin")
        for name, line in lines.items():
            match = _LINE.fullmatch(line)
            if match is None:
                msg = f"services.toml: {service} {name}: {line!r} is not understood"
                raise ValueError(msg)
            query = (*(match["query"] or "").split(), *STANDARD_QUERY)
            if match["path"].startswith("/upload/"):
                query = (*query, "contentType")
            method = Method(match["verb"], origin, match["path"], query, _WAITS[match["waits"]])
            yield f"{PREFIX}{service}.{name}", method


METHODS: dict[str, Method] = dict(_read())

RUN_WORKFLOW = f"{PREFIX}workflowexecutions.v1.projects.locations.workflows.executions.run"
"""Not a REST method: see `localcloud.workflows.connectors.helpers`."""
RUN_ARGUMENTS = ("workflow_id", "project_id", "location", "argument")
