"""Every installed vendor obeys the laws, on every kind of connection."""

from dataclasses import replace

import pytest

from gateway.conformance import Law, laws
from gateway.vendors import installed
from tests.conformance.worlds import SIMULATED, WORLDS, World

EXAMPLES, FEWER = 15, 6
"""Drawn for each law: of a vendor as configured, and of what its pages leave open."""


def by_world() -> list[tuple[World, Law]]:
    """Every law of every world."""
    subjects = ((world, world.subject()) for world in WORLDS)
    return [
        (world, law)
        for world, subject in subjects
        for law in laws(subject.vendor, subject.bare, FEWER if world.switches else EXAMPLES)
    ]


@pytest.mark.parametrize(("world", "law"), by_world(), ids=str)
def test_the_vendor_obeys(world: World, law: Law) -> None:
    """read(write(x)) == x or a refusal, and what else every vendor has to be."""
    law(world.subject())


def test_every_installed_vendor_is_on_trial() -> None:
    """A vendor that is installed without a world here would obey nothing."""
    assert installed().keys() == SIMULATED.keys() == {world.vendor for world in WORLDS}


@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD", "CLF", None])
@pytest.mark.parametrize("name", SIMULATED)
def test_money_is_exact_in_any_currency(name: str, currency: str | None) -> None:
    """Over the whole range of amounts, an amount comes back with its own value or is refused."""
    subject = World(name).subject()
    subject.bare = replace(subject.bare, currency=currency)
    money = (law for law in laws(subject.vendor, subject.bare, 60) if law.name == "spells-value")
    next(money)(subject)
