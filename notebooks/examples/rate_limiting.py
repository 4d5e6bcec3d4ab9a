"""Rate limiting? How often a server that takes few requests at once has to say 429.

``python notebooks/examples/rate_limiting.py``: offline; the server is one of `orchkit.testing`.
"""

import os
import tempfile

import pandas as pd

import orchkit
from orchkit.testing import LoopbackServer

PROMPTS = pd.DataFrame({"prompt": [f"What is {n} + {n}?" for n in range(12)]})


def ask(remedy: str, at_once: int, **options: int) -> None:
    """Ask all prompts of a server that takes so many at once, and print what came of it."""
    prices = {"gpt-4o-mini": (0.15, 0.60)}
    with LoopbackServer(prices, latency=0.02, max_concurrency=at_once) as server:
        orchkit.add_model(
            "busy", id="gpt-4o-mini", base_url=server.openai_url, input_price=0.15, output_price=0.6
        )
        out = orchkit.route(PROMPTS, "busy", cache=False, progress=False, **options)
        refused = sum(entry.outcome != "ok" for entry in server.book().entries)
    print(f"{remedy}: {out['error'].isna().sum()} of {len(out)} answered, {refused} times 429")


if __name__ == "__main__":
    os.environ.setdefault("ORCHKIT_HOME", tempfile.mkdtemp())  # a ledger of its own
    ask("the limiter waits, and asks less at once", 4)
    ask("fewer requests at once", 4, concurrency=4)
    ask("a model with a higher limit", 32)
