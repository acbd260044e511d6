"""Items accepted into a session: what they replace, what rests on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gdl.interactive.answers import Answer, Bound, Said, Tested
from gdl.interactive.describing import describe_item
from gdl.interactive.ledger import Entry, entry_of
from gdl.syntax import ast

if TYPE_CHECKING:
    from gdl.interactive.session import Interactive


def define(session: Interactive, item: ast.Item) -> Iterator[Answer]:
    """Accepts an item: it replaces what declared its names before, and what rests on them is updated."""
    entry = entry_of(item)
    if entry.names and " " in entry.names[0]:
        yield from _define_block(session, entry)
        return
    before = session.live.snapshot()
    gone, rests, shadows = _affected(session, entry)
    session.live.forget([n for e in (*gone, *rests) for n in (*e.names, *e.labels)])
    said, labels = session.live.accept(item)
    if any(d.is_error for d in said):
        session.live.restore(before)
        yield Said(tuple(session.explained(said, entry.uses)))
        return
    entry.labels = tuple([name for name in labels if name not in entry.names])
    for e in gone:
        session.ledger.remove(e)
    session.ledger.add(entry)
    if not shadows:
        session.machine.renew((*entry.names, *entry.labels, *[n for e in gone for n in e.labels]))
    updated, wrong = _update(session, rests)
    session.trainer.forget()
    if said:
        yield Said(tuple(said))
    yield from _bound(session, entry, updated, wrong)


def _affected(session: Interactive, entry: Entry) -> tuple[list[Entry], list[Entry], bool]:
    """What an entry replaces, what rests on its names, and whether it shadows, which replaces nothing: `h = h |> relu`.

    What a binding itself uses can't be updated by it: then it shadows a name for what comes later.
    """
    old = list(dict.fromkeys([e for name in entry.names for e in session.ledger.owners(name)]))
    rests = [e for e in session.ledger.dependents(entry.names) if e not in old]
    is_binding = isinstance(entry.item, ast.Bind)
    uses_rests = is_binding and any(entry.uses & {*e.names, *e.labels} for e in rests)
    shadows = uses_rests or (is_binding and bool(entry.uses & set(entry.names)))
    gone = [] if shadows else [e for e in old if set(e.names) <= set(entry.names)]
    if uses_rests:
        return gone, [], shadows
    return gone, rests if old else [e for e in rests if e.wrong], shadows


def _update(session: Interactive, entries: Sequence[Entry]) -> tuple[list[str], list[str]]:
    """Checks again what rests on something new: what holds, and what does not any more."""
    updated, wrong = [], []
    for entry in entries:
        if entry.names and " " in entry.names[0]:
            continue  # blocks are checked when they run
        said, labels = session.live.accept(entry.item)
        errors_ = tuple([d for d in said if d.is_error])
        session.ledger.remove(entry)
        entry.wrong = errors_
        entry.labels = entry.labels if errors_ else tuple([name for name in labels if name not in entry.names])
        session.ledger.add(entry)
        (wrong if errors_ else updated).append(entry.shown)
    return updated, wrong


def _bound(session: Interactive, entry: Entry, updated: Sequence[str], wrong: Sequence[str]) -> Iterator[Answer]:
    names = entry.names or (("",) if updated or wrong else ())
    for name in names:
        is_last = name == names[-1]
        what = describe_item(entry.item, name, session.live.names.get(name))
        news = (tuple(dict.fromkeys(updated)), tuple(dict.fromkeys(wrong))) if is_last else ((), ())
        yield Bound(name, what, *news)


def _define_block(session: Interactive, entry: Entry) -> Iterator[Answer]:
    """A train, eval or test block: checked with all that it needs; a test runs at once."""
    old = session.ledger.owners(entry.names[0])
    for e in old:
        session.ledger.remove(e)
    session.ledger.add(entry)
    session.trainer.forget()
    program, said = session.trainer.check()
    if program is None:
        session.ledger.remove(entry)
        for e in old:
            session.ledger.add(e)
        session.trainer.forget()
        yield Said(tuple(said))
        return
    if said:
        yield Said(tuple(said))
    if isinstance(entry.item, ast.Test):
        yield from [Tested(result.name, result.failures) for result in session.trainer.test(entry.item.name)]
    else:
        yield Bound(entry.names[0].strip(), describe_item(entry.item, entry.names[0], None))


def define_all(session: Interactive, items: Sequence[ast.Item]) -> Iterator[Said]:
    """Defines what a file holds, in its order; plain bindings may shadow each other there."""
    blocks = [i for i in items if isinstance(i, (ast.Train, ast.Eval, ast.Test, ast.Load))]
    for item in items:
        if item not in blocks:
            said, labels = session.live.accept(item)
            entry = entry_of(item)
            entry.labels = tuple([name for name in labels if name not in entry.names])
            session.ledger.add(entry)
            if said:
                yield Said(tuple(said))
    for item in blocks:
        if isinstance(item, ast.Load):
            yield from [a for a in session.trainer.load(item) if isinstance(a, Said)]
        else:
            session.ledger.add(entry_of(item))
    _, said = session.trainer.check()
    if said:
        yield Said(tuple(said))
