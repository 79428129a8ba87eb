"""Stand-ins of the providers, as Terraform itself talks to them: plan and apply with Google's schema and no Google."""

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
    """One provider: an answer for each call of Terraform's plugin protocol, version 5. Fields go by number there."""

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

    def PrepareProviderConfig(self, asked: dict[int, Any]) -> bytes:  # noqa: N802
        return field(1, asked[1])

    def Configure(self, asked: dict[int, Any]) -> bytes:  # noqa: N802
        self._config = read_value(asked[2]) or {}
        return b""

    def ValidateResourceTypeConfig(self, asked: dict[int, Any]) -> bytes:  # noqa: N802
        return _diagnostics(self._schema.resources[asked[1].decode()], read_value(asked[2]))

    def ValidateDataSourceConfig(self, asked: dict[int, Any]) -> bytes:  # noqa: N802
        return _diagnostics(self._schema.data_sources[asked[1].decode()], read_value(asked[2]))

    def UpgradeResourceState(self, asked: dict[int, Any]) -> bytes:  # noqa: N802
        return field(1, dynamic_value(json.loads(parse(asked[3])[1])))

    def ReadResource(self, asked: dict[int, Any]) -> bytes:  # noqa: N802
        return field(1, asked[2])

    def PlanResourceChange(self, asked: dict[int, Any]) -> bytes:  # noqa: N802
        kind, prior, proposed = asked[1].decode(), read_value(asked[2]), read_value(asked[3])
        if prior is None and proposed is not None:
            proposed = _with_unknowns(self._schema.resources[kind], proposed)
            for name, value in predictions.known(kind, proposed, self._config).items():
                if isinstance(proposed.get(name), Unknown):
                    proposed[name] = value
            if "effective_labels" in proposed:
                proposed["effective_labels"] = predictions.labels(proposed, self._config) or UNKNOWN
        return field(1, dynamic_value(proposed)) + field(5, 1)

    def ApplyResourceChange(self, asked: dict[int, Any]) -> bytes:  # noqa: N802
        kind, prior, planned = asked[1].decode(), read_value(asked[2]), read_value(asked[3])
        refusal = self._cloud.refusal(kind, prior, planned)
        if refusal:
            return field(1, dynamic_value(prior)) + field(3, field(1, 1) + field(2, refusal)) + field(4, 1)
        block = self._schema.resources[kind]
        return field(1, dynamic_value(planned and _with_samples(block, planned))) + field(4, 1)

    def ReadDataSource(self, asked: dict[int, Any]) -> bytes:  # noqa: N802
        kind, config = asked[1].decode(), read_value(asked[2])
        state = config | self._read(kind, config, self._config)
        block = self._schema.data_sources[kind]
        return field(1, dynamic_value(_with_samples(block, _with_unknowns(block, state))))

    def Stop(self, _: dict[int, Any]) -> bytes:  # noqa: N802
        return b""


@contextmanager
def serving(folder: Path, pid: int) -> Iterator[str]:
    """All providers on sockets in a workspace's folder, whose path is short; for ``TF_REATTACH_PROVIDERS``."""
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
    """What Terraform leaves to the provider: read-only attributes that are set, and values outside the known ones."""
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
    """Everything the cloud would compute, unknown."""
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
    """Everything unknown, made up by its type."""
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
