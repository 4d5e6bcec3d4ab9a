"""Hostile texts, shown in a notebook that trusts its outputs, run nothing and can be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser.hostile import SURFACES, cells, numbers
from tests.browser.pages import PALE, Heard
from tests.test_hostile import CORPUS, TAGS

pytestmark = [pytest.mark.browser, pytest.mark.hostile, pytest.mark.timeout(600)]

#: Lists every element and attribute below one that could act. Pictures are those of figures, and
#: controls those of widgets. In frames and in labels of controls JupyterLab typesets formulas, and
#: in plain text it makes links of addresses: that is not ours to forbid, but may do nothing.
ACTIVE = """output => {
  const quiet = new Set(['B', 'BR', 'CAPTION', 'DIV', 'LABEL', 'LI', 'P', 'PRE', 'SPAN', 'STRONG',
    'TABLE', 'TBODY', 'TD', 'TH', 'THEAD', 'TR', 'UL']);
  const plain = new RegExp('^(border|class|style|scoped?|role|tabindex|title|(col|row)span|(h|v)?'
    + 'align|for|id|type|value|min|max|step|required|disabled|rows|placeholder|contenteditable'
    + '|(data|aria)-.*|href|rel|target|alt)$');
  const linked = each => each.matches('[data-mime-type*="vnd.jupyter.std"] a')
    && !/^\\s*javascript:/i.test(each.href);
  const control = each => each.matches('.jupyter-widgets :is(input, select, option, textarea),'
    + 'button.jupyter-button, img.widget-image') && !each.closest('.widget-html-content');
  const known = each => quiet.has(each.tagName) || linked(each) || control(each)
    || each.matches('style[scoped]') || each.matches('.jp-RenderedImage > img');
  const harmless = ({name, value}) => name === 'style' ? !value.includes('url(')
    : plain.test(name) || name === 'src' && /^(data:image\\/png;|blob:)/.test(value);
  return [...output.querySelectorAll('*')]
    .filter(each => !each.closest(':is(.dataframe, label) mjx-container:not(:has(a, [href]))'))
    .filter(each => !known(each) || ![...each.attributes].every(harmless))
    .map(each => each.cloneNode().outerHTML || each.tagName);
}"""
#: Those of the hostile texts that run by themselves in a page that shows them unescaped.
RUNNING = "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>"


def plain(text: str) -> str:
    """Return text without what is not seen of it, in a page or at all."""
    return "".join(sign for sign in text if sign.isprintable() and sign not in "\ufffd")


@pytest.fixture(scope="module")
def notebook(lab: Any) -> Any:
    """Give the notebook of hostile texts, after it was run."""
    (lab.server.folder / "corpus.json").write_text(json.dumps(CORPUS))
    opened = lab.open(cells(), "hostile")
    opened.run()
    return opened


@pytest.fixture(params=SURFACES)
def shown(request: pytest.FixtureRequest, notebook: Any) -> list[Any]:
    """Give the outputs that show a surface."""
    found = [each for number in numbers(request.param) for each in notebook.cell(number).all()]
    notebook.shot(f"hostile_{request.param}", found[-1])
    return found


def test_nothing_of_a_surface_can_act(shown: list[Any]) -> None:
    """What is shown is trusted by JupyterLab, and consists of tables, text and pictures."""
    html = [each for each in shown if each.get_attribute("data-mime-type") == "text/html"]
    assert all("jp-mod-trusted" in each.get_attribute("class") for each in html)
    assert shown
    assert [each for output in shown for each in output.evaluate(ACTIVE)] == []


def test_every_answer_of_a_result_is_read(notebook: Any) -> None:
    """A result shows the whole answer, whatever markup it looks like."""
    cells = [notebook.cell(number).locator("pre") for number in numbers("results")]
    read = [plain(text) for cell in cells for text in cell.all_text_contents()]
    assert read == [plain(text) for text in CORPUS]


@pytest.mark.parametrize("surface", ["comparison", "matrix"])
def test_every_name_in_a_table_is_read(notebook: Any, surface: str) -> None:
    """Names of models and strategies stand in our tables as they are, dollars too."""
    cell = notebook.cell(numbers(surface)[0])
    read = {plain(text) for text in cell.locator("tbody th").all_text_contents()}
    assert {plain(text.strip()) for text in CORPUS} <= read


def test_every_answer_in_a_frame_is_read(notebook: Any) -> None:
    """A frame shows all answers; pandas alone decides that dollars begin a formula."""
    cells = notebook.cell(numbers("frame")[0]).locator("tbody td").all_text_contents()
    assert {plain(text) for text in CORPUS if "$" not in text} <= {*map(plain, cells)}


def test_prompts_in_a_dashboard_are_read(notebook: Any) -> None:
    """The rows where two ways disagree show hostile prompts as they are."""
    rows = notebook.cell(numbers("dashboard")[0]).locator("table:has(caption:has-text('disagree'))")
    texts = rows.locator("td:first-child").all_text_contents()
    assert texts != []
    assert {plain(text) for text in texts} <= {plain(text) for text in CORPUS}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_runs_nothing(notebook: Any, context: Any, scheme: str) -> None:
    """The report of hostile names, opened as a file, asks and runs nothing, and is readable."""
    page, heard = context.new_page(), Heard("file://")
    heard.listen(page)
    page.emulate_media(color_scheme=scheme)
    page.goto((notebook.folder / "report.html").as_uri())
    read = plain(page.locator("body").inner_text())
    page.screenshot(path=notebook.shots / f"report_{scheme}.png")
    could = page.locator("[onload], [onerror], [onclick], [onfocus], iframe, object, embed, form")
    found = could.or_(page.locator("script, svg, base, [src^='http'], [href^='http']")).count()
    pale = page.locator("body").evaluate(PALE)
    page.close()
    assert heard.all() == []
    assert (found, pale) == (0, [])
    assert all(plain(text.strip()) in read for text in CORPUS[:10])


def test_errors_are_text(notebook: Any) -> None:
    """The one exception names the hostile text, in a traceback that is text."""
    (error,) = notebook.errors
    assert error.startswith(f"UnknownNameError: No strategy or model '{CORPUS[3]}0'")


def test_no_script_ran(notebook: Any) -> None:
    """No text called `alert`, opened a dialog or a window, or asked any address."""
    notebook.page.evaluate("1")  # what was called before has been heard now
    assert notebook.heard.all() == []


@pytest.mark.parametrize("text", RUNNING)
def test_what_runs_is_heard(context: Any, text: str) -> None:
    """A page that shows a text unescaped is heard to run it, so that silence means something."""
    page, heard = context.new_page(), Heard("http://127.0.0.1:1")
    heard.listen(page)
    page.set_content(f"<p>{text}</p>")
    page.close()
    assert "alert(1,)" in heard.scripts


def test_what_is_asked_elsewhere_is_heard(context: Any) -> None:
    """A request that a text makes is heard."""
    page, heard = context.new_page(), Heard("http://127.0.0.1:1")
    heard.listen(page)
    page.set_content("<img src=http://x.example/1><link rel=stylesheet href=http://x.example/2>")
    page.close()
    assert sorted(heard.requests) == ["http://x.example/1", "http://x.example/2"]


@pytest.mark.parametrize(
    "text", [tag for tag in TAGS if "<body" not in tag and "frameset" not in tag]
)
def test_what_could_act_is_found(context: Any, text: str) -> None:
    """Every hostile tag that is written unescaped is found; two are none inside a page."""
    page = context.new_page()
    page.evaluate("text => { document.body.innerHTML = text; }", text)
    found = page.evaluate(f"({ACTIVE})(document)")
    page.close()
    assert set(found) - {"<html></html>", "<head></head>", "<body></body>"} != set()
