"""Print whether orchkit's cost is what a server billed, for each strategy over both vendors' SDKs.

``python -m benchmarks.billed``: 50 prompts by cheapest, fallback and ensemble against a loopback
server of both wire formats, then the same again from the cache.
"""

from __future__ import annotations

import os
import sys

import pandas as pd

import orchkit
from benchmarks.reliability.ground import home
from orchkit.testing import LoopbackServer

CHAIN = ("gpt-6-luna", "claude-haiku-4-5", "gpt-6.1-sol", "claude-opus-5-5")
RUNS = (
    ("cheapest", {}),
    ("fallback", {"chain": CHAIN, "threshold": 0.9}),
    ("ensemble", {"chain": CHAIN[:3]}),
)


def prices() -> dict[str, tuple[float, float]]:
    """Return the live defaults' prices, as the server bills them."""
    table = orchkit.models().query("ends.isna()")
    return {name: (row.input_price, row.output_price) for name, row in table.iterrows()}


def main() -> int:
    """Run each strategy twice, and print the two books side by side; 0 when they agree."""
    wrong = 0
    frame = pd.DataFrame({"prompt": [f"Explain the number {n} in one line" for n in range(50)]})
    with LoopbackServer(prices=prices()) as server:
        os.environ |= {
            "OPENAI_API_KEY": "sk-loopback",
            "ANTHROPIC_API_KEY": "sk-loopback",
            "OPENAI_BASE_URL": server.openai_url,
            "ANTHROPIC_BASE_URL": server.anthropic_url,
        }
        print("strategy   rows  requests  server billed (nano-USD)  orchkit cost  again: requests")
        for name, settings in RUNS:
            server.reset()
            with home():
                cost = round(frame.orch.route(name, **settings)["cost"].sum() * 1e9)
                book = server.book()
                frame.orch.route(name, **settings)
                more = server.book().requests - book.requests
            wrong += cost != book.billed_nano or more > 0
            told = (len(frame), book.requests, book.billed_nano, cost, more)
            print(f"{name:9} {told[0]:5} {told[1]:9} {told[2]:25,} {told[3]:13,} {told[4]:16}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
