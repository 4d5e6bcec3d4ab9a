from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar

import matplotlib as mpl
import pandas as pd
import pytest

import orchkit
from orchkit.core.calls import Call, Response
from orchkit.errors import ParameterError
from orchkit.ui.excerpts import cut
from orchkit.ui.markup import text
from orchkit.ui.provenance import Provenance
from orchkit.ui.report import page

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
TAGS = {
    "html", "head", "meta", "title", "style", "body", "div", "main", "header", "section",
    "h1", "h2", "h3", "p", "table", "caption", "thead", "tbody", "tr", "th", "td", "ul", "li",
    "details", "summary", "dl", "dt", "dd", "figure", "img", "pre", "code",
}  # fmt: skip
VOID = {"meta", "img"}
CHAIN = orchkit.Fallback(("gpt-4o-mini", "claude-opus-3"), 0.8)


class Page(HTMLParser):
    """The tags, attributes and text of a page; and whether every tag is closed where it should."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of each tag of that name."""
        return [attributes for name, attributes in self.tags if name == tag]


class Loud:
    """A provider with a hostile name whose answers and refusals are hostile, too."""

    name = HOSTILE

    async def complete(self, call: Call) -> Response:
        """Answer with markup, or refuse with it."""
        if "Explain" in call.messages[-1].content:
            raise orchkit.Rejection(orchkit.Kind.Refused, HOSTILE)
        return Response(call.model, HOSTILE)


class Foot:
    """Ask the foot of the ladder, under a hostile name."""

    name: ClassVar[str] = f"foot {HOSTILE}"

    def plan(self, query: orchkit.Query, catalog: orchkit.Catalog) -> orchkit.Plan:
        """Ask once."""
        (response,) = yield (query.call(catalog.ladder()[0]),)
        return orchkit.Answer(response, orchkit.Confidence(0.5, HOSTILE))


@pytest.fixture(scope="module")
def everyday() -> orchkit.Comparison:
    """Give eight ways on sixty prompts."""
    ways = ["cheapest", "fallback", "ensemble", "agree", "gpt-4o-mini", "gpt-4o", CHAIN]
    with orchkit.use("simulator"):
        return orchkit.load_dataset("everyday").head(60).orch.compare(ways, seed=7)


@pytest.fixture(scope="module")
def report(everyday: orchkit.Comparison, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give its report."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    return everyday.to_html(path, title="Sixty prompts").read_text("utf-8")


def test_it_needs_nothing_else(report: str) -> None:
    """No tag asks for anything, and no script runs: pictures are in the page itself."""
    page = Page(report)
    assert {tag for tag, _ in page.tags} <= TAGS
    assert page.open == []
    assert all((each["src"] or "").startswith("data:image/png;base64,") for each in page.all("img"))
    named = {name for _, attributes in page.tags for name in attributes}
    assert named.isdisjoint({"href", "srcset", "style", "action", "background"})
    assert not [name for name in named if name.startswith("on")]
    assert not re.search(r"https?:|//\w", re.sub(r"data:[^\"]*", "", report))
    assert "@import" not in report
    assert "url(" not in report


def test_the_policy_lets_in_its_own_style_alone(report: str) -> None:
    """The policy of the page forbids everything but pictures in it and the style it has."""
    (policy,) = [
        each["content"] or ""
        for each in Page(report).all("meta")
        if each.get("http-equiv") == "Content-Security-Policy"
    ]
    style = report.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;")
    assert "unsafe" not in policy


def test_it_tells_all_of_a_comparison(report: str, everyday: orchkit.Comparison) -> None:
    """Title, summary, verdicts, conclusion, contrasts, baselines and code are in the page."""
    text = " ".join(Page(report).text.split())
    assert "Sixty prompts" in text
    told = [*everyday.table().to_numpy().ravel(), *everyday.verdicts(), *everyday.conclusion()]
    assert [each for each in told if each not in text] == []
    assert f"{100 * everyday.contrasts()['difference'].iloc[0]:.1f} pt" in text
    assert f"{100 * everyday.baselines()['zero_router'].iloc[0]:.1f} %" in text
    assert "orchkit.Fallback(chain=('gpt-4o-mini', 'claude-opus-3'), threshold=0.8)" in text
    assert "No row failed." in text


def test_where_it_comes_from_is_told(report: str, everyday: orchkit.Comparison) -> None:
    """Versions, seed, the day and source of prices, times and the origin of answers are told."""
    text = Page(report).text
    model = everyday.provenance.catalog["gpt-4o-mini"]  # type: ignore[index]
    assert model.as_of is not None
    first = everyday.results["timestamp"].min()
    for told in (
        f"orchkit {orchkit.__version__}, Python",
        f"pandas {pd.__version__}",
        "numpy",
        "seed=7",
        model.as_of,
        model.source,
        f"{first:%Y-%m-%d %H:%M:%S}",
        "Made on",
    ):
        assert told in text


def test_simulated_answers_are_called_so_loudly(report: str) -> None:
    """A simulated comparison says so in a box of its own, above everything."""
    assert 'class="simulated"' in report
    assert report.index("SIMULATED ANSWERS.") < report.index("<h2>")


def test_every_figure_has_words(report: str, everyday: orchkit.Comparison) -> None:
    """There is a figure of cost and quality, each chain, money, latency and reliability."""
    alts = [each["alt"] or "" for each in Page(report).all("img")]
    chained = ["fallback", "agree", everyday.results["strategy"].iloc[-1]]
    assert len(alts) == 4 + len(chained)
    assert all(f"<h3>Escalation: {name}</h3>" in report.replace("&#x27;", "'") for name in chained)
    first = everyday.summary().iloc[0]
    assert f"cheapest {100 * first['quality']:.1f} % for" in alts[0]
    assert all(len(alt) > 40 for alt in alts)


def test_tables_are_told_apart_by_machines(report: str) -> None:
    """Each table that scrolls has a caption, is reached by the keyboard, and its heads a scope."""
    page = Page(report)
    assert all(each.get("scope") in ("col", "row") for each in page.all("th"))
    wide = [each for each in page.all("div") if each.get("class") == "wide"]
    assert len(wide) >= 4
    assert all(each["tabindex"] == "0" and each["aria-label"] for each in wide)
    assert len(page.all("caption")) == len(wide)
    assert len(page.all("h1")) == 1


def test_it_is_the_same_but_for_the_moment(everyday: orchkit.Comparison, tmp_path: Path) -> None:
    """Written twice, in another style of matplotlib, it differs in when it was made alone."""
    moment = re.compile(r"Made on [\d :-]+ UTC")
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 30.0}):
        other = everyday.to_html(tmp_path / "a.html").read_text("utf-8")
    again = everyday.to_html(tmp_path / "b.html").read_text("utf-8")
    assert moment.sub("", other) == moment.sub("", again)
    assert len(again) < 2_000_000


def test_no_figure_is_left_open(everyday: orchkit.Comparison, tmp_path: Path) -> None:
    """Drawing a report opens no figure of pyplot's."""
    from matplotlib import pyplot as plt

    before = plt.get_fignums()
    everyday.to_html(tmp_path / "report.html")
    assert plt.get_fignums() == before


def test_a_recording_is_told_as_one(tmp_path: Path) -> None:
    """A replay says when answers were recorded, and counts the costs its prices explain."""
    with orchkit.use("simulator"):
        mat = orchkit.load_dataset("everyday").head(40).orch.record(["gpt-4o-mini", "gpt-4o"])
    cheap = mat.reprice({"gpt-4o-mini": (0.15, 0.6), "gpt-4o": (1.0, 4.0)})
    found = cheap.compare([orchkit.Single("gpt-4o-mini"), orchkit.Single("gpt-4o")])
    prices = found.provenance.prices(found.results)
    assert prices["fits"].to_dict() == {"gpt-4o-mini": "40", "gpt-4o": "0"}
    text = Page(found.to_html(tmp_path / "report.html").read_text("utf-8")).text
    assert "SIMULATED, replayed from a recording" in text
    assert f"{mat.frame['recorded_at'].min():%Y-%m-%d %H:%M:%S} to" in text


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ("2024-05-01T10:00:00", "2024-05-01 10:00:00 to 2024-05-01 10:00:00 UTC"),
        ("2024-05-01T10:00:00+02:00", "2024-05-01 08:00:00 to"),
        ("in May", "nobody kept when"),
        (7.5, "nobody kept when"),
    ],
)
def test_times_of_somebody_elses_are_read(kept: Any, told: str, tmp_path: Path) -> None:
    """A column of times may be ISO 8601; what is no time is not taken for one."""
    rows = [(n, m, n % 2, 0.001, kept) for n in range(6) for m in ("wee", "big")]
    long = pd.DataFrame(rows, columns=["prompt_id", "model", "quality", "cost", "recorded_at"])
    path = orchkit.ResponseMatrix(long).compare(["wee", "big"]).to_html(tmp_path / "report.html")
    assert told in Page(path.read_text("utf-8")).text


def test_whatever_was_set_is_told(df: pd.DataFrame) -> None:
    """Settings that change answers or scores are told; others are as by default."""
    assert df.orch.compare(["gpt-4o"]).provenance.settings() == "as by default"
    told = df.rename(columns={"reference": "right"}).orch.compare(
        ["gpt-4o"], system="Be brief.", reference="right", scorer=_half, temperature=0, cache=False
    )
    assert told.provenance.settings() == (
        "system='Be brief.', temperature=0.0, reference='right', scorer=<function _half>, "
        "cache=False"
    )


def test_a_provenance_is_short(everyday: orchkit.Comparison) -> None:
    """Its text names strategies and settings, and not all the catalog with its addresses."""
    told = repr(everyday.provenance)
    assert "seed" in told
    assert "base_url" not in told


def _half(text: str, reference: str) -> float:
    return 0.5


def test_a_table_of_somebody_elses_is_not_called_real(tmp_path: Path) -> None:
    """Nobody kept when it was recorded and at what prices, and the report says so."""
    rows = [(n, m, n % 2, 0.001) for n in range(6) for m in ("wee", "big")]
    long = pd.DataFrame(rows, columns=["prompt_id", "model", "quality", "cost"])
    found = orchkit.ResponseMatrix(long).compare(["wee", "big"])
    text = Page(found.to_html(tmp_path / "report.html").read_text("utf-8")).text
    assert "in which nothing says that they were simulated" in text
    assert "nobody kept when" in text
    assert found.provenance.prices(found.results)["as of"].tolist() == ["unknown", "unknown"]


def test_what_cannot_be_drawn_is_said(df: pd.DataFrame, tmp_path: Path) -> None:
    """Without references and single models the report stands, and says what is missing."""
    found = df[["prompt"]].orch.compare(["cheapest"])
    text = Page(found.to_html(tmp_path / "report.html").read_text("utf-8")).text
    assert "too few single models" in text
    assert "There is no single model with a known quality" in text


def test_nothing_compared_is_still_a_report(df: pd.DataFrame, tmp_path: Path) -> None:
    """A comparison of no prompts is written without an error."""
    path = df.head(0).orch.compare(["cheapest", "gpt-4o"]).to_html(tmp_path / "report.html")
    assert "0 prompts" in path.read_text("utf-8")


def test_whatever_was_answered_is_text(df: pd.DataFrame, tmp_path: Path) -> None:
    """Hostile names, answers, errors and titles make no tag and no attribute."""
    names = (HOSTILE, f"{HOSTILE}2")
    for name in names:
        orchkit.add_model(name, provider=Loud(), input_price=1, output_price=1)
    try:
        found = df.orch.compare([Foot(), *names, orchkit.Fallback(names)])
    finally:
        for name in names:
            orchkit.remove_model(name)
    page = Page(found.to_html(tmp_path / "report.html", title=HOSTILE).read_text("utf-8"))
    assert {tag for tag, _ in page.tags} <= TAGS
    assert {name for _, attributes in page.tags for name in attributes} <= {
        "lang", "charset", "http-equiv", "content", "name", "class", "role", "tabindex",
        "aria-label", "scope", "src", "alt", "open",
    }  # fmt: skip
    assert "<script>alert(1)</script>" in page.text
    assert "The first" in page.text


def test_a_comparison_made_by_hand_has_a_report(
    everyday: orchkit.Comparison, tmp_path: Path
) -> None:
    """Where nobody tells of strategies and prices, the report says that nobody kept them."""
    bare = orchkit.Comparison(everyday.results, singles=("gpt-4o",))
    assert bare.provenance == Provenance()
    text = Page(bare.to_html(tmp_path / "report.html").read_text("utf-8")).text
    assert "Nobody kept what the strategies were made of." in text


def test_a_file_is_replaced_whole(
    everyday: orchkit.Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there is replaced, keeps its mode, and stays as it was where writing breaks."""
    path = tmp_path / "report.html"
    path.write_text("old")
    path.chmod(0o640)
    assert everyday.to_html(str(path)) == path
    before = path.read_bytes()
    assert before.startswith(b"<!doctype html>")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(orchkit.StoreError, match="No space left"):
        everyday.to_html(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["report.html"]


@pytest.mark.parametrize(
    ("where", "told"), [("no/report.html", "there is no folder"), ("", "directory")]
)
def test_a_place_that_cannot_be_written_is_named(
    everyday: orchkit.Comparison, tmp_path: Path, where: str, told: Any
) -> None:
    """A folder that is not there, or a folder in the file's place, is a StoreError that says so."""
    with pytest.raises(orchkit.StoreError, match=told):
        everyday.to_html(tmp_path / where)


def test_a_few_rows_that_differ_are_there_to_check_it_by(everyday: orchkit.Comparison) -> None:
    """Prompt, reference, and what each strategy answered, with its score; or none at all."""
    shown = page(everyday, rows=2)
    quality = everyday.results.pivot(index="row", columns="strategy", values="quality")
    first = quality.index[quality.max(axis=1) > quality.min(axis=1)][0]
    assert "The first 2 of the prompts on which strategies differ" in shown
    assert text(cut(everyday.prompts["prompt"].iloc[first])) in shown
    assert "Some rows" not in page(everyday, rows=0)


def test_texts_can_be_kept_out(everyday: orchkit.Comparison, tmp_path: Path) -> None:
    """With rows=0 neither prompts nor answers stand in the file."""
    told = everyday.to_html(tmp_path / "r.html", rows=0).read_text("utf-8")
    assert everyday.prompts["prompt"].iloc[0][:40] not in told
    with pytest.raises(ParameterError, match="rows"):
        everyday.to_html(tmp_path / "r.html", rows=-1)


@pytest.mark.parametrize("path", [None, b"r.html", 3])
def test_what_is_no_path_is_refused(everyday: orchkit.Comparison, path: Any) -> None:
    """Before anything is drawn."""
    with pytest.raises(ParameterError, match="give the name of a file"):
        everyday.to_html(path)


def test_a_name_no_file_can_have_is_told(everyday: orchkit.Comparison, tmp_path: Path) -> None:
    """As any other file that cannot be written."""
    with pytest.raises(orchkit.StoreError, match="cannot be written"):
        everyday.to_html(tmp_path / "a\0b.html")
