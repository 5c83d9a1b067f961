"""The configuration: the file of the contract loads, and every fault of a bad one is told."""

import base64
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.api.access import hash_key
from gateway.connections import Carrier, Proxy
from gateway.settings import ConfigurationError, Settings, load, parse
from gateway.vendors import installed
from tests.sandboxed import tree

EXAMPLE = """
environment = "production"
public_url = "https://opportunities.internal.example"
[server]
host = "0.0.0.0"
port = 8080
metrics_port = 9090
workers = 2
drain_seconds = 10
[redis]
url = { env = "REDIS_URL" }
durability = "strict"
[secrets]
signing_keys = [{ id = "2026-11", key = { env = "GATEWAY_SIGN_2026_11" } }]
encryption_keys = [{ id = "2026-11", key = { env = "GATEWAY_KEY_2026_11" } }]
[idempotency]
require_key = false
retention_hours = 72
wait_seconds = 2
[reconcile]
quiet_seconds = 120
sweep_seconds = 10
[timeouts]
request_seconds = 30
vendor_seconds = 25
connect_seconds = 3
[limits]
inflight = 300
[logs]
format = "json"
level = "info"
[telemetry]
traces_to_vendors = false
max_connections = 200
[request_ledger]
enabled = false
hours = 24
[jwt]
issuer = "https://id.internal.example"
audience = "opportunities"
jwks_url = "https://id.internal.example/keys"
algorithms = ["RS256"]
caller_claim = "sub"
scopes_claim = "scope"
leeway = 30

[callers.billing]
key_sha256s = [{ sha256 = "HASH", expires = 2027-01-01T00:00:00Z }]
scopes = ["opportunities:read", "opportunities:write"]
connections = ["acme-*"]
requests_per_minute = 600

[connections.acme-close]
vendor = "close"
base_url = "https://api.close.com/api/v1"
credentials = { api_key = { env = "ACME_CLOSE_KEY" } }
currency = "USD"
timezone = "America/New_York"
enabled = true
limit_group = "acme"
require_if_match = false
[connections.acme-close.custom_fields]
lead_source = "cf_v6S011I6MqcbVvB2FA5Nk8dr5MkL8sWuCiG8cUleO9c"
[connections.acme-close.stage_status]
stat_123 = "won"
[connections.acme-close.defaults]
account = { id = "lead_1" }
[connections.acme-close.options]
name_field = "cf_name"
""".replace("HASH", hash_key("billing"))
"""The file of api.md 10, with a value for each setting that it only names."""
ENVIRON = {
    "REDIS_URL": "redis://redis.internal.example:6379/0",
    "GATEWAY_SIGN_2026_11": "s" * 32,
    "GATEWAY_KEY_2026_11": base64.b64encode(b"k" * 32).decode(),
    "ACME_CLOSE_KEY": "api_very_secret",
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the files of a configuration; the first one's path comes back."""

    def written(main: str, **others: str) -> Path:
        for name, text in {"gateway": main, **others}.items():
            path = tmp_path / f"{name.replace('__', '/')}.toml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "gateway.toml"

    return written


def faults(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    """The lines that an operator would read."""
    with pytest.raises(ConfigurationError) as caught:
        load(path, ENVIRON if environ is None else environ)
    assert str(caught.value) == "\n".join(caught.value.faults)
    return caught.value.faults


def parsed(tree: dict[str, Any]) -> Settings:
    """A tree, the references of `shared` opened."""
    return parse(tree, SHARED, Path())


def close(**members: Any) -> dict[str, Any]:
    """A tree with one connection, some of its settings replaced."""
    table = {"vendor": "close", "credentials": {"api_key": "key"}, **members}
    return {"connections": {"one": table}}


SHARED = {
    "URL": "redis://redis.internal.example:6379/0",
    "SIGN": "s" * 32,
    "SEAL": base64.b64encode(b"k" * 32).decode(),
}


def shared(
    redis: Mapping[str, Any] = MappingProxyType({}), *, without: str = "", **tables: Any
) -> dict[str, Any]:
    """A tree with a store for several replicas; `without` names the part that it lacks."""
    tree: dict[str, Any] = {
        "redis": {"url": {"env": "URL"}, **redis},
        "secrets": {
            "signing_keys": [{"id": "a", "key": {"env": "SIGN"}}],
            "encryption_keys": [{"id": "a", "key": {"env": "SEAL"}}],
        },
        **tables,
    }
    table, _, name = without.partition(".")
    if table:
        del tree[table][name]
    return tree


def wrong(tree: dict[str, Any], environ: dict[str, str] = SHARED) -> list[str]:
    """What is wrong with a tree."""
    with pytest.raises(ConfigurationError) as caught:
        parse(tree, environ, Path())
    return caught.value.faults


def test_the_file_of_the_contract_loads(write: Write) -> None:
    """As it stands there, the secrets taken from the environment."""
    settings = load(write(EXAMPLE), ENVIRON)
    assert not settings.development
    assert settings.file.server.port == 8080
    assert settings.file.timeouts.vendor_seconds == 25
    billing = settings.file.callers["billing"]
    assert [key.sha256 for key in billing.hashed_keys()] == [hash_key("billing")]
    at = settings.connections["acme-close"]
    assert (at.vendor.name, at.currency, at.timezone.key) == ("close", "USD", "America/New_York")
    assert at.base_url == "https://api.close.com/api/v1"
    assert dict(at.stage_status) == {"stat_123": "won"}
    assert dict(at.defaults)["account"].id == "lead_1"
    assert at.options.model_dump()["name_field"] == "cf_name"
    secret = at.credentials.model_dump()["api_key"]
    assert secret.get_secret_value() == "api_very_secret"


@pytest.mark.parametrize(
    "url",
    ["opportunities.example.com", "ftp://example.com", "https://me:secret@example.com",
     "https://example.com/?a=1"],
)  # fmt: skip
def test_the_public_address_is_one_that_callers_can_use(url: str) -> None:
    """It stands in the document that their clients are generated from."""
    with pytest.raises(ConfigurationError) as caught:
        parsed({**close(), "public_url": url})
    assert [fault.partition(":")[0] for fault in caught.value.faults] == ["public_url"]
    assert "secret" not in str(caught.value.faults)


def test_nothing_shows_a_secret(write: Write) -> None:
    """Neither what settings print as, nor any part of them."""
    settings = load(write(EXAMPLE), ENVIRON)
    for secret in ENVIRON.values():
        assert secret not in repr(settings)
        assert secret not in str(settings.connections)


def test_nearly_everything_has_a_default() -> None:
    """An empty file is a gateway without connections, in development."""
    settings = parsed({})
    assert settings.development
    assert settings.connections == {}
    at = parsed(close()).connections["one"]
    assert (at.base_url, at.currency, at.timezone.key) == (
        "https://api.close.com/api/v1", None, "UTC",
    )  # fmt: skip
    assert (at.enabled, at.read_only, at.require_if_match) == (True, False, False)
    assert at.carrier == Carrier("lean")


def test_the_stock_client_can_be_chosen_for_a_connection() -> None:
    """By its name; there is no third."""
    assert parsed(close(transport="httpx")).connections["one"].carrier == Carrier("httpx")
    with pytest.raises(ConfigurationError, match="transport: Input should be 'lean' or 'httpx'"):
        parsed(close(transport="aiohttp"))


PROXY = {"url": "http://proxy.example.com:3128", "username": "we", "password": "proxy-secret"}


def test_the_stock_client_can_speak_http_2_and_go_through_a_proxy() -> None:
    """Whose password is a secret like any other."""
    settings = parsed(close(transport="httpx", http2=True, proxy=PROXY))
    carrier = settings.connections["one"].carrier
    assert carrier == Carrier(
        "httpx",
        http2=True,
        proxy=Proxy(PROXY["url"], username="we", password=SecretStr("proxy-secret")),
    )
    assert "proxy-secret" not in repr(carrier)
    assert "proxy-secret" not in repr(settings)
    proxy = {**PROXY, "password": {"env": "PROXY_PASSWORD"}}
    found = parse(close(transport="httpx", proxy=proxy), {"PROXY_PASSWORD": "p"}, Path())
    through = found.connections["one"].carrier.proxy
    assert through
    assert through.password == SecretStr("p")


@pytest.mark.parametrize(
    ("account", "faults"),
    [
        ({"http2": True}, ['http2: takes transport = "httpx"']),
        ({"proxy": PROXY}, ['proxy: takes transport = "httpx"']),
        (
            {"transport": "httpx", "proxy": {"url": "proxy.example.com"}},
            ["proxy.url: is not an address such as http://proxy.example.com:3128"],
        ),
        (
            {"transport": "httpx", "proxy": {"url": "http://proxy.example.com/way"}},
            ["proxy.url: is not an address such as http://proxy.example.com:3128"],
        ),
        (
            {"transport": "httpx", "proxy": {"url": "http://we:secret@proxy.example.com"}},
            ["proxy.url: holds credentials; those are proxy.username and proxy.password"],
        ),
        (
            {"transport": "httpx", "proxy": {"url": PROXY["url"], "username": "we"}},
            ["proxy.password: is missing: a proxy is told both, or neither"],
        ),
        (
            {"transport": "httpx", "proxy": {**PROXY, "username": "w\u00e9"}},
            ["proxy.username: holds characters that no header can carry"],
        ),
    ],
)
def test_what_a_carrier_cannot_do_is_told(account: dict[str, Any], faults: list[str]) -> None:
    """By its key, and without the secret."""
    with pytest.raises(ConfigurationError) as caught:
        parsed(close(**account))
    assert caught.value.faults == [f"connections.one.{each}" for each in faults]


def test_a_vendor_of_one_currency_gives_it() -> None:
    """Unless the file says so too."""
    table = {"vendor": "slant", "credentials": {"token": "t"}}
    assert parsed({"connections": {"one": table}}).connections["one"].currency == "USD"


SCOPES = (
    "callers.Billing.scopes.1: Input should be 'opportunities:read', 'opportunities:write', "
    "'operations:resolve', 'requests:read' or 'console'"
)
LITERAL = (
    "a secret may stand in the file in development only; "
    'name it as {env = "NAME"} or {file = "/path"}'
)
ONE_OF = "exactly one of api_key, access_token, refresh_token is expected"
VENDORS = ", ".join(installed())


def test_every_fault_is_told_at_once(write: Write) -> None:
    """Each with its path, whatever part of the file it lies in."""
    bad = """
environment = "production"
colour = "blue"
[server]
port = "http"
worker = 2
[secrets]
signing_keys = [{ id = "a", key = { env = "SHORT" } }, { id = "a", key = { env = "NOWHERE" } }]
encryption_keys = [{ id = "b", key = { env = "SHORT" } }]
[callers.Billing]
key_sha256 = "abc"
scopes = ["opportunities:read", "all"]
[callers.one]
key_sha256 = "HASH"
[callers.two]
key_sha256 = "HASH"
[connections.UPPER]
vendor = "close"
credentials = { api_key = { env = "SHORT" } }
[connections.lacking]
base_url = "https://api.example.com"
[connections.many]
vendor = "close"
colour = "red"
base_url = "http://10.0.0.7/api"
credentials = { api_key = "literal-secret", access_token = { file = "nowhere.txt" } }
currency = "usd"
timezone = "America/Nowhere"
custom_fields = { a = "cf_1", b = "cf_1", c = 5 }
stage_status = { stat_1 = "maybe" }
defaults = { nme = "x", custom_fields_add = { a = ["b"] } }
options = { name_feld = "cf_2" }
[connections.strange]
vendor = "salesforce"
""".replace("HASH", hash_key("x"))
    assert faults(write(bad), {"SHORT": "short-secret"}) == [
        "callers.Billing.key_sha256: String should match pattern '^[0-9a-f]{64}$'",
        SCOPES,
        "callers.two: has the same key as callers.one",
        "colour: is not a setting",
        "connections.UPPER: String should match pattern '^[a-z0-9][a-z0-9-]{0,62}$'",
        "connections.lacking.vendor: is missing",
        "connections.many.base_url: is a private address; allow_private_address permits it",
        "connections.many.base_url: is not https",
        "connections.many.colour: is not a setting",
        "connections.many.credentials.access_token: nowhere.txt cannot be read, or is empty",
        f"connections.many.credentials.api_key: {LITERAL}",
        f"connections.many.credentials: {ONE_OF}",
        "connections.many.currency: usd is no ISO 4217 currency with minor units",
        "connections.many.custom_fields.a: cf_1 has more than one alias",
        "connections.many.custom_fields.b: cf_1 has more than one alias",
        "connections.many.custom_fields.c: Input should be a valid string",
        "connections.many.defaults.custom_fields_add: a create takes none",
        "connections.many.defaults.nme: is not a setting",
        "connections.many.options.name_feld: is not a setting",
        "connections.many.stage_status.stat_1: Input should be 'open', 'on_hold', 'won' or 'lost'",
        "connections.many.timezone: 'America/Nowhere' is no zone such as Europe/Berlin",
        f"connections.strange.vendor: none is called 'salesforce'; there are {VENDORS}",
        "redis.url: production needs one, the store that all replicas share",
        "secrets.encryption_keys.0: is not the base64 of 32 bytes",
        "secrets.signing_keys.0: is shorter than 32 bytes",
        "secrets.signing_keys.1.key: the environment has no NOWHERE",
        "secrets.signing_keys.1: a stands there twice",
        "server.port: Input should be a valid integer, unable to parse string as an integer",
        "server.worker: is not a setting",
    ]


def test_no_fault_repeats_a_secret(write: Write) -> None:
    """Neither a literal one nor one that was read, however wrong its place."""
    bad = EXAMPLE.replace('{ env = "ACME_CLOSE_KEY" }', '"literal-secret"').replace(
        '{ env = "REDIS_URL" }', '{ env = "REDIS_URL", more = "literal-more" }'
    )
    told = "\n".join(faults(write(bad.replace("acme-close", "Acme.Close")), {"REDIS_URL": "r-sec"}))
    for secret in ("literal-secret", "literal-more", "r-sec"):
        assert secret not in told


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("environment = ", "Invalid value"),
        ("[server\n", "Expected ']'"),
        ("a = 1\na = 2\n", "Cannot overwrite a value"),
        ("[callers.x]\n[callers.x]\n", "Cannot declare"),
    ],
)
def test_what_is_not_toml_is_told_with_its_place(write: Write, text: str, part: str) -> None:
    """The line and column, as the parser saw them."""
    (fault,) = faults(write(text))
    assert "gateway.toml: is not TOML" in fault
    assert part in fault


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By its path."""
    (fault,) = faults(tmp_path / "none.toml")
    assert fault == f"{tmp_path / 'none.toml'}: cannot be read: No such file or directory"


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    """It is no TOML either."""
    path = tmp_path / "gateway.toml"
    path.write_bytes(b'a = "\xff"')
    (fault,) = faults(path)
    assert "is not TOML" in fault


INCLUDES = 'include = ["connections.d/*.toml"]\n'
ONE = '[connections.one]\nvendor = "close"\ncredentials = { api_key = "k" }\n'
TWO = ONE.replace(".one", ".two")
CALLER = f'[callers.one]\nkey_sha256 = "{hash_key("one")}"\n'


def test_included_files_add_callers_and_connections(write: Write) -> None:
    """Beside those of the file itself, relative to its folder."""
    settings = load(write(INCLUDES + ONE, **{"connections.d__two": TWO + CALLER}), {})
    assert list(settings.connections) == ["one", "two"]
    assert list(settings.file.callers) == ["one"]


def test_a_name_that_stands_in_two_files_is_a_fault(write: Write) -> None:
    """Neither wins silently, and what else is wrong is told along with it."""
    others = {"connections.d__a": ONE, "connections.d__b": CALLER + TWO + "colour = 1\n"}
    assert faults(write(INCLUDES + ONE + CALLER, **others)) == [
        "callers.one: stands in more than one file",
        "connections.one: stands in more than one file",
        "connections.two.colour: is not a setting",
    ]


def test_an_included_file_holds_nothing_else(write: Write) -> None:
    """The house's own settings stand in one place; no file includes another's."""
    others = {"connections.d__a": 'environment = "production"\ncallers = 5\n[server]\nport = 1\n'}
    assert faults(write(INCLUDES, **others)) == [
        "callers: an included file (a.toml) holds only tables of callers and connections",
        "environment: an included file (a.toml) holds only tables of callers and connections",
        "server: an included file (a.toml) holds only tables of callers and connections",
    ]


def test_an_included_file_that_is_broken_is_told_with_the_rest(write: Write) -> None:
    """Its fault hides no other."""
    told = faults(write(INCLUDES + "colour = 1\n", **{"connections.d__a": "x ="}))
    assert len(told) == 2
    assert "a.toml: is not TOML" in told[0]
    assert told[1] == "colour: is not a setting"


@pytest.mark.parametrize("include", ['"connections.d"', "5", '{ a = "b" }', "[5, {}]"])
def test_an_include_of_another_type_is_a_fault(write: Write, include: str) -> None:
    """It is a list of patterns."""
    assert any(fault.startswith("include") for fault in faults(write(f"include = {include}\n")))


def test_a_pattern_may_fit_nothing_and_a_name_may_not(write: Write) -> None:
    """A folder may be empty; a file that is named is expected to be there."""
    assert load(write(INCLUDES), {}).connections == {}
    assert faults(write('include = ["two.toml"]\n')) == ["include: there is no two.toml"]


def test_connections_that_are_no_table_are_told(write: Write) -> None:
    """Also where an included file would add to them."""
    told = faults(write(INCLUDES + "connections = 5\n", **{"connections.d__a": ONE}))
    assert "connections: Input should be a valid dictionary" in told


def test_a_secret_comes_from_a_file_without_its_blanks(write: Write, tmp_path: Path) -> None:
    """Relative to the configuration; a line break at its end is an editor's."""
    (tmp_path / "key").write_text("  of-a-file \n", encoding="utf-8")
    text = ONE.replace('"k"', '{ file = "key" }')
    at = load(write(text), {}).connections["one"]
    assert at.credentials.model_dump()["api_key"].get_secret_value() == "of-a-file"


@pytest.mark.parametrize(
    ("reference", "fault"),
    [
        ('{ env = "EMPTY" }', "the environment has no EMPTY"),
        ('{ env = "ABSENT" }', "the environment has no ABSENT"),
        ('{ file = "empty" }', "empty cannot be read, or is empty"),
        ('{ file = "binary" }', "binary cannot be read, or is empty"),
        ('{ file = "." }', ". cannot be read, or is empty"),
        ("5", 'a secret is {env = "NAME"} or {file = "/path"}'),
        ("{}", 'a secret is {env = "NAME"} or {file = "/path"}'),
        ('{ env = "A", file = "b" }', 'a secret is {env = "NAME"} or {file = "/path"}'),
        ("{ env = 5 }", 'a secret is {env = "NAME"} or {file = "/path"}'),
    ],
)
def test_a_secret_that_cannot_be_had_is_a_fault(
    write: Write, tmp_path: Path, reference: str, fault: str
) -> None:
    """An empty one too: no vendor takes it."""
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    told = faults(write(ONE.replace('"k"', reference)), {"EMPTY": ""})
    assert told == [f"connections.one.credentials.api_key: {fault}"]


@pytest.mark.parametrize("secret", ["schlüssel", "two\nlines", "tab\there", "\u200bkey"])
def test_a_secret_that_no_header_can_carry_is_a_fault(secret: str) -> None:
    """It was pasted with something around it."""
    assert wrong(close(credentials={"api_key": secret})) == [
        "connections.one.credentials.api_key: holds characters that no header can carry"
    ]


@pytest.mark.parametrize(
    ("credentials", "fault"),
    [
        ({}, f"credentials: {ONE_OF}"),
        ({"api_key": "a", "access_token": "b"},
         f"credentials: {ONE_OF}"),
        ({"token": "a"}, "credentials.token: is not a setting"),
        ({"refresh_token": "a"},
         "credentials: client_id, client_secret and refresh_token go together"),
        ({"api_key": "k", "client_id": "a", "client_secret": "b", "refresh_token": "c"},
         f"credentials: {ONE_OF}"),
    ],
)  # fmt: skip
def test_credentials_are_the_vendors_own(credentials: dict[str, str], fault: str) -> None:
    """One way to prove who one is, by the names that the vendor gives it."""
    assert f"connections.one.{fault}" in wrong(close(credentials=credentials))


@pytest.mark.parametrize(
    "base_url",
    [
        "https://localhost/api",
        "https://app.localhost:8443",
        "https://LOCALHOST./",
        "https://127.0.0.1",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://10.1.2.3:8443/api",
        "https://192.168.0.1",
        "https://172.16.9.9",
        "https://169.254.169.254/latest",
        "https://100.64.0.1",
        "https://0.0.0.0",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
        "https://[::ffff:127.0.0.1]/",
    ],
)
def test_a_private_address_is_refused_outside_development(base_url: str) -> None:
    """In any notation; the switch for it lets it through, and so does development."""
    tree = {**shared(environment="production"), **close()}
    table = tree["connections"]["one"]
    table["credentials"] = {"api_key": {"env": "KEY"}}
    table["base_url"] = base_url
    environ = {"KEY": "k", **SHARED}
    with pytest.raises(ConfigurationError) as caught:
        parse(tree, environ, Path())
    assert caught.value.faults == [
        "connections.one.base_url: is a private address; allow_private_address permits it"
    ]
    table["allow_private_address"] = True
    assert parse(tree, environ, Path()).connections["one"].base_url == base_url
    assert parsed(close(base_url=base_url)).connections["one"].base_url == base_url


@pytest.mark.parametrize("host", ["api.close.com", "8.8.8.8", "[2606:4700::1]", "10.example.com"])
def test_a_public_address_is_let_through(host: str) -> None:
    """A name is taken as it is."""
    tree = {**shared(environment="production"), **close(base_url=f"https://{host}/v1")}
    tree["connections"]["one"]["credentials"] = {"api_key": {"env": "KEY"}}
    assert parse(tree, {"KEY": "k", **SHARED}, Path()).connections


@pytest.mark.parametrize(
    "base_url",
    ["", "api.close.com", "ftp://api.close.com", "https://", "https:///x", "https://a/b?c=d",
     "https://a/b#c", "https://[::1", "https://a:99999/", "https://a:port/", "//a/b"],
)  # fmt: skip
def test_what_is_no_address_is_a_fault(base_url: str) -> None:
    """Scheme, host, maybe a port and a path, and nothing else."""
    assert wrong(close(base_url=base_url)) == [
        "connections.one.base_url: is not an address such as https://api.example.com/v1"
    ]


@pytest.mark.parametrize("user", ["me:secret@", "me@", ":secret@", "@"])
def test_an_address_holds_no_credentials(user: str) -> None:
    """They would be in logs; and the fault does not repeat them."""
    (fault,) = wrong(close(base_url=f"https://{user}api.close.com/"))
    assert fault == ("connections.one.base_url: holds credentials; those belong under credentials")


@pytest.mark.parametrize("currency", ["usd", "XXX", "XAU", "US", "EURO", ""])
def test_a_currency_is_one_of_iso_4217(currency: str) -> None:
    """With minor units: gold has none."""
    (fault,) = wrong(close(currency=currency))
    assert fault.startswith("connections.one.currency:")


def test_a_vendor_of_one_currency_takes_no_other() -> None:
    """Its amounts would be told in the wrong one."""
    table = {"vendor": "slant", "credentials": {"token": "t"}, "currency": "EUR"}
    assert wrong({"connections": {"one": table}}) == [
        "connections.one.currency: this vendor knows USD only"
    ]


@pytest.mark.parametrize("timezone", ["", "Mars/Olympus", "../UTC", "/etc/localtime", "America"])
def test_a_time_zone_is_a_known_one(timezone: str) -> None:
    """By the name of the database."""
    (fault,) = wrong(close(timezone=timezone))
    assert fault.startswith("connections.one.timezone:")


def test_an_alias_is_no_other_fields_key() -> None:
    """Nobody could tell which of the two a caller means."""
    fields = {"cf_1": "cf_2", "size": "cf_1"}
    assert wrong(close(custom_fields=fields)) == [
        "connections.one.custom_fields.cf_1: is itself a field that has an alias"
    ]


def test_defaults_are_what_the_vendor_can_take() -> None:
    """Else every create would be refused for what its caller never sent."""
    defaults = {"lost_reason": "x", "value": {"amount": "10.005"}, "vendor_fields": {"nothing": 1}}
    told = wrong(close(currency="USD", defaults=defaults))
    assert [fault.partition(":")[0] for fault in told] == [
        "connections.one.defaults.lost_reason",
        "connections.one.defaults.value.amount",
        "connections.one.defaults.vendor_fields.nothing",
    ]


def test_a_mark_needs_a_vendor_with_a_search() -> None:
    """A field that nobody can look in would only promise what is not kept."""
    slant = {"vendor": "slant", "credentials": {"token": "t"}, "options": {"marker_field": "mark"}}
    assert wrong({"connections": {"acme": slant}}, {}) == [
        "connections.acme.options.marker_field: this vendor has no search to find a mark by"
    ]


def test_a_mark_has_a_field_of_its_own() -> None:
    """What holds another field, or is filled by a default, cannot hold a mark."""
    taken = close(options={"name_field": "cf_1", "marker_field": "cf_1"})
    where = "connections.one"
    assert wrong(taken, {}) == [f"{where}.options.marker_field: cf_1 holds name already"]
    filled = close(options={"marker_field": "cf_1"}, defaults={"custom_fields": {"cf_1": "x"}})
    (fault,) = wrong(filled, {})
    assert fault.startswith(f"{where}.defaults.custom_fields.cf_1: ")


def test_two_callers_with_one_key_are_a_fault() -> None:
    """Nobody could tell them apart; over all of their keys."""
    shared = hash_key("shared")
    tree = {
        "callers": {
            "one": {"key_sha256": hash_key("own"), "key_sha256s": [{"sha256": shared}]},
            "two": {"key_sha256": shared},
        }
    }
    assert wrong(tree) == ["callers.two: has the same key as callers.one"]


@pytest.mark.parametrize("expires", ["2027-01-01T00:00:00", "2027-01-01", '"soon"'])
def test_a_key_ends_at_an_instant(write: Write, expires: str) -> None:
    """A time without an offset is another instant on every machine."""
    text = f'[callers.a]\nkey_sha256s = [{{ sha256 = "{hash_key("a")}", expires = {expires} }}]\n'
    (fault,) = faults(write(text))
    assert fault.startswith("callers.a.key_sha256s.0.expires:")


WANTING: dict[str, dict[str, Any]] = {
    "production needs": {"environment": "production"},
    "several workers need": {"server": {"workers": 2}},
    "redis.url needs": {},
}
"""Who has to agree with other replicas, and the tree of each."""


@pytest.mark.parametrize("who", WANTING)
@pytest.mark.parametrize("lacking", ["secrets.signing_keys", "secrets.encryption_keys"])
def test_who_agrees_with_others_needs_keys(who: str, lacking: str) -> None:
    """A cursor or a stored answer of one replica has to be good at all of them."""
    assert wrong(shared(without=lacking, **WANTING[who])) == [
        f"{lacking}: {who} one, the same on every replica"
    ]
    assert parsed(shared(**WANTING[who])).strict is (who == "production needs")


@pytest.mark.parametrize("who", ["production needs", "several workers need"])
def test_who_agrees_with_others_needs_a_store(who: str) -> None:
    """A write that one process knows of would be run again by the next."""
    assert wrong(shared(without="redis.url", **WANTING[who])) == [
        f"redis.url: {who} one, the store that all replicas share"
    ]


def test_all_that_production_lacks_is_told_at_once() -> None:
    """The store and both kinds of keys."""
    told = wrong({"environment": "production"})
    assert [fault.partition(":")[0] for fault in told] == [
        "redis.url", "secrets.encryption_keys", "secrets.signing_keys",
    ]  # fmt: skip


def test_one_worker_in_development_needs_no_store() -> None:
    """It keeps its records in its own process, and has nobody to agree with."""
    settings = parsed({"server": {"workers": 1}})
    assert settings.development
    assert settings.file.redis.url is None


def test_sentinels_of_a_store_that_is_not_there_are_a_fault() -> None:
    """The address says what their servers have in common."""
    sentinel = {"service": "a", "nodes": NODES}
    assert wrong({"redis": {"sentinel": sentinel}}) == ["redis.sentinel: there is no redis.url"]


@pytest.mark.parametrize("name", ["wait_replicas", "wait_ms", "cluster", "durability"])
def test_a_setting_of_a_store_that_is_not_there_is_a_fault(name: str) -> None:
    """Whoever set it believes in a store that nobody would use."""
    value = {"wait_replicas": 1, "wait_ms": 50, "cluster": True, "durability": "strict"}[name]
    assert wrong({"redis": {name: value}}) == [f"redis.{name}: there is no redis.url"]
    assert parsed(shared({name: value})).file.redis.model_dump()[name] == value


@pytest.mark.parametrize(
    "url",
    ["redis.internal.example:6379", "http://redis.internal.example", "redis://", "redis:///0",
     "redis://a:port", "redis://a:99999", "redis://a:0", "redis://[::1", "redis://a/first",
     "redis://a/0/1", "redis://a/-1"],
)  # fmt: skip
def test_what_is_no_address_of_a_store_is_a_fault(url: str) -> None:
    """It is told at start, and not by the first write; what it holds is not repeated."""
    assert wrong(shared(), {**SHARED, "URL": url}) == [
        "redis.url: is not an address such as rediss://redis.example.com:6379/0"
    ]


@pytest.mark.parametrize(
    "url",
    ["redis://localhost", "rediss://user:secret@redis.example.com:6380/", "redis://[::1]:6379/3",
     "rediss://redis.example.com/0?ssl_cert_reqs=required"],
)  # fmt: skip
def test_an_address_of_a_store_may_name_more(url: str) -> None:
    """A port, a database, a password, and what the connection is made with."""
    assert parse(shared(), {**SHARED, "URL": url}, Path()).file.redis.url


NODES = ["one.example.com:26379", "[::1]:26380"]


def test_sentinels_are_named_with_their_ports() -> None:
    """The secret among what they want is a reference, as all are."""
    known = {"service": "records", "nodes": NODES, "username": "gateway", "tls": True}
    tree = shared({"sentinel": {**known, "password": {"env": "WORD"}}}, environment="production")
    sentinel = parse(tree, {**SHARED, "WORD": "open sesame"}, Path()).file.redis.sentinel
    assert sentinel is not None
    assert sentinel.nodes == (("one.example.com", 26379), ("::1", 26380))
    assert sentinel.password is not None
    assert sentinel.password.get_secret_value() == "open sesame"
    assert "sesame" not in repr(sentinel)
    tree["redis"]["sentinel"]["password"] = "open sesame"
    (fault,) = wrong(tree)
    assert fault.startswith("redis.sentinel.password: ")
    assert "sesame" not in fault


@pytest.mark.parametrize(
    ("sentinel", "fault"),
    [
        ({"nodes": NODES}, "redis.sentinel.service: is missing"),
        ({"service": "a"}, "redis.sentinel.nodes: is missing"),
        ({"service": "a", "nodes": NODES, "port": 1}, "redis.sentinel.port: is not a setting"),
        (
            {"service": "a", "nodes": NODES, "username": "b"},
            "redis.sentinel.username: there is no redis.sentinel.password",
        ),
    ],
)
def test_sentinels_that_say_too_little_or_too_much_are_a_fault(
    sentinel: dict[str, Any], fault: str
) -> None:
    """Each by its path."""
    assert wrong(shared({"sentinel": sentinel})) == [fault]


def test_without_any_node_there_are_no_sentinels() -> None:
    """An empty list is none of theirs."""
    (fault,) = wrong(shared({"sentinel": {"service": "a", "nodes": []}}))
    assert fault.startswith("redis.sentinel.nodes: ")


@pytest.mark.parametrize(
    "node", ["one", "one:", ":26379", "one:0", "one:port", "one:99999", "redis://one:26379",
             "user:word@one:26379", "one:26379/0", 26379]
)  # fmt: skip
def test_what_is_no_place_of_a_sentinel_is_a_fault(node: object) -> None:
    """It is told by its number in the list."""
    assert wrong(shared({"sentinel": {"service": "a", "nodes": [NODES[0], node]}})) == [
        "redis.sentinel.nodes.1: is not a host and a port such as sentinel-1.example.com:26379"
    ]


def test_a_cluster_has_no_sentinels() -> None:
    """Each finds primaries in a way of its own."""
    sentinel = {"service": "a", "nodes": NODES}
    assert wrong(shared({"sentinel": sentinel, "cluster": True})) == [
        "redis.sentinel: a cluster finds its primaries by itself"
    ]


def test_a_cluster_has_one_database() -> None:
    """The library would refuse to start with another."""
    tree = shared({"cluster": True})
    assert parsed(tree).file.redis.cluster
    assert wrong(tree, {**SHARED, "URL": "redis://a/1"}) == [
        "redis.url: a cluster has database 0 alone"
    ]


def test_a_secret_of_the_store_that_is_missing_is_told_once() -> None:
    """Not once as missing and once more as no address."""
    assert wrong(shared(), {**SHARED, "URL": ""}) == ["redis.url: the environment has no URL"]


@pytest.mark.parametrize("seconds", [1, 84])
def test_the_quiet_outlasts_a_vendor_by_a_minute(seconds: int) -> None:
    """A write on its way must not pass for one that was not applied; development may hurry."""
    hasty = {"quiet_seconds": seconds}
    assert wrong(shared(environment="production", reconcile=hasty)) == [
        "reconcile.quiet_seconds: is less than 85, which is timeouts.vendor_seconds and 60 more"
    ]
    assert parsed(shared(reconcile=hasty)).file.reconcile.quiet_seconds == seconds
    patient = parsed(shared(environment="production", reconcile={"quiet_seconds": 85}))
    assert patient.file.timeouts.vendor_seconds == 25


@pytest.mark.parametrize(
    ("environment", "durability", "strict"),
    [
        ("production", None, True),
        ("production", "relaxed", False),
        ("development", None, False),
        ("development", "strict", True),
    ],
)
def test_production_has_its_store_prove_itself(
    environment: str, durability: str | None, strict: bool
) -> None:
    """Unless it is told otherwise; development is only if it asks for it."""
    redis = {"durability": durability} if durability else {}
    assert parsed(shared(redis, environment=environment)).strict is strict


def test_a_store_in_the_own_process_proves_nothing() -> None:
    """There is no setting of it that could lose records."""
    assert not parsed({}).strict


@pytest.mark.parametrize("id", ["", "two words", "line\nbreak", "x" * 65, "\N{KEY}"])
def test_the_id_of_a_key_is_one_short_word(id: str) -> None:
    """Records keep it beside other words, and seals keep its length in a byte."""
    (fault,) = wrong({"secrets": {"signing_keys": [{"id": id, "key": "s" * 32}]}})
    assert fault.startswith("secrets.signing_keys.0.id:")


def test_a_broken_key_is_told_once() -> None:
    """Not once as broken and once more as missing."""
    tree = shared(environment="production")
    del tree["secrets"]["signing_keys"][0]["key"]
    assert wrong(tree) == ["secrets.signing_keys.0.key: is missing"]


def test_numbers_of_the_file_are_exact() -> None:
    """No amount of a default ever passes through a binary float."""
    text = 'vendor = "coperniq"\ncredentials = { api_key = "k" }\n'
    tree = f"[connections.one]\n{text}defaults = {{ vendor_fields = {{ size = 0.1 }} }}\n"
    spelled = tomllib.loads(tree, parse_float=Decimal)
    at = parsed(spelled).connections["one"]
    assert at.defaults["vendor_fields"]["size"] == Decimal("0.1")


def test_a_default_that_the_vendor_cannot_take_is_told_at_once() -> None:
    """A caller would be refused for a member that it never sent."""
    spelled = tree(acme_close={"defaults": {"lost_reason": "x"}})
    with pytest.raises(ConfigurationError) as caught:
        parse(spelled, {}, Path())
    assert len(caught.value.faults) == 1
    assert caught.value.faults[0].startswith("connections.acme-close.defaults.lost_reason: ")


def test_an_alias_may_not_be_a_field_that_has_an_alias_itself() -> None:
    spelled = tree(acme_coperniq={"custom_fields": {"priority": "leadSource", "p": "priority"}})
    with pytest.raises(ConfigurationError) as caught:
        parse(spelled, {}, Path())
    assert caught.value.faults[0].startswith("connections.acme-coperniq.custom_fields.priority: ")
