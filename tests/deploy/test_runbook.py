"""The page for operators: its commands work, its names exist, and its Redis is one that will do."""

import os
import re
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from gateway.__main__ import _COMMANDS
from gateway.api.resolution import Resolution
from gateway.app import document
from gateway.canonical import json_text
from gateway.sandbox.configuration import configuration
from gateway.settings import parse
from tests.architecture.source_tree import ROOT
from tests.deploy.manifests import FOLDER
from tests.deploy.mounted import SECRETS
from tests.deploy.test_files import COMPOSE
from tests.integration.programs import Program
from tests.programs import REDIS, Found, Toolbox
from tests.servers import PATIENCE, Server, free_port
from tests.test_readme import curled

DEPLOY = ROOT / "deploy"
README = (DEPLOY / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, also those inside of a list."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", README, re.MULTILINE | re.DOTALL)
    return [re.sub(r"^ {3}(?=\S| {2})", "", block, flags=re.MULTILINE) for block in found]


COMMANDS = [
    line
    for block in blocks("sh")
    for line in block.replace("\\\n", "").splitlines()
    if not line.startswith("user ")
]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Where the page's commands made the gateway's own secrets."""
    (block,) = (block for block in blocks("sh") if "openssl" in block)
    subprocess.run(["/bin/sh", "-ec", block], cwd=tmp_path, check=True)
    return tmp_path / "secrets"


class ShippedRedis(Server):
    """A Redis with the shipped file, and the users of the page."""

    def __init__(self, found: Found, folder: Path, users: Path) -> None:
        self.port = free_port()
        file = str(DEPLOY / "redis" / "redis.conf")
        own = {"bind": "127.0.0.1", "port": str(self.port), "dir": str(folder)}
        spelled = (word for name, value in own.items() for word in (f"--{name}", value))
        super().__init__(REDIS, found, folder, [file, *spelled, "--aclfile", str(users)])

    def answers(self) -> bool:
        """Whether it refuses somebody without a name: that it does is an answer."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as line:
                line.sendall(b"PING\r\n")
                return line.recv(100).startswith(b"-NOAUTH")
        except OSError:
            return False

    def ask(self, url: str, *command: str) -> object:
        """One command, by the user that a URL names."""
        with redis.Redis.from_url(url, decode_responses=True) as client:
            return client.execute_command(*command)


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Iterator[ShippedRedis]:
    """That Redis, with one more user, who looks at what was refused."""
    users = made / "redis" / "redis_acl"
    with users.open("a", encoding="utf-8") as file:
        file.write("user onlooker on >onlooker +acl +config\n")
    (folder := tmp_path / "redis").mkdir()
    server = ShippedRedis(Toolbox(os.environ).needed(REDIS), folder, users)
    server.start()
    yield server
    server.end()


def test_secrets_are_made_for_one_machine_and_all_containers(made: Path) -> None:
    """The folder is entered by its owner alone, and what is in it can be read once mounted."""
    assert made.stat().st_mode & 0o777 == 0o700
    files = [path for path in made.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {
        "signing_key", "encryption_key", "redis_url", "redis_acl",
    }  # fmt: skip
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in files)


def test_a_gateway_needs_no_more_of_redis_than_the_page_gives_it(
    made: Path, store: ShippedRedis, tmp_path: Path
) -> None:
    """With the shipped file and the page's user a strict replica is ready, writes, and replays."""
    url = made / "gateway" / "redis_url"
    here = (
        url.read_text(encoding="utf-8").strip().replace("@redis:6379", f"@127.0.0.1:{store.port}")
    )
    url.write_text(here, encoding="utf-8")
    text = (FOLDER / "development/settings/gateway.toml").read_text(encoding="utf-8")
    head, _, _ = text.partition("[connections.")
    head = head.replace(SECRETS, str(made / "gateway")).replace("9090", str(free_port()))
    head = head.replace("drain_seconds = 5", "drain_seconds = 0")
    file = tmp_path / "gateway.toml"
    with ExitStack() as running:
        sandbox = Program.start("sandbox", tmp_path, "sandbox")
        running.callback(sandbox.end)
        vendors = configuration(sandbox.ready("/slant/_ledger").url)
        file.write_text(head + vendors, encoding="utf-8")
        gateway = Program.start("gateway", tmp_path, "serve", "--config", str(file))
        running.callback(gateway.end)
        gateway.ready("/livez")
        told = [created(gateway.url) for _ in range(2)]
        assert httpx.get(f"{gateway.url}/readyz").json() == {"status": "ready"}
    assert [answer.status_code for answer in told] == [201, 201], told[0].text
    assert told[1].headers["Idempotency-Status"] == "replayed"
    onlooker = f"redis://onlooker:onlooker@127.0.0.1:{store.port}/0"
    assert store.ask(onlooker, "ACL", "LOG") == []
    for refused in (["FLUSHALL"], ["KEYS", "*"], ["GET", "another"], ["CONFIG", "SET", "save", ""]):
        with pytest.raises(redis.exceptions.NoPermissionError):
            store.ask(here, *refused)


def created(url: str) -> httpx.Response:
    """One create, always under the same key."""
    return httpx.post(
        f"{url}/v1/opportunities",
        json={"connection": "acme-close", "name": "Harbour", "value": {"amount": "7500.00"}},
        headers={"Authorization": "Bearer demo-key", "Idempotency-Key": "harbour-1"},
        timeout=PATIENCE,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("maxmemory-policy", "noeviction"),
        ("save", ""),
    ],
)
def test_the_shipped_redis_forgets_nothing(store: ShippedRedis, name: str, value: str) -> None:
    """What reliability needs of it is in its file, and reaches it."""
    onlooker = f"redis://onlooker:onlooker@127.0.0.1:{store.port}/0"
    assert store.ask(onlooker, "CONFIG", "GET", name) == {name: value}


@pytest.mark.parametrize("line", [line for line in COMMANDS if "docker compose" in line])
def test_a_line_of_compose_speaks_of_what_there_is(line: str) -> None:
    """Services, environments, signals and the gateway's own commands."""
    services = set(re.findall(r"\bgateway-\d\b", line))
    assert services <= COMPOSE["services"].keys()
    for path in re.findall(r"--env-file (\S+)", line):
        assert (DEPLOY / path).is_file()
    for command in re.findall(r"run --rm --no-deps gateway-1 (\S+)", line):
        assert command in _COMMANDS


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("kubectl")])
def test_a_line_of_kubectl_speaks_of_what_there_is(line: str) -> None:
    """The overlay, the Deployment, the Secret and the labels of namespaces."""
    network = (FOLDER / "base" / "network.yaml").read_text(encoding="utf-8")
    for overlay in re.findall(r"--kustomize (\S+)", line):
        assert (DEPLOY / overlay / "kustomization.yaml").is_file()
    for label in re.findall(r"(gateway\.example\.com/\w+)=yes", line):
        assert label in network
    pod = (FOLDER / "base" / "deployment.yaml").read_text(encoding="utf-8")
    for secret in re.findall(r"secret generic (\S+)", line):
        assert f"secretName: {secret}" in pod
    for deployment in re.findall(r"deployment/(\S+)", line):
        assert f"name: {deployment}\n" in pod


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("curl")])
def test_a_call_is_one_that_the_gateway_takes(line: str) -> None:
    """Its path and method are in the document, and a body is one that can be sent there."""
    path = urlsplit(next(word for word in re.split(r"[ ']", line) if "://" in word)).path
    known = document()["paths"][re.sub("op_[0-9a-f]{32}", "{operation_id}", path)]
    assert ("post" if " -d " in line else "get") in known
    if " -d " in line:
        *_, body = curled(line)
        assert Resolution.model_validate(json_text.read(body)).reason


def test_a_key_is_changed_in_two_steps() -> None:
    """In the first all can read the new one, in the second all use it, and both can be loaded."""
    first, second = (
        parse({"secrets": tomllib.loads(keyed(block))}, {}, Path()).file.secrets.encryption_keys
        for block in blocks("toml")
        if "encryption_keys" in block
    )
    assert [key.id for key in first] == ["2026-11", "2027-05"]
    assert list(reversed(first)) == list(second)


def test_a_connection_goes_through_a_proxy_as_told() -> None:
    """The table is one that the gateway takes, with a vendor and credentials beside it."""
    (block,) = (each for each in blocks("toml") if "proxy" in each)
    account = tomllib.loads(block)["connections"]["acme-close"]
    assert set(account) == {"transport", "proxy"}
    account |= {"vendor": "close", "credentials": {"api_key": "k"}}
    account["proxy"]["password"] = "p"
    settings = parse({"connections": {"acme-close": account}}, {}, Path())
    proxy = settings.connections["acme-close"].carrier.proxy
    assert proxy
    assert (proxy.url, proxy.username) == ("http://proxy.example.com:3128", "gateway")


def keyed(block: str) -> str:
    """A block with keys in the place of the files that hold them."""
    return re.sub(r'\{ file = "[^"]+" \}', f'"{"ZGVt" * 10}ZGU="', block)


def test_every_file_of_the_table_is_there_and_every_folder_in_it() -> None:
    """The page knows what lies beside it."""
    rows = re.findall(r"^\| (`[^|]+`) \|", README, re.MULTILINE)
    told = {
        name.rstrip("/").partition("/")[0] for row in rows for name in re.findall("`(.+?)`", row)
    }
    there = {path.name for path in DEPLOY.iterdir() if not path.name.startswith((".", "README"))}
    own = {name for name in there if name in {"secrets", "configuration"}}
    assert told == {name for name in there - own if not name.startswith("requirements")}


@pytest.mark.parametrize("program", re.findall(r"`python -m tests\.performance\.(\w+)`", README))
def test_a_figure_has_a_program_that_prints_it(program: str) -> None:
    """Sizing is measured, not guessed."""
    assert (ROOT / "tests" / "performance" / f"{program}.py").is_file()
