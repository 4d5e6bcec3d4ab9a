"""``orchkit cache``: what is kept on disk, and forgetting of it."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from orchkit.ui.caching import CacheInfo, cache_info, counted, prune_cache


@click.group("cache")
def cache_commands() -> None:
    """Show or prune the answers kept on disk."""


@cache_commands.command("info")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def info_command(ctx: click.Context, as_json: bool) -> None:
    """Show how many answers are kept, where, since when, and what they take."""
    told = cache_info()
    whole = as_json or bool(ctx.find_root().params.get("as_json"))
    click.echo(_as_json(told) if whole else str(told))


@cache_commands.command("prune")
@click.option(
    "--older-than", required=True, metavar="30d", help="With its unit: s, min, h, d or w."
)
@click.option("--model", metavar="NAME", help="Only this model's answers.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def prune_command(ctx: click.Context, older_than: str, model: str | None, as_json: bool) -> None:
    """Forget answers stored longer ago than that, and damaged rows."""
    dropped = prune_cache(older_than, model=model)
    if as_json or ctx.find_root().params.get("as_json"):
        click.echo(json.dumps({"dropped": dropped}))
    else:
        click.echo(f"dropped {counted(dropped)}; kept {cache_info()}")


def _as_json(told: CacheInfo) -> str:
    plain = {
        name: None if value is None else value if isinstance(value, int) else str(value)
        for name, value in asdict(told).items()
    }
    return json.dumps(plain, indent=2)
