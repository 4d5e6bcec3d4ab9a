"""``orchkit costs``: what was really spent, from the ledger."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click
import pandas as pd

from orchkit.core.catalog import NANO
from orchkit.errors import BudgetError, ParameterError
from orchkit.ui import costs
from orchkit.ui.bench import refuse_unwritable
from orchkit.ui.money import nano, usd
from orchkit.ui.terminal import echo

#: USD a calendar month (UTC) may come to before `costs stats` warns.
ALARM = "ORCHKIT_MONTHLY_BUDGET"
_period = click.option(
    "--period", default="daily", show_default=True, help="daily, weekly, monthly or all."
)
_category = click.option("--category", metavar="NAME", help="Only runs with this category.")
_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group("costs")
def costs_commands() -> None:
    """Show or export what was spent: paid requests only, simulated ones cost nothing."""


@costs_commands.command("stats")
@_period
@_category
@_json
@click.pass_context
def stats_command(ctx: click.Context, period: str, category: str | None, as_json: bool) -> None:
    """Show what was spent, one row a period.

    Warns on stderr when this month's spend, of every category, has passed the USD that
    ORCHKIT_MONTHLY_BUDGET names.
    """
    limit = _monthly_limit()
    _show(ctx, costs.stats(period, category=category), as_json)
    if limit is not None:
        _warn_past(limit)


@costs_commands.command("report")
@_category
@click.option(
    "--period", default="monthly", show_default=True, help="daily, weekly, monthly or all."
)
@_json
@click.pass_context
def report_command(ctx: click.Context, period: str, category: str | None, as_json: bool) -> None:
    """Show what was spent by strategy and model in each period."""
    _show(ctx, costs.report(category, period), as_json)


@costs_commands.command("export")
@click.option(
    "--format", "kind", type=click.Choice(["csv", "json", "parquet"]), help="Of the file."
)
@_category
@click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; without --format its name tells the format.",
)
def export_command(kind: str | None, category: str | None, output: Path) -> None:
    """Write every paid request to a file."""
    if kind is not None and output.suffix != f".{kind}":
        raise ParameterError(f"--output {output.name} does not end in .{kind}; name it so.")
    refuse_unwritable(output)
    click.echo(f"wrote {costs.export(output, category=category)}", err=True)


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


def _show(ctx: click.Context, table: pd.DataFrame, as_json: bool) -> None:
    if as_json or ctx.find_root().params.get("as_json"):
        click.echo(table.reset_index().to_json(orient="records", date_format="iso", indent=2))
    elif table.empty:
        click.echo("nothing was spent")
    else:
        echo(table.to_string(na_rep="unknown"))
