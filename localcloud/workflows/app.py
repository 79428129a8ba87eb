"""``python -m localcloud workflows``: the stand-in on a REST and a gRPC port, or one file checked or run."""

import argparse
from dataclasses import replace
from pathlib import Path

from localcloud.workflows import offline


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rest-port", type=int, metavar="P")
    parser.add_argument("--grpc-port", type=int, metavar="P")
    parser.add_argument("--host-map", type=offline.host_map, default={}, metavar="FILE", help=offline.HOST_MAP_HELP)
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="keep deployed workflows here")
    parser.add_argument(
        "--at-once", type=_positive, metavar="N", help="executions running at the same time; others queue"
    )
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

    options = server.Options(arguments.rest_port, arguments.grpc_port, arguments.host_map, arguments.state_dir)
    return server.run(options if arguments.at_once is None else replace(options, at_once=arguments.at_once))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        msg = f"{text!r} is not a positive number"
        raise argparse.ArgumentTypeError(msg)
    return int(text)
