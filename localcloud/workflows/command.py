"""``python -m localcloud workflows``: the stand-in on a REST and a gRPC port, or one file checked or run."""

import argparse
from pathlib import Path

from localcloud.workflows import offline


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rest-port", type=int, metavar="P")
    parser.add_argument("--grpc-port", type=int, metavar="P")
    parser.add_argument("--host-map", type=Path, metavar="FILE", help="JSON object of origin to origin")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="keep deployed workflows here")
    parser.set_defaults(usage_error=parser.error)
    offline.configure(parser.add_subparsers(dest="action", metavar="check | run"))


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "check":
        return offline.check(arguments.files)
    if arguments.action == "run":
        return offline.run(arguments)
    if arguments.rest_port is None or arguments.grpc_port is None:
        arguments.usage_error("--rest-port and --grpc-port are needed, or one of the commands check and run")
    from localcloud.workflows import server  # noqa: PLC0415 - Google's clients load slowly; check and run need none

    return server.run(server.Options(arguments.rest_port, arguments.grpc_port, arguments.host_map, arguments.state_dir))
