"""The command line: ``orchkit bench`` and the quick commands.

The answer goes to stdout, all else to stderr. Exit codes: 0 done, 1 some rows failed, 2 misuse.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
import pandas as pd

from orchkit.errors import CallError, OrchkitError, ParameterError
from orchkit.lab.datasets import load_dataset, read_prompts
from orchkit.ui import models, verbs
from orchkit.ui.bench import DEFAULT_STRATEGIES, bench, prepare, refuse_unwritable, write
from orchkit.ui.comparison import Comparison


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
    click.echo(f"orchkit: {' '.join(told.split())}", err=True)
    ctx.exit(code)


@click.group(cls=_Commands, invoke_without_command=True, no_args_is_help=True)
@click.option("--list-models", is_flag=True, help="Show the models, their tiers and prices.")
@click.option("--prompt", metavar="TEXT", help="Answer one prompt.")
@click.option(
    "--strategy",
    default="cheapest",
    show_default=True,
    metavar="NAME",
    help="cheapest, fallback, ensemble, or a model's name.",
)
@click.option("--ensemble-size", type=int, default=3, show_default=True, metavar="N")
@click.option("--max-cost", type=float, metavar="USD", help="Hard limit for the prompt.")
@click.option("--chain", metavar="A,B,…", help="Models in the order fallback tries them.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the result as JSON."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.version_option(package_name="orchkit")
@click.pass_context
def main(
    ctx: click.Context,
    list_models: bool,
    prompt: str | None,
    strategy: str,
    ensemble_size: int,
    max_cost: float | None,
    chain: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Route prompts over several language models, and measure how well each way does."""
    if ctx.invoked_subcommand is not None:
        return
    if list_models:
        _echo_models(as_json)
    if prompt is not None:
        if output is not None:
            refuse_unwritable(output)
        names = None if chain is None else chain.split(",")
        result = verbs.run_orchestration(
            prompt, strategy, chain=names, ensemble_size=ensemble_size, max_cost=max_cost
        )
        _echo_result(result, output, as_json)
        ctx.exit(1 if result.error else 0)
    if not list_models:
        raise ParameterError("there is nothing to do; give --prompt TEXT, or see orchkit --help.")


@main.command("bench")
@click.argument("prompts", default="everyday")
@click.option(
    "--strategies",
    metavar="A,B,…",
    help="Names or models; by default cheapest, fallback, ensemble and every model.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for results.parquet, summary.csv and the figure.",
)
@click.option("--budget", type=float, metavar="USD", help="Hard limit for the whole run.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N prompts.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def bench_command(
    ctx: click.Context,
    prompts: str,
    strategies: str | None,
    out: Path | None,
    budget: float | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Compare strategies over PROMPTS: a dataset's name, or a .csv, .parquet or .jsonl file.

    A file needs a column prompt; with a column reference (and scorer) quality is measured too.
    """
    frame = read_prompts(prompts) if Path(prompts).suffix else load_dataset(prompts)
    frame = frame if limit is None else frame.head(limit)
    if frame.empty:
        raise ParameterError(f"{prompts} holds no prompts.")
    if out is not None:
        prepare(out)
    named = DEFAULT_STRATEGIES if strategies is None else strategies.split(",")
    found = bench(frame, named, budget=budget, every_model=strategies is None)
    _echo_comparison(found, as_json)
    if out is not None:
        for path in write(found, out):
            click.echo(f"wrote {path}", err=True)
    failed = found.results["error"].dropna()
    if len(failed):
        told = f"{len(failed):,} of {len(found.results):,} rows failed; first: {failed.iloc[0]}"
        click.echo(f"orchkit: {told}", err=True)
    ctx.exit(1 if len(failed) else 0)


def _echo_models(as_json: bool) -> None:
    table = models.models()
    if as_json:
        click.echo(table.reset_index().to_json(orient="records", indent=2))
        return
    shown = table.assign(ends=table["ends"].fillna(""))[
        ["provider", "tier", "input_price", "output_price", "best_for", "ends", "default"]
    ]
    click.echo("USD per million tokens; `default` models are asked unless you name others")
    click.echo(shown.to_string(na_rep="unknown"))


def _echo_result(result: Any, output: Path | None, as_json: bool) -> None:
    if output is not None:
        output.write_text(result.to_json() + "\n", "utf-8")
    click.echo(result.to_json() if as_json else (result.response or ""))
    cost = "cost unknown" if math.isnan(result.cost) else f"${result.cost:.6f}"
    told = result.error or (
        f"{result.model_used} ({result.provider}) · {cost} · {result.latency:.2f} s · "
        f"confidence {result.confidence:.2f} ({result.metadata['signal']}, uncalibrated)"
    )
    click.echo(told, err=True)


def _echo_comparison(found: Comparison, as_json: bool) -> None:
    if as_json:
        records = json.loads(found.summary().reset_index().to_json(orient="records"))
        click.echo(json.dumps({"simulated": found.simulated, "summary": records}, indent=2))
        return
    with pd.option_context("display.width", 200, "display.max_columns", None):
        click.echo(repr(found))


if __name__ == "__main__":
    sys.exit(main())
