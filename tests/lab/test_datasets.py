import itertools
import re
from pathlib import Path

import pandas as pd
import pytest

from orchkit.core.catalog import Tier
from orchkit.errors import ParameterError, UnknownNameError
from orchkit.lab.datasets import load_dataset, read_prompts
from orchkit.lab.scoring import SCORERS, scored


@pytest.fixture(scope="module")
def everyday() -> pd.DataFrame:
    """Give the prompts that ship."""
    return load_dataset("everyday")


def _tokens(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def test_the_columns_are_those_promised(everyday: pd.DataFrame) -> None:
    """Five columns of text, every cell filled."""
    assert everyday.columns.tolist() == ["prompt", "reference", "scorer", "complexity", "kind"]
    assert everyday.map(lambda cell: isinstance(cell, str) and bool(cell.strip())).all(axis=None)


def test_there_are_enough_prompts_of_every_tier(everyday: pd.DataFrame) -> None:
    """At least 240 prompts, and 60 of each of the four tiers."""
    counts = everyday["complexity"].value_counts()
    assert len(everyday) >= 240
    assert set(counts.index) == {tier.value for tier in Tier}
    assert counts.min() >= 60


def test_there_are_many_kinds_in_every_tier(everyday: pd.DataFrame) -> None:
    """Ten kinds of work or more, each in all four tiers, so that kind does not give tier away."""
    kinds = everyday.groupby("kind")["complexity"].nunique()
    assert len(kinds) >= 10
    assert (kinds == len(Tier)).all()


def test_no_two_prompts_are_alike(everyday: pd.DataFrame) -> None:
    """No prompt stands twice, and no two share four fifths of their words."""
    told = [_tokens(prompt) for prompt in everyday["prompt"]]
    alike = [
        (one, other)
        for (one, left), (other, right) in itertools.combinations(enumerate(told), 2)
        if len(left & right) >= 0.8 * len(left | right)
    ]
    assert everyday["prompt"].is_unique
    assert alike == []


def test_every_scorer_is_known(everyday: pd.DataFrame) -> None:
    """Each prompt names a scorer that exists, and each scorer is used."""
    assert set(everyday["scorer"]) == set(SCORERS)


def test_every_reference_is_right_for_its_scorer(everyday: pd.DataFrame) -> None:
    """A reference put as the answer is right, and nothing said is wrong."""
    cells = list(zip(everyday["reference"], everyday["scorer"], strict=True))
    assert all(scored(reference, reference, name) == 1 for reference, name in cells)
    assert all(scored("", reference, name) == 0 for reference, name in cells)


def test_no_prompt_gives_its_answer_away(everyday: pd.DataFrame) -> None:
    """Repeating the prompt is not right where the answer has to be contained."""
    asked = everyday[everyday["scorer"] == "contains"]
    given = [
        prompt
        for prompt, reference in zip(asked["prompt"], asked["reference"], strict=True)
        if scored(prompt, reference, "contains") == 1
    ]
    assert given == []


def test_a_choice_has_the_letter_among_its_options(everyday: pd.DataFrame) -> None:
    """A reference letter stands in its prompt as an option."""
    asked = everyday[everyday["scorer"] == "choice"]
    pairs = zip(asked["prompt"], asked["reference"], strict=True)
    assert [r for p, r in pairs if not re.search(rf"(?m)^\W*{r}\b|\b{r}[).:]", p)] == []


def test_each_load_is_one_s_own() -> None:
    """Changing one frame does not change the next."""
    first = load_dataset()
    first.loc[0, "prompt"] = "changed"
    assert load_dataset().loc[0, "prompt"] != "changed"


def test_an_unknown_set_is_named_with_its_neighbour() -> None:
    """A set that does not ship is refused with those that do."""
    with pytest.raises(UnknownNameError, match="Did you mean 'everyday'"):
        load_dataset("every_day")


@pytest.mark.parametrize("kind", [".csv", ".parquet", ".jsonl"])
def test_a_file_of_one_s_own_is_read(kind: str, tmp_path: Path) -> None:
    """Three kinds of file give the same frame; references stay text as written."""
    frame = pd.DataFrame(
        {
            "prompt": ["What is 2+2?", 'Say "a, b"\nand é'],
            "reference": ["007", "1.50"],
            "level": [0, 3],
        }
    )
    path = tmp_path / f"mine{kind}"
    write = {
        ".csv": lambda: frame.to_csv(path, index=False),
        ".parquet": lambda: frame.to_parquet(path),
        ".jsonl": lambda: frame.to_json(path, orient="records", lines=True),
    }
    write[kind]()
    told = read_prompts(str(path))
    assert told.to_dict("list") == frame.to_dict("list")


@pytest.mark.parametrize("reference", ["NA", "None", "null", "nan", "n/a", "NULL", "True", "1e3"])
@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_words_that_look_like_nothing_are_references(
    reference: str, kind: str, tmp_path: Path
) -> None:
    """A right answer of None, NA or null stays the text it is."""
    frame = pd.DataFrame({"prompt": ["What does print(None) show?"], "reference": [reference]})
    path = tmp_path / f"mine{kind}"
    if kind == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True)
    assert read_prompts(path)["reference"].tolist() == [reference]


def test_an_empty_cell_is_no_reference(tmp_path: Path) -> None:
    """A csv cell with nothing in it is missing."""
    path = tmp_path / "mine.csv"
    path.write_text("prompt,reference\nWhy?,\nHow?,so\n")
    assert read_prompts(path)["reference"].isna().tolist() == [True, False]


@pytest.mark.parametrize("name", ["gone.csv", "mine.xlsx", "mine", "folder.csv"])
def test_what_is_no_prompt_file_is_refused(name: str, tmp_path: Path) -> None:
    """A missing file, another kind and a folder are refused, saying what is read."""
    (tmp_path / "mine.xlsx").touch()
    (tmp_path / "mine").touch()
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ParameterError, match=r"no prompt file; .* \.csv, \.parquet, \.jsonl"):
        read_prompts(tmp_path / name)


@pytest.mark.parametrize("kind", [".csv", ".parquet", ".jsonl"])
def test_a_file_that_is_not_what_its_name_says_is_refused(kind: str, tmp_path: Path) -> None:
    """Bytes that are no csv, parquet or jsonl are refused with the file's name."""
    path = tmp_path / f"mine{kind}"
    path.write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(ParameterError, match=f"mine{kind}"):
        read_prompts(path)
