"""What is spoken with Redis is the same with and without the library in C."""

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import InvalidResponse, NoScriptError, ReadOnlyError, ResponseError

from gateway.shared import resp
from gateway.shared.resp import UNFINISHED, PlainReader, Reader, plainly_packed

IN_C: Any = import_module("hiredis")
LINES = st.text(st.characters(codec="ascii", exclude_characters="\r\n"), max_size=12)
SIMPLE = st.one_of(
    st.none().map(lambda _: b"$-1\r\n"),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: b":%d\r\n" % number),
    st.binary(max_size=40).map(lambda text: b"$%d\r\n%b\r\n" % (len(text), text)),
    LINES.map(lambda line: b"+%b\r\n" % line.encode()),
    LINES.map(lambda line: b"-ERR %b\r\n" % line.encode()),
)
REPLIES = st.recursive(
    SIMPLE,
    lambda each: st.lists(each, max_size=5).map(
        lambda members: b"*%d\r\n%b" % (len(members), b"".join(members))
    ),
    max_leaves=12,
)
WORDS = st.one_of(st.text(st.characters(codec="utf-8")), st.binary(), st.integers(-(2**40), 2**40))


def heard(reader: Reader, pieces: list[bytes]) -> list[Any]:
    """Every reply in what comes in these pieces, refusals by their kind and words."""
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (told := reader.gets()) is not UNFINISHED:
            found.append(told)
    return [spelled(each) for each in found]


def spelled(reply: Any) -> Any:
    """A reply that can be compared."""
    if isinstance(reply, list):
        return [spelled(each) for each in reply]
    return (type(reply), str(reply)) if isinstance(reply, Exception) else reply


@given(st.lists(REPLIES, max_size=4), st.data())
def test_replies_are_read_alike_wherever_they_are_cut(
    replies: list[bytes], data: st.DataObject
) -> None:
    """Also where a piece holds two of them, or the last byte of one."""
    whole = b"".join(replies)
    places = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    pieces = [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]
    assert heard(PlainReader(), pieces) == heard(resp.reader(), pieces)
    assert len(heard(PlainReader(), pieces)) == len(replies)


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_commands_are_packed_alike(words: list[str | int | bytes]) -> None:
    """Texts as UTF-8, numbers in digits, bytes as they are."""
    assert plainly_packed(words) == resp.packed(tuple(words)) == IN_C.pack_command(tuple(words))


@pytest.mark.parametrize("made", [PlainReader, resp.reader])
def test_a_refusal_is_what_the_library_would_raise(made: type[PlainReader]) -> None:
    """Each trouble has a kind of its own, and the rest is a refusal all the same."""
    told = ["NOSCRIPT No matching script", "READONLY a replica", "ERR whatever"]
    reader = made()
    reader.feed("".join(f"-{line}\r\n" for line in told).encode())
    assert [type(reader.gets()) for _ in told] == [NoScriptError, ReadOnlyError, ResponseError]


@pytest.mark.parametrize("made", [PlainReader, resp.reader])
@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n", b"$x\r\n"])
def test_what_is_no_reply_is_not_read_on(made: type[PlainReader], said: bytes) -> None:
    """Somebody else is at the other end."""
    reader = made()
    reader.feed(said)
    with pytest.raises(InvalidResponse):
        reader.gets()
