"""What was recorded, told of nobody: names, ids and times are replaced, and long lists are cut."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.api import examples
from tests.sandboxed import SANDBOX_URL

SIMULATED = "close"
"""The simulated vendor that everything is recorded on."""
NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)

_OURS = (
    "created_at", "dispatched_at", "settled_at", "expires_at", "last_success", "at", "began_at",
)  # fmt: skip
"""Members of operations, connections and requests that have the time of this machine."""
_OF_OURS = {"attempts", "last_success", "kind", "began_at"}
"""Members by which they are known."""
_SECONDS = 1
"""What everything took."""
_CUT = {"items": 2, "stages": 3, "fields": 3, "filters": 3, "evidence": 2}
"""Members of which so many are shown."""
_NEXT = "bmV4dC1wYWdl"
_LEFT = 239
"""What is left of a limit grows while the recording runs."""
_ID = re.compile(r"\b(cf|cont|lead|oppo|orga|pipe|stat|user)_[0-9A-Za-z]{16,}")
_ETAG = re.compile(r'(?<=")[0-9a-f]{32}(?=")')
_OPERATION = re.compile(r"\bop_[0-9a-f]{32}")
_REQUEST = re.compile(r"\breq_[0-9a-f]{24}")
_SECRET_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_MARK = re.compile(r"\buog-[0-9A-Z]{16}")
_PAGE = re.compile(r" \([a-z]+\.md [^)]*\)")
_NAMES = {SIMULATED: examples.VENDOR, SIMULATED.capitalize(): "Acme CRM"}


@dataclass(slots=True)
class Neutral:
    """Replaces what would point at a vendor, a run or a machine."""

    ids: dict[str, str] = field(default_factory=dict)
    of_kind: dict[str, int] = field(default_factory=dict)

    def value(self, value: Any) -> Any:
        """The same value, told of nobody."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            ours = not _OF_OURS.isdisjoint(value)
            return {
                self._text(name): self._member(name, member, ours=ours)
                for name, member in _cut(value)
            }
        if isinstance(value, Sequence):
            return [self.value(member) for member in value]
        return value

    def _member(self, name: str, member: Any, *, ours: bool) -> Any:
        if name in {"cursor", "next_cursor"} and member is not None:
            return _NEXT
        if ours and name in _OURS and member is not None:
            return _this_day(member)
        if ours and name == "seconds":
            return _SECONDS
        if name == "ended_at":
            return _spelled(NOW + timedelta(seconds=_SECONDS))
        if name == "left" and member is not None:
            return _LEFT
        if name == "vendor" and isinstance(member, str):
            return examples.VENDOR
        cut = _CUT.get(name)
        return self.value(member[:cut] if isinstance(member, list) else member)

    def _text(self, text: str) -> str:
        text = text.replace(f"{SANDBOX_URL}/{SIMULATED}", "https://crm.example")
        text = _OPERATION.sub(examples.OPERATION_ID, _REQUEST.sub(examples.REQUEST_ID, text))
        text = _MARK.sub("mark-1", _PAGE.sub("", text))
        text = _ETAG.sub(lambda match: _digest(self._counted("etag", match))[:32], text)
        text = _SECRET_DIGEST.sub(lambda match: _digest(self._counted("digest", match)), text)
        return _NAMES.get(text) or _ID.sub(lambda match: self._counted(match[1], match), text)

    def _counted(self, kind: str, match: re.Match[str]) -> str:
        """A name by the order in which things of a kind were met."""
        if match[0] not in self.ids:
            self.of_kind[kind] = self.of_kind.get(kind, 0) + 1
            self.ids[match[0]] = f"{kind}_{self.of_kind[kind]}"
        return self.ids[match[0]]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _cut(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, member in value.items():
        if name in _CUT and isinstance(member, Mapping):
            yield name, dict(list(member.items())[: _CUT[name]])
        else:
            yield name, member


def _this_day(instant: str) -> str:
    """A time of this machine as if it were `NOW`, whole days apart from it."""
    apart = datetime.fromisoformat(instant) - datetime.now(UTC)
    return _spelled(NOW + timedelta(days=round(apart / timedelta(days=1))))


def _spelled(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
