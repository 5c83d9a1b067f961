"""The clients: how each is generated, compiled and run, as a table of commands."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.contract.clients.toolchain import (
    BUILD,
    GENERATOR,
    GO,
    HERE,
    MODULES,
    NODE,
    PACKAGES,
    Need,
    ran,
)

Command = Sequence[str]
"""A program and its arguments; `{document}`, `{folder}` and the like are filled in."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Client:
    """A generator, and what its user does with what it made."""

    name: str
    """And the folder that its user's program lies in."""
    generate: Command
    check: Sequence[Command]
    """The strict checks of its language, over the client and the program."""
    run: Command
    """Runs a program of its user, which is named in the place of `PROGRAM`."""
    readme: str = ""
    """The program of the README, where there is one: it is compiled and run like the scenario."""
    place: str = "."
    """Where the program lies, seen from the client."""
    needs: Sequence[Need] = ()
    environ: Mapping[str, str] = field(default_factory=dict)

    def made(self, document: Path) -> "Made":
        """The client of a document, with its user's program, checked."""
        folder = BUILD / document.stem / self.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        made = Made(self, document, folder)
        made.does(self.generate)
        shutil.copytree(HERE / self.name, folder / self.place, dirs_exist_ok=True)
        if self.readme:
            shutil.copy(HERE / self.readme, folder)
        for command in self.check:
            made.does(command)
        return made


@dataclass(frozen=True, slots=True)
class Made:
    """A client of a document."""

    client: Client
    document: Path
    folder: Path

    def does(self, command: Command, **environ: str) -> str:
        """What a command prints."""
        places = {
            "cache": BUILD / "cache",
            "document": self.document,
            "folder": self.folder,
            "modules": MODULES,
        }
        spelled = [word.format(**places) for word in command]
        own = {name: value.format(**places) for name, value in self.client.environ.items()}
        return ran(spelled, self.folder, **own, **environ)

    def runs(self, program: str, **environ: str) -> str:
        """What a program of its user prints."""
        return self.does([word.replace("PROGRAM", program) for word in self.client.run], **environ)

    def transcript(self, **environ: str) -> list[dict[str, Any]]:
        """What the scenario tells."""
        return [json.loads(line) for line in self.runs("scenario", **environ).splitlines()]


PYTHON = Client(
    name="python",
    generate=(
        "python", "-m", "openapi_python_client", "generate", "--path", "{document}",
        "--output-path", "{folder}/opportunity_gateway_client", "--meta", "none", "--overwrite",
    ),
    check=[("python", "-m", "mypy", "--cache-dir", "{cache}/python",
            "opportunity_gateway_client", "scenario.py", "readme.py")],
    run=("python", "PROGRAM.py"),
    readme="readme.py",
)  # fmt: skip
TYPESCRIPT = Client(
    name="typescript",
    generate=(
        "node", "{modules}/openapi-typescript/bin/cli.js", "{document}",
        "-o", "{folder}/gateway.d.ts", "--default-non-nullable=false",
    ),
    check=[("node", "{modules}/typescript/bin/tsc", "--project", "{folder}")],
    run=("node", "compiled/PROGRAM.js"),
    readme="readme.ts",
    needs=[NODE, PACKAGES],
)  # fmt: skip
GENERATED = "useOneOfDiscriminatorLookup=true,disallowAdditionalPropertiesIfNotPresent=false"
"""Unions by their discriminator; an answer may have members that the document lacks."""
OF_GO = f"enumClassPrefix=true,enumUnknownDefaultCase=true,{GENERATED}"
PYTHON_GENERATOR = Client(
    name="python_generator",
    generate=(
        "openapi-generator-cli", "generate", "-i", "{document}", "-g", "python", "-o", "{folder}",
        "--global-property", "apiTests=false,modelTests=false",
        "--additional-properties", f"packageName=gateway_client,library=httpx,{GENERATED}",
    ),
    check=[("python", "-m", "mypy", "--cache-dir", "{cache}/python_generator", "scenario.py")],
    run=("python", "PROGRAM.py"),
    needs=[GENERATOR],
)  # fmt: skip
GO_CLIENT = Client(
    name="go",
    generate=(
        "openapi-generator-cli", "generate", "-i", "{document}", "-g", "go", "-o", "{folder}",
        "--git-host", "example.com", "--git-user-id", "acme", "--git-repo-id", "clients",
        "--global-property", "apiTests=false,modelTests=false",
        "--additional-properties", f"packageName=gatewayclient,isGoSubmodule=true,{OF_GO}",
    ),
    check=[("go", "vet", "./..."), ("go", "build", "-o", "run/scenario", "./scenario")],
    run=("{folder}/run/PROGRAM",),
    place="scenario",
    needs=[GENERATOR, GO],
    environ={
        "GOCACHE": "{cache}/go", "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local",
    },
)  # fmt: skip

QUICK = (PYTHON, TYPESCRIPT)
EVERY = (*QUICK, PYTHON_GENERATOR, GO_CLIENT)
