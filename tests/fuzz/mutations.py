"""Texts changed a little: what a slip of the hand, a bad merge, a wrong encoding or malice would make of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from tests.fuzz import corpus

#: Numbers at which arithmetic, memory or loops have an edge.
NUMBERS = (
    "0", "1", "2", "3", "7", "-1", "-2", "16", "17", "255", "256", "1000", "65536", "1000000", "2147483647", "2147483648",
    "4294967296", "9223372036854775807", "9223372036854775808", "1000000000000", "10**9", "2**62", "2**10**9", "9" * 400,
    "0.0", "0.5", "1.0", "-0.0", "1e-400", "1e308", "1e309", "1e400", "1.5e-7", "(1/0)", "(-8)**0.5", "true", "none", '""',
    "[]", "()", "[0]", "[1, 2]", "[[1], [2, 3]]", "-1e308*10", "batch", "len", "x", "(3,)", '"f32"', '"abc"', "[true]",
)  # fmt: skip
_DTYPES = ("f32", "f64", "i32", "i64", "u8", "bool", "f", "n", "i", "t", "float", "f16", "")
_NAMES = (
    "batch", "axis", "over", "training", "x", "y", "loss", "lr", "stop_gradient", "grad", "vjp", "jvp", "vars", "shape",
    "key", "dtype", "none", "Dense", "Conv", "Adam", "Sgd", "normal", "dropout", "scan", "self", "test", "data", "along", "row",
    "carry", "next", "yield", "feed", "from", "import", "as", "nn", "digits", "spiral", "chars", "csv", "npz", "arrays", "freeze",
)  # fmt: skip
_ODD = (
    "\0", "\r\n", "\r", "\t", "\ufeff", "\u202e", "\u2066", "\u200b", "\u2028", "\x85", "\x1b[31m", "\ud800", "\udfff", "\x7f",
    "\u0661", "\u00b2", "\u0301", "\U0001f600", "\u00e9", "\u00df", "\uff11", "\u3000", "\u00a0", "\x0b", "\x0c", "\\", "'", '"', "`",
    "/*", "*/", "//", "#", "##", '"""', "$", "?", "@", "^", "~", "&&", "||", "!", ":=", "=>", "...", "..", "|>", "->", "~=",
    "\u2212", "\u00d7", "\u2264", ";", "{", "}", "(", ")", "[", "]", ",", ":", "=", ".", "-", "*", "**",
)  # fmt: skip
_SLICES = ("[0]", "[-1]", "[:, 0]", "[...]", "[::2]", "[::-1]", "[1:0]", "[:, :, :]", "[10**9]", "[x]", "[0:batch]", "[::0]", "[true]")
_CALLS = (
    "grad(mean({}), {})", "mean({})", "sum({}, axis=0)", "{} |> Dense(3)", "{}()", "{}.shape", "f32({})", "-{}", "not {}", "{} ** {}",
    "reshape({}, [-1])", "expand({}, axis=-1)", "{} @ {}", "[{}, {}]", "*{}", "({})", "{}, {}", "jvp({}, {}, {})", "len({})",
    "{} |> d: Dense(2)", "concat([{}, {}])", "einsum(\"a b, b c -> a c\", {}, {})", "one_hot({}, 3)", "sort({})", "scan z in {} along t carry h = {} {{ next h = h }}",
    "vars({})", "dropout({}, 0.5)", "{} if {} else {}",
)  # fmt: skip
_NUMBER = re.compile(r"\b\d+(?:\.\d+)?(?:e-?\d+)?\b")
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")
_DTYPE = re.compile(r"\b(?:f32|f64|i32|i64|u8|bool)\b")
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
    return _put(random, text, _NUMBER, lambda old: random.choice((random.choice(NUMBERS), f"{old}0", f"-{old}", f"{old}.5")))


def _change_dtype(random: Random, text: str) -> str:
    return _put(random, text, _DTYPE, lambda _: random.choice(_DTYPES))


def _change_name(random: Random, text: str) -> str:
    words = _WORD.findall(text)
    return _put(random, text, _WORD, lambda old: random.choice((*_NAMES, old + "_", old[:-1], *(random.choice(words),) * 30)))


def _rename_everywhere(random: Random, text: str) -> str:
    words = _WORD.findall(text)
    if not words:
        return text
    new = random.choice((random.choice(words), random.choice(_NAMES)))
    return re.sub(rf"\b{random.choice(words)}\b", new, text)


def _wrap_expression(random: Random, text: str) -> str:
    shape = random.choice(_CALLS)
    return _put(random, text, _EXPRESSION, lambda old: shape.replace("{}", old.strip()).replace("{{", "{").replace("}}", "}"))


def _index_expression(random: Random, text: str) -> str:
    return _put(random, text, _WORD, lambda old: old + random.choice(_SLICES))


def _nest(random: Random, text: str) -> str:
    """One expression in many brackets, signs or calls: around the limit of nesting, or far beyond it."""
    depth = random.choice((3, 60, 199, 200, 201, 1000, 5000))
    left, right = random.choice((("(", ")"), ("[", "]"), ("-", ""), ("not ", ""), ("mean(", ")"), ("(1, ", ")"), ("", "[0]"), ("", ".x"), ("", "(1)"), ("", " + 1"), ("", " |> exp")))  # fmt: skip
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
    return text[:at] + random.choice(_ODD) * random.choice((1, 1, 1, 3, 300)) + text[at:]


def _any_character(random: Random, text: str) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + chr(random.choice((random.randrange(128), random.randrange(0x3000), random.randrange(0x110000)))) + text[at + 1 :]


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
