from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, ClassVar

import pandas as pd
import pytest

import orchkit
from orchkit.core.calls import Call, Response
from orchkit.core.plans import Answer, Plan

HARMLESS = {"div", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "strong"}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"


@dataclass(frozen=True)
class Foot:
    """Ask the foot of the ladder, under a name of one's own."""

    title: str
    name: ClassVar[str] = HOSTILE

    def plan(self, query: orchkit.Query, catalog: orchkit.Catalog) -> Plan:
        """Ask once."""
        (response,) = yield (query.call(catalog.ladder()[0]),)
        return Answer(response, orchkit.Confidence(0.5, HOSTILE))


class Loud:
    """A provider with a hostile name and hostile answers."""

    name = HOSTILE

    async def complete(self, call: Call) -> Response:
        """Answer with markup."""
        return Response(call.model, HOSTILE)


class Tags(HTMLParser):
    """Collects what an HTML text would put on a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


@pytest.fixture
def found(df: pd.DataFrame) -> orchkit.Comparison:
    """Give a small comparison with two single models."""
    return df.orch.compare(["cheapest", "gpt-4o-mini", "gpt-4o"])


def test_results_are_tidy(df: pd.DataFrame, found: orchkit.Comparison) -> None:
    """There is one row per strategy and prompt, numbered by the prompt's position."""
    results = found.results
    assert list(results["row"]) == [0, 1, 2, 3] * 3
    assert list(results["strategy"].unique()) == ["cheapest", "gpt-4o-mini", "gpt-4o"]
    assert results["quality"].between(0, 1).all()


def test_the_summary_has_a_row_a_strategy_and_the_oracle(found: orchkit.Comparison) -> None:
    """The summary is indexed by label, in the order given, the oracle last."""
    assert list(found.summary().index) == ["cheapest", "gpt-4o-mini", "gpt-4o", "oracle"]
    assert set(found.summary()["n"]) == {4}


def test_the_oracle_is_never_worse_than_a_single_model(found: orchkit.Comparison) -> None:
    """The oracle's quality is at least that of each single model."""
    quality = found.summary()["quality"]
    assert quality["oracle"] >= quality[["gpt-4o-mini", "gpt-4o"]].max()


def test_one_single_model_has_no_oracle(df: pd.DataFrame) -> None:
    """With fewer than two single models there is nothing an oracle could choose from."""
    assert "oracle" not in df.orch.compare(["cheapest", "gpt-4o"]).summary().index


def test_the_table_is_text_with_units(found: orchkit.Comparison) -> None:
    """Every cell of the table is text, and every column that has a unit names it."""
    table = found.table()
    assert table.map(lambda cell: isinstance(cell, str)).all(axis=None)
    assert {"quality [95 %]", "USD / 1k prompts"} <= set(table.columns)
    assert table["p50 / p95 latency"].str.endswith(" s").all()


def test_its_text_says_that_it_is_simulated(found: orchkit.Comparison) -> None:
    """The first line counts the prompts and names where the answers come from."""
    assert repr(found).startswith("4 prompts; SIMULATED answers (simulator)\n")


def test_answers_of_a_provider_are_not_called_simulated(df: pd.DataFrame, parrot: Any) -> None:
    """Where somebody was asked, nothing is called simulated."""
    orchkit.add_model("polly", provider=parrot, input_price=1, output_price=1)
    found = df.orch.compare(["polly"])
    assert not found.simulated
    assert repr(found).startswith("4 prompts; answers (parrot)\n")


def test_without_references_there_is_no_quality(df: pd.DataFrame) -> None:
    """Prompts alone give costs, and a table that says why it shows no quality."""
    found = df[["prompt"]].orch.compare(["cheapest", "gpt-4o"])
    assert found.summary()["quality"].isna().all()
    assert (found.summary()["cost"] > 0).all()
    assert "no references, so no quality" in repr(found)
    assert set(found.table()["quality [95 %]"]) == {"-"}


def test_nothing_compared_is_an_empty_summary(df: pd.DataFrame) -> None:
    """A frame without rows is compared without an error, and says that it has no prompts."""
    found = df.head(0).orch.compare(["cheapest", "gpt-4o"])
    assert len(found.results) == 0
    assert repr(found).startswith("0 prompts")


def test_hostile_names_are_shown_as_text(df: pd.DataFrame) -> None:
    """Labels, signals and providers that hold markup reach a notebook as text."""
    orchkit.add_model(HOSTILE, provider=Loud(), input_price=1, output_price=1)
    page = Tags(df.orch.compare([Foot("a"), Foot(HOSTILE), HOSTILE])._repr_html_())
    assert page.seen <= HARMLESS
    assert page.attributes <= {"class", "style", "scope", "role", "tabindex"}
    assert page.text.count("<script>alert(1)</script>") > 3


def test_a_figure_is_not_broken_over_lines(found: orchkit.Comparison) -> None:
    """In a narrow notebook a quality and its interval stay in one line, a signal need not."""
    quality, sure = found.table().loc["cheapest", ["quality [95 %]", "confidence (signal)"]]
    shown = found._repr_html_()
    assert quality.replace(" ", "\N{NO-BREAK SPACE}") in shown
    assert f">{sure}<" in shown
    assert " (" in sure
    assert "nowrap" not in shown


def test_its_html_is_a_table(found: orchkit.Comparison) -> None:
    """Its HTML holds the same cells as its text, and keeps formulas from being read into it."""
    shown = found._repr_html_()
    page = Tags(shown)
    told = page.text.replace("\N{NO-BREAK SPACE}", " ")
    assert page.seen == HARMLESS
    assert all(cell in told for cell in found.table().to_numpy().ravel())
    assert "tex2jax_ignore" in shown


def test_it_is_drawn_as_it_is(found: orchkit.Comparison, no_figures: Any) -> None:
    """plot() draws the summary into the Axes given, and says that it is simulated."""
    ax = no_figures.figure().subplots()
    assert found.plot(ax=ax) is ax
    assert "SIMULATED" in ax.get_title()
    assert {text.get_text() for text in ax.texts} == set(found.summary().index)


def test_nothing_in_its_html_is_typeset(found: orchkit.Comparison) -> None:
    """All of it stands inside what notebooks are told not to read formulas from."""
    shown = found._repr_html_()
    assert shown.startswith('<div class="tex2jax_ignore mathjax_ignore">')
    assert shown.endswith("</div>")
    assert shown.count("<div") == shown.count("</div>") == 2
