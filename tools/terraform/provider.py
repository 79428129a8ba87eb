"""Stand-ins of the providers over Terraform's plugin protocol: plan and apply with Google's schema, but offline."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from tools.terraform import archive, predictions, schemas
from tools.terraform.schemas import Block, ProviderSchema
from tools.terraform.settling import Cloud
from tools.terraform.wire import UNKNOWN, Unknown, dynamic_value, field, parse, read_value, walk

_SAMPLES: dict[str, Any] = {"string": "sample", "number": 1, "bool": False}


class StandIn:
    """One provider: a method for each call of Terraform's plugin protocol, version 5; fields have numbers there."""

    def __init__(
        self,
        schema: ProviderSchema,
        cloud: Cloud,
        read: Callable[[str, dict[str, Any], dict[str, Any]], dict[str, Any]],
    ) -> None:
        self._schema = schema
        self._cloud = cloud
        self._read = read
        self._config: dict[str, Any] = {}

    def GetSchema(self, _: dict[int, Any]) -> bytes:  # noqa: N802 - the protocol's names, here and below
        return self._schema.message

    def PrepareProviderConfig(self, request: dict[int, Any]) -> bytes:  # noqa: N802
        return field(1, request[1])

    def Configure(self, request: dict[int, Any]) -> bytes:  # noqa: N802
        self._config = read_value(request[2]) or {}
        return b""

    def ValidateResourceTypeConfig(self, request: dict[int, Any]) -> bytes:  # noqa: N802
        return _diagnostics(self._schema.resources[request[1].decode()], read_value(request[2]))

    def ValidateDataSourceConfig(self, request: dict[int, Any]) -> bytes:  # noqa: N802
        return _diagnostics(self._schema.data_sources[request[1].decode()], read_value(request[2]))

    def UpgradeResourceState(self, request: dict[int, Any]) -> bytes:  # noqa: N802
        return field(1, dynamic_value(json.loads(parse(request[3])[1])))

    def ReadResource(self, request: dict[int, Any]) -> bytes:  # noqa: N802
        return field(1, request[2])

    def PlanResourceChange(self, request: dict[int, Any]) -> bytes:  # noqa: N802
        kind, prior, proposed = request[1].decode(), read_value(request[2]), read_value(request[3])
        if prior is None and proposed is not None:
            proposed = _with_unknowns(self._schema.resources[kind], proposed)
            for name, value in predictions.known(kind, proposed, self._config).items():
                if isinstance(proposed.get(name), Unknown):
                    proposed[name] = value
            if "effective_labels" in proposed:
                proposed["effective_labels"] = predictions.labels(proposed, self._config) or UNKNOWN
        return field(1, dynamic_value(proposed)) + field(5, 1)

    def ApplyResourceChange(self, request: dict[int, Any]) -> bytes:  # noqa: N802
        kind, prior, planned = request[1].decode(), read_value(request[2]), read_value(request[3])
        refusal = self._cloud.apply(kind, prior, planned)
        if refusal:
            return field(1, dynamic_value(prior)) + field(3, field(1, 1) + field(2, refusal)) + field(4, 1)
        block = self._schema.resources[kind]
        return field(1, dynamic_value(planned and _with_samples(block, planned))) + field(4, 1)

    def ReadDataSource(self, request: dict[int, Any]) -> bytes:  # noqa: N802
        kind, config = request[1].decode(), read_value(request[2])
        state = config | self._read(kind, config, self._config)
        block = self._schema.data_sources[kind]
        return field(1, dynamic_value(_with_samples(block, _with_unknowns(block, state))))

    def Stop(self, _: dict[int, Any]) -> bytes:  # noqa: N802
        return b""


@contextmanager
def serving(folder: Path, pid: int) -> Iterator[str]:
    """Serve all providers on sockets in a workspace's folder; yield the value of ``TF_REATTACH_PROVIDERS``."""
    cloud = Cloud()
    stand_ins = {
        "google": StandIn(schemas.google(), cloud, predictions.data_source),
        "archive": StandIn(
            schemas.archive(), cloud, lambda _kind, config, _provider: archive.read(config, folder / "infra")
        ),
        "time": StandIn(schemas.time(), cloud, lambda _kind, config, _provider: config),
    }
    servers, addresses = [], {}
    for name, stand_in in stand_ins.items():
        server = grpc.server(ThreadPoolExecutor(4))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tfplugin5.Provider", _calls(stand_in)),))
        server.add_insecure_port(f"unix:{folder / name}")
        server.start()
        servers.append(server)
        where = {"Network": "unix", "String": str(folder / name)}
        addresses[f"hashicorp/{name}"] = {
            "Protocol": "grpc", "ProtocolVersion": 5, "Pid": pid, "Test": True, "Addr": where,
        }  # fmt: skip
    try:
        yield json.dumps(addresses)
    finally:
        for server in servers:
            server.stop(grace=None).wait()


def _calls(stand_in: StandIn) -> dict[str, Any]:
    def handler(answer: Callable[[dict[int, Any]], bytes]) -> Any:
        return grpc.unary_unary_rpc_method_handler(lambda raw, _context: answer(parse(raw)))

    return {name: handler(getattr(stand_in, name)) for name in vars(StandIn) if name[0].isupper()}


def _diagnostics(block: Block, config: dict[str, Any]) -> bytes:
    return b"".join(
        field(1, field(1, 1) + field(2, fault) + field(4, b"".join(field(1, _step(step)) for step in path)))
        for path, fault in _faults(block, config)
    )


def _step(step: str | int) -> bytes:
    return field(1, step) if isinstance(step, str) else field(3, step)


def _faults(block: Block, config: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Faults that Terraform leaves to the provider: read-only attributes that are set, and unknown enum values."""
    for name, attribute in block["attributes"].items():
        value = config.get(name)
        if value is None or isinstance(value, Unknown):
            continue
        if attribute.get("computed") and not attribute.get("optional"):
            yield (name,), f"{name} is read-only"
        if "enum" in attribute and value not in attribute["enum"]:
            yield (name,), f"{name} must be one of {', '.join(attribute['enum'])}, not {value!r}"
    for name, nested in block["block_types"].items():
        for index, inner in enumerate(_blocks(config.get(name))):
            for path, fault in _faults(nested["block"], inner):
                yield ((name, index, *path) if nested["nesting_mode"] == "list" else (name,)), fault


def _blocks(value: Any) -> list[dict[str, Any]]:
    if value is None or isinstance(value, Unknown):
        return []
    return [inner for inner in (value if isinstance(value, list) else [value]) if isinstance(inner, dict)]


def _with_unknowns(block: Block, value: dict[str, Any]) -> dict[str, Any]:
    """The value with everything the cloud would compute as unknown."""
    whole = dict(value)
    for name, attribute in block["attributes"].items():
        if attribute.get("computed") and whole.get(name) is None:
            whole[name] = UNKNOWN
    for name, nested in block["block_types"].items():
        inside = whole.get(name)
        if isinstance(inside, list):
            whole[name] = [
                _with_unknowns(nested["block"], inner) if isinstance(inner, dict) else inner for inner in inside
            ]
        elif isinstance(inside, dict):
            whole[name] = _with_unknowns(nested["block"], inside)
    return whole


def _with_samples(block: Block, value: dict[str, Any]) -> dict[str, Any]:
    """The value with a sample of the right type for everything unknown."""
    whole = dict(value)
    for name, attribute in block["attributes"].items():
        if any(isinstance(leaf, Unknown) for leaf in walk(whole.get(name))):
            whole[name] = _sample(attribute["type"])
    for name, nested in block["block_types"].items():
        inside = whole.get(name)
        if isinstance(inside, list):
            whole[name] = [_with_samples(nested["block"], inner) for inner in inside]
        elif isinstance(inside, dict):
            whole[name] = _with_samples(nested["block"], inside)
    return whole


def _sample(kind: Any) -> Any:
    if isinstance(kind, str):
        return _SAMPLES[kind]
    return {} if kind[0] in {"map", "object"} else []
