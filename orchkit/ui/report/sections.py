"""The sections of a report but its figures: each takes a comparison and returns HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from orchkit.errors import ParameterError
from orchkit.ui.markup import facts, listed, table, text
from orchkit.ui.provenance import versions
from orchkit.ui.rebuilding import code, rebuilds
from orchkit.ui.report import words

if TYPE_CHECKING:
    from orchkit.ui.comparison import Comparison

#: Failed rows that are told one by one.
FEW = 10


def result(found: Comparison) -> str:
    """Return the conclusion, the verdicts and the summary."""
    lead = "".join(f'<p class="lead">{text(line)}</p>' for line in found.conclusion())
    return "".join(
        (
            lead,
            table(found.table(), "Summary"),
            _explained({**words.COLUMNS, words.SURE: f"{found.calibration()}; {words.SIGNALS}"}),
            listed(found.verdicts()),
        )
    )


def provenance(found: Comparison) -> str:
    """Return where answers and prices come from, and what all this was made with."""
    known = found.provenance
    prices = table(known.prices(found.results), "Prices in USD per million tokens")
    return "".join(
        (
            facts(
                [
                    ("prompts", f"{found.results['row'].nunique():,}"),
                    ("answers", _answers(found)),
                    ("providers", _providers(found)),
                    ("answered", _times(found)),
                    ("settings", known.settings()),
                    ("made with", versions()),
                ]
            ),
            prices,
            f"<p>{words.PRICES}{words.OTHER_PRICES if known.replayed else ''}</p>",
        )
    )


def contrasts(found: Comparison) -> str:
    """Return each strategy against the reference, and what the columns mean."""
    beside = found.contrasts()
    if beside.empty:
        return f"<p>{words.NO_REFERENCE}</p>"
    told = pd.DataFrame(index=beside.index)
    told["difference [95 %]"] = _spans(beside, "difference", "low", "high")
    told["p"], told["p (Holm)"] = beside["p"].map(_chance), beside["p_holm"].map(_chance)
    ends = ("cost_ratio", "cost_ratio_low", "cost_ratio_high")
    told["cost ratio [95 %]"] = _spans(beside, *ends, " %")
    told["within"] = ["yes" if each else "not\N{NO-BREAK SPACE}shown" for each in beside["within"]]
    told["n"] = [f"{n:,}" for n in beside["n"]]
    tests = ", ".join(sorted(set(beside["test"]) - {""})) or "none"
    caption = f"Against {beside['reference'].iloc[0]} (test: {tests})"
    return f"{table(told, caption)}<p>{words.ALONE}</p>{_explained(words.CONTRASTS)}"


def baselines(found: Comparison) -> str:
    """Return each strategy beside what its money would have bought otherwise, or why not."""
    try:
        beside = found.baselines()
    except ParameterError as error:
        return f"<p>{text(error)}</p>"
    told = pd.DataFrame(index=beside.index)
    told["USD / 1k prompts"] = [f"{cost:.2f}" for cost in beside["cost_per_1k"]]
    for name in ("quality", "random_mix", "zero_router", "prompt_length"):
        told[name.replace("_", " ")] = [_percent(each) for each in beside[name]]
    told["oracle"] = [_percent(each) for each in beside["oracle_frontier"]]
    told["gain [95 %]"] = _spans(beside, "gain", "gain_low", "gain_high")
    told["regret"] = [_points(each) for each in beside["regret"]]
    return table(told, "Quality for the same money") + _explained(words.BASELINES)


def failures(found: Comparison) -> str:
    """Return how many rows failed of each strategy, why, and the first of them."""
    failed = found.results.dropna(subset=["error"])
    if failed.empty:
        return "<p>No row failed.</p>"
    kind = failed["error"].str.partition(":")[0].rename("error")
    counts = failed.groupby(["strategy", kind], sort=False).size().rename("rows").reset_index()
    first = failed[["strategy", "row", "error"]].head(FEW).reset_index(drop=True)
    return "".join(
        (
            "<p>Rows that failed count as wrong; row is the prompt's position, from 0.</p>",
            table(counts.astype(str), "Failed rows"),
            table(first.astype(str), f"The first {len(first)} of {len(failed):,}"),
        )
    )


def strategies(found: Comparison) -> str:
    """Return the code that makes each strategy again, and what tuned ones remember."""
    lines = [(one, code(one)) for one in found.provenance.strategies]
    grouped = found.results.groupby("strategy", sort=False)["metadata"]
    asked = pd.DataFrame({"models": grouped.apply(_models)})
    if not lines:
        return "<p>Nobody kept what the strategies were made of.</p>"
    told = "".join(f"<pre><code>{text(line)}</code></pre>{_remembered(one)}" for one, line in lines)
    gaps = "" if all(rebuilds(line) for _, line in lines) else _GAPS
    models = table(asked, "The models each asked, the most often asked first")
    return f"<p>With <code>import orchkit</code>:</p>{told}{gaps}{models}"


def _models(metadata: pd.Series[Any]) -> str:
    """Return the models that rows called, the most often called first."""
    calls = Counter(call["model"] for cell in metadata for call in cell.get("calls", ()))
    return ", ".join(str(name) for name, _ in calls.most_common()) or "none"


def method(_: Comparison) -> str:
    """Return how the figures come about."""
    return "".join(f"<p>{text(each)}</p>" for each in words.METHODS.split("\n\n"))


_GAPS = "<p>What stands between &lt; and &gt; is no code: it must be fitted, or given, again.</p>"


def _remembered(strategy: object) -> str:
    fitted = getattr(strategy, "fitted", None)
    return f"<p>{text(fitted)}</p>" if fitted is not None else ""


def _explained(meanings: Mapping[str, str]) -> str:
    told = "".join(
        f"<dt>{text(name)}</dt><dd>{text(meaning)}</dd>" for name, meaning in meanings.items()
    )
    return f"<details open><summary>What the columns mean</summary><dl>{told}</dl></details>"


def _answers(found: Comparison) -> str:
    if found.provenance.replayed:
        return "SIMULATED, replayed from a recording" if found.simulated else "from a recording"
    return "SIMULATED" if found.simulated else "given live"


def _providers(found: Comparison) -> str:
    return ", ".join(sorted(set(found.results["provider"].dropna()))) or "none"


def _times(found: Comparison) -> str:
    """Return when answers came, as far as anybody kept it."""
    told = found.provenance.answered(found.results)
    if told.empty:
        return "nobody kept when"
    span = f"{told.min():%Y-%m-%d %H:%M:%S} to {told.max():%Y-%m-%d %H:%M:%S} UTC"
    kept = found.results["cached"].sum()
    if not kept:
        return span
    rows = f"{kept:,} of {len(found.results):,} rows"
    return f"{span}; {rows} bought nothing anew: an earlier run or another strategy had asked"


def _spans(frame: pd.DataFrame, middle: str, low: str, high: str, unit: str = " pt") -> list[str]:
    rows = 100 * frame[[middle, low, high]].astype(float)
    return [
        "-" if pd.isna(each) else f"{each:.1f}{unit} [{least:.1f}, {most:.1f}]"
        for each, least, most in rows.itertuples(index=False)
    ]


def _chance(p: float) -> str:
    return "-" if pd.isna(p) else f"{p:.3f}" if p >= 0.0005 else "<0.001"


def _percent(share: float) -> str:
    return "-" if pd.isna(share) else f"{100 * share:.1f} %"


def _points(share: float) -> str:
    return "-" if pd.isna(share) else f"{100 * share:.1f} pt"
