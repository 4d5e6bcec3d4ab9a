from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import orchkit
from orchkit.core.calls import Call
from orchkit.ui import commands_prompt
from orchkit.ui.cli import main
from orchkit.ui.commands_prompt import prompt_text
from orchkit.ui.writing import ResultFile


def run(*arguments: object, given: bytes | None = None) -> Result:
    """Run the command with something on standard input."""
    return CliRunner().invoke(main, list(map(str, arguments)), input=given)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"], ids=repr)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "mark"])
def test_standard_input_is_asked(sent: list[Call], end: str, mark: bytes) -> None:
    """`--prompt -` asks what is piped in, without its last newlines or a byte order mark."""
    ran = run("--prompt", "-", given=mark + f"Was heißt\n你好?{end}".encode())
    assert ran.exit_code == 0
    assert [call.messages[-1].content for call in sent] == ["Was heißt\n你好?"]


def test_a_file_is_asked(tmp_path: Path, sent: list[Call]) -> None:
    """`--prompt @file` asks a file's text, like the shell's "$(cat file)"."""
    (tmp_path / "ask.txt").write_text("Explain tides 🌊\n", "utf-8")
    ran = run("--prompt", f"@{tmp_path / 'ask.txt'}")
    assert ran.exit_code == 0
    assert ran.stdout == run("--prompt", "Explain tides 🌊").stdout
    assert len(sent) == 1


@pytest.mark.parametrize("text", ["@@alice says hi", "@@", "a@b", " -", "--"])
def test_other_text_is_asked_as_it_stands(text: str) -> None:
    """Only a lone dash and an @ at the start mean something; two @ stand for one."""
    assert prompt_text(text) == text.replace("@@", "@")


@pytest.mark.parametrize(
    ("named", "remedy"),
    [
        ("@{folder}/nothing.txt", "No such file or directory; name a file"),
        ("@{folder}", "name a file of text"),
        ("@", "name a file of text"),
        ("@alice", "written with two: @@"),
        ("@{folder}/latin.txt", "iconv"),
        ("@{folder}/long.txt", "shorten it"),
        ("@/dev/zero", "shorten it"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_2(
    tmp_path: Path, sent: list[Call], monkeypatch: pytest.MonkeyPatch, named: str, remedy: str
) -> None:
    """A file that is missing, no text, or too long is refused with a remedy; nothing is sent."""
    monkeypatch.setattr(commands_prompt, "MOST_BYTES", 100)
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "long.txt").write_bytes(b"a" * 101)
    ran = run("--prompt", named.format(folder=tmp_path))
    assert (ran.exit_code, ran.stdout, sent) == (2, "", [])
    assert ran.stderr.startswith("orchkit: ")
    assert ran.stderr.count("\n") == 1
    assert remedy in ran.stderr


def test_standard_input_that_is_no_text_is_refused(sent: list[Call]) -> None:
    """Bytes that are no UTF-8 end with 2 and say which byte."""
    ran = run("--prompt", "-", given=b"caf\xe9")
    assert (ran.exit_code, sent) == (2, [])
    assert "standard input is no UTF-8 (byte 3)" in ran.stderr


def test_empty_standard_input_is_an_empty_prompt() -> None:
    """Nothing piped in is a prompt that cannot be asked: 1."""
    ran = run("--prompt", "-", given=b"\n")
    assert ran.exit_code == 1
    assert "EmptyPrompt" in ran.stderr


def test_a_name_with_a_null_character_is_refused() -> None:
    """A name no file can have is a ParameterError."""
    with pytest.raises(orchkit.ParameterError, match="cannot read"):
        prompt_text("@a\0b")


def test_a_result_takes_the_place_of_another(tmp_path: Path) -> None:
    """A file is replaced whole, keeps who may read it, and nothing is left beside it."""
    path = tmp_path / "result.json"
    path.write_text("old" * 10_000)
    path.chmod(0o640)
    assert run("--prompt", "What is 2+2?", "--output", path).exit_code == 0
    assert json.loads(path.read_text("utf-8"))["model_used"] == "gpt-4o-mini"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["result.json"]


def test_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    """A file that was not there may be read by those the umask lets."""
    before = os.umask(0o027)
    try:
        ResultFile(tmp_path / "new.json").write("{}")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.json").stat().st_mode) == 0o640


def test_a_write_that_breaks_leaves_the_old_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full half way, the file is as it was and nothing lies beside it."""
    path = tmp_path / "result.json"
    path.write_text("old")
    file = ResultFile(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        file.write("new")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [
        ("result.json", "old")
    ]


def test_what_a_link_leads_to_is_written(tmp_path: Path) -> None:
    """A symbolic link stays one; its file is replaced."""
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    ResultFile(tmp_path / "link.json").write("{}")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "{}"


def test_a_device_is_written_not_replaced(tmp_path: Path) -> None:
    """What is no regular file stays what it is."""
    ran = run("--prompt", "What is 2+2?", "--output", "/dev/null")
    assert ran.exit_code == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_limit_too_small_is_told_as_json(sent: list[Call]) -> None:
    """--json prints the whole result of a prompt that no model fits: a pipeline reads its error."""
    ran = run("--prompt", "Explain tides", "--max-cost", 0.0000001, "--json")
    told = json.loads(ran.stdout)
    assert (ran.exit_code, told["response"], sent) == (1, None, [])
    assert told["error"].startswith("BudgetExceeded: ")
    assert ran.stderr.splitlines()[-1] == f"orchkit: {told['error']}"


def test_an_answer_has_its_longest(sent: list[Call]) -> None:
    """--max-tokens is sent, and makes room under a limit."""
    limit = ("--max-cost", 0.00005, "--prompt", "Hi")
    assert run(*limit).exit_code == 1
    assert run(*limit, "--max-tokens", 20).exit_code == 0
    assert [call.params.max_tokens for call in sent] == [20]


def test_a_limit_too_small_is_told_in_the_file(tmp_path: Path, sent: list[Call]) -> None:
    """Where no model fits the limit the file says so, and not what an earlier prompt cost."""
    path = tmp_path / "result.json"
    run("--prompt", "What is 2+2?", "--output", path)
    ran = run("--prompt", "Explain tides", "--max-cost", 0.0000001, "--output", path)
    told = json.loads(path.read_text("utf-8"))
    assert ran.exit_code == 1
    assert told["error"].startswith("BudgetExceeded: ")
    assert (told["response"], told["cost"], len(sent)) == (None, 0, 1)
