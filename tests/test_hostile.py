"""Planted files run nothing, and hostile answers stay text: S2 and S3 of the promises."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner

import orchkit
from orchkit.core.calls import Call, Response, digest
from orchkit.errors import OrchkitError, StoreError
from orchkit.lab import sealed
from orchkit.lab.matrix import SCHEMA
from orchkit.lab.sealed import write_sealed
from orchkit.runtime import pruning
from orchkit.runtime.cache import ResponseCache
from orchkit.runtime.ledger import Begin, Ledger
from orchkit.ui.cli import main
from orchkit.ui.exporting import FORMULA
from orchkit.ui.markup import LOOKS

pytestmark = pytest.mark.hostile

KEY, KEPT = digest("a question"), Response("m", "an answer", provider="p")
#: Elements and attributes that a table of text is made of; anything else could be active.
QUIET = {"div", "p", "table", "thead", "tbody", "tr", "th", "td", "span", "ul", "li", "strong"}
ATTRIBUTES = {"border", "class", "style", "scoped", "halign", "colspan", "rowspan", "valign"}
ATTRIBUTES |= {"scope", "role", "tabindex"}
STYLES = {None, "", "text-align: right;", "text-align: left;", *LOOKS.values()}

TAGS = (
    "<script>alert(1)</script>", "<ScRiPt>alert(1)</sCrIpT>", "<script src=//x.example></script>",
    "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>", "<a href=javascript:alert(1)>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>", "<object data=x.swf></object>",
    "<embed src=x.swf>", "<link rel=stylesheet href=//x.example/x.css>", "<base href=//x.example/>",
    "<meta http-equiv=refresh content='0;url=//x.example'>", "<form action=//x.example><input>",
    "<button onclick=alert(1)>x</button>", "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>", "<audio src=x onerror=alert(1)>",
    "<input autofocus onfocus=alert(1)>", "<select autofocus onfocus=alert(1)>",
    "<textarea autofocus onfocus=alert(1)>", "<marquee onstart=alert(1)>",
    "<math><mtext></mtext><script>alert(1)</script></math>", "<template><script>1</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>", "<style>*{x:expression(1)}",
    "<style>@import'//x.example/x.css';</style>", "<xmp><img src=x onerror=alert(1)></xmp>",
    "<isindex action=javascript:alert(1)>", "<frameset onload=alert(1)>", "<table background=x>",
    "<svg><animate onbegin=alert(1)>", "<svg><a xlink:href=javascript:alert(1)><text>x",
    "<div style=background:url(javascript:alert(1))>", "<portal src=//x.example>",
    "<custom-element onclick=alert(1)>", "<applet code=x>", "<bgsound src=x>", "<keygen autofocus>",
)  # fmt: skip
BREAKS = (
    "</td><script>alert(1)</script>", "</table><img src=x onerror=alert(1)>", "</style><script>1",
    "</p><script>alert(1)</script>", "'\"><script>alert(1)</script>", "\" onclick=alert(1) x=\"",
    "' onmouseover=alert(1) x='", "--><script>alert(1)</script>", "]]><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>", "<!--<img src=x onerror=alert(1)>-->",
    "<?xml version='1.0'?><script>1</script>", "<!DOCTYPE html><script>1</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;alert(1)", "&#x3c;script&#x3e;",
    "\x00<script>alert(1)</script>", "<scr\x00ipt>alert(1)</scr\x00ipt>", "<\x0cscript>1",
    "<script\x0b>1</script>", "<img/src=x/onerror=alert(1)>", "<<script>alert(1)//<</script>",
    "\ufeff<script>alert(1)</script>", "<script>1", "<img src='x' onerror='alert(1)'",
    "\u2028<script>alert(1)</script>", "{{constructor.constructor('alert(1)')()}}",
    "javascript:alert(1)", "data:text/html;base64,PHNjcmlwdD4x", "[x](javascript:alert(1))",
    "![x](//x.example/x.png)", "$\\href{javascript:alert(1)}{x}$", "`<script>alert(1)</script>`",
)  # fmt: skip
CORPUS = (*TAGS, *BREAKS)
ESCAPES = (
    "\x1b[2Jgone", "\x1b]0;title\x07", "\x1b]8;;http://x.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]52;c;cm0gLXJmIC8=\x07", "\x1bP1;1|x\x1b\\", "\x9b31mred", "\x9d0;t\x9c", "a\x08\x08b\r",
    "\x1b[6n", "\x1bc", "\x1b(0x", "\x1b]1337;File=:AAAA\x07", "\x1b[?1049h", "\x1b", "x\x1b[",
)  # fmt: skip


class Says:
    """A provider of one's own that says what it was asked."""

    name = "says"

    async def complete(self, call: Call) -> Response:
        """Answer with the last message."""
        return Response(call.model, call.messages[-1].content, provider="says")


@pytest.fixture
def says() -> str:
    """Give the name of a model that repeats its prompt."""
    orchkit.add_model("says", provider=Says(), tier="expert", input_price=0, output_price=0)
    return "says"


class Active(HTMLParser):
    """Finds every element and attribute that is more than a table of text; keeps the text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what is not known to be quiet."""
        quiet = tag in QUIET or (tag, attrs) == ("style", [("scoped", None)])
        self.found += [] if quiet else [tag]
        self.found += [f"{tag} {name}" for name, _ in attrs if name not in ATTRIBUTES]
        self.found += [f"{tag} {v}" for n, v in attrs if n == "style" and v not in STYLES]

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        """Note a comment: nothing of ours writes one."""
        self.found.append(f"comment {data}")

    handle_decl = handle_pi = unknown_decl = handle_comment


def active(html: str) -> list[str]:
    """Return what in the HTML could act."""
    return Active(html).found


@pytest.mark.parametrize("text", TAGS)
def test_the_search_for_active_nodes_finds_them(text: str) -> None:
    """What is written unescaped is found, so that finding none means something."""
    assert active(f"<table><tr><td>{text}</td></tr></table>") != []


def test_the_corpus_is_large_enough() -> None:
    """The promise speaks of at least sixty hostile texts."""
    assert len(set(CORPUS)) >= 60


def test_answers_stay_text_in_a_frame(says: str) -> None:
    """The frame of results shows every hostile answer as text, and all of it."""
    out = pd.DataFrame({"prompt": CORPUS}).orch.route(says, progress=False)
    assert out["response"].tolist() == [*CORPUS]
    with pd.option_context("display.max_colwidth", None, "display.max_rows", None):
        for html in (out._repr_html_(), out.to_html()):
            assert active(html) == []


@pytest.mark.parametrize("text", CORPUS)
def test_names_stay_text_in_a_comparison(text: str) -> None:
    """Models that are named like markup are shown by a comparison, and an estimate, as text."""
    orchkit.add_model(text, provider=Says(), tier="basic", input_price=0, output_price=0)
    df = pd.DataFrame({"prompt": [text], "reference": [text]})
    shown = (df.orch.compare([text], progress=False), df.orch.estimate(text))
    assert [active(each._repr_html_()) for each in shown] == [[], []]


def test_no_answer_is_a_formula_in_csv(says: str) -> None:
    """A spreadsheet that opens the results computes nothing, whatever an answer starts with."""
    cells = [sign + "cmd|' /C calc'!A0" for sign in FORMULA]
    out = pd.DataFrame({"prompt": cells}).orch.route(says, progress=False)
    written = csv.reader(io.StringIO(str(orchkit.to_csv(out)), newline=""))
    assert [cell for row in written for cell in row if cell.startswith(FORMULA)] == []


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("text", ESCAPES, ids=ascii)
def test_no_answer_steers_the_terminal(says: str, text: str, flags: tuple[str, ...]) -> None:
    """Escape sequences of an answer never reach the terminal of the command line."""
    ran = CliRunner().invoke(main, ["--prompt", f"seen {text}", "--strategy", says, *flags])
    assert "seen" in ran.output
    assert [sign for sign in ran.output if sign < " " and sign not in "\n\t"] == []
    assert [sign for sign in ran.output if "\x7f" <= sign <= "\x9f"] == []


class Opened:
    """What Python opens, connects to or runs while it listens; an audit hook is for ever."""

    def __init__(self) -> None:
        self.events: list[str] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if self.events is not None and event.startswith(("open", "socket.", "subprocess", "os.")):
            self.events.append(ascii((event, args)))

    def during(self, work: Callable[[], object]) -> list[str]:
        """Return the events of some work."""
        self.events = events = list[str]()
        try:
            work()
        finally:
            self.events = None
        return events


OPENED = Opened()


def test_an_answer_that_is_a_path_or_an_address_opens_nothing(says: str, tmp_path: Path) -> None:
    """Neither showing nor exporting the results reads the file or the page an answer names."""
    secret = tmp_path / "secret-of-mine.html"
    secret.write_text("secret contents")
    places = [str(secret), f"file://{secret}", "http://mark.example/x", "//mark.example/secret-of"]

    def shown() -> str:
        out = pd.DataFrame({"prompt": places}).orch.route(says, progress=False, cache=False)
        compared = pd.DataFrame({"prompt": places}).orch.compare([says], progress=False)
        one = orchkit.run_orchestration(places[0], says)
        told = (out._repr_html_(), repr(out), orchkit.to_csv(out), compared._repr_html_(), one)
        printed = CliRunner().invoke(main, ["--prompt", places[2], "--strategy", says]).output
        return f"{told} {one.to_json()} {printed}"

    text: list[str] = []
    events = OPENED.during(lambda: text.append(shown()))
    assert [told for told in events if "secret-of" in told or "mark.example" in told] == []
    assert "secret contents" not in text[0]
    assert any("secret-of" in told for told in OPENED.during(secret.read_bytes))


class Bomb:
    """An object whose unpickling touches a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        """Have the file touched."""
        return Path.touch, (self.mark,)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder of a cache that holds one answer."""
    with closing(ResponseCache(tmp_path / "cache")) as cache:
        cache.put(KEY, KEPT)
    return tmp_path / "cache"


def planted(path: Path, *statements: str, **values: Any) -> None:
    """Change a database behind orchkit's back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        for statement in statements:
            file.execute(statement, values if ":" in statement else {})


def used(folder: Path) -> list[str]:
    """Use a cache for all that it is for; return the answers' texts."""
    with closing(ResponseCache(folder)) as cache:
        texts = [found.text or "" for key in (KEY, digest(2)) if (found := cache.get(key))]
        cache.put(digest(3), KEPT)
        with suppress(OrchkitError):
            pruning.stock(folder)
    return texts


ROWS = {
    "a pickled value": "UPDATE Cache SET mode = 4, value = :bomb",
    "a pickled key": "UPDATE Cache SET raw = 0, key = :bomb",
    "a pickled file": "UPDATE Cache SET mode = 4, filename = :file, value = NULL",
    "a file": "UPDATE Cache SET mode = 2, filename = :file, value = NULL",
    "a text file": "UPDATE Cache SET mode = 3, filename = '../../secret', value = NULL",
    "a disk": "INSERT OR REPLACE INTO Settings VALUES ('disk_pickle_protocol', 'x')",
    "a pragma": "INSERT OR REPLACE INTO Settings VALUES ('sqlite_writable_schema', 1)",
    "an attribute": "INSERT OR REPLACE INTO Settings VALUES ('_disk', :bomb)",
    "a policy": "UPDATE Settings SET value = 'least-recently-used; DROP TABLE Cache'",
    "a count": "UPDATE Settings SET value = :bomb WHERE key = 'count'",
}


@pytest.mark.parametrize("statement", ROWS.values(), ids=ROWS)
def test_planted_rows_of_the_cache_run_nothing(
    folder: Path, tmp_path: Path, statement: str
) -> None:
    """A planted row, or setting, is a miss or a StoreError; no file but ours is read or removed."""
    secret, mark = tmp_path / "secret", tmp_path / "mark"
    secret.write_bytes(pickle.dumps(Bomb(mark)))
    values = {"bomb": pickle.dumps(Bomb(mark)), "file": str(secret)}
    named = {name: value for name, value in values.items() if f":{name}" in statement}
    planted(folder / "cache.db", statement, **named)

    def opened() -> None:
        with suppress(StoreError):
            assert set(used(folder)) <= {"an answer"}

    assert [told for told in OPENED.during(opened) if "secret" in told] == []
    assert secret.exists()
    assert not mark.exists()


ACTS = ("UPDATE Cache SET value = x'00'", "SELECT load_extension('/evil.so')", "DELETE FROM Cache")


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("when", ["INSERT", "DELETE", "UPDATE"])
def test_a_planted_trigger_makes_no_false_answer(folder: Path, when: str, act: str) -> None:
    """What SQL planted in the cache may do is lose an answer; it never loads or changes one."""
    planted(folder / "cache.db", f"CREATE TRIGGER t AFTER {when} ON Cache BEGIN {act}; END")
    try:
        assert set(used(folder)) <= {"an answer"}
        assert set(used(folder)) <= {"an answer"}
    except StoreError as error:
        assert "load_extension" in str(error) or "cache" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "act",
    [
        "UPDATE attempts SET reserved = 0",
        "SELECT load_extension('/evil.so')",
        "SELECT randomblob(9)",
    ],
)
def test_a_planted_trigger_of_the_ledger_changes_no_sum(tmp_path: Path, act: str) -> None:
    """A row that SQL planted in the ledger has changed is found: a StoreError, or the true sum."""
    path = tmp_path / "home" / "ledger.db"
    Ledger(path).close()
    planted(path, f"CREATE TRIGGER t AFTER INSERT ON attempts BEGIN {act}; END")
    with suppress(StoreError), closing(Ledger(path)) as ledger:
        ledger.write([Begin("r", "c", "s", "k", "m", "p", 1000)])
        assert ledger.spent() == 1000


PLACES = ["link", "link to a store", "fifo", "folder", "dangling"]


def misplaced(path: Path, kind: str, target: Path) -> None:
    """Put something else where a file should be."""
    match kind:
        case "link to a store":
            ResponseCache(path.parents[1] / "other").close() if path.name == "cache.db" else Ledger(
                path.parents[1] / "other" / "ledger.db"
            ).close()
            path.symlink_to(path.parents[1] / "other" / path.name)
        case "link":
            target.write_bytes(b"mine")
            path.symlink_to(target)
        case "dangling":
            path.symlink_to(target)
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("ledger.db", kind) for kind in PLACES),
        *(("cache/cache.db", kind) for kind in ("link", "fifo", "folder")),
        ("cache/cache.db", "link to a store"),
        ("cache/cache.db", "dangling"),
    ],
)
def test_what_is_no_plain_file_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    """A link, a pipe or a folder in the place of a store is a StoreError; nothing is written."""
    home = tmp_path / "home"
    (home / name).parent.mkdir(mode=0o700, parents=True)
    misplaced(home / name, kind, tmp_path / "target")
    with pytest.raises(StoreError):
        ResponseCache(home / "cache") if "cache" in name else Ledger(home / name)
    assert not (tmp_path / "target").exists() or (tmp_path / "target").read_bytes() == b"mine"


SWAPPED = {
    "a column": "value BLOB AS (zeroblob(900000000))",
    "a text": "value BLOB AS (CAST(zeroblob(900000000) AS TEXT))",
}
GROWTH = """
import sys
from pathlib import Path
from orchkit.errors import OrchkitError
from orchkit.runtime.cache import ResponseCache
from orchkit.ui.recordings import ResponseMatrix
def peak():  # not ru_maxrss, which a process inherits from the one that starts it
    told = Path("/proc/self/status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0])
before = peak()
try:
    if sys.argv[1] == "much":
        pass
    elif sys.argv[1].endswith("parquet"):
        ResponseMatrix.load(sys.argv[1])
    else:
        ResponseCache(sys.argv[1]).get(sys.argv[2])
except OrchkitError:
    pass
if sys.argv[1] == "much":
    print(len(b"x" * 200 * 2**20) and (peak() - before) // 1024)
else:
    print((peak() - before) // 1024)
"""


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux")


def growth(path: Path) -> int:
    """Return by how many MiB a process grows that opens a file."""
    ran = subprocess.run(  # noqa: S603 - the script above
        [sys.executable, "-c", GROWTH, str(path), KEY],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return int(ran.stdout)


@needs_proc
@pytest.mark.parametrize("value", SWAPPED.values(), ids=SWAPPED)
def test_a_small_cache_stays_small_in_memory(folder: Path, value: str) -> None:
    """A row that is made up when it is read, far larger than the file, is not taken in."""
    columns = "rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL"
    more = "access_time REAL, access_count INTEGER, tag BLOB, size INTEGER, mode INTEGER, filename"
    planted(
        folder / "cache.db",
        "DROP TABLE Cache",
        f"CREATE TABLE Cache ({columns}, {more}, {value})",
        f"INSERT INTO Cache (key, raw, mode) VALUES ('{KEY}', 1, 1)",  # noqa: S608 - our own
    )
    assert growth(folder) <= 100


@needs_proc
def test_a_small_matrix_stays_small_in_memory(tmp_path: Path) -> None:
    """A table of a hundred million equal rows in a small file is refused before it is unpacked."""
    long = pa.table({name: pa.repeat(0.5, 20_000_000) for name in ("prompt_id", "model", "cost")})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed, "_LARGEST", 2**40)
        write_sealed(long, tmp_path / "m.parquet", SCHEMA)
    assert (tmp_path / "m.parquet").stat().st_size < 2**20
    assert growth(tmp_path / "m.parquet") <= 100


@pytest.mark.parametrize("column", ["pickles", "extension", "metadata"])
def test_a_hostile_matrix_runs_nothing(tmp_path: Path, column: str) -> None:
    """Pickles in a column or in the metadata of a parquet file are bytes; the rest is refused."""
    mark, path = tmp_path / "mark", tmp_path / "m.parquet"
    bomb = pickle.dumps(Bomb(mark))
    field = pa.field("response", pa.binary())
    if column == "extension":
        told = {"ARROW:extension:name": "arrow.py_extension_type"}
        field = field.with_metadata({**told, "ARROW:extension:metadata": bomb})
    fields = [pa.field("prompt_id", pa.string()), pa.field("model", pa.string()), field]
    marks = {b"pandas": bomb} if column == "metadata" else {}
    table = pa.table([["q"], ["m"], [bomb]], schema=pa.schema(fields, metadata=marks))
    write_sealed(table, path, SCHEMA)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            orchkit.ResponseMatrix.load(path)
    except OrchkitError:
        pass
    assert not mark.exists()


CATALOGS = {
    "an unknown word": '[models.x]\nrun = "os.system"',
    "a deep one": "a = " + "[" * 100_000,
    "a long number": "[models.x]\ncontext = " + "9" * 5000,
    "infinity": "[models.x]\ninput_price = inf\noutput_price = nan",
    "no text": "\x00\x01",
    "a surrogate": '[models.x]\nid = "\\ud800"',
    "a table for a name": "[models.x]\nid = {a = 1}",
    "a file": '[models.x]\nbase_url = "file:///etc/passwd"',
    "a plain address": '[models.x]\nbase_url = "http://x.example/v1"\nkey_env = "OPENAI_API_KEY"',
    "a path": '[models."../../etc/passwd"]\nprovider = "../../evil"',
}


@pytest.mark.parametrize("text", CATALOGS.values(), ids=CATALOGS)
def test_a_hostile_catalog_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """A planted catalog is refused with an error of ours, or names models that cannot be asked."""
    (tmp_path / "c.toml").write_text(text)
    monkeypatch.setenv("ORCHKIT_CATALOG", str(tmp_path / "c.toml"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hostile-canary")

    def asked() -> None:
        name = "../../etc/passwd" if "../" in text else "x"
        try:
            told = str(orchkit.run_orchestration("?", name).error)
        except OrchkitError as error:
            told = str(error)
        assert told != "None"
        assert "canary" not in told

    events = OPENED.during(asked)
    assert [told for told in events if "passwd" in told or "x.example" in told] == []


@pytest.fixture
def names(tmp_path: Path) -> Iterator[list[str]]:
    """Give names of models that look like paths out of the home; afterwards nothing is there."""
    before = {path for path in tmp_path.rglob("*") if "home" not in path.parts}
    yield ["../../evil", "/evil", "..", "a/../../b", "C:\\evil", "x\x00y", "~/.ssh/id", "$HOME/x"]
    after = {path for path in tmp_path.rglob("*") if "home" not in path.parts}
    assert after == before


def test_names_that_look_like_paths_stay_names(names: list[str], own_home: Path) -> None:
    """A model's name never becomes part of a path, in the cache, in the ledger or beside them."""
    for name in names:
        orchkit.add_model(name, provider=Says(), tier="basic", input_price=0, output_price=0)
        assert orchkit.run_orchestration("Why?", name).model_used == name
    allowed = {"cache", "owners", "ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.lock"}
    assert {path.name for path in own_home.iterdir()} <= allowed


def test_planted_json_in_a_result_stays_data(says: str) -> None:
    """An answer that is JSON, or the end of one, does not change the JSON of the result."""
    for text in ('", "cost": 0, "x": "', "}\n{", "a\u2028b", "null"):
        told = json.loads(orchkit.run_orchestration(text, says).to_json())
        assert (told["response"], told["model_used"]) == (text, says)


@needs_proc
def test_the_measure_of_memory_measures() -> None:
    """A process that takes 200 MiB is seen to grow by as much."""
    assert growth(Path("much")) >= 150
