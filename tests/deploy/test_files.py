"""What stands in several files of `deploy/` is the same in all of them, and fits the gateway."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import __version__
from gateway.app.lifecycle import AFTERWARDS_SECONDS
from gateway.sandbox.configuration import configuration
from gateway.settings import Settings, load
from tests.architecture.source_tree import ROOT
from tests.deploy.image import Instruction, instructions
from tests.deploy.kustomize import FILE, Manifest, documents, named, pods, rendered
from tests.deploy.manifests import FOLDER, OVERLAYS, faults
from tests.deploy.mounted import EXAMPLE, Mounted, secrets_of

DEPLOY = ROOT / "deploy"
README = (DEPLOY / "README.md").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
REPLICAS = [name for name in COMPOSE["services"] if name.startswith("gateway-")]
CONFIGURATIONS = {
    "example": EXAMPLE,
    **{name: FOLDER / name / "settings" / "gateway.toml" for name in OVERLAYS},
}
IN_COMMENTS = re.findall(
    r"(?:^# (?:\w+ = .+|\[\w+\])\n)+", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE
)
REDIS_URL = "redis://redis.internal.example:6379/0"


def settings(path: Path) -> Settings:
    """A configuration, read as `gateway check` reads it."""
    with Mounted.made(REDIS_URL, path) as mounted:
        return load(mounted.configuration)


def told(path: Path) -> dict[str, Any]:
    """A configuration as it stands in its file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def dockerfile() -> dict[str, Instruction]:
    """What the Dockerfile says of the image: the last word of each kind."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    return {each.word: each for each in instructions(text)}


def manifests(overlay: str) -> dict[tuple[str, str], Manifest]:
    """What an overlay renders to."""
    return named(rendered(FOLDER / overlay))


def pod(overlay: str) -> dict[str, Any]:
    """The pod of the gateway."""
    found: dict[str, Any] = manifests(overlay)["Deployment", "gateway"]["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("path", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_configuration_is_fit_to_run_with(path: Path) -> None:
    """It has no fault, and the store has to prove itself."""
    found = settings(path)
    assert found.connections
    assert found.strict


def test_the_example_is_for_production_and_explains_every_section() -> None:
    """Each table of it has a comment right before it, or before the one that it goes with."""
    assert not settings(EXAMPLE).development
    text = EXAMPLE.read_text(encoding="utf-8")
    explained = re.findall(r"(?:^# .*\n)+(?:\[[^.\]]+\]\n(?:.+\n)*)+", text, re.MULTILINE)
    tables = set(re.findall(r"^\[(\w+)\]$", "".join(explained), re.MULTILINE))
    assert tables == told(EXAMPLE).keys() - {
        "environment", "public_url", "callers", "connections",
    }  # fmt: skip


@pytest.mark.parametrize("block", IN_COMMENTS)
def test_what_the_example_has_in_comments_is_fit_too(block: str, tmp_path: Path) -> None:
    """Sentinel, Cluster, traces and tokens need no more than their comments taken away."""
    text = EXAMPLE.read_text(encoding="utf-8")
    changed = tmp_path / "gateway.toml"
    changed.write_text(text.replace(block, block.replace("# ", "")), encoding="utf-8")
    assert settings(changed).file != settings(EXAMPLE).file


def test_kubernetes_has_the_settings_of_the_example() -> None:
    """Without its comments; kustomize can read neither the example nor a link to it."""
    assert told(CONFIGURATIONS["production"]) == told(EXAMPLE)


def test_the_simulated_vendors_are_those_of_the_sandbox() -> None:
    """The connections of the development overlay are what `gateway sandbox` prints."""
    text = CONFIGURATIONS["development"].read_text(encoding="utf-8")
    assert text.endswith(configuration("http://sandbox:8090").rstrip() + "\n")


def test_every_secret_of_development_is_there() -> None:
    """The Secret has what the configuration names, and nothing else."""
    named_there = secrets_of(CONFIGURATIONS["development"].read_text(encoding="utf-8"))
    assert manifests("development")["Secret", "gateway-secrets"]["stringData"].keys() == named_there


def test_the_image_of_production_is_this_version() -> None:
    """A release that forgot the overlay is noticed."""
    (image,) = yaml.safe_load((FOLDER / "production" / FILE).read_text(encoding="utf-8"))["images"]
    assert image["newTag"] == __version__


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_ports_and_user_are_those_of_the_image(overlay: str) -> None:
    """Image, pod, probes, network and configuration mean the same."""
    image, there = dockerfile(), pod(overlay)
    (container,) = there["containers"]
    server = settings(CONFIGURATIONS[overlay]).file.server
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert container["args"] == image["CMD"].exec_form
    assert image["EXPOSE"].rest == f"{ports['http']} {ports['metrics']}"
    assert f":{ports['http']}/livez" in image["HEALTHCHECK"].rest
    assert (ports["http"], container["args"][-1]) == (server.port, str(server.port))
    context = there["securityContext"]
    assert image["USER"].rest == f"{context['runAsUser']}:{context['runAsGroup']}"
    told_metrics = told(CONFIGURATIONS[overlay])["server"]["metrics_port"]
    assert told_metrics == ports["metrics"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_ends_inside_its_grace(overlay: str) -> None:
    """What comes before SIGTERM and what a replica does after it leave five seconds to spare."""
    there = pod(overlay)
    (container,) = there["containers"]
    *_, waits = container["lifecycle"]["preStop"]["exec"]["command"]
    assert int(waits) + ending(overlay) + 5 <= there["terminationGracePeriodSeconds"] == 55


def test_a_container_ends_inside_its_grace() -> None:
    """Compose waits as long as Kubernetes does."""
    for name in REPLICAS:
        assert ending("example") + 5 <= seconds(COMPOSE["services"][name]["stop_grace_period"])


def ending(configured: str) -> int:
    """How long a replica may take to end: drain, finish, see to its writes."""
    file = told(CONFIGURATIONS[configured])
    request_seconds: int = settings(CONFIGURATIONS[configured]).file.timeouts.request_seconds
    drain_seconds: int = file["server"]["drain_seconds"]
    return int(drain_seconds + request_seconds + AFTERWARDS_SECONDS)


def seconds(text: str) -> int:
    """A time of compose."""
    return int(text.removesuffix("s"))


def test_three_replicas_stand_behind_the_balancers_and_are_scraped() -> None:
    """Compose, nginx, HAProxy and Prometheus know the same replicas."""
    assert len(REPLICAS) == 3
    for path in ("nginx/nginx.conf", "haproxy/haproxy.cfg", "prometheus/prometheus.yaml"):
        text = (DEPLOY / path).read_text(encoding="utf-8")
        assert set(re.findall(r"\bgateway-\d\b", text)) == set(REPLICAS), path


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_no_container_may_more_than_it_needs(name: str) -> None:
    """Read-only, without capabilities, without new rights, and bounded."""
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit"} <= service.keys()


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_mounted_file_is_in_the_repository_or_made_by_the_page(name: str) -> None:
    """A folder that is missing would be made, and empty."""
    for volume in COMPOSE["services"][name].get("volumes", []):
        source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")[0]
        if source.startswith("."):
            made = re.search(rf"^mkdir .*\b{re.escape(source[2:])}\b", README, re.MULTILINE)
            assert (DEPLOY / source).exists() or made, source


def test_the_sandbox_environment_leads_to_what_there_is() -> None:
    """Its profile and its folder exist."""
    lines = (DEPLOY / "sandbox.env").read_text(encoding="utf-8").splitlines()
    environ = dict(line.split("=") for line in lines if not line.startswith("#"))
    assert (DEPLOY / environ["GATEWAY_CONFIGURATION"] / "gateway.toml").is_file()
    assert COMPOSE["services"]["sandbox"]["profiles"] == [environ["COMPOSE_PROFILES"]]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_pod_may_more_than_it_needs(overlay: str) -> None:
    """Each would run where only the `restricted` level of pod security is let in."""
    for there in pods(manifests(overlay).values()):
        assert there["automountServiceAccountToken"] is False
        assert there["securityContext"]["runAsNonRoot"] is True
        assert there["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in there["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_takes_every_manifest(overlay: str) -> None:
    """By the schemas of a recent release, with unknown members refused."""
    assert list(faults(rendered(FOLDER / overlay))) == []


def test_a_fault_in_a_manifest_is_noticed() -> None:
    """A misspelt member and a text for a number are both told with their place."""
    deployment = manifests("production")["Deployment", "gateway"]
    deployment["spec"]["minReadySeconds"] = "five"
    (wrong,) = faults([deployment])
    assert "minReadySeconds" in wrong
    (misspelt,) = faults([{**manifests("production")["Service", "gateway"], "specs": {}}])
    assert "specs" in misspelt


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_renders_as_the_real_tool_renders_it(overlay: str) -> None:
    """But for the digest at the end of a generated name."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is missing")
    command = [kubectl, "kustomize", str(FOLDER / overlay)]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    real = list(yaml.safe_load_all(run.stdout))
    assert plain(real) == plain(rendered(FOLDER / overlay))


def plain(found: list[Manifest]) -> list[str]:
    """Manifests in an order, without the digests of generated names."""
    texts = (json.dumps(each, sort_keys=True) for each in found)
    return sorted(re.sub(r"(gateway-configuration)-[0-9a-z]{10}", r"\1", each) for each in texts)


def test_a_changed_configuration_has_another_name(tmp_path: Path) -> None:
    """So that a change is a rollout."""
    copy = tmp_path / "kubernetes"
    shutil.copytree(FOLDER, copy)
    names = set()
    for change in ("", "# changed\n"):
        path = copy / "production" / "settings" / "gateway.toml"
        path.write_text(path.read_text(encoding="utf-8") + change, encoding="utf-8")
        names |= {
            name for kind, name in named(rendered(copy / "production")) if kind == "ConfigMap"
        }
    assert len(names) == 2


def test_overlays_use_four_features_alone(tmp_path: Path) -> None:
    """What an old kubectl renders otherwise than a new one is refused."""
    (tmp_path / FILE).write_text("resources: []\nnamePrefix: a-\n", encoding="utf-8")
    with pytest.raises(ValueError, match="namePrefix is none of the features"):
        rendered(tmp_path)


def test_no_manifest_of_the_base_is_left_out() -> None:
    """Each file lies in the list of its folder."""
    listed = yaml.safe_load((FOLDER / "base" / FILE).read_text(encoding="utf-8"))["resources"]
    there = {path.name for path in (FOLDER / "base").glob("*.yaml")} - {FILE}
    assert set(listed) == there
    assert sum(len(documents(FOLDER / "base" / name)) for name in listed) == len(listed)
