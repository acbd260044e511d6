"""The commands of the prompt: `:name argument`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from gdl.columns import counted
from gdl.errors import GdlError
from gdl.errors import prompt as errors
from gdl.interactive.answers import Answer, Curve, Ended, Table, Text
from gdl.interactive.describing import describe_value
from gdl.interactive.inspecting import gradients, graph, picture, summary, trace, why
from gdl.interactive.reading import Command
from gdl.lang.values import is_static
from gdl.syntax import ast
from gdl.train import checkpoint
from gdl.train.atomic import write_atomically

if TYPE_CHECKING:
    from gdl.interactive.session import Interactive

Run = Callable[["Interactive", Command], Iterator[Answer]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: how it is written, what it does."""

    name: str
    usage: str
    doc: str
    run: Run


COMMANDS: dict[str, Entry] = {}


def _command(usage: str, doc: str) -> Callable[[Run], Run]:
    def register(run: Run) -> Run:
        name = usage.split()[0].removeprefix(":")
        COMMANDS[name] = Entry(name, usage, doc, run)
        return run

    return register


def run_command(session: Interactive, given: Command) -> Iterator[Answer]:
    """Runs a command. Errors: GdlError."""
    entry = COMMANDS.get(given.name)
    if entry is None:
        raise GdlError(errors.unknown_command(given.name_span, given.name, COMMANDS))
    yield from entry.run(session, given)


def describe_command(name: str) -> Iterator[Answer]:
    """What `:help` says of one command, or of all."""
    entry = COMMANDS.get(name.removeprefix(":"))
    if entry is not None:
        yield Text((f"{entry.usage}    {entry.doc}",))
    else:
        yield from _help_all()


def _help_all() -> Iterator[Answer]:
    yield Text((
        "An expression shows its value; `name = expr`, `variable`, `net`, `layer` and all else of the language define.",
        "w := expr assigns to a variable. _ is the last value. A trailing ; mutes. ?name tells of anything by name.",
        "",
    ))  # fmt: skip
    yield Table(("", ""), tuple([(entry.usage, entry.doc) for entry in COMMANDS.values()]))


def _wrong(given: Command, why: str) -> GdlError:
    return GdlError(errors.wrong_argument(given.span, COMMANDS[given.name].usage, why))


def _expression(given: Command) -> ast.Expr:
    """The argument as an expression. Errors: GdlError."""
    if not given.argument:
        raise _wrong(given, f"`:{given.name}` needs an expression")
    expr, wrong = given.expression()
    if wrong or expr is None:
        raise GdlError(*wrong)
    return expr


def _nothing(given: Command) -> None:
    if given.argument:
        raise _wrong(given, f"`:{given.name}` takes no argument")


# ---- help, files -------------------------------------------------------------------------------------------------


@_command(":help [command]", "what can be typed here")
def _help(session: Interactive, given: Command) -> Iterator[Answer]:
    if given.argument and given.argument.removeprefix(":") not in COMMANDS:
        yield from session.documentation(given.argument)
    else:
        yield from describe_command(given.argument)


@_command(":load FILE", "the program of a file, instead of what is defined")
def _load(session: Interactive, given: Command) -> Iterator[Answer]:
    if not given.argument:
        raise _wrong(given, "`:load` needs a file")
    yield from session.load(Path(given.argument.strip('"')))


@_command(":reload", "the file again; weights of unchanged path and type are kept")
def _reload(session: Interactive, given: Command) -> Iterator[Answer]:
    _nothing(given)
    if session.file is None:
        raise _wrong(given, "no file was loaded; :load FILE does that")
    yield from session.load(session.file)


@_command(":save FILE", "weights (.safetensors) or the definitions as a program (.gdl)")
def _save(session: Interactive, given: Command) -> Iterator[Answer]:
    path = Path(given.argument.strip('"'))
    if path.suffix == ".gdl":
        try:
            write_atomically(path, [session.text().encode()])
        except OSError as error:
            raise _wrong(given, f"{path} can't be written: {error.strerror}") from None
        yield Text((f"{counted(len(session.ledger), 'definition')} written to {path}",))
    elif path.suffix == ".safetensors":
        session.machine.sync(session.live.cx.variables)
        digest = checkpoint.save(path, session.machine.state, {"program": "session", "seed": session.machine.seed})
        yield Text((f"{counted(len(session.machine.state), 'tensor')} written to {path}, sha256 {digest}",))
    else:
        raise _wrong(given, "the file's name ends in .safetensors or .gdl")


# ---- looking -----------------------------------------------------------------------------------------------------


@_command(":type e", "the type of an expression, nothing computed")
def _type(session: Interactive, given: Command) -> Iterator[Answer]:
    value = session.evaluate(_expression(given))
    parts = value if isinstance(value, tuple) and not is_static(value) else (value,)
    yield Text(tuple([describe_value(part) for part in parts]))


@_command(":why name", "what a name rests on, and where each size comes from")
def _why(session: Interactive, given: Command) -> Iterator[Answer]:
    yield from why(session, _expression(given))


@_command(":grad loss", "the gradient of a scalar at every variable, as a table")
def _grad(session: Interactive, given: Command) -> Iterator[Answer]:
    yield from gradients(session, _expression(given))


@_command(":trace e", "every value that feeds e, in order; finds the first nan or inf")
def _trace(session: Interactive, given: Command) -> Iterator[Answer]:
    yield from trace(session, _expression(given))


@_command(":graph e", "the graph of an expression")
def _graph(session: Interactive, given: Command) -> Iterator[Answer]:
    yield from graph(session, _expression(given))


@_command(":summary [e]", "the variables; of an expression its layers, shapes and operations")
def _summary(session: Interactive, given: Command) -> Iterator[Answer]:
    yield from summary(session, _expression(given) if given.argument else None)


@_command(":show image", "pictures, drawn in the terminal")
def _show(session: Interactive, given: Command) -> Iterator[Answer]:
    yield from picture(session, _expression(given))


@_command(":time e", "how long an expression takes")
def _time(session: Interactive, given: Command) -> Iterator[Answer]:
    expr = _expression(given)
    value = session.evaluate(expr)
    if not hasattr(value, "op"):
        raise _wrong(given, "only a tensor takes time to compute")
    began = perf_counter()
    runner = session.prepare([value], expr.span)
    session.machine.run(runner, session.fed)
    first, times = perf_counter() - began, []
    while len(times) < 5 or (sum(times) < 0.2 and len(times) < 1000):
        began = perf_counter()
        session.machine.run(runner, session.fed)
        times.append(perf_counter() - began)
    median = float(np.median(times))
    yield Text((f"{_seconds(median)}, the median of {len(times)} runs; {_seconds(first)} with preparing",))


def _seconds(seconds: float) -> str:
    unit, factor = next((u, f) for u, f in (("s", 1.0), ("ms", 1e3), ("us", 1e6)) if seconds * f >= 1 or u == "us")
    return f"{seconds * factor:.3g} {unit}"


# ---- feeding and training ----------------------------------------------------------------------------------------


@_command(":feed x = e", "what a placeholder stands for; `:feed test 8`: as the block test feeds it, 8 records")
def _feed(session: Interactive, given: Command) -> Iterator[Answer]:
    match = re.match(r"(\w+)\s*=(?!=)\s*", given.source.text[given.at :])
    if not match:
        if given.argument:
            yield from session.feed_as(*_block(session, given), given.span)
            return
        rows = [(name, session.live.cx.placeholders[name].type, "x".join(map(str, a.shape)) or "scalar")
                for name, a in session.fed.items() if name in session.live.cx.placeholders]  # fmt: skip
        yield Table(("placeholder", "type", "fed"), tuple(rows))
        return
    expr, wrong = given.expression(given.at + match.end())
    if wrong or expr is None:
        raise GdlError(*wrong)
    yield from session.feed(match[1], given.span._replace(end=given.at + len(match[1])), expr)


def _block(session: Interactive, given: Command) -> tuple[ast.Train | ast.Eval, int | None]:
    """The block that `:feed` names, and the number of records. `train` is the train block without a name."""
    match = re.fullmatch(r"(\w+)(?:\s+(0*[1-9]\d{0,8}))?", given.argument)
    if not match:
        raise _wrong(given, "`:feed` takes a placeholder and a value, or a block and a number of records")
    blocks = {e.item.name or "train": e.item for e in session.ledger if isinstance(e.item, (ast.Train, ast.Eval))}
    if match[1] not in blocks:
        known = f"; there are: {', '.join(blocks)}" if blocks else ""
        raise _wrong(given, f"there is no train or eval block `{match[1]}`{known}")
    return blocks[match[1]], int(match[2]) if match[2] else None


@_command(":train [n epochs|steps]", "the train blocks, then the evals; Ctrl-C stops after a step")
def _train(session: Interactive, given: Command) -> Iterator[Answer]:
    if not given.argument:
        yield from session.trainer.train(given.span)
        return
    match = re.fullmatch(r"(\d+)\s+(epoch|step)s?", given.argument)
    if not match:
        raise _wrong(given, "`:train` takes a number of epochs or steps")
    yield from session.trainer.train(given.span, match[2] + "s", int(match[1]))


@_command(":step [n]", "one training step, or n")
def _step(session: Interactive, given: Command) -> Iterator[Answer]:
    if not re.fullmatch(r"\d{0,9}", given.argument) or given.argument == "0":
        raise _wrong(given, "`:step` takes a number of steps")
    yield from session.trainer.step(given.span, int(given.argument or 1))


@_command(":eval [name]", "the eval blocks")
def _eval(session: Interactive, given: Command) -> Iterator[Answer]:
    yield from session.trainer.evaluate(given.span, given.argument)


@_command(":plot [name]", "how a reported value went, as a curve")
def _plot(session: Interactive, given: Command) -> Iterator[Answer]:
    history = session.trainer.history
    if not history:
        raise _wrong(given, "nothing was reported yet; :step and :train do that")
    name = given.argument or next(iter(history))
    ending = [each for each in history if each.endswith(f" {name}")]
    if name not in history and len(ending) == 1:  # `accuracy`, where only the eval `test` reports one
        (name,) = ending
    if name not in history:
        raise _wrong(given, f"`{name}` was not reported; these were: {', '.join(history)}")
    yield Curve(name, tuple([(step, value) for step, value in history[name] if math.isfinite(value)]))


# ---- settings ----------------------------------------------------------------------------------------------------


@_command(":mode [train|eval]", "what `training` is in expressions")
def _mode(session: Interactive, given: Command) -> Iterator[Answer]:
    if given.argument not in ("", "train", "eval"):
        raise _wrong(given, "the mode is train or eval")
    if given.argument:
        session.set_mode(given.argument == "train")
    yield Text((f"mode {'train' if session.training else 'eval'}",))


@_command(":seed [n]", "the seed of first values and draws; :reset begins anew with it")
def _seed(session: Interactive, given: Command) -> Iterator[Answer]:
    if not re.fullmatch(r"\d{0,18}", given.argument):
        raise _wrong(given, "a seed is a whole number, 0 or more")
    if given.argument:
        session.machine.seed, session.machine.tick = int(given.argument), 0
        session.trainer.forget()
    yield Text((f"seed {session.machine.seed}",))


@_command(":set [hyper = value]", "a hyper, and all that rests on it")
def _set(session: Interactive, given: Command) -> Iterator[Answer]:
    known = session.live.cx.hypers
    match = re.match(r"(\w+)\s*=(?!=)\s*", given.source.text[given.at :])
    if not match:
        if given.argument:
            raise _wrong(given, "`:set` takes a hyper and a value")
        yield Table(("hyper", "value", "default"), tuple([(n, h.value, h.default) for n, h in known.items()]))
        return
    if match[1] not in known:
        raise _wrong(given, f"there is no hyper `{match[1]}`; there are: {', '.join(known) or 'none'}")
    expr, wrong = given.expression(given.at + match.end())
    if wrong or expr is None:
        raise GdlError(*wrong)
    value = session.evaluate(expr)
    if not isinstance(value, (bool, int, float, str)):
        raise _wrong(given, f"a hyper takes a plain value, not {describe_value(value)}")
    yield from session.set_hyper(match[1], value)


@_command(":reset [all]", "first values for all variables; `all` forgets the definitions too")
def _reset(session: Interactive, given: Command) -> Iterator[Answer]:
    if given.argument not in ("", "all"):
        raise _wrong(given, "`:reset` takes nothing, or `all`")
    session.machine.reset()
    if given.argument:
        session.clear()
    session.trainer = type(session.trainer)(session)
    yield Text(("everything is forgotten" if given.argument else "all variables have their first values",))


@_command(":quit", "the end, as Ctrl-D")
def _quit(session: Interactive, given: Command) -> Iterator[Answer]:
    _nothing(given)
    yield Ended()
