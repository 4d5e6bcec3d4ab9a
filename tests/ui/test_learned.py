from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import orchkit
from orchkit.errors import CacheWarning, ColumnError
from orchkit.lab.complexity import ComplexityClassifier
from orchkit.ui import learned

DF = pd.DataFrame({"prompt": ["Capital of Chad?", "Prove that it is tight, for all n."]})


@pytest.fixture(autouse=True)
def anew() -> None:
    """Forget what this process has loaded."""
    learned.cold_start.cache_clear()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Train on looks alone, and count how often."""
    trained: list[int] = []
    fit = ComplexityClassifier.fit

    def fast(self: ComplexityClassifier, texts: Any, tiers: Any) -> ComplexityClassifier:
        trained.append(len(texts))
        return fit(self.set_params(features="shallow", calibrate=False), texts, tiers)

    monkeypatch.setattr(ComplexityClassifier, "fit", fast)
    return trained


def _tiers(df: pd.DataFrame, complexity: Any) -> list[str]:
    with orchkit.use("simulator"):
        out = df.orch.route("cheapest", complexity=complexity, progress=False)
    return [cell["complexity"] for cell in out["metadata"]]


def test_it_is_trained_when_asked_for_and_says_so_once(
    quick: list[int], own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first use trains, keeps a file and tells; the next one of the process is silent."""
    assert _tiers(DF, "learned")[0] == "basic"
    told = capsys.readouterr().err
    assert 'complexity="learned" is a classifier of the 648 prompts of the cold-start set' in told
    assert "not of yours" in told
    (kept,) = own_home.glob("complexity-*.skops")
    assert str(kept) in told
    assert kept.stat().st_mode & 0o077 == 0
    _tiers(DF, "learned")
    assert "learned" not in capsys.readouterr().err
    assert quick == [648]


def test_the_next_process_reads_the_file(
    quick: list[int], own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was kept is read instead of trained, judges the same, and is told of, too."""
    first = learned.judge("learned").predict_proba(DF["prompt"])
    learned.cold_start.cache_clear()
    capsys.readouterr()
    again = learned.judge("learned")
    assert (again.predict_proba(DF["prompt"]) == first).all()
    assert "it is kept in" in capsys.readouterr().err
    assert quick == [648]


def test_a_damaged_file_is_trained_anew(quick: list[int], own_home: Path) -> None:
    """A file that was changed is not believed: it warns, trains and replaces it."""
    learned.judge("learned")
    (kept,) = own_home.glob("complexity-*.skops")
    kept.write_bytes(kept.read_bytes()[:-1])
    learned.cold_start.cache_clear()
    with pytest.warns(CacheWarning, match="trained anew"):
        learned.judge("learned")
    assert quick == [648, 648]
    ComplexityClassifier.load(kept)


def test_a_folder_that_cannot_be_written_is_told(quick: list[int], own_home: Path) -> None:
    """Where nothing can be kept it judges all the same, with a warning."""
    own_home.write_text("a file where the folder would be")
    with pytest.warns(CacheWarning, match="not kept"):
        assert _only(learned.judge("learned").predict(["Capital of Chad?"])) == "basic"


def _only(tiers: list[Any]) -> str:
    return str(*tiers)


def test_a_column_of_that_name_comes_first(quick: list[int]) -> None:
    """A frame that has such a column is judged by it."""
    df = DF.assign(learned=["expert", "basic"])
    assert _tiers(df, "learned") == ["expert", "basic"]
    assert quick == []


def test_it_is_never_used_unasked(quick: list[int], own_home: Path) -> None:
    """Without the word nothing is trained; another word is a column, as before."""
    assert _tiers(DF, None) == ["basic", "expert"]
    with pytest.raises(ColumnError, match="no column 'learnt'"):
        _tiers(DF, "learnt")
    assert quick == []
    assert list(own_home.glob("complexity-*")) == []


def test_every_verb_knows_it(quick: list[int]) -> None:
    """Estimates, comparisons, one prompt and replays take the same word."""
    df = DF.assign(reference="x")
    with orchkit.use("simulator"):
        df.orch.estimate(complexity="learned")
        df.orch.compare(["cheapest"], complexity="learned", progress=False)
        orchkit.run_orchestration("Capital of Chad?", complexity="learned")
        matrix = df.orch.record(progress=False)
    matrix.route("cheapest", complexity="learned")
    matrix.compare(["cheapest"], complexity="learned")
    assert quick == [648]
