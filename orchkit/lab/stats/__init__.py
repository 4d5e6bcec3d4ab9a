"""``orchkit.stats``: how sure one can be of what was measured, on the same prompts throughout."""

from orchkit.lab.stats.intervals import mean_interval, wilson

__all__ = ["mean_interval", "wilson"]
