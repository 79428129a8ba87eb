"""The REST methods that connectors reach (services.toml), and the settings of one connector call."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files

from localcloud.workflows.faults import type_fault, value_fault
from localcloud.workflows.program.attempts import Backoff
from localcloud.workflows.values import Value, is_number, type_name

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


DEFAULT_TIMEOUT_S = 1800.0
_DEFAULT_POLLING: dict[str, Value] = {"initial_delay": 1.0, "multiplier": 1.25, "max_delay": 60.0}
_KNOWN = {"timeout", "polling_policy", "skip_polling", "scopes"}


@dataclass(frozen=True, slots=True)
class Settings:
    timeout_s: float
    polling: Backoff
    skip_polling: bool
    scopes: Value  # None, a string or a list of strings: as an ``auth`` block has them

    @classmethod
    def of(cls, given: Value) -> "Settings":
        """Raises: Raised, a TypeError or ValueError for what the reference does not allow."""
        params = _map("connector_params", given)
        unknown = sorted(str(name) for name in params if name not in _KNOWN)
        if unknown:
            raise value_fault(f"connector_params does not know {', '.join(unknown)}")
        policy = {**_DEFAULT_POLLING, **_map("polling_policy", params.get("polling_policy"))}
        skip = params.get("skip_polling", False)
        if type(skip) is not bool:
            raise type_fault(f"skip_polling must be a boolean, not {type_name(skip)}")
        polling = Backoff(*(_positive(name, policy[name]) for name in ("initial_delay", "max_delay", "multiplier")))
        return cls(_positive("timeout", params.get("timeout", DEFAULT_TIMEOUT_S)), polling, skip, params.get("scopes"))


def _map(name: str, value: Value) -> dict[str, Value]:
    if value is None:
        return {}
    if type(value) is not dict:
        raise type_fault(f"{name} must be a map, not {type_name(value)}")
    return dict(value)


def _positive(name: str, value: Value) -> float:
    if not is_number(value):
        raise type_fault(f"{name} must be a number, not {type_name(value)}")
    if value <= 0:
        raise value_fault(f"{name} must be positive, not {value}")
    return float(value)
