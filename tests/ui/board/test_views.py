from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from orchkit.lab.whatif import Way
from orchkit.ui.board import views

HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(1)</script>\x1b[31m"
SAFE = {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "span", "b", "p"}


def way(name: str, quality: list[float]) -> Way:
    """Return one of two models alone, of hostile names."""
    asked = np.zeros((len(quality), 2), dtype=bool)
    asked[:, 0] = True
    chosen = np.zeros(len(quality), dtype=np.int64)
    return Way(name, (HOSTILE, "b"), np.array(quality), chosen, asked, asked * 1000)


ONE, OTHER = way(HOSTILE, [1, 0, 0.5]), way("other" + HOSTILE, [0, 1, 0.5])


class Tags(HTMLParser):
    """Collects tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_names_prompts_and_answers_are_text() -> None:
    """No tag, attribute or escape sequence of theirs is left in any table."""
    told = views.flow(ONE) + views.standings((ONE, "so"), [(OTHER, HOSTILE, "other")], HOSTILE)
    told += views.disagreements(ONE, OTHER, lambda _: HOSTILE, lambda _, __: HOSTILE)
    told += views.paragraph(HOSTILE)
    tags = Tags()
    tags.feed(told)
    assert tags.seen <= SAFE
    attributes = {"style", "scope", "tabindex", "role", "aria-label", "aria-hidden", "class"}
    assert tags.attributes <= attributes
    assert "\x1b" not in told


def test_rows_that_disagree_are_counted_and_shown_both_ways() -> None:
    """With whose answer was kept, what it said and how it was judged."""
    one, other = way("one", [1, 0, 0.5]), way("other", [0, 1, 0.5])
    told = views.disagreements(one, other, "prompt {}".format, lambda at, row: f"{at.name} {row}")
    assert "1 better by one, 1 by other, 1 alike" in told
    for said in ("prompt 0", "prompt 1", "one 0", "other 1"):
        assert said in told
    assert "prompt 2" not in told


def test_nothing_differs_is_said_without_a_table() -> None:
    """A sentence is enough."""
    told = views.disagreements(ONE, ONE, str, lambda _, __: "")
    assert "0 better" in told
    assert "<table" not in told


def test_a_way_without_an_answer_says_so() -> None:
    """Nobody's answer is shown as such, whatever the recording holds."""
    nobody = Way("x", ("a",), np.array([0.0]), np.array([-1]), np.array([[True]]), np.ones((1, 1)))
    some = Way("y", ("a",), np.array([1.0]), np.array([0]), np.array([[True]]), np.ones((1, 1)))
    told = views.disagreements(nobody, some, str, lambda _, __: "recorded")
    assert "nobody: no answer" in told


def test_long_texts_are_cut() -> None:
    """Of a prompt or an answer a line or two is shown."""
    told = views.disagreements(ONE, OTHER, lambda _: "long " * 100, lambda _, __: "")
    assert told.count("long") < 2 * 40
    assert "…" in told


def test_the_reference_and_its_equals_are_named() -> None:
    """Nothing is inferred where there is nothing to infer."""
    assert views.verdict(ONE, ONE) == "the reference"
    assert views.verdict(ONE, way("twin", [1, 0, 0.5])) == "the same as twin"


def test_a_word_that_is_too_long_is_broken() -> None:
    """Names of any length make no page wider: not in a sentence, not above a table."""
    for shown in (views.paragraph("b" * 300), views.table("b" * 300, ("",), [("",)])):
        assert "overflow-wrap:anywhere" in shown.rpartition("bbb")[0].rpartition("<")[2]


def test_one_graded_prompt_has_no_interval() -> None:
    """It is left out, not shown as numbers that are none."""
    one = way("one", [0.5])
    assert views.interval(one.standing) == "50.0 %"
