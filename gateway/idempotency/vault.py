"""What is kept sealed beside the records: the same seals, bound to a name of its own kind."""

from dataclasses import dataclass, field

from gateway.errors import StoreUnavailable
from gateway.idempotency.sealing import KeyGone, Sealing

MEMBER = "grant"


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens grants by their names."""

    sealing: Sealing = field(repr=False)

    def seal(self, name: str, text: bytes) -> bytes:
        """Seals a grant, which opens under its own name alone."""
        return self.sealing.seal(name, MEMBER, text)

    def open(self, name: str, sealed: bytes) -> bytes:
        """What was sealed. Raises `StoreUnavailable` where its key is not here (yet)."""
        try:
            return self.sealing.open(name, MEMBER, sealed)
        except KeyGone as error:
            raise StoreUnavailable(str(error)) from error
