"""The command line: ``orchkit bench`` and the quick commands.

The answer goes to stdout, all else to stderr. Exit codes: 0 done, 1 some rows failed, 2 misuse.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from orchkit.errors import BudgetExceeded, CallError, OrchkitError, ParameterError
from orchkit.lab import frames
from orchkit.ui import models, verbs
from orchkit.ui.commands_bench import bench_command
from orchkit.ui.commands_cache import cache_commands
from orchkit.ui.commands_costs import costs_commands
from orchkit.ui.commands_prompt import ResultFile, prompt_text
from orchkit.ui.result import Result
from orchkit.ui.terminal import echo


class _Commands(click.Group):
    """Turns our errors, and files that cannot be used, into one line on stderr and exit code 2.

    A prompt that could not be answered is no misuse: 1.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OrchkitError as error:
            _end(ctx, str(error), 1 if isinstance(error, CallError) else 2)
        except BrokenPipeError:  # click's to end, in silence
            raise
        except OSError as error:
            _end(ctx, f"cannot use {error.filename or 'stdout'}: {error.strerror or error}", 2)


def _end(ctx: click.Context, told: str, code: int) -> NoReturn:
    echo(f"orchkit: {' '.join(told.split())}", err=True)
    ctx.exit(code)


@click.group(cls=_Commands, invoke_without_command=True, no_args_is_help=True)
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
    help="cheapest, fallback, ensemble, or a model's name.",
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
@click.option("--max-cost", type=float, metavar="USD", help="Hard limit for the prompt.")
@click.option("--budget", type=float, metavar="USD", help="Hard limit for the run.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the result as JSON."
)
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
    **settings: Any,
) -> None:
    """Route prompts over several language models, and measure how well each way does."""
    if ctx.invoked_subcommand is not None:
        return _refuse_beside(ctx)
    if list_models:
        _echo_models(as_json)
    elif prompt is None:
        raise ParameterError("there is nothing to do; give --prompt TEXT, or see orchkit --help.")
    if prompt is not None:
        file = None if output is None else ResultFile(output)
        names = None if chain is None else chain.split(",")
        result = _answered(prompt_text(prompt), file, chain=names, **settings)
        _echo_result(result, as_json)
        ctx.exit(1 if result.error else 0)
    return None


main.add_command(bench_command)
main.add_command(cache_commands)
main.add_command(costs_commands)


def _refuse_beside(ctx: click.Context) -> None:
    """Refuse what belongs to one prompt in front of a command, where it would do nothing."""
    given = [
        option.opts[0]
        for option in main.params
        if option.name != "as_json"
        and ctx.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    ]
    if given:
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
    click.echo("USD per million tokens; `default` models are asked unless you name others")
    echo(shown.to_string(na_rep="unknown"))


def _answered(prompt: str, file: ResultFile | None, **settings: Any) -> Result:
    """Return the result, having written it; a prompt that no model fits has one in its file too.

    Else a script would read what an earlier prompt left there.
    """
    try:
        result = verbs.run_orchestration(prompt, **settings)
    except BudgetExceeded:
        row = verbs.last_run().iloc[0]
        _write(Result.of({name: row[name] for name in frames.COLUMNS}), file)
        raise
    _write(result, file)
    return result


def _write(result: Result, file: ResultFile | None) -> None:
    if file is not None:
        file.write(result.to_json() + "\n")


def _echo_result(result: Result, as_json: bool) -> None:
    if as_json:
        click.echo(result.to_json())
    else:
        echo(result.response or "")
    echo(result.error or _told(result), err=True)


def _told(result: Result) -> str:
    """Return who answered, for how much and how sure."""
    cost = "cost unknown" if math.isnan(result.cost) else f"${result.cost:.6f}"
    sure = f"confidence {result.confidence:.2f} ({result.metadata['signal']}, uncalibrated)"
    kept = " · cached" if result.cached else ""
    who = f"{result.model_used} ({result.provider})"
    return f"{who} · {cost} · {result.latency:.2f} s · {sure}{kept}"
