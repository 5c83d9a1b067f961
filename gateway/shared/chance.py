"""Chance, to keep replicas from doing things at the same moment and in the same order."""

from random import SystemRandom
from typing import Final

CHANCE: Final = SystemRandom()
"""Apart from the process's own generator, whose state belongs to whoever seeded it."""
