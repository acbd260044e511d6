"""The `gdl` command: finds the subcommand, and turns whatever goes wrong into words and an exit code."""

from __future__ import annotations

import importlib
import os
import platform
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import click

from gdl.errors import Exit, GdlError

#: name -> (module, what it does). A module is imported when its command is called: `gdl --help` must be quick.
COMMANDS = {
    "run": ("gdl.cli.run", "Check a program, train it, evaluate it."),
    "check": ("gdl.cli.check", "Check programs without running them."),
    "eval": ("gdl.cli.eval", "Run the eval blocks of a program or of a finished run."),
    "test": ("gdl.cli.test", "Run the tests inside programs."),
}
EXIT_CODES = """\b
Exit codes:
  0    all went well
  1    a test failed
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
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(COMMANDS[cmd_name][0]).command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(_unknown_command(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _unknown_command(name: str) -> str:
    from gdl.errors.names import closest

    if name.endswith(".gdl") or os.path.exists(name):
        return f"there is no command `{name}`. To run a program: gdl run {name}"
    similar = closest(name, COMMANDS)
    return f"there is no command `{name}`" + (f". Did you mean `{similar}`?" if similar else "")


def gdl_version() -> str:
    try:
        return version("gdl")
    except PackageNotFoundError:  # a checkout that is not installed
        return "0.1.0 (checkout)"


def _show_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"gdl {gdl_version()}")
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
    """Runs the command line; the exit code. Never raises for a user's mistake."""
    try:
        return int(gdl.main(argv, prog_name="gdl", standalone_mode=False) or Exit.OK)
    except GdlError as error:
        show_error(error)
        return error.exit
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`gdl run ... | head`). Nothing may be written any more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except Exception as error:
        _show_bug(error)
        return Exit.BUG


def show_error(error: GdlError) -> None:
    """The diagnostics of an error on standard error."""
    from gdl.cli.screen import show_diagnostics

    show_diagnostics(error.diagnostics)


def _show_bug(error: Exception) -> None:
    click.echo(f"This is a bug in GDL, not in your program: {type(error).__name__}: {error}", err=True)
    click.echo(
        "Please report it, with the program and this line: "
        f"gdl {gdl_version()}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        err=True,
    )
    if os.environ.get("GDL_DEBUG", "") not in ("", "0"):
        traceback.print_exception(error)
    else:
        click.echo("GDL_DEBUG=1 shows where it happened.", err=True)
