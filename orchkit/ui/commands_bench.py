"""``orchkit bench``: the main job on the command line, and the consent it takes to spend."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import pandas as pd

from orchkit.errors import ParameterError
from orchkit.lab.datasets import load_dataset, read_prompts
from orchkit.ui.bench import DEFAULT_STRATEGIES, bench, foretold, prepare, ways, write
from orchkit.ui.commands_prompt import category_option, tag_option
from orchkit.ui.comparison import Comparison
from orchkit.ui.money import usd
from orchkit.ui.session import SESSION
from orchkit.ui.terminal import echo


@click.command("bench")
@click.argument("prompts", default="everyday")
@click.option(
    "--strategies",
    metavar="A,B,…",
    help="Names or models; by default cheapest, fallback, ensemble and every model.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for results.parquet, summary.csv, the figure and report.html.",
)
@click.option("--budget", type=float, metavar="USD", help="Hard limit for the whole run.")
@click.option("--yes", is_flag=True, help="Spend without asking; simulated answers never ask.")
@category_option
@tag_option
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N prompts.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def bench_command(
    ctx: click.Context,
    prompts: str,
    strategies: str | None,
    out: Path | None,
    budget: float | None,
    yes: bool,
    category: str,
    tags: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """Compare strategies over PROMPTS: a dataset's name, or a .csv, .parquet or .jsonl file.

    A file needs a column prompt; with a column reference (and scorer) quality is measured too.
    With answers that cost money, what it may cost is told first, and nothing is spent without a
    yes, --yes or --budget.
    """
    frame = _prompts(prompts, limit)
    if out is not None:
        prepare(out)
    named = DEFAULT_STRATEGIES if strategies is None else strategies.split(",")
    chosen = ways(named, every_model=strategies is None)
    if not SESSION.simulated:
        _agree(frame, chosen, agreed=yes or budget is not None)
    found = bench(frame, chosen, budget=budget, every_model=False, category=category, tags=tags)
    _echo_comparison(found, as_json or bool(ctx.find_root().params.get("as_json")))
    for path in [] if out is None else write(found, out, f"orchkit bench {prompts}"):
        click.echo(f"wrote {path}", err=True)
    ctx.exit(_count_failures(found))


def _prompts(named: str, limit: int | None) -> pd.DataFrame:
    frame = read_prompts(named) if Path(named).suffix else load_dataset(named)
    if frame.empty:
        raise ParameterError(f"{named} holds no prompts.")
    return frame if limit is None else frame.head(limit)


def _agree(frame: pd.DataFrame, chosen: Sequence[str], *, agreed: bool) -> None:
    """Say what a run may cost; return only where that is nothing or somebody agreed to it."""
    expected, worst = foretold(frame, chosen)
    told = f"{len(chosen)} strategies over {len(frame):,} prompts: expect {usd(expected)} by the"
    echo(f"orchkit: {told} simulator's guess, at most {usd(worst)}", err=True)
    if agreed or worst == 0:
        return
    if not _at_a_terminal():
        raise ParameterError("this may spend money; agree with --yes, or with --budget USD.")
    click.confirm("Spend it?", abort=True, err=True)


def _at_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _count_failures(found: Comparison) -> int:
    """Return the exit code, having said how many rows failed."""
    failed = found.results["error"].dropna()
    if failed.empty:
        return 0
    told = f"{len(failed):,} of {len(found.results):,} rows failed; first: {failed.iloc[0]}"
    echo(f"orchkit: {told}", err=True)
    return 1


def _echo_comparison(found: Comparison, as_json: bool) -> None:
    if as_json:
        records = json.loads(found.summary().reset_index().to_json(orient="records"))
        click.echo(json.dumps({"simulated": found.simulated, "summary": records}, indent=2))
        return
    with pd.option_context("display.width", 200, "display.max_columns", None):
        echo(repr(found))
