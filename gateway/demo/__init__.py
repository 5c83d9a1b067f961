"""A short tour: the sandbox, a gateway before it, and requests that show what the gateway does.

What is shown is a table (`scenes.py`) in which every step says what has to come of it, so that the
tour is a test as well, which anybody can run in seconds.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from gateway.demo.guide import Guide
from gateway.demo.house import ProgramDied, running
from gateway.demo.scenes import SCENES
from gateway.demo.steps import Scene


def tour(*, port: int, ends: bool, scenes: Sequence[Scene] = SCENES) -> int:
    """Shows the scenes; then ends, or serves until it is stopped or one of its programs dies.

    The result is the status of a process: 0 if every step came out as expected.
    """
    failures = None
    try:
        with tempfile.TemporaryDirectory() as folder, running(port, Path(folder)) as house:
            guide = Guide(house)
            failures = guide.lead(scenes)
            if not ends:
                guide.invite()
                house.last()
    except KeyboardInterrupt:
        print("\nStopped.")
    except ProgramDied as death:
        print(death)
        return 1
    return 0 if failures == 0 else 1
