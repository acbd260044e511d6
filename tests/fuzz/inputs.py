"""The inputs of a fuzzing run: number `n` of seed `s` is always the same text."""

from __future__ import annotations

from random import Random

from tests.fuzz import corpus, grammar, programs
from tests.fuzz.mutations import mutate


def text(seed: int, number: int) -> str:
    """Input number `number`: mostly mutated pieces and made programs, which are quick, some mutated whole programs."""
    random = Random(f"{seed}/{number}")
    kind = random.random()
    if kind < 0.40:
        return mutate(random, random.choice(corpus.pieces()), corpus.pieces())
    if kind < 0.65:
        return programs.program(random)
    if kind < 0.80:
        return mutate(random, programs.program(random), corpus.pieces())
    if kind < 0.90:
        return grammar.sentence(random, budget=random.choice((20, 60, 150, 400)))
    return mutate(random, random.choice(corpus.programs()), corpus.programs())
