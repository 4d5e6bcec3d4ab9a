"""Every command of the Model Orchestrator's quick reference runs, and says what it should."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.testing import LoopbackServer
from orchkit.ui.selfcheck import CHECKS

DOCUMENT = Path(__file__).parents[2] / "shared" / "design" / "QUICK_REFERENCE.md"
#: Whose orchkit is run: this one's, or that of an environment it was installed into.
PYTHON = os.environ.get("ORCHKIT_PYTHON", sys.executable)
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What the document calls the programs, and what they are called here.
PROGRAMS = {
    "python model_orchestrator.py": "orchkit",
    "python cost_tracker.py": "orchkit costs",
    "from model_orchestrator import": "from orchkit import",
}
#: Its shell variables.
VARIABLES = {"INPUT": "the printer is on fire", "CODE": "def f(x): return x"}
ORCHKIT = r"""#!/bin/bash
run=$(mktemp -d "$RUNS/$(ls "$RUNS" | wc -l | xargs printf %03d).XXXX")
printf '%s\0' "$@" > "$run/arguments"
"$PYTHON" -m orchkit "$@" > "$run/stdout" 2> "$run/stderr"; code=$?
echo $code > "$run/code"; cat "$run/stdout"; cat "$run/stderr" >&2; exit $code
"""
#: Stands in for jq where there is none, in the one way the document uses it.
JQ = """#!/bin/bash
"$PYTHON" - "$@" <<'END'
import json, sys
_, flag, path, file = sys.argv
assert flag == "-r"
print(json.load(open(file))[path.removeprefix(".")])
END
"""


@dataclass(frozen=True)
class Block:
    """A block of the document: its language, the heading it stands under, its text."""

    kind: str
    heading: str
    written: str

    @property
    def text(self) -> str:
        """Its text, without the line break that the table puts before it."""
        return self.written.removeprefix("\n")

    @property
    def mapped(self) -> str:
        """Its text with the programs of this project."""
        text = self.text
        for theirs, ours in PROGRAMS.items():
            text = text.replace(theirs, ours)
        return text


@dataclass(frozen=True)
class Run:
    """One call of the command: what it was given and what came of it."""

    arguments: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def options(self) -> dict[str, str]:
        """The options with their values; a flag's value is whatever comes next."""
        after = (*self.arguments[1:], "")
        named = zip(self.arguments, after, strict=True)
        return {name.removeprefix("--"): value for name, value in named if name[:2] == "--"}


BLOCKS = (
    Block(
        "bash",
        "Quick Commands",
        r"""
# List models
python model_orchestrator.py --list-models

# Auto-route to cheapest model
python model_orchestrator.py --prompt "Your prompt" --strategy cheapest

# Fallback chain (escalate if needed)
python model_orchestrator.py --prompt "Your prompt" --strategy fallback

# Ensemble (multiple models)
python model_orchestrator.py --prompt "Your prompt" --strategy ensemble --ensemble-size 3

# With cost limit
python model_orchestrator.py --prompt "Your prompt" --strategy fallback --max-cost 0.01

# Run tests
python model_orchestrator.py --test

# View costs
python cost_tracker.py report --category orchestration
""",
    ),
    Block(
        "bash",
        "1. Cheapest (Auto-routing)",
        r"""
python model_orchestrator.py --prompt "What is 2+2?" --strategy cheapest
# Routes to: gpt-4o-mini ($0.000024)
""",
    ),
    Block(
        "bash",
        "2. Fallback Chain",
        r"""
python model_orchestrator.py --prompt "Explain quantum physics" --strategy fallback
# Tries: gpt-4o-mini → claude-haiku-3.5 → claude-sonnet-3.5 (stops when confident)
""",
    ),
    Block(
        "bash",
        "3. Ensemble",
        r"""
python model_orchestrator.py --prompt "Should I use REST or GraphQL?" --strategy ensemble
# Runs on: claude-haiku-3.5, gpt-4o-mini, claude-sonnet-3.5
# Selects best based on confidence + capability
""",
    ),
    Block(
        "bash",
        "Simple Query",
        r"""
python model_orchestrator.py --prompt "What is Python?" --strategy cheapest
""",
    ),
    Block(
        "bash",
        "Code Generation",
        r"""
python model_orchestrator.py --prompt "Write a binary search function" --strategy fallback
""",
    ),
    Block(
        "bash",
        "Complex Analysis",
        r"""
python model_orchestrator.py --prompt "Design distributed architecture" --strategy ensemble
""",
    ),
    Block(
        "bash",
        "Budget Control",
        r"""
# Set hard limit
python model_orchestrator.py \
  --prompt "Your prompt" \
  --strategy fallback \
  --max-cost 0.005

# System will:
# 1. Stop if cost exceeds budget
# 2. Skip expensive models in chain
# 3. Error if no model fits budget
""",
    ),
    Block(
        "python",
        "Python",
        r"""
from model_orchestrator import run_orchestration

result = run_orchestration(
    prompt="Explain Docker",
    strategy="cheapest"
)

print(f"Cost: ${result.cost}")
print(f"Model: {result.model_used}")
print(f"Response: {result.response}")
""",
    ),
    Block(
        "bash",
        "Bash",
        r"""
#!/bin/bash
python model_orchestrator.py \
  --prompt "Analyze logs" \
  --strategy fallback \
  --output result.json

cost=$(jq -r '.cost' result.json)
echo "Analysis cost: \$$cost"
""",
    ),
    Block(
        "json",
        "Output Format",
        r"""
{
  "response": "Model response here...",
  "model_used": "claude-sonnet-3.5",
  "cost": 0.0018,
  "latency": 0.23,
  "confidence": 0.85,
  "input_tokens": 50,
  "output_tokens": 100,
  "strategy": "ensemble",
  "fallback_chain": ["gpt-4o-mini", "claude-haiku-3.5", "claude-sonnet-3.5"],
  "ensemble_models": ["claude-haiku-3.5", "gpt-4o-mini", "claude-sonnet-3.5"],
  "metadata": {
    "ensemble_size": 3
  },
  "timestamp": "2025-12-01T14:30:00"
}
""",
    ),
    Block(
        "bash",
        "Custom Chains",
        r"""
# Fast chain (cheap models only)
python model_orchestrator.py \
  --prompt "Quick question" \
  --strategy fallback \
  --chain "gpt-4o-mini,claude-haiku-3.5"

# Quality chain (skip cheap models)
python model_orchestrator.py \
  --prompt "Important analysis" \
  --strategy fallback \
  --chain "claude-sonnet-3.5,claude-opus-3"

# OpenAI only
python model_orchestrator.py \
  --prompt "Your prompt" \
  --strategy fallback \
  --chain "gpt-4o-mini,gpt-4o,gpt-4"

# Anthropic only
python model_orchestrator.py \
  --prompt "Your prompt" \
  --strategy fallback \
  --chain "claude-haiku-3.5,claude-sonnet-3.5,claude-opus-3"
""",
    ),
    Block(
        "bash",
        "Cost Tracking",
        r"""
# Daily stats
python cost_tracker.py stats --period daily

# Monthly report with orchestration filter
python cost_tracker.py report --category orchestration --period monthly

# Export to CSV
python cost_tracker.py export --format csv --category orchestration --output orch_costs.csv
""",
    ),
    Block(
        "bash",
        "Pattern 1: Development Workflow",
        r"""
# Quick exploration (cheapest)
python model_orchestrator.py --prompt "How does X work?" --strategy cheapest

# Detailed investigation (fallback)
python model_orchestrator.py --prompt "Design X system" --strategy fallback

# Critical decision (ensemble)
python model_orchestrator.py --prompt "Should we use X or Y?" --strategy ensemble
""",
    ),
    Block(
        "bash",
        "Pattern 2: Cost-Conscious Pipeline",
        r"""
# Step 1: Quick classification (cheap)
python model_orchestrator.py \
  --prompt "Classify: $INPUT" \
  --strategy cheapest \
  --output step1.json

# Step 2: Detailed analysis (budget-limited fallback)
python model_orchestrator.py \
  --prompt "Analyze: $INPUT" \
  --strategy fallback \
  --max-cost 0.005 \
  --output step2.json
""",
    ),
    Block(
        "bash",
        "Pattern 3: Quality Validation",
        r"""
# Generate with single model
python model_orchestrator.py \
  --prompt "Write documentation for $CODE" \
  --strategy cheapest \
  --output draft.json

# Validate with ensemble
python model_orchestrator.py \
  --prompt "Review this documentation: $(cat draft.json)" \
  --strategy ensemble \
  --output final.json
""",
    ),
    Block(
        "bash",
        "Problem: Costs too high",
        r"""
# Use cheapest strategy
python model_orchestrator.py --prompt "..." --strategy cheapest

# Set budget limit
python model_orchestrator.py --prompt "..." --strategy fallback --max-cost 0.01

# Use smaller ensemble
python model_orchestrator.py --prompt "..." --strategy ensemble --ensemble-size 2
""",
    ),
    Block(
        "bash",
        "Problem: Low confidence responses",
        r"""
# Use fallback (auto-escalates)
python model_orchestrator.py --prompt "..." --strategy fallback

# Use ensemble for validation
python model_orchestrator.py --prompt "..." --strategy ensemble

# Start with better model in custom chain
python model_orchestrator.py --prompt "..." --strategy fallback --chain "claude-sonnet-3.5,claude-opus-3"
""",  # noqa: E501 - as the document has it
    ),
    Block(
        "bash",
        "Testing",
        r"""
# Run full test suite
python model_orchestrator.py --test

# Tests include:
# - Complexity scoring
# - Model routing
# - Fallback chains
# - Ensemble synthesis
""",
    ),
)

#: What the document says of its models: USD per million tokens, in and out.
PRICES = {
    "gpt-4o-mini": (0.15, 0.60),
    "claude-haiku-3.5": (0.80, 4.00),
    "gpt-4o": (2.50, 10.00),
    "claude-sonnet-3.5": (3.00, 15.00),
    "claude-opus-3": (15.00, 75.00),
    "gpt-4": (30.00, 60.00),
}
#: The models it says that prompts go to, and in which key of the result they stand.
CHAIN = ["gpt-4o-mini", "claude-haiku-3.5", "claude-sonnet-3.5"]
TOLD = {
    "What is 2+2?": ("model_used", ["gpt-4o-mini"]),
    "What is Python?": ("model_used", ["gpt-4o-mini"]),
    "Explain quantum physics": ("fallback_chain", CHAIN),
    "Should I use REST or GraphQL?": ("ensemble_models", CHAIN),
    "Design distributed architecture": ("ensemble_models", CHAIN),
}
COMMANDS = [block for block in BLOCKS if block.kind == "bash"]
PIECES = {"chain": lambda text: text.split(","), "ensemble-size": int, "max-cost": float}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Give a shell in an empty folder, with an empty home and no key."""
    return Shell(tmp_path)


class Shell:
    """Runs scripts of the document, and notes each call of the command."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._runs, programs = (folder / name for name in ("work", "runs", "bin"))
        for each in (self.folder, self._runs, programs):
            each.mkdir()
        for name, text in {"orchkit": ORCHKIT, "jq": JQ}.items():
            if name == "orchkit" or not shutil.which(name):
                (programs / name).write_text(text)
                (programs / name).chmod(0o755)
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHON": PYTHON,
            "RUNS": str(self._runs),
            "HOME": str(folder),
            "ORCHKIT_HOME": str(folder / "home"),
            "LC_ALL": "C.UTF-8",
            **VARIABLES,
        }

    def __call__(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the folder."""
        return subprocess.run(  # noqa: S603 - the document's commands, as the table has them
            command,
            capture_output=True,
            check=False,
            cwd=self.folder,
            encoding="utf-8",
            env={**self.environment, **environment},
        )

    def script(self, text: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script that ends with its first failure."""
        bash = shutil.which("bash")
        assert bash
        return self(bash, "-euo", "pipefail", "-c", text, **environment)

    @property
    def runs(self) -> list[Run]:
        """The calls of the command so far."""
        return [_read(run) for run in sorted(self._runs.iterdir())]


def _read(run: Path) -> Run:
    arguments = (run / "arguments").read_text("utf-8").split("\0")[:-1]
    code, stdout, stderr = (
        (run / name).read_text("utf-8") for name in ("code", "stdout", "stderr")
    )
    return Run(tuple(arguments), int(code), stdout, stderr)


def expected(options: dict[str, str]) -> orchkit.Result:
    """Return the result that the library gives for the options of a command."""
    made: dict[str, Any] = {
        name.replace("-", "_"): PIECES.get(name, str)(value)
        for name, value in options.items()
        if name != "output"
    }
    return orchkit.run_orchestration(**made)


def test_the_table_is_the_document() -> None:
    """Every block of the document, of whatever language, stands in the table to the letter."""
    if not DOCUMENT.is_file():
        pytest.skip("the quick reference of ../shared/design is not here")
    found = FENCE.findall(DOCUMENT.read_text("utf-8"))
    assert found == [(block.kind, block.text) for block in BLOCKS]


@pytest.mark.parametrize("block", COMMANDS, ids=lambda block: block.heading)
def test_every_command_runs(shell: Shell, block: Block) -> None:
    """Each command of a block ends with 0 and prints what the library would answer."""
    ran = shell.script(block.mapped)
    assert ran.returncode == 0, ran.stderr
    assert len(shell.runs) == len(re.findall(r"^orchkit\b", block.mapped, re.MULTILINE))
    for run in shell.runs:
        assert run.code == 0
        assert "Traceback" not in run.stderr
        check = CHECKERS[run.arguments[0]]
        check(run, shell.folder)


def check_prompt(run: Run, folder: Path) -> None:
    """Look for the answer alone on stdout, from the models the document names."""
    result = expected(run.options)
    assert result.error is None
    assert run.stdout == f"{result.response}\n"
    told = run.stderr.splitlines()[-1]
    assert told.startswith(f"{result.model_used} (simulator) · ${result.cost:.6f} · ")
    if run.options["prompt"] in TOLD:
        column, models = TOLD[run.options["prompt"]]
        found = getattr(result, column)
        assert ([found] if isinstance(found, str) else found[: len(models)]) == models
    if "chain" in run.options:
        assert result.fallback_chain == run.options["chain"].split(",")
    if "max-cost" in run.options:
        assert 0 < result.cost <= float(run.options["max-cost"])
    if "ensemble-size" in run.options:
        assert len(result.ensemble_models) == int(run.options["ensemble-size"])
    if "output" in run.options:
        check_file(folder / run.options["output"], result)


def check_file(path: Path, result: orchkit.Result) -> None:
    """Compare the file with the whole result."""
    written = json.loads(path.read_text("utf-8"))
    fresh = {"timestamp", "cached", "metadata"}  # what another asking of the same tells anew
    assert {**written, **dict.fromkeys(fresh)} == {**result.to_dict(), **dict.fromkeys(fresh)}


def check_models(run: Run, folder: Path) -> None:
    """Look for the document's models at the document's prices."""
    listed = [line.split() for line in run.stdout.splitlines()]
    prices = {words[0]: tuple(map(float, words[3:5])) for words in listed if words[0] in PRICES}
    assert prices == PRICES


def check_test(run: Run, folder: Path) -> None:
    """Look for each part that the document names, tested and well."""
    lines = [line.split()[:2] for line in run.stdout.splitlines()]
    assert lines == [["ok", name] for name in CHECKS]
    assert {"complexity", "routing", "fallback", "ensemble"} <= {*CHECKS}


def check_costs(run: Run, folder: Path) -> None:
    """Look for a sentence, or a file with a heading alone, where nothing was spent."""
    if "output" in run.options:
        assert run.stdout == ""
        assert pd.read_csv(folder / run.options["output"]).empty
    else:
        assert run.stdout == "nothing was spent\n"


CHECKERS = {
    "--prompt": check_prompt,
    "--list-models": check_models,
    "--test": check_test,
    "costs": check_costs,
}


def block_of(heading: str, kind: str = "bash") -> Block:
    """Return the block of a language under a heading."""
    (found,) = (each for each in BLOCKS if (each.kind, each.heading) == (kind, heading))
    return found


def test_the_pipeline_reads_the_cost(shell: Shell) -> None:
    """The jq pipeline prints the cost that stands in the file."""
    ran = shell.script(block_of("Bash").mapped)
    written = json.loads((shell.folder / "result.json").read_text("utf-8"))
    last = ran.stdout.splitlines()[-1]
    assert last.startswith("Analysis cost: $")
    assert float(last.partition("$")[2]) == written["cost"] > 0


def test_a_later_step_reads_an_earlier_one(shell: Shell) -> None:
    """In the pattern of a draft and its review, the review is asked about the draft's file."""
    shell.script(block_of("Pattern 3: Quality Validation").mapped)
    draft, review = shell.runs
    assert (
        draft.stdout.strip() in json.loads(review.options["prompt"].partition(": ")[2])["response"]
    )
    assert json.loads((shell.folder / "final.json").read_text("utf-8"))["strategy"] == "ensemble"


def test_the_tracker_tells_what_was_paid(shell: Shell) -> None:
    """With a paid request in the ledger, stats, report and export tell it to the nano-dollar."""
    models = orchkit.models().query("ends.isna()")
    prices = {name: (row.input_price, row.output_price) for name, row in models.iterrows()}
    with LoopbackServer(prices=prices) as server:
        ran = shell.script(
            'orchkit --prompt "What is Python?"',
            OPENAI_API_KEY="sk-loopback",
            OPENAI_BASE_URL=server.openai_url,
        )
        billed = server.book().billed_nano
    assert (ran.returncode, billed > 0) == (0, True), ran.stderr
    ran = shell.script(block_of("Cost Tracking").mapped)
    assert ran.returncode == 0, ran.stderr
    _, stats, report, _ = shell.runs
    (paid,) = pd.read_csv(shell.folder / "orch_costs.csv").itertuples()
    assert (round(paid.cost * 1e9), paid.strategy, paid.category) == (
        billed,
        "cheapest",
        "orchestration",
    )
    assert all(f"{billed / 1e9:.6f}" in run.stdout for run in (stats, report))
    assert paid.model in report.stdout


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.kind == "python"], ids=lambda block: block.heading
)
def test_every_python_block_runs(shell: Shell, block: Block) -> None:
    """The Python block prints the cost, the model and the answer."""
    ran = shell(PYTHON, "-c", block.mapped)
    result = orchkit.run_orchestration(prompt="Explain Docker", strategy="cheapest")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        f"Cost: ${result.cost}",
        f"Model: {result.model_used}",
        *f"Response: {result.response}".splitlines(),
    ]


def test_the_output_is_the_documents(shell: Shell) -> None:
    """The file has the document's keys in its order, of its types; then provider, cached, error."""
    ran = shell.script("orchkit --prompt 'Design it' --strategy ensemble --output out.json")
    told = json.loads(block_of("Output Format", "json").text)
    written = json.loads((shell.folder / "out.json").read_text("utf-8"))
    assert ran.returncode == 0
    assert [*written] == [*told, "provider", "cached", "error"]
    assert {name: type(written[name]) for name in told} == {
        name: type(value) for name, value in told.items()
    }
    assert written["metadata"].keys() >= told["metadata"].keys()
