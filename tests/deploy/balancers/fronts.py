"""The balancers as `deploy/` ships them: only where they listen and lead to is another."""

import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.programs import HAPROXY, NGINX, Found, Tool, Toolbox
from tests.servers import PATIENCE, Server, free_port

DEPLOY: Final = Path(__file__).resolve().parents[3] / "deploy"
SHIPPED: Final = 3
"""Replicas that the configurations name."""

Times = Mapping[str, str]
"""Times of the configuration that a test does not wait for: `{"timeout server 125s": …}`."""


class Front(Server):
    """A balancer of ours, over loopback ports."""

    def __init__(self, tool: Tool, folder: Path, arguments: Sequence[str], found: Found) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(tool, found, folder, arguments)

    def answers(self) -> bool:
        """Whether it accepts connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
        except OSError:
            return False
        return True


class Nginx(Front):
    """The shipped nginx."""

    def __init__(self, folder: Path, replicas: Sequence[int], times: Times) -> None:
        config = folder / "nginx.conf"
        # Workers of root's are nobody, who may not enter the folder.
        told = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
        where = ["-p", str(folder), "-c", str(config), "-e", "stderr", "-g", told]
        super().__init__(NGINX, folder, where, Toolbox(os.environ).needed(NGINX))
        for shipped in (DEPLOY / "nginx").glob("*.conf"):
            text = shipped.read_text(encoding="utf-8").replace("/run/nginx/", f"{folder}/")
            text = retimed(text, times)
            if shipped.name == config.name:
                text = led_to(text, replicas)
                text = replaced(text, "listen 8080 ", f"listen 127.0.0.1:{self.port} ")
                text = replaced(text, "127.0.0.1:8081", f"127.0.0.1:{free_port()}")
            (folder / shipped.name).write_text(text, encoding="utf-8")


class Haproxy(Front):
    """The shipped HAProxy."""

    def __init__(self, folder: Path, replicas: Sequence[int], times: Times) -> None:
        config = folder / "haproxy.cfg"
        found = Toolbox(os.environ).needed(HAPROXY)
        super().__init__(HAPROXY, folder, ["-db", "-f", str(config)], found)
        text = (DEPLOY / "haproxy" / "haproxy.cfg").read_text(encoding="utf-8")
        text = led_to(retimed(text, times), replicas)
        text = replaced(text, "bind :8080\n", f"bind 127.0.0.1:{self.port}\n")
        config.write_text(text, encoding="utf-8")


FRONTS: Final[Mapping[str, Callable[[Path, Sequence[int], Times], Front]]] = {
    "nginx": Nginx,
    "haproxy": Haproxy,
}


def replaced(text: str, old: str, new: str) -> str:
    """The text with another in the place of one that is there."""
    assert old in text, old
    return text.replace(old, new)


def retimed(text: str, times: Times) -> str:
    """The text with other times, as far as they are in it."""
    for old, new in times.items():
        text = text.replace(old, new)
    return text


def led_to(text: str, replicas: Sequence[int]) -> str:
    """The text with loopback ports in the place of the replicas, of which it may name more."""
    for number in range(1, SHIPPED + 1):
        name = f"gateway-{number}:8080"
        if number <= len(replicas):
            text = replaced(text, name, f"127.0.0.1:{replicas[number - 1]}")
        else:
            text = re.sub(rf"\n *server .*{name}.*", "", text)
    return text
