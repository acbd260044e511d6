"""Sizes of axes: integers, or polynomials over symbols, kept in a normal form so that `h * 2` equals `h + h`.

A size is a plain `int` or a `Poly`; Python's operators work on both, and a Poly that turns out constant is an `int`
again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

#: Atoms and terms that a size may be made of, powers and nested divisions counted: far more than any shape needs, and
#: what keeps sizes that grow with every turn of a loop from taking forever.
MAX_PARTS = 500
_MAX_BITS = 4096  # of a factor


class TooComplex(Exception):
    """A size has more parts than MAX_PARTS."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A declared `dim`, or a size symbol of a signature."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Division:
    """A quotient, remainder or minimum that has no simpler form: `//`, `ceil_div`, `%` or `min` of two sizes."""

    op: str
    numerator: Size
    denominator: Size
    parts: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", 1 + _parts(self.numerator) + _parts(self.denominator))
        if self.parts > MAX_PARTS:
            raise TooComplex

    def __str__(self) -> str:
        if self.op in ("ceil_div", "min"):
            return f"{self.op}({self.numerator}, {self.denominator})"
        return f"{_factor(self.numerator)} {self.op} {_factor(self.denominator)}"


Atom = Symbol | Division
Monomial = tuple[tuple[Atom, int], ...]  # atoms with their powers, sorted by their text


@dataclass(frozen=True, slots=True)
class Poly:
    """A sum of integer multiples of monomials; `terms` are sorted and have no zero coefficient."""

    terms: tuple[tuple[Monomial, int], ...]

    def __add__(self, other: Size) -> Size:
        return _collect([*self.terms, *_terms(other)])

    __radd__ = __add__

    def __neg__(self) -> Size:
        return _collect([(m, -c) for m, c in self.terms])

    def __sub__(self, other: Size) -> Size:
        return self + (-other)

    def __rsub__(self, other: Size) -> Size:
        return (-self) + other

    def __mul__(self, other: Size) -> Size:
        return _collect([(_times(m, n), c * d) for m, c in self.terms for n, d in _terms(other)])

    __rmul__ = __mul__

    def __pow__(self, power: int) -> Size:
        result: Size = 1
        for _ in range(power):
            result = result * self
        return result

    def __floordiv__(self, other: Size) -> Size:
        return _divide("//", self, other)

    def __rfloordiv__(self, other: Size) -> Size:
        return _divide("//", other, self)

    def __mod__(self, other: Size) -> Size:
        return _divide("%", self, other)

    def __rmod__(self, other: Size) -> Size:
        return _divide("%", other, self)

    def __str__(self) -> str:
        text = ""
        for monomial, coefficient in self.terms:
            is_alone = len(monomial) == 1 and abs(coefficient) == 1
            shown = [(str(a) if isinstance(a, Symbol) or is_alone else f"({a})", power) for a, power in monomial]
            factors = [text for text, power in shown for _ in range(power)]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            sign = "-" if coefficient < 0 else "+"
            body = " * ".join(factors)
            text += f" {sign} {body}" if text else f"-{body}" if coefficient < 0 else body
        return text

    __repr__ = __str__


Size = int | Poly


@lru_cache(maxsize=4096)
def symbol(name: str) -> Poly:
    """The size that is one symbol."""
    return Poly(((((Symbol(name), 1),), 1),))


def ceil_div(a: Size, b: Size) -> Size:
    """a / b rounded up."""
    return _divide("ceil_div", a, b)


def minimum(a: Size, b: Size) -> Size:
    """The smaller of two sizes."""
    return _divide("min", a, b)


def is_symbol(size: Size) -> str | None:
    """The name, where the size is one bare symbol."""
    if isinstance(size, Poly) and len(size.terms) == 1:
        monomial, coefficient = size.terms[0]
        if coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1 and isinstance(monomial[0][0], Symbol):
            return monomial[0][0].name
    return None


def equal(a: Size, b: Size) -> bool | None:
    """True, False, or None where it can't be decided before the symbols are bound to sizes of 1 and more."""
    if a is b or a == b:
        return True
    if isinstance(a, int) and isinstance(b, int):
        return False
    terms = list(_terms(a - b))
    one_sign = all(c > 0 for _, c in terms) or all(c < 0 for _, c in terms)
    never_zero = all(isinstance(atom, Symbol) for monomial, _ in terms for atom, _ in monomial)
    return False if one_sign and never_zero else None


def at_most(a: Size, b: Size) -> bool | None:
    """Whether a <= b for all symbols from 0 up: True, False, or None where that depends on them."""
    room = b - a
    if not all(_never_negative(atom) for monomial, _ in _terms(room) for atom, _ in monomial):
        return None
    constant = sum(c for monomial, c in _terms(room) if not monomial)
    varying = [c for monomial, c in _terms(room) if monomial]
    if constant >= 0 and all(c > 0 for c in varying):
        return True
    return False if constant < 0 and all(c < 0 for c in varying) else None


def _never_negative(atom: Atom) -> bool:
    """Whether an atom is 0 or more, its symbols being that. (Divisors are positive, or there is no size.)"""
    if isinstance(atom, Symbol) or atom.op == "%":
        return True
    parts = (atom.numerator, atom.denominator) if atom.op == "min" else (atom.numerator,)
    return all(at_most(0, part) is True for part in parts)


def product(sizes: Iterable[Size]) -> Size:
    result: Size = 1
    for size in sizes:
        result = result * size
    return result


def symbols(size: Size) -> set[str]:
    """Names of all symbols in a size."""
    if isinstance(size, int):
        return set()
    found: set[str] = set()
    for monomial, _ in size.terms:
        for atom, _ in monomial:
            if isinstance(atom, Symbol):
                found.add(atom.name)
            else:
                found |= symbols(atom.numerator) | symbols(atom.denominator)
    return found


def substitute(size: Size, values: Mapping[str, Size]) -> Size:
    """The size with symbols replaced; symbols that are not in `values` stay."""
    if isinstance(size, int):
        return size
    total: Size = 0
    for monomial, coefficient in size.terms:
        term: Size = coefficient
        for atom, power in monomial:
            if isinstance(atom, Symbol):
                base = values.get(atom.name, symbol(atom.name))
            else:
                base = _divide(atom.op, substitute(atom.numerator, values), substitute(atom.denominator, values))
            for _ in range(power):
                term = term * base
        total = total + term
    return total


def solve(pattern: Size, actual: int, name: str) -> int | None:
    """The value of symbol `name` that makes `pattern` (linear in it, with no other symbol) equal `actual`."""
    at0, at1 = substitute(pattern, {name: 0}), substitute(pattern, {name: 1})
    if not isinstance(at0, int) or not isinstance(at1, int) or at1 == at0:
        return None
    if substitute(pattern, {name: 2}) != 2 * at1 - at0:
        return None
    value, rest = divmod(actual - at0, at1 - at0)
    return None if rest or value < 0 else value


def _terms(size: Size) -> Iterable[tuple[Monomial, int]]:
    return size.terms if isinstance(size, Poly) else (((), size),)


def _collect(terms: Iterable[tuple[Monomial, int]]) -> Size:
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
    kept = [(m, c) for m, c in total.items() if c]
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    if _parts_of(kept) > MAX_PARTS or max(abs(c) for _, c in kept).bit_length() > _MAX_BITS:
        raise TooComplex
    kept.sort(key=lambda term: (not term[0], [(str(a), p) for a, p in term[0]]))  # the constant comes last
    return Poly(tuple(kept))


def _parts(size: Size) -> int:
    return _parts_of(size.terms) if isinstance(size, Poly) else 0


def _parts_of(terms: Sequence[tuple[Monomial, int]]) -> int:
    powers = [(atom, power) for monomial, _ in terms for atom, power in monomial]
    return len(terms) + sum([power * (1 if isinstance(atom, Symbol) else atom.parts) for atom, power in powers])


def _times(a: Monomial, b: Monomial) -> Monomial:
    powers: dict[Atom, int] = dict(a)
    for atom, power in b:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(powers.items(), key=lambda item: str(item[0])))


def _divide(op: str, a: Size, b: Size) -> Size:
    if op == "min":
        fits = at_most(a, b)
        return a if fits else b if fits is False or at_most(b, a) else Poly(((((Division(op, a, b), 1),), 1),))
    if isinstance(a, int) and isinstance(b, int):
        return -(-a // b) if op == "ceil_div" else a // b if op == "//" else a % b
    exact = _exact_quotient(a, b)
    if exact is not None:
        return 0 if op == "%" else exact
    if isinstance(b, int):
        whole, a = _whole_part(a, b)
        if whole != 0:
            return _divide(op, a, b) + (0 if op == "%" else whole)
    return Poly((((((Division(op, a, b)), 1),), 1),))


def _whole_part(a: Size, b: int) -> tuple[Size, Size]:
    """q and r with a = q * b + r, q having all terms that b divides: (6 * n + m) // 2 is 3 * n + m // 2."""
    whole, rest = [], []
    for monomial, coefficient in _terms(a):
        if monomial and coefficient % b:
            rest.append((monomial, coefficient))
        else:
            whole.append((monomial, coefficient // b))
            rest.append((monomial, coefficient % b))
    return _collect(whole), _collect(rest)


def _exact_quotient(a: Size, b: Size) -> Size | None:
    """a / b where b is a single term that divides every term of a."""
    if b == 0 or (isinstance(b, Poly) and len(b.terms) != 1):
        return 1 if a == b and b != 0 else None
    ((divisor, factor),) = _terms(b)
    quotient = []
    for monomial, coefficient in _terms(a):
        powers = dict(monomial)
        for atom, power in divisor:
            powers[atom] = powers.get(atom, 0) - power
        if coefficient % factor or any(p < 0 for p in powers.values()):
            return None
        quotient.append((tuple((atom, p) for atom, p in powers.items() if p), coefficient // factor))
    return _collect(quotient)


def _factor(size: Size) -> str:
    text = str(size)
    return f"({text})" if " " in text else text
