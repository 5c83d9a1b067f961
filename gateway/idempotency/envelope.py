"""What a record keeps sealed of a request: the key, which a send again needs, and the write."""


def enveloped(key: bytes, write: bytes) -> bytes:
    """Both in one text."""
    return len(key).to_bytes(2, "big") + key + write


def opened(kept: bytes) -> tuple[bytes, bytes]:
    """The key and the write."""
    end = 2 + int.from_bytes(kept[:2], "big")
    return kept[2:end], kept[end:]
