"""What processes cost, by the kernel's own books."""

import os
import socket
import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for each in found:
        for task in _tasks(each):
            with suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time of all threads that live, in seconds, to the nanosecond."""
    total = 0
    for pid in pids:
        for task in _tasks(pid):
            with suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def resident_mb(pids: Iterable[int]) -> float:
    """Memory that is in use, in MB; shared pages count for every process."""
    page = os.sysconf("SC_PAGE_SIZE")
    pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return sum(pages) * page / 1e6


def round_trip_ms(port: int, *, times: int = 2000) -> float:
    """How long one round to a Redis takes with nothing between, from a socket of ours."""
    took = []
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(times):
            start = time.perf_counter()
            line.sendall(b"PING\r\n")
            line.recv(64)
            took.append(time.perf_counter() - start)
    return statistics.median(took) * 1000


def _tasks(pid: int) -> Iterator[Path]:
    with suppress(OSError):
        yield from Path(f"/proc/{pid}/task").iterdir()
