"""``orchkit costs``: what was really spent, from the ledger."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import click
import pandas as pd

from orchkit.core.catalog import NANO
from orchkit.errors import BudgetError, ParameterError
from orchkit.lab.spending import PERIODS
from orchkit.ui import costs, plots
from orchkit.ui.bench import draw
from orchkit.ui.money import nano, usd
from orchkit.ui.statement import dated, statement
from orchkit.ui.terminal import echo
from orchkit.ui.writing import refuse_unwritable

T = TypeVar("T", bound=Callable[..., Any])
#: USD a calendar month (UTC) may come to before `costs stats` warns.
ALARM = "ORCHKIT_MONTHLY_BUDGET"
_category = click.option("--category", metavar="NAME", help="Only runs with this category.")
_tag = click.option("--tag", metavar="NAME", help="Only runs with this tag.")
_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
_plot = click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw it, too: a .png, .pdf or .svg.",
)


def _period(default: str) -> Callable[[T], T]:
    return click.option(
        "--period", type=click.Choice(PERIODS), default=default, show_default=True, help="In UTC."
    )


_EPILOG = """\b
Examples:
  orchkit costs stats --period weekly                what each week cost
  orchkit costs report --by model,day --tag paper    what a study cost, by model and day
  orchkit costs export --format csv | head           every paid request
"""


@click.group("costs", epilog=_EPILOG)
def costs_commands() -> None:
    """Show or export what was spent: paid requests only, simulated ones cost nothing."""


@costs_commands.command("stats")
@_period("daily")
@_category
@_tag
@_plot
@_json
@click.pass_context
def stats_command(
    ctx: click.Context,
    period: str,
    category: str | None,
    tag: str | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Show what was spent, one row a period.

    Warns on stderr when this month's spend, of every category, has passed the USD that
    ORCHKIT_MONTHLY_BUDGET names.
    """
    limit = _monthly_limit()
    table = costs.stats(period, category=category, tag=tag)
    _show(ctx, table, period, plot, as_json)
    if limit is not None:
        _warn_past(limit)


@costs_commands.command("report")
@_category
@_tag
@_period("monthly")
@click.option(
    "--by",
    metavar="A,B,…",
    default="strategy,model",
    show_default=True,
    help="What to tell apart: strategy, model, day, category.",
)
@_plot
@_json
@click.pass_context
def report_command(
    ctx: click.Context,
    category: str | None,
    tag: str | None,
    period: str,
    by: str,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Show what was spent by strategy and model in each period."""
    columns = [name.strip() for name in by.split(",")]
    table = costs.report(category, period, by=columns, tag=tag)
    _show(ctx, table, period, plot, as_json)


@costs_commands.command("export")
@click.option(
    "--format",
    "kind",
    type=click.Choice([*costs.WRITERS]),
    help="Unless given, what the file ends in.",
)
@_category
@_tag
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; without it, with --format, standard output.",
)
@_json
@click.pass_context
def export_command(
    ctx: click.Context,
    kind: str | None,
    category: str | None,
    tag: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Write every paid request to a file, or to standard output.

    --json is --format json; with --output it prints what was written, as JSON.
    """
    as_json = _whole(ctx, as_json)
    if output is None:
        return _pour(costs.attempts(category, tag=tag), kind or ("json" if as_json else None))
    costs.format_of(output, kind)
    refuse_unwritable(output)
    costs.export(output, format=kind, category=category, tag=tag)
    if as_json:
        rows = len(costs.attempts(category, tag=tag))
        click.echo(json.dumps({"wrote": str(output), "rows": rows}))
    return click.echo(f"wrote {output}", err=True)


def _pour(frame: pd.DataFrame, kind: str | None) -> None:
    """Write a frame to standard output."""
    if kind is None:
        raise ParameterError("there is nowhere to write to; give --output FILE, or --format csv.")
    if kind == "parquet" and sys.stdout.isatty():
        raise ParameterError("a terminal shows no parquet; give --output FILE, or pipe it.")
    written = BytesIO()
    costs.WRITERS[kind](frame, written)
    click.echo(written.getvalue(), nl=kind == "json")


def _monthly_limit() -> int | None:
    """Return the alarm's nano-dollars, or None where none is set."""
    named = os.environ.get(ALARM, "").strip()
    if not named:
        return None
    try:
        return nano(float(named), ALARM)
    except ValueError as error:  # not a number, or none that can be spent
        raise BudgetError(f"{ALARM} is {named!r}; write USD as a number, like 25.") from error


def _warn_past(limit: int) -> None:
    """Say so when this month has cost more; what is presumed counts, unknown prices cannot."""
    paid = costs.attempts().query("state != 'released'")
    month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    spent = round(paid.loc[paid["opened"] >= month, "cost"].sum() * NANO)
    if spent > limit:
        told = f"{usd(spent / NANO)} spent this month, more than {ALARM}={usd(limit / NANO)}"
        echo(f"orchkit: {told}. It stops no run; --budget and use(budget=) do.", err=True)


def _show(
    ctx: click.Context, table: pd.DataFrame, period: str, plot: Path | None, as_json: bool
) -> None:
    if plot is not None:
        _draw(table, plot)
    if not _whole(ctx, as_json):
        return echo(statement(table, period))
    rows = table.reset_index()
    for name in {"period", "day"} & {*rows}:
        rows[name] = [dated(day, "daily") for day in rows[name]]
    return click.echo(rows.to_json(orient="records", indent=2))


def _draw(table: pd.DataFrame, path: Path) -> None:
    """Draw a table into a file."""
    if path.suffix not in _PICTURES:
        raise ParameterError(f"--plot {path.name} is no picture; let it end in .png, .pdf or .svg.")
    refuse_unwritable(path)
    draw(lambda ax: plots.spending(table, ax=ax), path)
    click.echo(f"wrote {path}", err=True)


_PICTURES = (".png", ".pdf", ".svg")


def _whole(ctx: click.Context, as_json: bool) -> bool:
    """Whether --json stood here, or before the command."""
    return as_json or bool(ctx.find_root().params.get("as_json"))
