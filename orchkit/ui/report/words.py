"""What a report says of itself: what its columns mean, and how its figures come about."""

from __future__ import annotations

from collections.abc import Mapping

SIMULATED = (
    "SIMULATED ANSWERS. A simulator with made-up abilities gave them, no model was asked. The "
    "figures show how the tool works, and say nothing about the models they name."
)
REAL = "Answers are not simulated: the providers named below gave them."
REPLAYED = "Answers are those of a recording, in which nothing says that they were simulated."

PRICES = (
    "calls: those that were answered, for each strategy; fits: of them, those whose cost is these "
    "prices times their tokens."
)
OTHER_PRICES = " Costs are those of the recording; prices are the catalog's, when it was replayed."
SURE = "confidence (signal)"
SIGNALS = "mean over rows, and the signals it comes from"
COLUMNS: Mapping[str, str] = {
    "quality [95 %]": "mean score, with its 95 % interval",
    "USD / 1k prompts": "all calls of a row at the price of each model, for 1,000 prompts",
    "saving": "share of the strongest single model's cost that is not spent",
    "p50 / p95 latency": "seconds of an answer, median and 95 %: calls in turn are added up",
    SURE: "",
    "escalated": "share of prompts for which a further model was asked",
    "errors": "rows that failed, of all prompts",
    "n": "prompts that every strategy is judged on",
}
CONTRASTS: Mapping[str, str] = {
    "difference [95 %]": "quality minus that of the reference, in percentage points, paired",
    "p": "of no difference, by the test named: McNemar's mid-p, or the paired bootstrap",
    "p (Holm)": "the same, adjusted for all rows of the table",
    "cost ratio [95 %]": "cost as a share of the reference's",
    "within": "whether quality is shown to lie within the margin, all rows together",
    "n": "prompts both are judged on",
}
NO_REFERENCE = (
    "There is no single model with a known quality to hold strategies against: compare one, too, "
    "and give the prompts a column of right answers (reference=)."
)
ALONE = (
    "Intervals here are of each row by itself. Those in the verdicts above hold together, and are "
    "wider."
)
BASELINES: Mapping[str, str] = {
    "random mix": "the cheapest and the best model, mixed at random",
    "zero router": "the best random mix of single models: the bar for any router",
    "prompt length": "the best model for the longest prompts, the cheapest for the others",
    "oracle": "choosing a single model for each prompt in the knowledge of what is right",
    "gain [95 %]": "quality above the zero router, in percentage points",
    "regret": "quality below the oracle, in percentage points; below 0 where further models helped",
}
METHODS = """\
Every strategy is judged on the same prompts, those whose quality is known for all of them. Rows
that failed count as wrong and cost what their answers cost.

Intervals of quality are Wilson's where answers are right or wrong, and normal ones where they are
graded. Differences are paired by prompt: Tango's score interval where answers are right or wrong,
else the bootstrap of prompts, which cost ratios always have.

Verdicts hold together with 95 % confidence (Bonferroni over the rows). The margin is 1 point of
quality, which a cheaper way may lose and still count as as good.

Cost is the price list times tokens, whether or not a cache paid; it is no invoice. Confidence is a
probability only where it was calibrated.

The bootstrap draws with seed 0, so that the same results give the same figures.
"""
