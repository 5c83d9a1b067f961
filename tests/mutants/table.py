"""The table: for each of the 26 defects of other libraries, our code with it (reliability.md 3)."""

from collections.abc import Mapping
from typing import Final

from tests.mutants import claims, ends, requests, sends
from tests.mutants.mutant import Mutant

DEFECTS: Final[Mapping[int, str]] = {
    1: "a lease that ends after a send lets another run it again",
    2: "nothing is claimed while a write is under way",
    3: "who waited ends the claim of who is at work",
    4: "the record goes when the result cannot be kept",
    5: "recovery takes what a live holder has, or what is over",
    6: "a stale holder frees or completes",
    7: "a breakdown or a fault frees the key",
    8: "the claim is not one step",
    9: "without the store writes go on",
    10: "one caller is told another's answer",
    11: "an answer is replayed before rights are judged",
    12: "a key is not bound to its request",
    13: "a key is stuck for ever",
    14: "who hangs up ends the write",
    15: "a replay loses headers or bytes",
    16: "an answer of another media type is not kept",
    17: "a large or streamed body passes by the limits",
    18: "a second end overwrites the first",
    19: "who lost the race for the claim runs all the same",
    20: "the same request has two fingerprints",
    21: "another request under the key is noticed too late",
    22: "the answer is given before it is kept",
    23: "a store that hangs makes requests hang",
    24: "a record is made, and its end is set in a second step, or never",
    25: "what is cleaned up, or shown, goes by the wrong key",
    26: "the client library sends twice, or mixes replies up",
}

MUTANTS: Final[tuple[Mutant, ...]] = (
    *claims.MUTANTS,
    *sends.MUTANTS,
    *ends.MUTANTS,
    *requests.MUTANTS,
)
