"""What the gateways of a street said of requests that failed."""

import json
from collections import Counter
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path


def refused(folder: Path) -> dict[str, int]:
    """How often, by gateway, status and code: from the lines of their logs."""
    found: Counter[str] = Counter()
    for log in folder.glob("*.log"):
        for line in log.read_text(errors="replace").splitlines():
            with suppress(ValueError):
                told = json.loads(line)
                if isinstance(told, dict) and told.get("status", 0) >= HTTPStatus.BAD_REQUEST:
                    found[f"{log.stem} {told['status']} {told.get('code')}"] += 1
    return dict(found)
