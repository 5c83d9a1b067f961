"""Judges what overlays render to by Kubernetes' schemas: `python -m tests.deploy.manifests`."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import kubernetes_validate

from tests.deploy.kustomize import Manifest, rendered

FOLDER: Final = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
OVERLAYS: Final = ("development", "production")


def faults(manifests: Iterable[Manifest]) -> Iterator[str]:
    """What Kubernetes would refuse, unknown members too."""
    version = kubernetes_validate.latest_version()
    for manifest in manifests:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            place = ".".join(str(part) for part in error.path)
            yield f"{manifest['kind']} {manifest['metadata']['name']}: {place}: {error.message}"


def main() -> int:
    """Prints each fault; the exit status says whether there is one."""
    found = [f"{name}: {fault}" for name in OVERLAYS for fault in faults(rendered(FOLDER / name))]
    sys.stderr.writelines(f"{fault}\n" for fault in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
