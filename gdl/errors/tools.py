"""Commands that tell about programs, `gdl summary`, `doc`, `graph` and `diff`: E0950 to E0959."""

from __future__ import annotations

from collections.abc import Iterable

from gdl.diagnostics import Diagnostic
from gdl.errors import UsageError
from gdl.errors.names import closest


def not_a_size(text: str) -> UsageError:
    message = f"`--size {text}` binds no size"
    return UsageError(Diagnostic("E0950", message, helps=("write --size name=number, the number being 1 or more",)))


def nothing_told(name: str, where: str, known: Iterable[str]) -> UsageError:
    """`gdl doc NAME` with a name that nothing has."""
    similar = closest(name, known)
    help = f"did you mean `{similar}`?" if similar else f"gdl doc --search {name.partition(' ')[0]} looks in all texts"
    return UsageError(Diagnostic("E0951", f"{where} has no `{name}`", helps=(help,)))


def nothing_found(words: str, where: str) -> UsageError:
    message = f"nothing in {where} mentions `{words}`"
    return UsageError(Diagnostic("E0952", message, helps=("gdl doc lists everything",)))


def nothing_trained(name: str) -> UsageError:
    help = "name a value that variables lead to"
    return UsageError(Diagnostic("E0953", f"`{name}` rests on no trained variable", helps=(help,)))


def nothing_minimized(program: object, names: Iterable[str]) -> UsageError:
    message = f"{program} minimizes no value that has a name"
    help = f"say what to differentiate: --of {next(iter(names), 'NAME')}"
    return UsageError(Diagnostic("E0954", message, helps=(help,)))


def page_without_file() -> UsageError:
    return UsageError(Diagnostic("E0955", "a page goes into a file", helps=("name it: -o graph.html",)))


def extra_missing(what: str, extra: str) -> UsageError:
    """What an optional extra is needed for."""
    help = f"pip install 'gdl[{extra}]'"
    return UsageError(Diagnostic("E0956", f"{what} needs the extra `{extra}`, which is not installed", helps=(help,)))


def not_writable(path: object, why: str) -> UsageError:
    help = "name another place with -o"
    return UsageError(Diagnostic("E0957", f"{path} can't be written: {why}", helps=(help,)))
