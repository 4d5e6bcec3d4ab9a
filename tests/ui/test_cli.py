from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import orchkit
from orchkit.core.calls import Call, Response
from orchkit.ui.bench import FILES
from orchkit.ui.cli import main

WRITERS = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".parquet": lambda frame, path: frame.to_parquet(path),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
}
SHELLS = ("bash", "zsh", "fish")
UNPRICED = '[models.local]\nprovider = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n'


def orchkit_(*arguments: object) -> Result:
    """Run the command, letting nothing but its own exits pass."""
    return CliRunner().invoke(main, list(map(str, arguments)))


def ended(result: Result) -> tuple[int, str]:
    """Return the exit code, and the exception if it was not an exit."""
    crashed = result.exception and not isinstance(result.exception, SystemExit)
    return result.exit_code, repr(result.exception) if crashed else ""


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """Give a file of prompts without references."""
    path = tmp_path / "prompts.csv"
    path.write_text("prompt\nWhat is 2+2?\nExplain tides\n")
    return path


@pytest.mark.usefixtures("untold")
@pytest.mark.parametrize("strategy", ["cheapest", "fallback", "ensemble", "gpt-4o"])
def test_a_prompt_is_answered_on_stdout_alone(strategy: str) -> None:
    """The answer and nothing else is on stdout; what it cost and who gave it is on stderr."""
    ran = orchkit_("--prompt", "What is 2+2?", "--strategy", strategy)
    result = orchkit.run_orchestration("What is 2+2?", strategy)
    assert ended(ran) == (0, "")
    assert ran.stdout == f"{result.response}\n"
    simulated, told = ran.stderr.splitlines()
    assert "simulator" in simulated
    assert told.startswith(f"{result.model_used} (simulator) · ${result.cost:.6f} · ")


def test_a_result_is_printed_as_json() -> None:
    """--json prints the whole result."""
    ran = orchkit_("--prompt", "What is 2+2?", "--strategy", "ensemble", "--json")
    told = json.loads(ran.stdout)
    assert list(told) == list(orchkit.run_orchestration("What is 2+2?").to_dict())
    assert told["strategy"] == "ensemble"


def test_a_result_is_written(tmp_path: Path) -> None:
    """--output writes the result as JSON, and the answer still goes to stdout."""
    path = tmp_path / "result.json"
    ran = orchkit_("--prompt", "What is 2+2?", "--output", path)
    told = json.loads(path.read_text("utf-8"))
    assert ended(ran) == (0, "")
    assert ran.stdout == told["response"] + "\n"


def test_a_chain_is_tried_in_its_order() -> None:
    """--chain names the models of a fallback, with or without spaces."""
    ran = orchkit_(
        "--prompt", "Hi", "--strategy", "fallback", "--chain", "gpt-4o, gpt-4o-mini", "--json"
    )
    assert json.loads(ran.stdout)["fallback_chain"] == ["gpt-4o", "gpt-4o-mini"]


def test_an_ensemble_has_its_size() -> None:
    """--ensemble-size says how many models vote."""
    ran = orchkit_("--prompt", "Hi", "--strategy", "ensemble", "--ensemble-size", 2, "--json")
    assert json.loads(ran.stdout)["ensemble_models"] == ["gpt-4o-mini", "claude-haiku-3.5"]


def test_a_limit_leaves_room_for_what_fits() -> None:
    """With --max-cost the dearer models of a chain are skipped."""
    ran = orchkit_("--prompt", "Hi", "--strategy", "fallback", "--max-cost", 0.005, "--json")
    assert ended(ran) == (0, "")
    assert json.loads(ran.stdout)["cost"] <= 0.005


@pytest.mark.parametrize("strategy", ["cheapest", "fallback", "ensemble", "gpt-4o"])
def test_a_limit_too_small_ends_with_1(strategy: str, sent: list[Call]) -> None:
    """Where no model fits the limit, one line on stderr says so and the exit code is 1."""
    ran = orchkit_("--prompt", "Hi", "--strategy", strategy, "--max-cost", 0.0000001)
    assert ended(ran) == (1, "")
    assert ran.stdout == ""
    assert ran.stderr.startswith("orchkit: ")
    assert ran.stderr.splitlines()[-1].endswith("lower max_tokens or raise the limit")
    assert sent == []


def test_a_prompt_that_cannot_be_asked_ends_with_1() -> None:
    """A blank prompt is a failed row: exit code 1, and the reason on stderr."""
    ran = orchkit_("--prompt", "  ")
    assert ended(ran) == (1, "")
    assert ran.stdout.strip() == ""
    assert "EmptyPrompt" in ran.stderr


def test_models_are_listed_with_prices() -> None:
    """--list-models shows every model with its tier and prices."""
    ran = orchkit_("--list-models")
    assert ended(ran) == (0, "")
    (row,) = (line.split() for line in ran.stdout.splitlines() if line.startswith("gpt-4o-mini"))
    assert row[1:3] == ["openai", "basic"]
    assert [float(price) for price in row[3:5]] == [0.15, 0.6]
    assert all(name in ran.stdout for name in orchkit.models().index)


def test_models_are_listed_as_json() -> None:
    """--list-models --json is the table of models, a record each."""
    told = json.loads(orchkit_("--list-models", "--json").stdout)
    assert [model["name"] for model in told] == list(orchkit.models().index)
    assert told[0]["input_price"] == 0.15


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_a_model_without_a_price_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """A model whose price nobody knows is in the list like any other."""
    (tmp_path / "mine.toml").write_text(UNPRICED)
    monkeypatch.setenv("ORCHKIT_CATALOG", str(tmp_path / "mine.toml"))
    ran = orchkit_("--list-models", *options)
    assert ended(ran) == (0, "")
    assert "local" in ran.stdout


def test_bench_prints_its_table() -> None:
    """`bench everyday --limit 20` prints one row a strategy, over twenty prompts."""
    ran = orchkit_("bench", "everyday", "--limit", 20)
    assert ended(ran) == (0, "")
    title, _, _, *rows, note, one, two, three, last = ran.stdout.splitlines()
    assert title.startswith("20 prompts; SIMULATED answers")
    assert [row.split()[0] for row in rows][:3] == ["cheapest", "fallback", "ensemble"]
    assert {row.split()[-1] for row in rows} == {"20"}
    assert "uncalibrated" in note
    verdicts = dict(line.split(": ", 1) for line in (one, two, three))
    assert [*verdicts] == ["cheapest", "fallback", "ensemble"]
    assert all("claude-opus-3" in words and "n=20" in words for words in verdicts.values())
    assert last.startswith("nothing cheaper is shown to be within 1 pt of claude-opus-3")


@pytest.mark.parametrize("suffix", WRITERS)
def test_bench_reads_a_file(tmp_path: Path, suffix: str) -> None:
    """The same prompts give the same figures from every kind of file."""
    frame = orchkit.load_dataset("everyday").head(12)
    path = tmp_path / f"prompts{suffix}"
    WRITERS[suffix](frame, path)
    ran = orchkit_("bench", path, "--strategies", "cheapest,gpt-4o", "--json")
    told = pd.DataFrame(json.loads(ran.stdout)["summary"]).set_index("strategy")
    direct = frame.orch.compare(["cheapest", "gpt-4o"]).summary()
    assert ended(ran) == (0, "")
    for column in ("n", "quality", "cost_per_1k", "confidence"):
        assert list(told[column]) == pytest.approx(list(direct[column]))


def test_bench_as_json_says_that_it_is_simulated() -> None:
    """--json prints the summary and whether it was simulated, and nothing else."""
    told = json.loads(orchkit_("bench", "--limit", 3, "--strategies", "gpt-4o", "--json").stdout)
    assert told["simulated"] is True
    assert [row["strategy"] for row in told["summary"]] == ["gpt-4o"]


@pytest.mark.usefixtures("no_figures")
def test_bench_writes_three_files(tmp_path: Path) -> None:
    """--out writes results, summary and figure, and names each on stderr."""
    ran = orchkit_("bench", "--limit", 3, "--strategies", "cheapest", "--out", tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert ended(ran) == (0, "")
    assert names == set(FILES)
    assert all(name in ran.stderr for name in names)
    assert not any(name in ran.stdout for name in names)


@pytest.mark.usefixtures("no_figures")
def test_bench_needs_no_references(prompts: Path, tmp_path: Path) -> None:
    """Prompts alone are benched and written without a warning."""
    ran = orchkit_("bench", prompts, "--strategies", "cheapest", "--out", tmp_path / "out")
    assert ended(ran) == (0, "")
    assert len(list((tmp_path / "out").iterdir())) == len(FILES)


def test_bench_of_a_failed_row_ends_with_1(tmp_path: Path) -> None:
    """A row that could not be answered is counted, and the exit code is 1."""
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": ""}\n{"prompt": "What is 2+2?"}\n')
    ran = orchkit_("bench", path, "--strategies", "cheapest", "--json")
    assert ended(ran) == (1, "")
    assert json.loads(ran.stdout)["summary"][0]["errors"] == 1


def test_bench_over_its_budget_ends_with_1() -> None:
    """Rows that no longer fit --budget are failed rows."""
    ran = orchkit_("bench", "--limit", 3, "--strategies", "gpt-4", "--budget", 0, "--json")
    assert ended(ran) == (1, "")
    assert json.loads(ran.stdout)["summary"][0]["cost"] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--strategy", "fallback"],
        ["--prompt", "Hi", "--strategy", "fallbak"],
        ["--prompt", "Hi", "--chain", "", "--strategy", "fallback"],
        ["--prompt", "Hi", "--chain", "gpt-4o,gpt-4o", "--strategy", "fallback"],
        ["--prompt", "Hi", "--chain", "gpt-4o,gpt-5o", "--strategy", "fallback"],
        ["--prompt", "Hi", "--chain", "gpt-4o"],
        ["--prompt", "Hi", "--ensemble-size", "0", "--strategy", "ensemble"],
        ["--prompt", "Hi", "--ensemble-size", "7", "--strategy", "ensemble"],
        ["--prompt", "Hi", "--max-cost", "nan"],
        ["--prompt", "Hi", "--max-cost", "-1"],
        ["--prompt", "Hi", "--output", "{folder}/nowhere/result.json"],
        ["--prompt", "Hi", "--budget", "-1"],
        ["--prompt", "Hi", "--threshold", "2", "--strategy", "fallback"],
        ["--prompt", "Hi", "bench"],
        ["--list-models", "bench"],
        ["--strategy", "fallback", "cache", "info"],
        ["bench", "nothing"],
        ["bench", "{folder}/nothing.csv"],
        ["bench", "{folder}/prompts.xlsx"],
        ["bench", "{folder}/empty.csv"],
        ["bench", "{folder}/latin.csv"],
        ["bench", "{folder}/column.csv"],
        ["bench", "{folder}/broken.jsonl"],
        ["bench", "{folder}/broken.parquet"],
        ["bench", "--strategies", "cheapest,dearest"],
        ["bench", "--strategies", "cheapest,cheapest"],
        ["bench", "--strategies", ""],
        ["bench", "--limit", "3", "--budget", "-1"],
        ["bench", "--limit", "3", "--out", "{folder}/empty.csv/out"],
    ],
    ids=" ".join,
)
def test_misuse_is_one_line_and_2(tmp_path: Path, sent: list[Call], arguments: list[str]) -> None:
    """Misuse ends with 2 and one line on stderr, before anything is sent or printed."""
    contents: dict[str, bytes] = {
        "prompts.xlsx": b"",
        "empty.csv": b"",
        "latin.csv": b"prompt\ncaf\xe9\n",
        "column.csv": b"question\nWhy?\n",
        "broken.jsonl": b"no json\n",
        "broken.parquet": b"no parquet",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    ran = orchkit_(*(each.format(folder=tmp_path) for each in arguments))
    assert ended(ran) == (2, "")
    assert ran.stdout == ""
    assert ran.stderr.startswith("orchkit: ")
    assert ran.stderr.count("\n") == 1
    assert sent == []


@pytest.mark.parametrize(
    "arguments",
    [["bench", "--limit", "0"], ["bnech"], ["--ensemble-size", "two"], ["--promt", "Hi"], []],
    ids=" ".join,
)
def test_a_slip_in_the_command_ends_with_2(arguments: list[str]) -> None:
    """What the command line does not know ends with 2 and how it is used."""
    ran = orchkit_(*arguments)
    assert ended(ran) == (2, "")
    assert ran.stdout == ""
    assert "Usage:" in ran.stderr


def test_a_file_without_rows_is_no_crash(tmp_path: Path) -> None:
    """A file with a heading and no prompts ends in words, not in a traceback."""
    (tmp_path / "prompts.csv").write_text("prompt,reference\n")
    code, crashed = ended(orchkit_("bench", tmp_path / "prompts.csv"))
    assert crashed == ""
    assert code in {0, 2}


def test_a_home_that_cannot_be_used_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: list[Call]
) -> None:
    """A cache that cannot be opened ends the command in one line with a remedy, nothing spent."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("ORCHKIT_HOME", str(tmp_path / "file"))
    ran = orchkit_("--prompt", "Hi")
    assert ran.exit_code in {1, 2}
    assert ended(ran)[1] == ""
    assert ran.stderr.count("\n") == 1
    assert "cache_dir=" in ran.stderr
    assert sent == []


@pytest.mark.parametrize("arguments", [["--help"], ["bench", "--help"]], ids=" ".join)
def test_help_names_every_option(arguments: list[str]) -> None:
    """--help tells what each option is for, on stdout."""
    ran = orchkit_(*arguments)
    command = main if len(arguments) == 1 else main.commands["bench"]
    assert ended(ran) == (0, "")
    assert all(option in ran.stdout for each in command.params for option in long_names(each))


def long_names(parameter: Any) -> list[str]:
    """Return what an option is written as."""
    return [name for name in parameter.opts if name.startswith("--")]


def test_the_version_is_the_packages() -> None:
    """--version prints the version orchkit has."""
    assert orchkit.__version__ in orchkit_("--version").stdout


def test_the_module_is_the_command(own_home: Path) -> None:
    """`python -m orchkit` prints to a real stdout and ends with the command's exit code."""
    command = [sys.executable, "-m", "orchkit", "--prompt", "  "]
    ran = subprocess.run(command, capture_output=True, check=False, encoding="utf-8")  # noqa: S603
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "EmptyPrompt" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_what_belongs_to_a_prompt_is_refused_before_a_command(sent: list[Call]) -> None:
    """Options of one prompt in front of a command are named, instead of being ignored."""
    ran = orchkit_("--prompt", "Hi", "--max-cost", "1", "bench", "--limit", 3)
    assert ended(ran) == (2, "")
    assert "--prompt, --max-cost cannot stand before 'bench'" in ran.stderr
    assert sent == []


@pytest.mark.parametrize("arguments", [["--json", "bench"], ["bench", "--json"]], ids=" ".join)
def test_json_may_stand_before_or_after_the_command(arguments: list[str]) -> None:
    """Wherever --json stands, bench prints its summary as JSON."""
    ran = orchkit_(*arguments, "--limit", 3, "--strategies", "cheapest")
    assert json.loads(ran.stdout)["summary"][0]["strategy"] == "cheapest"


@pytest.mark.parametrize(("threshold", "asked"), [(0, 1), (1, 2)])
def test_a_threshold_decides_on_escalation(threshold: float, asked: int) -> None:
    """--threshold 0 takes the first answer, 1 goes up the chain."""
    chain = ["--strategy", "fallback", "--chain", "gpt-4o-mini,gpt-4o"]
    ran = orchkit_("--prompt", "Explain tides", *chain, "--threshold", threshold, "--json")
    assert len(json.loads(ran.stdout)["metadata"]["calls"]) == asked


def test_a_system_message_is_sent(sent: list[Call]) -> None:
    """--system puts a system message before the prompt."""
    orchkit_("--prompt", "Hi", "--system", "Be brief")
    assert [(m.role, m.content) for m in sent[0].messages] == [
        ("system", "Be brief"),
        ("user", "Hi"),
    ]


def test_a_budget_too_small_ends_with_1(sent: list[Call]) -> None:
    """--budget caps the run like --max-cost caps the prompt."""
    assert ended(orchkit_("--prompt", "Hi", "--budget", 0)) == (1, "")
    assert sent == []


def test_an_answer_from_the_cache_says_so() -> None:
    """The line about an answer ends in "cached" when nothing was bought for it."""
    first, second = (orchkit_("--prompt", "What is 2+2?").stderr for _ in range(2))
    assert not first.rstrip().endswith("cached")
    assert second.rstrip().endswith("· cached")


def test_retired_models_are_marked() -> None:
    """--list-models says of a model its vendor has ended that it is retired, and since when."""
    lines = orchkit_("--list-models").stdout.splitlines()
    marked = {line.split()[0] for line in lines if "retired 20" in line}
    listed = orchkit.models()
    assert marked == set(listed.index[listed["retired"]])
    assert marked


class Hostile:
    """A provider that answers with escapes for the terminal."""

    name = "\x1b]0;owned\x07host"

    def __init__(self, says: str) -> None:
        self.says = says

    async def complete(self, call: Call) -> Response:
        """Answer, or fail, with the hostile text."""
        if call.model == "angry":
            raise RuntimeError(self.says)
        return Response(call.model, self.says)


HOSTILE = "\x1b[2J\x1b]52;c;cm0=\x07\tcolumn\nline\x9b31m\r\x1b]8;;http://x\x1b\\link"


@pytest.mark.parametrize("model", ["polly", "angry"])
def test_an_answer_cannot_steer_the_terminal(model: str) -> None:
    """Escapes in an answer, an error or a name are not printed; tabs and newlines are."""
    orchkit.add_model(model, provider=Hostile(HOSTILE), input_price=0, output_price=0)
    ran = orchkit_("--prompt", "Hi", "--strategy", model)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", ran.stdout + ran.stderr)
    assert ran.stdout == ("\tcolumn\nlinelink\n" if model == "polly" else "")


def test_json_keeps_an_answer_whole_and_harmless() -> None:
    """--json prints no raw control character, and gives back the answer to the letter."""
    orchkit.add_model("polly", provider=Hostile(HOSTILE), input_price=0, output_price=0)
    ran = orchkit_("--prompt", "Hi", "--strategy", "polly", "--json")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", ran.stdout)
    assert json.loads(ran.stdout)["response"] == HOSTILE


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own, apart from what it took."""
    return subprocess.run(  # noqa: S603 - our own interpreter
        arguments,
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, "PYTHONWARNINGS": "ignore", **environment},
    )


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--promt", "Hi"], ["--list-models"], ["costs", "--help"]],
    ids=" ".join,
)
def test_the_module_says_what_the_command_says(own_home: Path, arguments: list[str]) -> None:
    """`python -m orchkit` prints and ends as `orchkit` does, its own name included."""
    command = "import sys; from orchkit.ui.cli import main; main(prog_name='orchkit')"
    module = process(sys.executable, "-m", "orchkit", *arguments)
    script = process(sys.executable, "-c", command, *arguments)
    assert (module.returncode, module.stdout, module.stderr) == (
        script.returncode,
        script.stdout,
        script.stderr,
    )
    assert "__main__" not in module.stdout + module.stderr


def test_the_shell_completes_what_is_typed(own_home: Path, tmp_path: Path) -> None:
    """Commands, options, strategies and models are completed; a broken catalog is no matter."""
    (tmp_path / "broken.toml").write_text("no toml")
    asked = {
        "be": "plain,bench",
        "--ens": "plain,--ensemble-size",
        "--strategy f": "plain,fallback",
        "--strategy claude-o": "plain,claude-opus-3",
    }
    for typed, offered in asked.items():
        words = f"orchkit {typed}"
        completing = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        told = process(
            sys.executable, "-m", "orchkit", _ORCHKIT_COMPLETE="bash_complete", **completing
        )
        assert told.stdout.splitlines() == [offered]
    broken = process(
        sys.executable,
        "-m",
        "orchkit",
        _ORCHKIT_COMPLETE="bash_complete",
        ORCHKIT_CATALOG=str(tmp_path / "broken.toml"),
        **completing,
    )
    assert (broken.returncode, broken.stdout.strip(), broken.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--list-models"],
        ["--prompt", "Hi"],
        ["bench", "--limit", "3"],
        ["costs", "export", "--json"],
    ],
    ids=" ".join,
)
def test_a_reader_that_leaves_is_no_error(own_home: Path, arguments: list[str]) -> None:
    """When nobody reads any more the command ends without a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "orchkit", *arguments]
    ran = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)  # noqa: S603
    os.close(writing)
    assert ran.returncode == 1
    assert not re.search(b"Traceback|Exception|Error", ran.stderr)


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who presses Ctrl-C is told by the code that shells know."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(orchkit.ui.verbs, "run_orchestration", interrupted)
    assert ended(orchkit_("--prompt", "Hi")) == (130, "")


def test_a_file_that_cannot_be_written_has_a_remedy(tmp_path: Path, sent: list[Call]) -> None:
    """Where --output has no folder the line says what is wrong and what to do."""
    ran = orchkit_("--prompt", "Hi", "--output", tmp_path / "nowhere" / "result.json")
    assert (ran.exit_code, sent) == (2, [])
    assert ran.stderr.rstrip().endswith("directory; name one that can be used, or mend that.")


def test_help_tells_how_to_complete() -> None:
    """--help has the line of each shell that turns completion on."""
    told = orchkit_("--help").stdout
    assert all(f"_ORCHKIT_COMPLETE={shell}_source orchkit" in told for shell in SHELLS)


def test_models_alone_are_on_stdout() -> None:
    """What the list means is on stderr, so that stdout is the table."""
    ran = orchkit_("--list-models")
    assert "USD per million tokens" in ran.stderr
    assert "USD per million tokens" not in ran.stdout


@pytest.mark.usefixtures("sent")
def test_a_module_run_prints_its_help() -> None:
    """Every command of the group is offered by --help."""
    told = orchkit_("--help").stdout
    assert all(f"  {name} " in told for name in main.commands)
