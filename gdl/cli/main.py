"""The `gdl` command: finds the subcommand and runs it.

`gdl --help` must be quick, so what a subcommand or a failure needs is imported when there is one.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from importlib import import_module

import click

from gdl import __version__

#: name -> (module, what it does)
COMMANDS = {
    "run": ("gdl.cli.run", "Check a program, train it, evaluate it."),
    "check": ("gdl.cli.check", "Check programs without running them."),
    "fmt": ("gdl.cli.fmt", "Bring programs into the one style."),
    "eval": ("gdl.cli.eval", "Run the eval blocks of a program or of a finished run."),
    "test": ("gdl.cli.test", "Run the tests inside programs."),
    "summary": ("gdl.cli.summary", "Layers, shapes, parameters, costs of a program."),
    "graph": ("gdl.cli.graph", "Draw a program's graph: DOT, Mermaid, or a page."),
    "diff": ("gdl.cli.diff", "What changed between programs, runs, checkpoints."),
    "explain": ("gdl.cli.explain", "What the code of an error means."),
    "doc": ("gdl.cli.doc", "What a name means: ops, the library, your own modules."),
    "repl": ("gdl.cli.repl", "A prompt: type expressions and see what they are."),
    "lsp": ("gdl.cli.lsp", "The language server, for editors."),
}
#: GDL's own threads share the work (gdl.runtime.blas). What is told so before it is loaded starts none that would idle,
#: and Accelerate listens at no other time.
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
EXIT_CODES = """\b
Exit codes:
  0    all went well
  1    a test failed; fmt --check found a file not in the style, diff a difference
  2    the command was wrong: an option, a setting, a file name
  3    the program is wrong
  4    data are missing or damaged
  5    a checkpoint is missing, damaged or does not fit
  6    running failed: a loss that is no number, a size that does not fit
  70   a bug in GDL
  130  interrupted (Ctrl-C); the run was saved
"""


class Commands(click.Group):
    """The subcommands, imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return import_module(COMMANDS[cmd_name][0]).command if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(_unknown_command(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _unknown_command(name: str) -> str:
    if name.endswith(".gdl") or os.path.exists(name):
        return f"there is no command `{name}`. To run a program: gdl run {name}"
    similar = import_module("gdl.errors.names").closest(name, COMMANDS)
    return f"there is no command `{name}`" + (f". Did you mean `{similar}`?" if similar else "")


def _show_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"gdl {__version__}")
        ctx.exit()


@click.command(cls=Commands, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version."
)
def gdl() -> None:
    """GDL, a small language for neural networks.

    A program is one page of text: data, model, loss, training. `gdl run examples/mnist.gdl` trains one.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; the exit code. A user's mistake is told, never raised."""
    for name in BLAS_THREADS:
        os.environ.setdefault(name, "1")
    try:
        return int(gdl.main(argv, prog_name="gdl", standalone_mode=False) or 0)
    except (Exception, KeyboardInterrupt) as error:
        return import_module("gdl.cli.failure").tell(error)
    finally:
        if argv is None:  # the process ends: there is no use in looking through all that is left for what to free
            gc.freeze()
