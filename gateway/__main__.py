"""The command line: serve, demo, sandbox, check, openapi, capabilities, hash-key, forget."""

import argparse
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.settings import Settings

CONFIG_VARIABLE = "GATEWAY_CONFIG"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; the result is the process's status."""
    arguments = _parser().parse_args(argv)
    command = _COMMANDS[arguments.command]
    return command(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    serve = commands.add_parser("serve", help="serve the API")
    _config(serve)
    serve.add_argument("--host", help="address to listen on")
    serve.add_argument("--port", type=int, help="port to listen on")
    serve.add_argument("--workers", type=int, help="worker processes")

    demo = commands.add_parser("demo", help="a short tour on simulated vendors, then serve them")
    demo.add_argument("--exit", action="store_true", help="end after the tour")
    demo.add_argument("--port", type=int, default=8080, help="port of the gateway")

    sandbox = commands.add_parser("sandbox", help="serve the simulated vendors alone")
    sandbox.add_argument("--host", default="127.0.0.1", help="address to listen on")
    sandbox.add_argument("--port", type=int, default=8090, help="port to listen on")
    sandbox.add_argument(
        "--ledger", type=Path, help="append every effect to this file, forced to disk"
    )
    sandbox.add_argument(
        "--configuration", action="store_true", help="print connections for it and end"
    )

    check = commands.add_parser("check", help="check the configuration, then each connection")
    _config(check)

    commands.add_parser("openapi", help="print the OpenAPI document")

    capabilities = commands.add_parser("capabilities", help="print what vendors can do")
    capabilities.add_argument("--vendor", help="one vendor instead of all")
    capabilities.add_argument("--markdown", action="store_true", help="as the README's table")

    hash_key = commands.add_parser("hash-key", help="hash a caller's key from standard input")
    hash_key.add_argument("--new", action="store_true", help="make a key and hash it")

    forget = commands.add_parser("forget", help="erase a caller's stored requests and answers")
    _config(forget)
    forget.add_argument("--caller", required=True, help="its name")
    return parser


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=os.environ.get(CONFIG_VARIABLE),
        help=f"the configuration file; default: ${CONFIG_VARIABLE}",
    )


def _serve(arguments: argparse.Namespace) -> int:
    from gateway.app import garbage
    from gateway.app.serving import serve

    garbage.look_seldom()
    settings = _settings(arguments)
    if settings is None:
        return 2
    workers = arguments.workers or settings.file.server.workers
    if workers > 1 and settings.file.redis.url is None:
        print("--workers: several workers need redis.url, the store they share", file=sys.stderr)
        return 2
    os.environ[CONFIG_VARIABLE] = str(arguments.config)
    # The server drains on SIGTERM and then raises it once more, which would be no good end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    file = Path(arguments.config)
    began = serve(settings, file, host=arguments.host, port=arguments.port, workers=workers)
    return 0 if began else 3


def _demo(arguments: argparse.Namespace) -> int:
    from gateway.demo import tour

    return tour(port=arguments.port, ends=arguments.exit)


def _sandbox(arguments: argparse.Namespace) -> int:
    from gateway.sandbox.configuration import configuration

    if arguments.configuration:
        print(configuration(f"http://{arguments.host}:{arguments.port}"))
        return 0
    import uvicorn

    from gateway.sandbox import create_sandbox
    from gateway.sandbox.journal import Journal

    try:
        journal = None if arguments.ledger is None else Journal(arguments.ledger)
    except OSError as error:
        print(f"--ledger: {error}", file=sys.stderr)
        return 2
    uvicorn.run(
        create_sandbox(journal=journal),
        host=arguments.host,
        port=arguments.port,
        access_log=False,
        log_level="warning",
        server_header=False,
    )
    return 0


def _check(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    if settings is None:
        return 2
    import asyncio

    from gateway.app import check

    troubles = asyncio.run(check(settings))
    for name, trouble in troubles.items():
        print(f"{name}: {trouble or 'ok'}")
    return 1 if any(troubles.values()) else 0


def _openapi(_: argparse.Namespace) -> int:
    from gateway.api.openapi import printed
    from gateway.app import document

    print(printed(document()))
    return 0


def _capabilities(arguments: argparse.Namespace) -> int:
    from gateway.canonical import json_text
    from gateway.matrix import matrix
    from gateway.vendors import installed

    vendors = installed()
    if arguments.vendor and arguments.vendor not in vendors:
        known = ", ".join(vendors)
        print(f"no vendor is called {arguments.vendor}; there are {known}", file=sys.stderr)
        return 2
    wanted = {name: v for name, v in vendors.items() if arguments.vendor in (None, name)}
    if arguments.markdown:
        print(matrix(wanted))
    else:
        told = {name: vendor.capabilities().model_dump() for name, vendor in wanted.items()}
        print(json_text.write(told).decode())
    return 0


def _hash_key(arguments: argparse.Namespace) -> int:
    from gateway.api.access import hash_key

    key = f"ogw_{secrets.token_urlsafe(32)}" if arguments.new else sys.stdin.readline().strip()
    if not key:
        print("no key on standard input", file=sys.stderr)
        return 2
    if arguments.new:
        print(f"key        {key}")
    print(f"key_sha256 {hash_key(key)}")
    return 0


def _forget(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    if settings is None:
        return 2
    if settings.file.redis.url is None:
        print("without redis.url nothing is stored outside a running gateway", file=sys.stderr)
        return 2
    import asyncio

    from gateway.app.shared import operations
    from gateway.errors import StoreUnavailable

    async def forgotten() -> int:
        store = operations(settings)
        try:
            return await store.forget(arguments.caller)
        finally:
            await store.close()

    try:
        count = asyncio.run(forgotten())
    except StoreUnavailable as error:
        print(error.message, file=sys.stderr)
        return 1
    print(f"{arguments.caller}: {count} erased; what is not settled stays until it is")
    return 0


def _settings(arguments: argparse.Namespace) -> "Settings | None":
    """The configuration, or None after its faults were printed."""
    from gateway.settings import ConfigurationError, load

    if arguments.config is None:
        print(f"name a configuration file with --config or {CONFIG_VARIABLE}", file=sys.stderr)
        return None
    try:
        settings = load(Path(arguments.config))
    except ConfigurationError as error:
        print(f"{arguments.config} is not fit to run with:", file=sys.stderr)
        for fault in error.faults:
            print(f"  {fault}", file=sys.stderr)
        return None
    return settings


_COMMANDS = {
    "serve": _serve,
    "demo": _demo,
    "sandbox": _sandbox,
    "check": _check,
    "openapi": _openapi,
    "capabilities": _capabilities,
    "hash-key": _hash_key,
    "forget": _forget,
}


if __name__ == "__main__":
    sys.exit(main())
