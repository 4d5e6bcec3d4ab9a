import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import orchkit
from orchkit.core.calls import Call, Failure, Kind, Message, Params, Response
from orchkit.core.catalog import Tier
from orchkit.core.plans import Query
from orchkit.errors import ColumnError, MisuseError, ParameterError
from orchkit.lab.asking import Asking, queries, tier_or_none
from orchkit.lab.prompting import MAX_PROMPT_BYTES
from orchkit.runtime.providers.simulator import Simulator

TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "2+2?"},
    {"role": "assistant", "content": "4"},
    {"role": "user", "content": "And 3+3?"},
]
BAD: dict[str, tuple[Any, Kind]] = {
    "NaN": (float("nan"), Kind.EmptyPrompt),
    "numpy NaN": (np.float64("nan"), Kind.EmptyPrompt),
    "None": (None, Kind.EmptyPrompt),
    "NA": (pd.NA, Kind.EmptyPrompt),
    "NaT": (pd.NaT, Kind.EmptyPrompt),
    "empty": ("", Kind.EmptyPrompt),
    "blank": (" \t\n\u00a0\u2003", Kind.EmptyPrompt),
    "no messages": ([], Kind.EmptyPrompt),
    "blank message": ([{"role": "user", "content": " "}], Kind.EmptyPrompt),
    "system alone": ([{"role": "system", "content": "Be brief."}], Kind.EmptyPrompt),
    "int": (42, Kind.PromptType),
    "float": (4.2, Kind.PromptType),
    "bool": (True, Kind.PromptType),
    "decimal": (Decimal(1), Kind.PromptType),
    "bytes": (b"What is 2+2?", Kind.PromptType),
    "dict": ({"role": "user", "content": "2+2?"}, Kind.PromptType),
    "set": ({"2+2?"}, Kind.PromptType),
    "list of text": (["2+2?"], Kind.PromptType),
    "unknown role": ([{"role": "robot", "content": "2+2?"}], Kind.PromptType),
    "role of another type": ([{"role": ["user"], "content": "2+2?"}], Kind.PromptType),
    "no role": ([{"content": "2+2?"}], Kind.PromptType),
    "no content": ([{"role": "user"}], Kind.PromptType),
    "content of parts": (
        [{"role": "user", "content": [{"type": "text", "text": "2+2?"}]}],
        Kind.PromptType,
    ),
    "content of bytes": ([{"role": "user", "content": b"2+2?"}], Kind.PromptType),
    "one bad turn of two": ([TURNS[1], "and?"], Kind.PromptType),
    "lone surrogate": ("2+2\ud83d?", Kind.PromptEncoding),
    "surrogate in a turn": ([{"role": "user", "content": "\udc00"}], Kind.PromptEncoding),
    "three megabytes": ("x" * 3_000_000, Kind.PromptTooLong),
    "three megabytes in turns": (
        [{"role": "user", "content": "x" * 1_500_000}] * 2,
        Kind.PromptTooLong,
    ),
}


class Told:
    """A classifier that gives what it was told to, and remembers what it was asked."""

    def __init__(self, answers: Any) -> None:
        self.answers = answers
        self.asked: list[list[str]] = []

    def predict(self, texts: Sequence[str]) -> Any:
        """Return the answers it was given."""
        self.asked.append(list(texts))
        return self.answers


def _frame(*cells: Any) -> pd.DataFrame:
    return pd.DataFrame({"prompt": pd.Series(cells, dtype="object")})


def _only(cell: Any, **asking: Any) -> Query | Failure:
    (asked,) = queries(_frame(cell), Asking(**asking))
    return asked


def _query(cell: Any, **asking: Any) -> Query:
    asked = _only(cell, **asking)
    assert isinstance(asked, Query)
    return asked


def _filled(template: str, **cells: Any) -> Query | Failure:
    (asked,) = queries(pd.DataFrame([cells], dtype="object"), Asking(template=template))
    return asked


def _tiers(frame: pd.DataFrame, complexity: Any) -> list[str]:
    asked = queries(frame, Asking(complexity=complexity))
    return [query.tier.value for query in asked if isinstance(query, Query)]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Give the list of calls that reach the simulator."""
    calls: list[Call] = []

    async def complete(self: Simulator, call: Call) -> Response:
        calls.append(call)
        return self.answer(call)

    monkeypatch.setattr(Simulator, "complete", complete)
    return calls


@pytest.mark.parametrize(("cell", "kind"), BAD.values(), ids=BAD.keys())
def test_a_cell_that_cannot_be_asked_says_why(cell: Any, kind: Kind) -> None:
    """Each kind of bad cell becomes a failure of its own code."""
    asked = _only(cell)
    assert isinstance(asked, Failure)
    assert asked.kind is kind
    assert str(asked).startswith(f"{kind.name}: ")


def test_bad_rows_cost_no_request(sent: list[Call]) -> None:
    """Bad rows fill their error and send nothing; the good row among them is answered."""
    cells = [cell for cell, _ in BAD.values()]
    out = orchkit.route(_frame(*cells, "What is 2+2?"), "ensemble", progress=False)
    assert [error.split(":")[0] for error in out["error"][:-1]] == [
        kind.name for _, kind in BAD.values()
    ]
    assert out["error"].isna().tolist() == [False] * len(BAD) + [True]
    assert len(sent) == 3
    assert {call.messages[-1].content for call in sent} == {"What is 2+2?"}


@pytest.mark.parametrize("cell", [42, b"2+2?", {"a": 1}])
def test_a_cell_of_another_type_names_it(cell: Any) -> None:
    """A cell that is no text says what it is, and what to give instead."""
    told = str(_only(cell))
    assert type(cell).__name__ in told
    assert "give text" in told


def test_text_is_asked_as_it_stands() -> None:
    """White space around a prompt is part of it."""
    assert _query("  2+2?\n").messages == (Message("user", "  2+2?\n"),)


@pytest.mark.parametrize("turns", [TURNS, tuple(TURNS), TURNS[1:2]])
def test_a_conversation_is_asked_turn_by_turn(turns: Sequence[dict[str, str]]) -> None:
    """A list of messages keeps its roles, contents and order."""
    expected = tuple(Message(turn["role"], turn["content"]) for turn in turns)
    assert _query(turns).messages == expected


def test_a_nul_is_sent() -> None:
    """NUL is a character like another."""
    assert _query("a\x00b").text == "a\x00b"


def test_the_limit_of_a_prompt_is_in_bytes() -> None:
    """Two mebibytes are sent, one byte more is not, and letters count their UTF-8 bytes."""
    assert isinstance(_only("x" * MAX_PROMPT_BYTES), Query)
    assert _only("x" * (MAX_PROMPT_BYTES + 1)) == Failure(
        Kind.PromptTooLong, "2,097,153 bytes; at most 2,097,152 are sent"
    )
    assert isinstance(_only("é" * (MAX_PROMPT_BYTES // 2 + 1)), Failure)


def test_composed_and_decomposed_letters_are_two_prompts() -> None:
    """NFC and NFD of a text are different calls: nothing is normalised behind one's back."""
    composed, decomposed = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    keys = {_query(text).call("m").key for text in (composed, decomposed)}
    assert len(keys) == 2


def test_equal_prompts_are_bought_once(sent: list[Call]) -> None:
    """Rows of one prompt share one purchase; all are filled, and only one is not cached."""
    out = orchkit.route(_frame(*["What is 2+2?"] * 3), progress=False)
    assert len(sent) == 1
    assert len(set(out["response"])) == len(set(out["cost"])) == 1
    assert sorted(out["cached"]) == [False, True, True]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_either_blank_or_asked_verbatim(text: str) -> None:
    """A text without lone surrogates is asked letter for letter, unless it is blank."""
    expected = text if text.strip() else Failure(Kind.EmptyPrompt)
    asked = _only(text)
    assert (asked if isinstance(asked, Failure) else asked.text) == expected


@settings(max_examples=30)
@given(st.lists(st.sampled_from([*BAD.values(), ("Why?", None), (TURNS, None)]), max_size=6))
def test_rows_do_not_know_each_other(cells: list[tuple[Any, Kind | None]]) -> None:
    """A row is asked the same whatever stands in the rows around it."""
    together = queries(_frame(*(cell for cell, _ in cells)), Asking())
    assert together == [_only(cell) for cell, _ in cells]


def test_a_template_is_filled_from_columns() -> None:
    """Each row's cells stand where the template names their columns."""
    frame = pd.DataFrame({"text": ["Haus", "Baum"], "lang": ["English", "French"]})
    asked = queries(frame, Asking(template="Translate {text} to {lang}: {text}!"))
    assert [query.text for query in asked if isinstance(query, Query)] == [
        "Translate Haus to English: Haus!",
        "Translate Baum to French: Baum!",
    ]


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_a_missing_cell_makes_no_prompt(missing: Any) -> None:
    """A template with a hole in it is not asked."""
    asked = _filled("Translate {text} to {lang}", text="Haus", lang=missing)
    assert asked == Failure(Kind.EmptyPrompt)


@pytest.mark.parametrize(
    ("template", "cells", "text"),
    [
        ("{{{text}}} as {{json}}", {"text": "a"}, "{a} as {json}"),
        ("Say {text}", {"text": "{lang} {0} {}"}, "Say {lang} {0} {}"),
        ("{n} of {m:.1f}", {"n": 3, "m": 2.55}, "3 of 2.5"),
        ("{text!r}", {"text": "a"}, "'a'"),
        ("{first name}?", {"first name": "Ada"}, "Ada?"),
        ("{user.name}?", {"user.name": "Ada"}, "Ada?"),
        ("{text}", {"text": "a\x00b"}, "a\x00b"),
    ],
    ids=["braces", "braces in a cell", "numbers", "conversion", "space", "dot", "NUL"],
)
def test_a_template_fills_what_it_names(template: str, cells: dict[str, Any], text: str) -> None:
    """Doubled braces are braces, cells are never templates, and any column can be named."""
    asked = _filled(template, **cells)
    assert isinstance(asked, Query)
    assert asked.text == text


def test_a_surrogate_in_a_cell_of_a_template_is_found() -> None:
    """What a template makes is checked like any prompt."""
    asked = _filled("Say {text}", text="\ud800")
    assert isinstance(asked, Failure)
    assert asked.kind is Kind.PromptEncoding


def test_a_template_may_come_to_nothing() -> None:
    """A template of blank cells is an empty prompt."""
    assert _filled("{text}", text=" ") == Failure(Kind.EmptyPrompt)


@pytest.mark.parametrize("template", ["{lang}", "{}", "{0}", "{text.upper}", "{text[0]}"])
def test_a_template_cannot_name_what_is_no_column(template: str) -> None:
    """A field that is no column is refused: neither positions nor attributes are reached."""
    with pytest.raises(ColumnError, match="no column"):
        _filled(template, text="a")


@pytest.mark.parametrize("template", ["Translate", "", "{{text}}"])
def test_a_template_must_name_a_column(template: str) -> None:
    """A template that names no column would ask every row the same."""
    with pytest.raises(ParameterError, match="names no column"):
        _filled(template, text="a")


@pytest.mark.parametrize("template", ["{text", "text}", "{text!x}", "{text:>{wide}}", "{text:d}"])
def test_a_template_that_cannot_be_filled_is_misuse(template: str) -> None:
    """A malformed template is refused as the caller's, before anything is sent."""
    with pytest.raises(MisuseError):
        _filled(template, text="a")


def test_a_system_text_comes_first() -> None:
    """A system text stands before every row's prompt."""
    asked = _query("2+2?", system="Be brief.")
    assert asked.messages == (Message("system", "Be brief."), Message("user", "2+2?"))
    assert asked.text == "2+2?"


def test_a_system_column_gives_each_row_its_own() -> None:
    """A system column is read row by row; a missing or blank cell means none."""
    frame = pd.DataFrame({"prompt": list("abcd"), "role": ["Be brief.", None, " ", "Be kind."]})
    asked = queries(frame, Asking(system="role"))
    roles = [len(query.messages) for query in asked if isinstance(query, Query)]
    assert roles == [2, 1, 1, 2]
    assert asked[3].messages[0] == Message("system", "Be kind.")


def test_a_system_text_is_checked_like_a_prompt() -> None:
    """A system text that no wire can carry fails its rows."""
    asked = _only("2+2?", system="\ud800")
    assert isinstance(asked, Failure)
    assert asked.kind is Kind.PromptEncoding


def test_the_system_text_counts_towards_the_limit() -> None:
    """Prompt and system text have to fit together."""
    asked = _only("x" * MAX_PROMPT_BYTES, system="y")
    assert isinstance(asked, Failure)
    assert asked.kind is Kind.PromptTooLong


def test_parameters_reach_every_query() -> None:
    """What was set is in each query; max_tokens is always set."""
    asked = _query("2+2?", temperature=0.5, max_tokens=7, seed=3)
    assert asked.params == Params(0.5, 7, 3)
    assert _query("2+2?").params == Params(None, 1024, None)


@pytest.mark.parametrize("limit", [0, -1, 1.5, "7", True, float("nan")])
def test_max_tokens_must_be_positive(limit: Any) -> None:
    """An answer of no tokens is refused, naming what was given."""
    with pytest.raises(ParameterError, match=f"max_tokens is {limit!r}"):
        Asking(max_tokens=limit)


@pytest.mark.parametrize("warm", [-0.1, 2.1, float("nan"), float("inf"), "0.5"])
def test_the_temperature_has_a_range(warm: Any) -> None:
    """A temperature outside [0, 2] is refused, naming what was given."""
    with pytest.raises(ParameterError, match=f"temperature is {warm!r}"):
        Asking(temperature=warm)


@pytest.mark.parametrize("warm", [np.float32(0.5), np.float64(0.5), 0.5, Fraction(1, 2)])
def test_a_temperature_may_be_any_kind_of_number(warm: Any) -> None:
    """Whatever type a number in [0, 2] has, it is sent as the same one."""
    assert _query("2+2?", temperature=warm).params.temperature == 0.5


@pytest.mark.parametrize("seed", [1.5, "7", True, float("nan"), 2**63, -(2**63) - 1, [1]])
def test_a_seed_must_be_a_whole_number(seed: Any) -> None:
    """A seed no vendor could take is refused, naming what was given."""
    with pytest.raises(ParameterError, match="seed is "):
        Asking(seed=seed)


@pytest.mark.parametrize("seed", [7, np.int64(7), np.uint8(7)])
def test_a_seed_may_be_any_integer(seed: Any) -> None:
    """Whatever type a whole number has, it is sent as the same one."""
    sent = _query("2+2?", seed=seed).params.seed
    assert (type(sent), sent) == (int, 7)


@pytest.mark.parametrize("told", [7, b"be kind", {"role": "system"}, ["Be kind."]])
def test_a_system_cell_that_is_no_text_fails_its_row(told: Any) -> None:
    """What a system column holds beside text is not dropped in silence."""
    frame = pd.DataFrame(
        {"prompt": ["a", "b"], "role": pd.Series(["Be kind.", told], dtype=object)}
    )
    fine, failed = queries(frame, Asking(system="role"))
    assert isinstance(fine, Query)
    assert isinstance(failed, Failure)
    assert failed.kind is Kind.PromptType


@pytest.mark.parametrize("system", ["sytem", "System", "systems", "persona_of_row"])
def test_a_word_that_is_nearly_a_column_is_not_sent(system: str) -> None:
    """A misspelt column is refused: as a text it would go out with every row."""
    frame = pd.DataFrame({"prompt": ["a"], "system": ["Be kind."]})
    with pytest.raises(ColumnError, match=rf"system='{system}' looks like a column.*'system'"):
        queries(frame, Asking(system=system))


@pytest.mark.parametrize("system", ["Concise", "System.", "Be kind.", "sys tem"])
def test_other_words_are_a_system_text(system: str) -> None:
    """What does not look like a column's name is a text."""
    frame = pd.DataFrame({"prompt": ["a"], "system": ["x"]})
    (asked,) = queries(frame, Asking(system=system))
    assert isinstance(asked, Query)
    assert asked.messages[0] == Message("system", system)


@pytest.mark.parametrize("system", [7, ["Be kind."], b"Be kind."])
def test_a_system_that_is_neither_text_nor_column_is_misuse(system: Any) -> None:
    """What is no text is refused before anything is sent."""
    with pytest.raises(ParameterError, match="system is"):
        queries(_frame("a"), Asking(system=system))


def test_rules_judge_when_nothing_else_is_given() -> None:
    """Without a classifier the keyword rules decide."""
    frame = _frame("What is 2+2?", "Explain tides", "Analyze logs", "Research tides")
    assert _tiers(frame, None) == ["basic", "intermediate", "advanced", "expert"]


@pytest.mark.parametrize(
    "answers",
    [
        ["expert", "basic"],
        ["EXPERT", "Basic"],
        [Tier.EXPERT, Tier.BASIC],
        [3, 0],
        np.array(["expert", "basic"]),
        np.array([3, 0]),
        np.array([3, 0], dtype=np.uint8),
        pd.Series(["expert", "basic"], index=[9, 9], dtype="string"),
        pd.Categorical(["expert", "basic"]),
    ],
    ids=["text", "cases", "tiers", "ints", "array", "int array", "bytes", "series", "categories"],
)
def test_a_classifier_may_answer_in_names_or_numbers(answers: Any) -> None:
    """Whatever predict returns, names and ranks are understood, one a text."""
    assert _tiers(_frame("a", "b"), Told(answers)) == ["expert", "basic"]


def test_a_classifier_sees_only_what_can_be_asked() -> None:
    """Texts are judged all at once, and only those that will be asked."""
    told = Told(["basic", "expert"])
    asked = queries(_frame("a", None, TURNS, 7), Asking(complexity=told))
    assert told.asked == [["a", "And 3+3?"]]
    assert [q.tier if isinstance(q, Query) else None for q in asked] == [
        "basic",
        None,
        "expert",
        None,
    ]


@pytest.mark.parametrize("frame", [_frame(), _frame(None, "")], ids=["no rows", "no good rows"])
def test_a_classifier_is_left_alone_without_texts(frame: pd.DataFrame) -> None:
    """Nothing to ask is nothing to judge."""
    told = Told([])
    assert len(queries(frame, Asking(complexity=told))) == len(frame)
    assert told.asked == []


@pytest.mark.parametrize(
    "cells",
    [
        ["basic", "Expert"],
        [0, 3],
        pd.array([0, 3], dtype="Int64"),
        pd.Categorical(["basic", "expert"]),
        np.array([0, 3], dtype=np.int8),
    ],
    ids=["text", "ints", "nullable", "categories", "bytes"],
)
def test_a_column_may_hold_the_tiers(cells: Any) -> None:
    """A column of names or ranks is taken row by row."""
    frame = _frame("a", "b").assign(level=cells)
    assert _tiers(frame, "level") == ["basic", "expert"]


def test_the_tier_of_a_row_that_is_not_asked_does_not_matter() -> None:
    """A bad tier beside a bad prompt harms nobody."""
    frame = _frame("a", None).assign(level=["expert", "?"])
    assert _tiers(frame, "level") == ["expert"]


@pytest.mark.parametrize("bad", ["hard", "", 4, -1, 1.5, None, float("nan"), pd.NA])
def test_what_is_no_tier_is_refused(bad: Any) -> None:
    """A value that names no tier is refused, with those that would."""
    frame = _frame("a").assign(level=pd.Series([bad], dtype="object"))
    with pytest.raises(ParameterError, match="basic, intermediate, advanced, expert, or 0 to 3"):
        queries(frame, Asking(complexity="level"))


@pytest.mark.parametrize("answers", [["basic"], ["basic"] * 3, []])
def test_a_classifier_must_answer_for_every_text(answers: list[str]) -> None:
    """Too few or too many tiers are refused rather than shifted along the rows."""
    with pytest.raises(ParameterError, match="complexity"):
        queries(_frame("a", "b"), Asking(complexity=Told(answers)))


@pytest.mark.parametrize("bad", [3, ["basic"], object()])
def test_complexity_must_be_able_to_predict(bad: Any) -> None:
    """What has no predict is refused, saying what to pass."""
    with pytest.raises(ParameterError, match="no predict"):
        queries(_frame("a"), Asking(complexity=bad))


def test_a_complexity_column_must_exist() -> None:
    """A column of tiers that is not there is named with its neighbour."""
    with pytest.raises(ColumnError, match="Did you mean 'level'"):
        queries(_frame("a").assign(level=0), Asking(complexity="levels"))


@pytest.mark.parametrize("missing", ["prompt", "template", "complexity"])
def test_columns_are_looked_for_even_without_rows(missing: str) -> None:
    """A missing column is misuse in an empty frame too."""
    asking = {"prompt": "x", "template": "{x}", "complexity": "x"}
    with pytest.raises(ColumnError, match="no column 'x'"):
        queries(_frame(), Asking(**{missing: asking[missing]}))


@pytest.mark.parametrize(
    ("value", "tier"), [("Expert", Tier.EXPERT), (0, Tier.BASIC), ("hard", None), (None, None)]
)
def test_a_cell_names_a_tier_or_none(value: Any, tier: Tier | None) -> None:
    """A cell that names no tier is None instead of an error."""
    assert tier_or_none(value) is tier


def test_a_conversation_that_ends_in_nothing_asks_nothing() -> None:
    """What the user last said decides: a blank last turn is an empty prompt."""
    turns = [{"role": "user", "content": "Why?"}, {"role": "user", "content": " "}]
    (asked,) = queries(pd.DataFrame({"prompt": [turns]}), Asking())
    assert asked == Failure(Kind.EmptyPrompt)
