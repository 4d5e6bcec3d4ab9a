"""The cells of a notebook that shows hostile texts on every surface there is."""

from __future__ import annotations

#: A provider that says what it was asked, or refuses in those words; models, a strategy and a
#: category of hostile names. `CORPUS` stands in corpus.json.
SETUP = """
import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from zlib import crc32

import matplotlib.pyplot as plt
import orchkit
import pandas as pd
from IPython.display import display
from orchkit import plots

CORPUS = json.loads(Path("corpus.json").read_text())
DF = pd.DataFrame({"prompt": CORPUS, "reference": CORPUS, "scorer": "exact"})
FEW = DF.head(16)
NAMES = [*dict.fromkeys(text.strip() for text in CORPUS)]
pd.set_option("display.max_colwidth", None, "display.max_rows", None)


class Says:
    name = CORPUS[0]

    async def complete(self, call):
        said = call.messages[-1].content
        if call.model == "refuses":
            raise orchkit.Rejection(orchkit.Kind.InvalidRequest, said)
        mark = crc32(f"{said}{call.model}".encode())
        said = said if mark % 3 or call.model == "says" else said[::-1]
        return orchkit.Response(call.model, said, confidence=mark % 97 / 97, provider=CORPUS[0],
                                usage=orchkit.Usage(10 + mark % 9, 20))


for name in ("says", "refuses", *NAMES):
    orchkit.add_model(name, provider=Says(), tier="expert", input_price=1, output_price=len(name))


@dataclass(frozen=True)
class Named:
    name: ClassVar[str] = CORPUS[3] + "!"

    def plan(self, query, catalog):
        (said,) = yield (query.call("says"),)
        return orchkit.Answer(said, planned=("says",))


WAYS = [*NAMES, Named(), orchkit.Fallback(NAMES[:3], 0.9)]
"""

#: What is shown, and by which cells. No cell shows more than JupyterLab unfolds at once.
SURFACES = {
    "frame": ["DF.orch.route('says', progress=True, category=CORPUS[3])"],
    "results": [
        f"for text in CORPUS[{start}:{start + 40}]:\n"
        "    display(orchkit.run_orchestration(text, 'says'))"
        for start in (0, 40)
    ],
    "comparison": [
        "cmp = FEW.orch.compare(WAYS, progress=True)\ncmp",
    ],
    "printed": ["print(cmp)"],
    "failures": ["DF.orch.compare(['refuses', 'says'])", "DF.orch.route('refuses')"],
    "estimate": ["FEW.orch.estimate(NAMES)"],
    "matrix": ["mat = FEW.orch.record(NAMES, progress=True)\nmat"],
    "confidence": ["orchkit.confidence_report(mat, [None])"],
    "evaluation": ["orchkit.evaluate_routers(mat, {CORPUS[3]: orchkit.LengthRouter()}, folds=2)"],
    "tables": ["orchkit.models()", "orchkit.costs.report()", "cmp.contrasts()"],
    "figures": [
        "cmp.plot(); plt.show()",
        "plots.escalation(cmp.results, strategy=cmp.results['strategy'].iloc[-1]); plt.show()",
        "plots.latency(cmp.results); plots.cost_breakdown(cmp.results); plt.show()",
    ],
    "dashboard": [
        "few = FEW.orch.record(NAMES[2:8], progress=False)\norchkit.dashboard(few)",
        "orchkit.dashboard(FEW.orch.compare(WAYS[-4:], progress=False))",
    ],
    "report": ["print(cmp.to_html('report.html', title=CORPUS[3]))"],
    "errors": ["orchkit.route(DF, CORPUS[3] + '0')"],  # last: nothing runs after it
}


def cells() -> list[str]:
    """Return all cells of the notebook, the setup first."""
    return [SETUP, *(cell for shown in SURFACES.values() for cell in shown)]


def numbers(surface: str) -> range:
    """Return which cells show a surface."""
    names = [*SURFACES]
    before = sum(len(SURFACES[name]) for name in names[: names.index(surface)])
    return range(before + 1, before + 1 + len(SURFACES[surface]))
