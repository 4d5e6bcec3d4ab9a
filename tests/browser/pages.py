"""A notebook in a browser: opening, running and looking at it, and hearing what its page does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.serving import PATIENCE, Server

if TYPE_CHECKING:
    from playwright.sync_api import Locator, LocatorAssertions, Page

OUTPUT = ".jp-Notebook .jp-OutputArea-output"
#: The exceptions among the outputs of the notebook in front.
ERRORS = """() => jupyterapp.shell.currentWidget.content.widgets
  .filter(cell => cell.model.type === 'code')
  .flatMap(cell => cell.outputArea.model.toJSON())
  .filter(output => output.output_type === 'error')
  .map(error => `${error.ename}: ${error.evalue}`)"""
#: Every cell has run, or one failed and nothing is running any more.
FINISHED = f"""() => {{
  const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
    .map(each => each.textContent);
  return !prompts.some(each => each.includes('*'))
    && (prompts.every(each => /\\d/.test(each)) || ({ERRORS})().length > 0);
}}"""


#: The pieces of text below an element whose contrast to what lies behind them is below 4.5 (WCAG's
#: level AA; 3 for signs that only adorn), with the contrast.
PALE = """root => {
  const parts = told => {
    const [r, g, b, alpha = 1] = told.match(/[\\d.]+/g).map(Number);
    return [r, g, b, alpha];
  };
  const over = (top, below) =>
    [0, 1, 2].map(each => top[each] * top[3] + below[each] * (1 - top[3])).concat(1);
  const behind = element => {
    const own = element ? parts(getComputedStyle(element).backgroundColor) : [255, 255, 255, 1];
    return own[3] === 1 ? own : over(own, behind(element.parentElement));
  };
  const light = colour => colour.slice(0, 3).map(each => each / 255)
    .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const contrast = element => {
    const ground = behind(element);
    const lights = [light(over(parts(getComputedStyle(element).color), ground)), light(ground)];
    return (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
  };
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility()) continue;
    const ratio = contrast(element), enough = element.closest('[aria-hidden=true]') ? 3 : 4.5;
    if (ratio < enough) found.push(`${ratio.toFixed(1)}: ${node.textContent.trim().slice(0, 60)}`);
  }
  return found;
}"""


def awaited(what: Locator) -> LocatorAssertions:
    """Return assertions about something on a page that wait until they hold."""
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE * 1000)
    return expect(what)


@dataclass
class Heard:
    """What a page did that nobody asked it to do."""

    server: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        """Note requests elsewhere, errors, dialogs, new windows, and calls of `alert`."""
        page.on("request", lambda request: self._requested(request.url))
        page.on("websocket", lambda opened: self._requested(opened.url.replace("ws", "http", 1)))
        page.on("console", lambda told: self._told(told.type, told.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: (self.scripts.append("dialog"), dialog.dismiss()))
        page.on("popup", lambda popup: self.scripts.append(f"window {popup.url}"))
        page.expose_binding("alert", lambda source, *told: self.scripts.append(f"alert{told}"))

    def _requested(self, url: str) -> None:
        if not url.startswith((f"{self.server}/", "data:", f"blob:{self.server}/")):
            self.requests.append(url)

    def _told(self, kind: str, text: str) -> None:
        if kind == "error":
            self.errors.append(text)

    def all(self) -> list[str]:
        """Return everything that was heard."""
        return [*self.scripts, *self.requests, *self.errors]


class Notebook:
    """A notebook that is open in JupyterLab."""

    def __init__(self, path: Path, page: Page, heard: Heard, shots: Path) -> None:
        self.name, self.folder = path.stem, path.parent
        self.page, self.heard, self.shots = page, heard, shots

    @property
    def outputs(self) -> Locator:
        """The outputs of all cells."""
        return self.page.locator(OUTPUT)

    @property
    def errors(self) -> list[str]:
        """The names and texts of exceptions that cells ended in."""
        found: list[str] = self.page.evaluate(ERRORS)
        return found

    def cell(self, number: int) -> Locator:
        """Return the outputs of one code cell, counted from 0."""
        return self.page.locator(".jp-CodeCell").nth(number).locator(".jp-OutputArea-output")

    def ready(self) -> None:
        """Wait until the kernel is there: before, running asks for one."""
        self.page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()

    def run(self) -> None:
        """Run all cells by the menu, as a person does, and wait until they have run."""
        self.page.locator('.lm-MenuBar-itemLabel:text-is("Run")').click()
        self.page.locator('.lm-Menu-itemLabel:text-is("Run All Cells")').first.click()
        self.page.wait_for_function(FINISHED, polling=200)
        self.ready()

    @contextmanager
    def theme(self, name: str) -> Iterator[None]:
        """Show JupyterLab in one of its themes; afterwards in the light one."""
        self._dress(name)
        try:
            yield
        finally:
            self._dress("JupyterLab Light")

    def _dress(self, theme: str) -> None:
        command = "theme => jupyterapp.commands.execute('apputils:change-theme', {theme})"
        self.page.evaluate(command, theme)
        self.page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    def shot(self, name: str, what: Locator | None = None) -> Path:
        """Keep a picture of the page, scrolled to one thing on it; return its path."""
        path = self.shots / f"{name}.png"
        if what is not None:
            what.evaluate("each => each.scrollIntoView({block: 'start'})")
        self.page.screenshot(path=path)
        return path

    def rich(self) -> list[Locator]:
        """Return what is shown as HTML or as widgets: what has colours of its own."""
        plain = "[data-mime-type*='vnd.jupyter.std'], [data-mime-type^='image/']"
        return self.page.locator(f"{OUTPUT}:not({plain})").all()

    def pale(self) -> list[str]:
        """Return the texts of rich outputs that are hard to tell from their ground."""
        return [told for output in self.rich() for told in output.evaluate(PALE)]


@dataclass
class Lab:
    """Opens notebooks in one browser."""

    server: Server
    context: Any
    shots: Path
    opened: list[Notebook] = field(default_factory=list)

    def open(self, source: Path | list[str], name: str) -> Notebook:
        """Open a copy of a notebook, or one of these cells, with nothing run yet."""
        import nbformat

        notebook = nbformat.read(source, 4) if isinstance(source, Path) else of_cells(source)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        path = self.server.folder / f"{name}.ipynb"
        nbformat.write(notebook, path)
        heard = Heard(self.server.url)
        page = self.context.new_page()
        heard.listen(page)
        shown = Notebook(path, page, heard, self.shots)
        self.opened.append(shown)
        page.goto(f"{self.server.url}/lab/tree/{path.name}?reset&token={self.server.token}")
        shown.ready()
        return shown

    def close(self) -> list[str]:
        """Shut the pages and their kernels down; return what was heard of them."""
        heard = [told for notebook in self.opened for told in notebook.heard.all()]
        for notebook in self.opened:
            notebook.page.evaluate("jupyterapp.serviceManager.sessions.shutdownAll()")
            notebook.page.close()
        return heard


def of_cells(cells: list[str]) -> Any:
    """Return a notebook of code cells."""
    import nbformat

    made = [nbformat.v4.new_code_cell(cell) for cell in cells]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel})
