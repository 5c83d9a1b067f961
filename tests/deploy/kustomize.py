"""What an overlay renders to, for a machine that has no kubectl.

It knows the four features that the overlays use, and refuses any other: `resources`,
`patchesStrategicMerge`, `images` and `configMapGenerator`. A test compares it with the real one,
but for the digest at the end of a generated name, which each computes in its own way.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

Manifest = dict[str, Any]

FILE: Final = "kustomization.yaml"
SAID: Final = {"apiVersion", "kind"}
MERGED_BY: Final = {
    "containers": "name",
    "env": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""The lists that a patch merges, and the member by which it knows their items."""
DIGITS: Final = 10
"""How many a generated name ends in: they change with what is in it."""


def rendered(folder: Path) -> list[Manifest]:
    """The manifests of an overlay."""
    told = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
    manifests = [each for name in told["resources"] for each in _resources(folder / name)]
    for feature in told.keys() - SAID - {"resources"}:
        if feature not in _FEATURES:
            raise ValueError(f"{folder.name}/{FILE}: {feature} is none of the features that we use")
    for feature, apply in _FEATURES.items():
        apply(manifests, told.get(feature, []), folder)
    return manifests


def documents(path: Path) -> list[Manifest]:
    """The manifests of a file."""
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def named(manifests: Iterable[Manifest]) -> dict[tuple[str, str], Manifest]:
    """The manifests by kind and name."""
    return {_identity(each): each for each in manifests}


def pods(manifests: Iterable[Manifest]) -> Iterator[dict[str, Any]]:
    """What the manifests have run."""
    for each in manifests:
        if "template" in each.get("spec", {}):
            yield each["spec"]["template"]["spec"]


def _resources(path: Path) -> list[Manifest]:
    return rendered(path) if path.is_dir() else documents(path)


def _patch(manifests: list[Manifest], names: Iterable[str], folder: Path) -> None:
    there = named(manifests)
    for name in names:
        for patch in documents(folder / name):
            _merge(there[_identity(patch)], patch)


def _merge(onto: dict[str, Any], patch: Mapping[str, Any]) -> None:
    for name, value in patch.items():
        held = onto.get(name)
        if isinstance(held, dict) and isinstance(value, dict):
            _merge(held, value)
        elif isinstance(held, list) and name in MERGED_BY:
            _merge_items(held, value, MERGED_BY[name])
        else:
            onto[name] = value


def _merge_items(onto: list[dict[str, Any]], patch: list[dict[str, Any]], key: str) -> None:
    held = {item[key]: item for item in onto}
    for item in patch:
        if item[key] in held:
            _merge(held[item[key]], item)
        else:
            onto.append(item)


def _generate(
    manifests: list[Manifest], generators: Iterable[Mapping[str, Any]], folder: Path
) -> None:
    for generator in generators:
        paths = [folder / name for name in generator["files"]]
        data = {path.name: path.read_text(encoding="utf-8") for path in paths}
        name = f"{generator['name']}-{_digest(data)}"
        for volume in _volumes(manifests):
            if volume.get("configMap", {}).get("name") == generator["name"]:
                volume["configMap"]["name"] = name
        manifests.append(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        )


def _digest(data: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:DIGITS]


def _place_images(
    manifests: list[Manifest], images: Iterable[Mapping[str, str]], folder: Path
) -> None:
    places = {image["name"]: f"{image['newName']}:{image['newTag']}" for image in images}
    for pod in pods(manifests):
        for container in pod["containers"]:
            container["image"] = places.get(container["image"], container["image"])


def _volumes(manifests: Iterable[Manifest]) -> Iterator[dict[str, Any]]:
    for pod in pods(manifests):
        yield from pod.get("volumes", [])


def _identity(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


_FEATURES: Final[Mapping[str, Callable[[list[Manifest], Iterable[Any], Path], None]]] = {
    "patchesStrategicMerge": _patch,
    "configMapGenerator": _generate,
    "images": _place_images,
}
