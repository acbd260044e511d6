"""`gdl graph`: a program's graph as a drawing: DOT, Mermaid, or a page to look around in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from re import DOTALL, findall

import click

from gdl.cli.options import FILE_PATH, data_option, program_options, set_option
from gdl.cli.screen import printable, show_diagnostics
from gdl.cli.settings import knobs, parse_settings
from gdl.errors import Exit
from gdl.errors import tools as errors
from gdl.resources import open_source
from gdl.session.checking import check_program
from gdl.session.drawing import Box, Drawing, Group, draw_program, folded, titled

_SUFFIXES = {".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".mermaid": "mermaid", ".html": "html", ".json": "json"}
_PAGE = Path(__file__).with_name("page")
_LAYOUT_PACKAGE, _LAYOUT_FOLDER = "xstatic-dagre", "xstatic/pkg/dagre/data"


@click.command("graph")
@click.argument("file", type=FILE_PATH)
@click.option("--of", metavar="NAME", help="Of this named value only, and what it needs.")
@click.option("--grad", is_flag=True, help="With its gradients at the trained variables [of what is minimized].")
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="Draw what lies N layers deep as one box.")
@click.option(
    "--format", "form", type=click.Choice(["dot", "mermaid", "html", "json"]), help="[by the name of -o, else dot]"
)
@click.option("-o", "--output", "out", type=FILE_PATH, metavar="OUT", help="Write to this file.")
@set_option
@data_option
def command(
    file: Path, of: str | None, grad: bool, depth: int | None, form: str | None, out: Path | None,
    settings: Sequence[str], data: Path | None,
) -> int:  # fmt: skip
    """Draw the graph of FILE: its layers, ops and variables with the shapes between them.

    html is one page that works anywhere: layers open and fold, a click shows the line that made a node. It needs the
    extra gdl[graph].
    """
    form = form or (_SUFFIXES.get(out.suffix.lower(), "dot") if out is not None else "dot")
    if form == "html" and out is None:
        raise errors.page_without_file()
    layout = layout_library() if form == "html" else ""  # before any work
    source = open_source(file)
    if out is not None and out.exists() and out.samefile(file):
        raise errors.not_writable(out, "it is the program itself")
    hypers = parse_settings(settings, knobs(source)) if settings else {}
    checked = check_program(source, program_options(data, file.parent), hypers)
    show_diagnostics(d for d in checked.diagnostics if not d.is_error)
    drawing = draw_program(checked.require(), of, grad)
    if depth is not None:
        drawing = folded(drawing, depth)
    drawers = {"dot": dot, "mermaid": mermaid, "json": as_json, "html": lambda drawing: page(drawing, layout)}
    text = drawers[form](drawing)
    if out is None:
        click.echo(printable(text), nl=False)
    else:
        _write(out, text)
    return Exit.OK


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise errors.not_writable(out, error.strerror or str(error)) from None


def as_json(drawing: Drawing) -> str:
    """The drawing in JSON's types."""
    return json.dumps(asdict(drawing), indent=1) + "\n"


# ---- text --------------------------------------------------------------------------------------------------------

_DOT_STYLES = {
    "input": 'fillcolor="#e2f5e6", color="#58a36a"',
    "variable": 'fillcolor="#fdf1d9", color="#d09a3a", style="filled,rounded"',
    "op": 'fillcolor="#eef3fd", color="#7d9bd6"', "output": 'fillcolor="#fbe7ee", color="#cc6d8d"',
    "group": 'fillcolor="#eef3fd", color="#7d9bd6", penwidth=2',
}  # fmt: skip
_DOT_GRADIENT = 'fillcolor="#fbe7ee", color="#cc6d8d"'


def dot(drawing: Drawing) -> str:
    """The drawing in Graphviz's language."""
    lines = [
        f"digraph {_quoted(drawing.title)} {{",
        "  newrank=true;",  # else edges between clusters may be too much for dot
        '  node [shape=box, style=filled, fontname="Helvetica", fontsize=11];',
        '  edge [fontname="Helvetica", fontsize=9, color="#667085"];',
        *_nested(drawing, "", _dot_box, _dot_group, "  "),
        *[f"  {arrow.tail} -> {arrow.head} [label={_quoted(arrow.label)}];" for arrow in drawing.arrows],
        "}",
    ]
    return "\n".join(lines) + "\n"


def _dot_box(box: Box) -> str:
    style = _DOT_GRADIENT if box.is_gradient else _DOT_STYLES[box.kind]
    return f"{box.id} [label={_quoted(_words(box))}, {style}];"


def _dot_group(group: Group) -> tuple[str, str]:
    return f"subgraph cluster_{group.id} {{ label={_quoted(titled(group))}; color=\"#98a2b3\";", "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def mermaid(drawing: Drawing) -> str:
    """The drawing as a Mermaid flowchart."""
    classes = [("input", "fill:#e2f5e6,stroke:#58a36a"), ("variable", "fill:#fdf1d9,stroke:#d09a3a"),
               ("gradient", "fill:#fbe7ee,stroke:#cc6d8d")]  # fmt: skip
    used = {box.id: "gradient" if box.is_gradient else box.kind for box in drawing.boxes}
    lines = [
        "flowchart TD",
        *_nested(drawing, "", _mermaid_box, _mermaid_group, "  "),
        *[f"  {arrow.tail} -->|{_entities(arrow.label)}| {arrow.head}" for arrow in drawing.arrows],
    ]
    for name, style in classes:
        ids = [id for id, kind in used.items() if kind == name]
        lines += [f"  classDef {name} {style}", f"  class {','.join(ids)} {name}"] if ids else []
    return "\n".join(lines) + "\n"


def _mermaid_box(box: Box) -> str:
    left, right = ("([", "])") if box.kind in ("input", "variable") else ("[", "]")
    return f"{box.id}{left}{_entities(_words(box))}{right}"


def _mermaid_group(group: Group) -> tuple[str, str]:
    return f"subgraph {group.id} [{_entities(titled(group))}]", "end"


def _entities(text: str) -> str:
    """In quotes, with Mermaid's own codes for what it would read."""
    for character in '#"<>`':
        text = text.replace(character, f"#{ord(character)};" if character != "#" else "#35;")
    return '"' + text.replace("\n", "<br>") + '"'


def _nested(drawing: Drawing, parent: str, draw_box, draw_group, indent: str) -> list[str]:  # type: ignore[no-untyped-def]
    lines = [indent + draw_box(box) for box in drawing.boxes if box.group == parent]
    for group in drawing.groups:
        if group.parent == parent:
            begin, end = draw_group(group)
            lines += [indent + begin, *_nested(drawing, group.id, draw_box, draw_group, indent + "  "), indent + end]
    return lines


def _words(box: Box) -> str:
    """What a box says: its name, its op, the arguments that are no boxes."""
    arguments = dict(box.details).get("arguments", "")
    second = " ".join(filter(None, [box.op if box.kind == "op" and box.op != box.label else "",
                                    f"({arguments})" if arguments else ""]))  # fmt: skip
    return f"{box.label}\n{second}" if second else box.label


# ---- the page ----------------------------------------------------------------------------------------------------


def layout_library() -> str:
    """The JavaScript of dagre with its authors' notices, from the package of the extra. Errors: UsageError without."""
    try:
        folder = distribution(_LAYOUT_PACKAGE).locate_file(_LAYOUT_FOLDER)
        script, whole = [Path(str(folder), name).read_text("utf-8") for name in ("dagre.min.js", "dagre.js")]
    except (PackageNotFoundError, OSError):
        raise errors.extra_missing("a page", "graph") from None
    notices = [notice for notice in findall(r"/\*.*?\*/", whole, DOTALL) if "Copyright" in notice]
    return "\n".join([*notices, script])


def page(drawing: Drawing, layout: str) -> str:
    """One page with the drawing, its sources and everything that shows them."""
    files = {name: (_PAGE / name).read_text("utf-8") for name in ("page.html", "page.css", "layout.js", "page.js")}
    parts = {
        "title": escape(drawing.title), "style": files["page.css"],
        "drawing": json.dumps(asdict(drawing)).replace("<", "\\u003c"),
        "layout": layout.replace("</script", "<\\/script"), "script": files["layout.js"] + files["page.js"],
    }  # fmt: skip
    made = files["page.html"]
    pieces = []
    for name in ("title", "style", "title", "drawing", "layout", "script"):  # in order: a part may hold braces itself
        before, made = made.split(f"{{{name}}}", 1)
        pieces += [before, parts[name]]
    return "".join([*pieces, made])
