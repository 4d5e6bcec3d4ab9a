"""The command line: ``orchkit bench`` and the quick commands.

The answer goes to stdout, all else to stderr. Exit codes: 0 done, 1 some rows failed, 2 misuse,
130 interrupted.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from orchkit.errors import CallError, OrchkitError, ParameterError
from orchkit.ui import models
from orchkit.ui.commands_bench import bench_command
from orchkit.ui.commands_cache import cache_commands
from orchkit.ui.commands_costs import costs_commands
from orchkit.ui.commands_prompt import (
    answered,
    category_option,
    echo_result,
    prompt_text,
    tag_option,
)
from orchkit.ui.names import BUILT_IN
from orchkit.ui.selfcheck import selfcheck
from orchkit.ui.session import SESSION
from orchkit.ui.terminal import echo
from orchkit.ui.writing import ResultFile

#: What stands at the end of ``--help``.
EPILOG = """\b
Examples:
  orchkit --prompt "What is 2+2?"                          the answer, and who gave it on stderr
  git diff | orchkit --prompt - --system "Review this"     what is piped in is the prompt
  orchkit --prompt @ask.txt --strategy fallback --max-cost 0.01 --output result.json
  orchkit --prompt "Analyze logs" --json | jq -r .cost     the whole result
  orchkit bench mine.csv --out results                     compare strategies over a file
  orchkit costs report --by model                          what was spent

\b
Completion in the shell; put its line into ~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish:
  bash  eval "$(_ORCHKIT_COMPLETE=bash_source orchkit)"
  zsh   eval "$(_ORCHKIT_COMPLETE=zsh_source orchkit)"
  fish  _ORCHKIT_COMPLETE=fish_source orchkit | source
"""


class _Commands(click.Group):
    """Turns our errors, and files that cannot be used, into one line on stderr and exit code 2.

    A prompt that could not be answered is no misuse: 1.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OrchkitError as error:
            _end(ctx, str(error), 1 if isinstance(error, CallError) else 2)
        except KeyboardInterrupt:  # the run has told what it spent
            ctx.exit(130)
        except BrokenPipeError:  # click's to end, in silence
            raise
        except OSError as error:
            told = f"cannot use {error.filename or 'stdout'}: {error.strerror or error}"
            _end(ctx, f"{told}; name one that can be used, or mend that.", 2)


def _end(ctx: click.Context, told: str, code: int) -> NoReturn:
    echo(f"orchkit: {' '.join(told.split())}", err=True)
    ctx.exit(code)


def _strategies(_: click.Context, __: click.Parameter, typed: str) -> list[str]:
    """Return what the shell may complete a strategy's name to."""
    names = [*BUILT_IN]
    with suppress(OrchkitError):  # a broken catalog is told when the command runs
        names += SESSION.catalog().pool
    return [name for name in names if name.startswith(typed)]


@click.group(cls=_Commands, invoke_without_command=True, no_args_is_help=True, epilog=EPILOG)
@click.option("--list-models", is_flag=True, help="Show the models, their tiers and prices.")
@click.option(
    "--prompt",
    metavar="TEXT|-|@FILE",
    help="Answer one prompt: this text, standard input, or a file's text (UTF-8).",
)
@click.option(
    "--strategy",
    default="cheapest",
    show_default=True,
    metavar="NAME",
    help="cheapest, fallback, ensemble, agree, or a model's name.",
    shell_complete=_strategies,
)
@click.option(
    "--ensemble-size",
    type=int,
    default=3,
    show_default=True,
    metavar="N",
    help="How many models vote.",
)
@click.option(
    "--threshold",
    type=float,
    default=0.6,
    show_default=True,
    metavar="0…1",
    help="Fallback accepts at or above this confidence.",
)
@click.option("--chain", metavar="A,B,…", help="Models in the order fallback tries them.")
@click.option("--system", metavar="TEXT", help="System message.")
@click.option("--max-tokens", type=int, metavar="N", help="Longest answer; 1024 unless set.")
@click.option("--max-cost", type=float, metavar="USD", help="Hard limit for the prompt.")
@click.option("--budget", type=float, metavar="USD", help="Hard limit for the run.")
@category_option
@tag_option
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the result as JSON."
)
@click.option("--test", is_flag=True, help="Check what is installed: offline, in seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.version_option(package_name="orchkit")
@click.pass_context
def main(
    ctx: click.Context,
    /,
    list_models: bool,
    prompt: str | None,
    output: Path | None,
    as_json: bool,
    chain: str | None,
    test: bool,
    **settings: Any,
) -> None:
    """Route prompts over several language models, and measure how well each way does.

    The answer goes to stdout, all else to stderr. Ends with 0 when all is done, 1 when a prompt
    or a check failed, 2 when the command cannot be carried out as written, 130 when interrupted.
    """
    if ctx.invoked_subcommand is not None:
        return _refuse_beside(ctx)
    if test:
        _check(ctx, as_json)
    if list_models:
        _echo_models(as_json)
    elif prompt is None:
        raise ParameterError("there is nothing to do; give --prompt TEXT, or see orchkit --help.")
    if prompt is not None:
        file = None if output is None else ResultFile(output)
        names = None if chain is None else chain.split(",")
        result = answered(prompt_text(prompt), file, chain=names, **settings)
        echo_result(result, as_json)
        ctx.exit(1 if result.error else 0)
    return None


main.add_command(bench_command)
main.add_command(cache_commands)
main.add_command(costs_commands)


def _given(ctx: click.Context) -> list[str]:
    """Return the options on the command line, but for --json, which fits them all."""
    return [
        option.opts[0]
        for option in main.params
        if option.name != "as_json"
        and ctx.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    ]


def _check(ctx: click.Context, as_json: bool) -> NoReturn:
    """Print what each check of the self-check found, and end."""
    if beside := [name for name in _given(ctx) if name != "--test"]:
        raise ParameterError(f"--test stands alone; leave out {', '.join(beside)}.")
    verdicts = selfcheck()
    passed = all(verdict.passed for verdict in verdicts)
    if as_json:
        told = {"passed": passed, "checks": [asdict(verdict) for verdict in verdicts]}
        click.echo(json.dumps(told, indent=2))
    else:
        echo("\n".join(map(str, verdicts)))
    ctx.exit(0 if passed else 1)


def _refuse_beside(ctx: click.Context) -> None:
    """Refuse what belongs to one prompt in front of a command, where it would do nothing."""
    if given := _given(ctx):
        raise ParameterError(
            f"{', '.join(given)} cannot stand before {ctx.invoked_subcommand!r}: they answer one "
            f"prompt. See orchkit {ctx.invoked_subcommand} --help for what it takes."
        )


def _echo_models(as_json: bool) -> None:
    table = models.models()
    if as_json:
        click.echo(table.reset_index().to_json(orient="records", indent=2))
        return
    ends = table["ends"].fillna("").mask(table["retired"], "retired " + table["ends"])
    shown = table.assign(ends=ends)[
        ["provider", "tier", "input_price", "output_price", "best_for", "ends", "default"]
    ]
    told = "USD per million tokens; `default` models are asked unless you name others"
    click.echo(told, err=True)
    echo(shown.to_string(na_rep="unknown"))
