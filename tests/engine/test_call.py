"""A call and the attempts at it."""

from dataclasses import fields, replace

from gateway.engine.exchange import Call, FreePermit
from gateway.translator import read


def test_an_attempt_is_the_same_call_with_nothing_that_befell_another() -> None:
    """Every member is taken over but what an attempt sets itself; its headers are its own."""
    call = Call(
        request=read("get", "a"),
        until=1.0,
        patience=2.0,
        permit=FreePermit(),
        headers={"a": "b"},
        form={"c": "d"},
        caller="tests",
        asked=True,
        sent=True,
        broke=True,
        bytes_out=1,
        bytes_in=2,
        digest_out=b"3",
        digest_in=b"4",
    )
    unset = Call(request=call.request, until=0.0, patience=0.0, permit=FreePermit())
    assert [f.name for f in fields(Call) if getattr(call, f.name) == getattr(unset, f.name)] == [
        "request"
    ]
    attempt = call.attempt()
    fresh = replace(call, asked=False, sent=False, broke=False, bytes_in=0, digest_in=b"")
    assert attempt == fresh
    assert attempt.headers is not call.headers
