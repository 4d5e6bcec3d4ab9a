from __future__ import annotations

import doctest
import inspect
import json
import re
import subprocess
import sys
from importlib.metadata import metadata
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import orchkit
from orchkit import errors

ROOT = Path(__file__).parents[1]
PACKAGE = Path(orchkit.__file__).parent
HEAVY = (
    "openai",
    "anthropic",
    "sklearn",
    "matplotlib",
    "ipywidgets",
    "genai_prices",
    "aiohttp",
    "skops",
    "scipy",
)
ERRORS = frozenset(name for name in errors.__all__ if name[0].isupper())
#: Names for types that cannot hold a docstring.
ALIASES = {"Plan", "Scorer", "Signal"}
VAGUE = {
    "utils",
    "util",
    "helpers",
    "common",
    "base",
    "manager",
    "handler",
    "service",
    "misc",
    "types",
}
LOADED = "import json, sys; {}; print(json.dumps(sorted({{n.split('.')[0] for n in sys.modules}})))"


def loaded_by(statement: str) -> set[str]:
    """Return the packages that a fresh interpreter has loaded after a statement."""
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-W", "error", "-c", LOADED.format(statement)],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    return set(json.loads(ran.stdout))


def functions() -> dict[str, Any]:
    """Return every public function, those of the public modules too."""
    places = [orchkit, *(each for each in vars(orchkit).values() if _public_module(each))]
    return {
        f"{place.__name__}.{name}": thing
        for place in places
        for name, thing in vars(place).items()
        if name in _public(place) and inspect.isfunction(thing)
    }


def taught() -> dict[str, Any]:
    """Return every public function and class; an error is taught by its sentence and its message.

    So is a warning: neither is made by a reader, and neither has anything to run.
    """
    classes = {
        f"{place.__name__}.{name}": thing
        for place in [orchkit, *filter(_public_module, vars(orchkit).values())]
        for name, thing in vars(place).items()
        if name in _public(place) and inspect.isclass(thing) and name not in ERRORS
    }
    return functions() | classes


def _public_module(thing: object) -> bool:
    return isinstance(thing, ModuleType) and thing.__name__.rpartition(".")[2] in orchkit.__all__


def _public(place: ModuleType) -> set[str]:
    """Return a module's public names: those of its `__all__`, else those made there."""
    made = {
        name
        for name, thing in vars(place).items()
        if not name.startswith("_") and getattr(thing, "__module__", None) == place.__name__
    }
    return set(getattr(place, "__all__", made))


def test_the_rooms_keep_their_contracts() -> None:
    """Every import contract of pyproject.toml is kept."""
    # In a process of its own: import-linter switches off the loggers it finds.
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", lint, "--no-cache"],
        capture_output=True,
        check=False,
        cwd=ROOT,
        encoding="utf-8",
    )
    assert ran.returncode == 0, ran.stdout
    assert "0 broken" in ran.stdout


def test_importing_is_light() -> None:
    """`import orchkit` loads no SDK, no learner, no plotter, no widgets and no price list."""
    loaded = loaded_by("import orchkit")
    assert {"orchkit", "pandas"} <= loaded
    assert loaded.isdisjoint(HEAVY)


def test_a_simulated_run_is_light(own_home: Path) -> None:
    """A run on the simulator loads no SDK and no plotter either."""
    loaded = loaded_by("import orchkit; orchkit.run_orchestration('What is 2+2?', 'fallback')")
    assert loaded.isdisjoint(HEAVY)


def test_all_is_sorted() -> None:
    """The public names stand in order, each once."""
    assert orchkit.__all__ == sorted(set(orchkit.__all__))


def test_all_is_complete() -> None:
    """Whatever stands in the namespace without an underscore is public, or a room."""
    rooms = {path.stem for path in PACKAGE.iterdir()}
    names = {name for name in vars(orchkit) if not name.startswith("_")}
    assert names - rooms == set(orchkit.__all__) - rooms
    assert all(hasattr(orchkit, name) for name in orchkit.__all__)


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name[0].isupper()])
def test_every_error_and_warning_is_public(name: str) -> None:
    """What orchkit raises or warns of can be caught by a name of the package."""
    assert getattr(orchkit, name, None) is getattr(errors, name)


@pytest.mark.parametrize("name", sorted(set(orchkit.__all__) - ALIASES))
def test_every_name_is_documented(name: str) -> None:
    """Each public name has a docstring that somebody wrote."""
    told = getattr(orchkit, name).__doc__ or ""
    assert told.strip()
    assert not told.startswith(f"{name}(")


@pytest.mark.parametrize("thing", taught().values(), ids=taught())
def test_everything_shows_an_example(thing: Any) -> None:
    """Each public function and class has a sentence, then numpydoc sections with an example."""
    told = inspect.getdoc(thing) or ""
    assert told.partition("\n")[0].endswith(".")
    assert "\nExamples\n--------\n>>> " in told
    assert doctest.DocTestParser().get_examples(told)


@pytest.mark.parametrize("name", sorted(set(orchkit.__all__) - ERRORS))
def test_help_maps_every_name(name: str) -> None:
    """``help(orchkit)`` opens with a map on which each public name stands, errors by their kind."""
    assert re.search(rf"`{name}`", orchkit.__doc__ or "")


def test_tab_completes_public_names_alone() -> None:
    """``dir(orchkit)`` has the public names, and nothing of how the package is built."""
    listed = {name for name in dir(orchkit) if not name.startswith("_")}
    assert listed == set(orchkit.__all__)


@pytest.mark.parametrize("function", functions().values(), ids=functions())
def test_every_function_is_annotated(function: Any) -> None:
    """Each public function says what it takes and returns."""
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(
        parameter.annotation is not inspect.Parameter.empty
        for parameter in signature.parameters.values()
    )


def test_no_module_has_a_vague_name() -> None:
    """No module is called by a word that says nothing of what is in it."""
    stems = {part for path in PACKAGE.rglob("*.py") for part in (path.stem, path.parent.name)}
    assert stems.isdisjoint(VAGUE)


def test_every_module_says_what_it_is() -> None:
    """Every module opens with a docstring."""
    opened = {path: path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    assert [path for path, text in opened.items() if not text.startswith('"""')] == []


def test_types_ship() -> None:
    """The package tells type checkers that its annotations count."""
    assert files("orchkit").joinpath("py.typed").is_file()
    assert "Typing :: Typed" in metadata("orchkit").get_all("Classifier", [])


def test_the_version_is_the_distributions() -> None:
    """`__version__` is the version that is installed."""
    assert orchkit.__version__ == metadata("orchkit")["Version"]


def test_testing_is_there_when_it_is_asked_for() -> None:
    """README names `orchkit.testing`; what is not there says so."""
    assert orchkit.testing.LoopbackServer
    with pytest.raises(AttributeError, match="no attribute 'testign'"):
        _ = orchkit.testign
