"""Texts changed a little: what a slip of the hand, a bad merge, a wrong encoding or malice would make of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from tests.fuzz import corpus, words

_NUMBER = re.compile(r"\b\d+(?:\.\d+)?(?:e-?\d+)?\b")
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")
_DTYPE = re.compile(r"\b(?:f32|f64|i32|i64|u8|bool)\b")
_AROUND = (
    ("(", ")"), ("[", "]"), ("-", ""), ("not ", ""), ("mean(", ")"), ("(1, ", ")"), ("", "[0]"), ("", ".x"),
    ("", "(1)"), ("", " + 1"), ("", " |> exp"),
)  # fmt: skip
_EXPRESSION = re.compile(r"(?<== )[^={}\n]+|\b\w+\b")

Mutation = Callable[[Random, str], str]


def mutate(random: Random, text: str, others: tuple[str, ...]) -> str:
    """The text after one to five mutations: mostly one, for what fails early hides what comes later."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5))):
        if random.random() < 0.08:
            text = _splice(random, text, random.choice(others))
        else:
            text = random.choice(_WEIGHTED)(random, text)
    return text


# ---- tokens ------------------------------------------------------------------------------------------------------


def _delete_tokens(random: Random, text: str) -> str:
    parts = corpus.split(text)
    at = random.randrange(len(parts) + 1)
    return "".join(parts[:at] + parts[at + random.choice((1, 1, 2, 3)) :])


def _duplicate_tokens(random: Random, text: str) -> str:
    parts = corpus.split(text)
    at, count = random.randrange(len(parts) + 1), random.choice((1, 1, 2, 5))
    return "".join(parts[: at + count] + parts[at:])


def _swap_tokens(random: Random, text: str) -> str:
    parts = corpus.split(text)
    solid = [i for i, part in enumerate(parts) if not part.isspace()]
    if len(solid) > 1:
        i = random.randrange(len(solid) - 1)
        j = random.choice((i + 1, random.randrange(len(solid))))
        parts[solid[i]], parts[solid[j]] = parts[solid[j]], parts[solid[i]]
    return "".join(parts)


def _replace_token(random: Random, text: str) -> str:
    parts = corpus.split(text)
    solid = [i for i, part in enumerate(parts) if not part.isspace()]
    if solid:
        parts[random.choice(solid)] = random.choice(corpus.tokens())
    return "".join(parts)


def _insert_token(random: Random, text: str) -> str:
    parts = corpus.split(text)
    parts.insert(random.randrange(len(parts) + 1), f" {random.choice(corpus.tokens())} ")
    return "".join(parts)


# ---- what has a meaning ------------------------------------------------------------------------------------------


def _put(random: Random, text: str, pattern: re.Pattern[str], new: Callable[[str], str]) -> str:
    """One match of the pattern replaced."""
    found = list(pattern.finditer(text))
    if not found:
        return text
    match = random.choice(found)
    return text[: match.start()] + new(match.group()) + text[match.end() :]


def _change_number(random: Random, text: str) -> str:
    def other(old: str) -> str:
        return random.choice((random.choice(words.NUMBERS), f"{old}0", f"-{old}", f"{old}.5"))

    return _put(random, text, _NUMBER, other)


def _change_dtype(random: Random, text: str) -> str:
    return _put(random, text, _DTYPE, lambda _: random.choice(words.DTYPES))


def _change_name(random: Random, text: str) -> str:
    own = _WORD.findall(text)

    def other(old: str) -> str:
        return random.choice((*words.NAMES, old + "_", old[:-1], *(random.choice(own),) * 30))

    return _put(random, text, _WORD, other)


def _rename_everywhere(random: Random, text: str) -> str:
    own = _WORD.findall(text)
    if not own:
        return text
    new = random.choice((random.choice(own), random.choice(words.NAMES)))
    return re.sub(rf"\b{random.choice(own)}\b", new, text)


def _wrap_expression(random: Random, text: str) -> str:
    shape = random.choice(words.SHAPES_OF_EXPRESSIONS)
    return _put(random, text, _EXPRESSION, lambda old: shape.replace("{}", old.strip()))


def _index_expression(random: Random, text: str) -> str:
    return _put(random, text, _WORD, lambda old: old + random.choice(words.INDICES))


def _nest(random: Random, text: str) -> str:
    """One expression in many brackets, signs or calls: around the limit of nesting, or far beyond it."""
    depth = random.choice((3, 60, 199, 200, 201, 1000, 5000))
    left, right = random.choice(_AROUND)
    return _put(random, text, _EXPRESSION, lambda old: left * depth + old + right * depth)


# ---- lines and blocks --------------------------------------------------------------------------------------------


def _move_line(random: Random, text: str) -> str:
    lines = text.split("\n")
    line = lines.pop(random.randrange(len(lines)))
    lines.insert(random.randrange(len(lines) + 1), line)
    return "\n".join(lines)


def _delete_line(random: Random, text: str) -> str:
    lines = text.split("\n")
    at = random.randrange(len(lines))
    return "\n".join(lines[:at] + lines[at + random.choice((1, 1, 3)) :])


def _repeat_lines(random: Random, text: str) -> str:
    lines = text.split("\n")
    at, count = random.randrange(len(lines)), random.choice((1, 1, 3, 10))
    times = random.choice((1, 1, 2, 30))
    return "\n".join(lines[:at] + lines[at : at + count] * times + lines[at:])


def _splice(random: Random, text: str, other: str) -> str:
    """Lines of another program in the middle of this one, or one's head with the other's tail."""
    lines, foreign = text.split("\n"), other.split("\n")
    at, start = random.randrange(len(lines) + 1), random.randrange(len(foreign))
    if random.random() < 0.5:
        return "\n".join(lines[:at] + foreign[start:])
    return "\n".join(lines[:at] + foreign[start : start + random.choice((1, 2, 5, 10))] + lines[at:])


def _truncate(random: Random, text: str) -> str:
    return text[: random.randrange(len(text) + 1)] if random.random() < 0.8 else text[random.randrange(len(text) + 1) :]


# ---- characters --------------------------------------------------------------------------------------------------


def _insert_odd(random: Random, text: str) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + random.choice(words.ODD) * random.choice((1, 1, 1, 3, 300)) + text[at:]


def _any_character(random: Random, text: str) -> str:
    at, code = random.randrange(len(text) + 1), random.randrange(random.choice((128, 0x3000, 0x110000)))
    return text[:at] + chr(code) + text[at + 1 :]


def _flip_bytes(random: Random, text: str) -> str:
    content = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(random.choice((1, 2, 8)) if content else 0):
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return content.decode("utf-8", random.choice(("replace", "surrogateescape", "ignore")))


def _line_ends(random: Random, text: str) -> str:
    return text.replace("\n", random.choice(("\r\n", "\r", "\n\n", ";", " ", "\n\t", "\u2028", "\x0b\n")))


_WEIGHTED: tuple[Mutation, ...] = (
    *(_delete_tokens, _duplicate_tokens, _swap_tokens, _replace_token, _insert_token) * 3,
    *(_change_number, _change_name, _wrap_expression) * 6,
    *(_change_dtype, _rename_everywhere, _index_expression) * 3,
    *(_move_line, _delete_line, _repeat_lines) * 2,
    *(_nest, _truncate, _insert_odd, _any_character, _flip_bytes, _line_ends),
)
