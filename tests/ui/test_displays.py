from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import orchkit
from orchkit.ui.displays import SHOWN
from orchkit.ui.markup import LOOKS

HOSTILE = "<img src=x onerror=alert(1)>"
QUIET = {
    "div", "p", "code", "strong", "table", "caption", "thead", "tbody", "tr", "th", "td",
    "ul", "li", "pre",
}  # fmt: skip


class Page(HTMLParser):
    """What a display puts into a notebook: tags, attributes, styles, and its cells as text."""

    def __init__(self, shown: Any) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.twice: set[str] = set()
        self.styles: set[str | None] = set()
        self.cells: list[str] = []
        self.text = ""
        self._inside = False
        self.feed(shown._repr_html_())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.add(tag)
        self.twice |= {name for name, _ in attrs if sum(name == each for each, _ in attrs) > 1}
        self.attributes |= {name for name, _ in attrs}
        self.styles |= {value for name, value in attrs if name == "style"}
        self._inside = tag in ("th", "td")
        if self._inside:
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        """Leave a cell."""
        self._inside = self._inside and tag not in ("th", "td")

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data
        if self._inside:
            self.cells[-1] += data

    @property
    def told(self) -> dict[str, str]:
        """The rows of a table of two columns."""
        return dict(zip(self.cells[::2], self.cells[1::2], strict=True))


@pytest.fixture(scope="module")
def matrix() -> orchkit.ResponseMatrix:
    """Give a recording of eighty prompts."""
    with orchkit.use("simulator"):
        return orchkit.load_dataset("everyday").head(80).orch.record(["gpt-4o-mini", "gpt-4o"])


@pytest.fixture(scope="module")
def tuned(matrix: orchkit.ResponseMatrix) -> orchkit.Fallback:
    """Give a chain tuned on it."""
    return orchkit.Fallback.fit(matrix, max_loss=0.2)


@pytest.fixture
def calibrator() -> orchkit.Calibrator:
    """Give a calibrator that was fitted, under a hostile name."""
    sure = np.tile([0.9, 0.95, 0.99], 100)
    right = np.tile([0, 1, 1], 100)
    return orchkit.Calibrator().fit(sure, right, source=HOSTILE, date="2026-11-25")


@pytest.mark.parametrize("kind", SHOWN, ids=lambda kind: kind.__name__)
def test_every_class_is_dressed(kind: type[Any]) -> None:
    """Each class has its display on itself, where a notebook looks for it."""
    assert kind._repr_html_ is SHOWN[kind]


def test_a_strategy_is_shown_as_its_code() -> None:
    """A strategy that was not tuned is the line that makes it, and no table."""
    page = Page(orchkit.Fallback(("a", "b"), (0.7,)))
    assert page.text == "orchkit.Fallback(chain=('a', 'b'), threshold=(0.7,))"
    assert page.cells == []


def test_a_tuned_strategy_tells_its_tuning(tuned: orchkit.Fallback) -> None:
    """Code, prompts, day, held-out quality and cost, and its doubts stand beside each other."""
    found = tuned.fitted
    assert found is not None
    page = Page(tuned)
    assert page.text.startswith("orchkit.")
    assert page.told["fitted"] == f"on {found.n_fit} prompts, {found.date}"
    assert page.told["quality there"].startswith(f"{100 * found.quality:.1f} % [")
    assert page.told["verdict"] == found.verdict
    assert "SIMULATED answers" in page.text
    assert "fewer than 200 prompts" in page.text


def test_what_it_remembers_is_shown_alike(tuned: orchkit.Fallback) -> None:
    """A `Fitted` by itself is the same table."""
    assert Page(tuned.fitted).cells == Page(tuned).cells


def test_a_class_of_ones_own_is_shown_like_its_parent() -> None:
    """A strategy that inherits has the display of the one it inherits from."""

    class Mine(orchkit.Fallback):
        """A fallback."""

    assert Page(Mine(("a", "b"))).text == "Mine(chain=('a', 'b'))"


def test_a_calibrator_tells_errors_before_and_after(calibrator: orchkit.Calibrator) -> None:
    """Kind of curve, labels, day, source and three errors are a row."""
    cells = Page(calibrator).cells
    assert cells[-7:-3] == ["platt", "300", "2026-11-25", HOSTILE]
    assert (
        cells[-2] == f"{calibrator.before.brier:.3f},\N{NO-BREAK SPACE}{calibrator.after.brier:.3f}"
    )


def test_a_calibrator_without_labels_says_so() -> None:
    """One that was not fitted, or on too few labels, has no errors to show."""
    assert "not fitted" in Page(orchkit.Calibrator()).cells
    with pytest.warns(orchkit.OrchkitWarning, match="too few"):
        few = orchkit.Calibrator().fit([0.5], [1])
    assert "none, too few labels" in Page(few).cells


def test_a_calibrated_signal_has_a_row_a_model(calibrator: orchkit.Calibrator) -> None:
    """Its calibrators stand below each other, by model."""
    cells = Page(orchkit.Calibrated({"small": calibrator, HOSTILE: calibrator})).cells
    assert cells[8::8] == ["small", HOSTILE]


def test_drift_is_shown_in_words_and_numbers(calibrator: orchkit.Calibrator) -> None:
    """Its verdict stands first, the numbers behind it below."""
    found = calibrator.drift(np.tile([0.9, 0.99], 50), np.zeros(100))
    page = Page(found)
    assert page.text.startswith(f"{found}")
    assert page.told["n"] == "100"


def test_a_learner_says_whether_it_has_learnt(matrix: orchkit.ResponseMatrix) -> None:
    """Routers and classifiers tell their settings, and what they were fitted on if anything."""
    router = orchkit.LengthRouter()
    assert Page(router).told["fitted"] == "no: call fit"
    assert Page(router.fit(matrix)).told["models"] == "gpt-4o-mini, gpt-4o"
    labelled = orchkit.load_dataset("complexity")
    judge = orchkit.ComplexityClassifier()
    assert Page(judge).told["fitted"] == "no: call fit"
    judge.fit(labelled["prompt"], labelled["complexity"])
    told = Page(judge).told
    assert told["fitted"] == f"on {len(labelled)} labels"
    assert "keyword rules" in told["held-out errors"]


def test_names_of_rows_keep_their_width(calibrator: orchkit.Calibrator) -> None:
    """No tag has a style twice, of which a browser would take the first alone."""
    shown = orchkit.Calibrated({"small": calibrator})
    assert Page(shown).twice == set()
    assert '<th scope="row" class="name" style="text-align: left; vert' in shown._repr_html_()
    assert Page(orchkit.Calibrator()).twice == Page(orchkit.LengthRouter()).twice == set()


def test_the_cache_is_shown(df: pd.DataFrame) -> None:
    """The cache tells what it holds and where."""
    df.orch.route("gpt-4o")
    info = orchkit.cache_info()
    told = Page(info).told
    assert told["answers"] == f"{info.rows}"
    assert told["folder"] == str(info.folder)


def test_an_estimate_is_a_table(df: pd.DataFrame) -> None:
    """An estimate tells prompts, calls and dollars, and the rows that cannot be asked."""
    est = pd.concat([df, pd.DataFrame({"prompt": [""]})]).orch.estimate(["fallback", "gpt-4o"])
    told = Page(est).told
    assert told["prompts"] == "4 × 2 strategies"
    assert told["cannot be asked"] == "1 rows"
    assert told["calls"] == f"about {est.calls}, at most {est.worst_calls}"


def test_every_display_is_text(calibrator: orchkit.Calibrator) -> None:
    """Hostile names make no tag, no attribute and no style, and nothing is typeset."""
    for shown in (
        orchkit.Single(HOSTILE),
        orchkit.Fallback((HOSTILE, f'"{HOSTILE}')),
        orchkit.Calibrated({HOSTILE: calibrator}),
        calibrator,
        orchkit.Utility(Oddly(), 1.0),
    ):
        page = Page(shown)
        assert page.tags <= QUIET
        assert page.attributes <= {"class", "scope", "style", "role", "tabindex", "aria-label"}
        assert page.styles <= set(LOOKS.values())
        assert HOSTILE in page.text
        assert shown._repr_html_().startswith('<div class="tex2jax_ignore mathjax_ignore">')


class Oddly:
    """A router whose repr is markup."""

    def predict(self, texts: list[str]) -> list[dict[str, float]]:
        """Say nothing."""
        return []

    predict_cost = predict

    def __repr__(self) -> str:
        return HOSTILE


def test_the_core_holds_no_html() -> None:
    """Displays are given to the core's classes by the ui: the core itself writes none."""
    sources = Path(orchkit.__file__).parent.joinpath("core").rglob("*.py")
    assert [path for path in sources if "_repr_html_" in path.read_text("utf-8")] == []


def test_the_list_of_models_is_text_too() -> None:
    """What a catalog says of a model reaches a notebook as text."""
    orchkit.add_model(HOSTILE, best_for=HOSTILE, input_price=0, output_price=0)
    try:
        shown = orchkit.models()._repr_html_()  # type: ignore[operator]
    finally:
        orchkit.remove_model(HOSTILE)
    assert HOSTILE not in shown
    assert shown.count("&lt;img src=x onerror=alert(1)&gt;") == 2
