"""Print the quick reference's figures beside those measured here.

``python -m benchmarks.quick_reference [--short]``: latency, cost and reliability by strategy, and
the three cost examples, on the simulator and on a loopback server.

A hop is an escalation: fallback of n hops has a chain of n + 1 models. "with its hops" looks only
at the prompts that took them all. The simulator knows the right answers, so its reliability is the
share of right ones. The server does not, but a fifth of its requests fails and none is sent again
to the same model: there it is the share of prompts that were answered. What fails there fails at
once, so "with its hops" is measured apart, where no answer is ever trusted and none fails.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pandas as pd

import orchkit
from benchmarks.reliability.ground import home
from orchkit.core.plans import Strategy
from orchkit.lab.stats import wilson
from orchkit.testing import LoopbackServer

CHAIN = ("gpt-4o-mini", "claude-haiku-3.5", "claude-sonnet-3.5", "claude-opus-3")
#: Seconds that each request to the server takes, and how many of them fail.
LATENCY, FAILING = 0.05, 0.2
#: What the document says: strategy -> latency, cost, reliability.
SAID = {
    "cheapest": ("0.15 s", "$", "Medium"),
    "fallback, 1 hop": ("0.20 s", "$$", "High"),
    "fallback, 2 hops": ("0.40 s", "$$$", "Very High"),
    "ensemble": ("0.60 s", "$$$$", "Highest"),
}
HOPS = dict(zip(SAID, (0, 1, 2, 0), strict=True))
#: Prompt, strategy, and what the document says: models, cost, time.
EXAMPLES = (
    ("What is Python?", "cheapest", "gpt-4o-mini", "$0.000024", "0.2 s"),
    (
        "Write a binary search function",
        "fallback",
        "haiku or sonnet",
        "$0.000080-0.000150",
        "0.2-0.4 s",
    ),
    ("Design distributed architecture", "ensemble", "haiku, mini, sonnet", "$0.001200", "0.6 s"),
)


def sure(*_: object) -> float:
    """Trust every answer, so that only failures escalate."""
    return 1.0


def unsure(*_: object) -> float:
    """Trust no answer, so that every hop is taken."""
    return 0.0


def strategies(signal: orchkit.Signal | None = None) -> Mapping[str, Strategy]:
    """Return the strategies of the document's table."""
    ways = (
        orchkit.Cheapest(signal),
        orchkit.Fallback(CHAIN[:2], confidence=signal),
        orchkit.Fallback(CHAIN[:3], confidence=signal),
        orchkit.Ensemble(3, confidence=signal),
    )
    return dict(zip(SAID, ways, strict=True))


@contextmanager
def loopback(failing: float) -> Iterator[LoopbackServer]:
    """Give a server that has the document's models, and fails so often."""
    listed = orchkit.models().query("default")
    prices = {name: (row.input_price, row.output_price) for name, row in listed.iterrows()}
    faults = {"500": failing} if failing else None
    with LoopbackServer(prices, latency=LATENCY, faults=faults) as server:
        for name, row in listed.iterrows():
            orchkit.add_model(
                name,
                provider="openai",
                base_url=server.openai_url,
                tier=row.tier,
                input_price=row.input_price,
                output_price=row.output_price,
            )
        try:
            yield server
        finally:
            for name in listed.index:
                orchkit.remove_model(name)


def table(frame: pd.DataFrame, ways: Mapping[str, Strategy], *, scored: bool) -> pd.DataFrame:
    """Return a row a strategy: what was measured beside what the document says."""
    rows = {}
    for name, strategy in ways.items():
        out = orchkit.compare(frame, [strategy], progress=False, cache=False).results
        rows[name] = figures(out, HOPS[name], scored=scored)
    found = pd.DataFrame(rows).T
    found.insert(3, "x cheapest", found["USD / 1k"] / found["USD / 1k"].iloc[0])
    said = pd.DataFrame(SAID, index=["said latency", "said cost", "said reliability"]).T
    return found.join(said)


def figures(out: pd.DataFrame, hops: int, *, scored: bool) -> dict[str, object]:
    """Return the figures of one strategy's results."""
    taken = out["metadata"].map(lambda metadata: metadata["rounds"] - 1)
    good = out["quality"].eq(1) if scored else out["error"].isna()
    low, high = wilson(int(good.sum()), len(out))
    return {
        "latency p50": out["latency"].median(),
        "with its hops": out.loc[taken == hops, "latency"].median(),
        "USD / 1k": out["cost"].mean() * 1000,
        "right" if scored else "answered": f"{good.mean():.1%} [{low:.1%}, {high:.1%}]",
        "n": len(out),
    }


def examples() -> pd.DataFrame:
    """Return a row for each cost example: what was measured beside what the document says."""
    rows = []
    for prompt, strategy, *said in EXAMPLES:
        result = orchkit.run_orchestration(prompt, strategy, cache=False)
        asked = [call["model"] for call in result.metadata["calls"]]
        measured = (result.model_used, len(asked), f"${result.cost:.6f}", f"{result.latency:.2f} s")
        rows.append((prompt, strategy, *measured, *said))
    named = ("prompt", "strategy", "model", "calls", "cost", "time", "said model", "said cost")
    return pd.DataFrame(rows, columns=[*named, "said time"]).set_index("prompt")


def show(title: str, found: pd.DataFrame) -> None:
    """Print a table under its title."""
    print(f"\n{title}\n{found.to_string(float_format='{:.3f}'.format)}")


def main(rows: int) -> None:
    """Measure and print."""
    frame = orchkit.load_dataset("everyday").head(rows)
    with home(), orchkit.use("simulator"):
        show("simulator: by strategy", table(frame, strategies(), scored=True))
        show("simulator: cost examples", examples())
        bare = frame[["prompt"]]
        with loopback(0), orchkit.use("live"):
            hops = table(bare, strategies(unsure), scored=False)["with its hops"]
        with loopback(FAILING), orchkit.use("live", retries=1):
            told = f"loopback server, {LATENCY} s a request, {FAILING:.0%} fail: by strategy"
            measured = table(bare, strategies(sure), scored=False)
            show(told, measured.assign(**{"with its hops": hops}))
        with loopback(0), orchkit.use("live"):
            show(f"loopback server, {LATENCY} s a request: cost examples", examples())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="the first 40 prompts")
    main(40 if parser.parse_args().short else 264)
