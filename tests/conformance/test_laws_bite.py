"""A vendor that lies, or a table that is wrong, breaks the law that is about it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.conformance import Answer, Subject, laws
from gateway.normalizer import units
from gateway.normalizer.dialect import Dialect
from gateway.normalizer.notation import Context, Key, Misfit, Reading, View
from gateway.translator import VendorRequest, VendorResponse
from tests.conformance.worlds import World

MARKS = count()
Lie = Callable[[VendorRequest, Answer], VendorResponse]


def lying(lie: Lie) -> Subject:
    """A vendor on trial that answers by a lie where it tells one."""
    honest = World("coperniq").subject()
    return Subject(honest.vendor, honest.bare, lambda request: lie(request, honest.answer))


def writing(request: VendorRequest, **members: Any) -> VendorRequest:
    """The same write with other members, those that are None left out."""
    body = {**request.json, **members}
    return replace(request, json={key: value for key, value in body.items() if value is not None})


def deaf(request: VendorRequest, answer: Answer) -> VendorResponse:
    """Takes no value, and says nothing of it."""
    return answer(writing(request, value=None) if request.effect == "write" else request)


def meddling(request: VendorRequest, answer: Answer) -> VendorResponse:
    """Marks whatever is written, each time anew."""
    mark = f"seen {next(MARKS)}"
    return answer(writing(request, description=mark) if request.effect == "write" else request)


def stubborn(request: VendorRequest, answer: Answer) -> VendorResponse:
    """Refuses every update."""
    refused = VendorResponse(status=400, json={"message": "no"})
    return refused if request.method == "PATCH" else answer(request)


def clinging(request: VendorRequest, answer: Answer) -> VendorResponse:
    """Keeps a description for good."""
    clears = request.effect == "write" and request.json.get("description", "") is None
    return answer(writing(request, description="still here") if clears else request)


def forgetful(request: VendorRequest, answer: Answer) -> VendorResponse:
    """Shows less in a list than elsewhere."""
    reply = answer(request)
    if request.step != "list":
        return reply
    return replace(reply, json=[{**record, "value": None} for record in reply.json])


def obliging(request: VendorRequest, answer: Answer) -> VendorResponse:
    """Has a record for any id."""
    return answer(replace(request, path="opportunities/1") if request.step == "get" else request)


LIES: Mapping[str, Lie] = {
    "keeps-value-on-create": deaf,
    "keeps-value-on-update": deaf,
    "leaves-the-rest-beside-value": meddling,
    "keeps-name-on-update": stubborn,
    "clears-description": clinging,
    "lists-as-it-gets": forgetful,
    "misses-what-is-not-there": obliging,
}


@pytest.mark.parametrize(("name", "lie"), LIES.items())
def test_a_lie_is_noticed(name: str, lie: Lie) -> None:
    """The law holds of the honest vendor and fails of the other."""
    honest = World("coperniq").subject()
    law = next(law for law in laws(honest.vendor, honest.bare, 10) if law.name == name)
    law(honest)
    with pytest.raises(AssertionError):
        law(lying(lie))


class Careless(units.Whole):
    """Whole units that are cut instead of refused."""

    def misfit(self, amount: Decimal, currency: str | None, context: Context) -> Misfit | None:
        return None


def test_a_table_that_rounds_is_noticed() -> None:
    """No vendor is needed to see that a notation loses digits."""
    careful = World("slant").subject()
    rows: dict[str, Any] = {**careful.dialect.rows, "value": units.Amount("value", Careless())}
    vendor = replace(careful.vendor, dialect=Dialect(**rows))
    law = next(law for law in laws(vendor, careful.bare) if law.name == "spells-value")
    law(careful)
    with pytest.raises(AssertionError):
        law(Subject(vendor, careful.bare, careful.answer))


class Credulous(Key):
    """Whatever the vendor says for a text."""

    def read(self, view: View, context: Context) -> Reading:
        return Reading(view.get(self.key), self.keys)


def test_a_table_that_reads_what_is_not_of_the_model_is_noticed() -> None:
    """Answers are not validated where they are read, so a notation has to be right by itself."""
    careful = World("slant").subject()
    rows: dict[str, Any] = {**careful.dialect.rows, "name": Credulous("name")}
    vendor = replace(careful.vendor, dialect=Dialect(**rows))
    law = next(law for law in laws(vendor, careful.bare) if law.name == "reads-what-is-spoilt")
    law(careful)
    with pytest.raises(ValidationError):
        law(Subject(vendor, careful.bare, careful.answer))
