"""``orchkit.metrics``: arrays in, floats or frames out; a variant is named in the call.

What is undefined is NaN with a `MetricWarning` that says why, never a silent number.
"""

__all__: list[str] = []
