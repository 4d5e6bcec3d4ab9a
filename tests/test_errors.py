import inspect
import pickle
import re
from typing import Any

import numpy as np
import pytest

import orchkit
from orchkit import errors
from orchkit.errors import (
    ColumnError,
    OrchkitError,
    OrchkitWarning,
    ParameterError,
    did_you_mean,
    whole,
)

#: A line of the tree in the docstring: its depth, the class, and the built-in it also is.
LINE = re.compile(r"^    ([│├└─ ]*)(\w+)\b.*?(?:\((\w+)\))?$", re.M)
CLASSES = {
    name: member
    for name, member in vars(errors).items()
    if inspect.isclass(member) and issubclass(member, Exception | Warning)
}
FAULTS = {"MisuseError", "StoreError", "CallError"}


def _is_own(member: object) -> bool:
    return getattr(member, "__module__", None) == errors.__name__


def _tree() -> list[tuple[str, str | None, str | None]]:
    """Return each class drawn in the docstring, its parent, and the built-in beside it."""
    drawn: list[tuple[str, str | None, str | None]] = []
    path: list[str] = []
    for indent, name, built_in in LINE.findall(inspect.getdoc(errors) or ""):
        del path[len(indent) // 4 :]
        drawn.append((name, path[-1] if path else None, built_in or None))
        path.append(name)
    return drawn


TREE = _tree()


def test_the_tree_shows_every_class() -> None:
    """Each error and warning is drawn in the docstring, once."""
    assert sorted(name for name, _, _ in TREE) == sorted(CLASSES)


def test_all_is_complete_and_sorted() -> None:
    """What is defined here is exported, in order."""
    own = [name for name, member in vars(errors).items() if _is_own(member)]
    assert sorted(own) == errors.__all__


@pytest.mark.parametrize(("name", "parent", "built_in"), TREE)
def test_the_tree_is_true(name: str, parent: str | None, built_in: str | None) -> None:
    """A class is caught as what it is drawn under, and as the built-in written beside it."""
    bases = {base.__name__ for base in CLASSES[name].__mro__}
    assert {parent or name, built_in or name} <= bases


@pytest.mark.parametrize("name", [name for name in CLASSES if name.endswith("Error")])
def test_an_error_is_somebodys_fault(name: str) -> None:
    """An error is the caller's, this machine's or the row's, and only one of them."""
    blamed = {base.__name__ for base in CLASSES[name].__mro__} & FAULTS
    assert len(blamed) == (0 if name == "OrchkitError" else 1)


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_shows_its_message_as_written(name: str) -> None:
    """The message is text for a person, kept on the way between processes."""
    error = CLASSES[name]("No 'x'.\nTry 'y'.")
    assert str(error) == "No 'x'.\nTry 'y'."
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes


def test_a_column_error_may_be_bare() -> None:
    """Without a message there is an empty one, not an error in showing the error."""
    assert str(ColumnError()) == ""


def test_warnings_are_not_errors() -> None:
    """A filter on orchkit's warnings catches all of them, and none of its errors."""
    warned = {name for name, member in CLASSES.items() if issubclass(member, OrchkitWarning)}
    assert warned == {name for name in CLASSES if name.endswith("Warning")}
    assert not any(issubclass(CLASSES[name], OrchkitError) for name in warned)


@pytest.mark.parametrize("name", [name for name in CLASSES if not name.endswith("Warning")])
def test_every_error_is_at_hand(name: str) -> None:
    """Whoever imports orchkit can catch what it raises."""
    assert getattr(orchkit, name) is CLASSES[name]


def test_a_near_name_is_offered() -> None:
    """The nearest name comes first, then all of them in order."""
    told = did_you_mean("singel", ["single", "fallback"])
    assert told == "Did you mean 'single'? Known: 'fallback', 'single'."


def test_nothing_is_offered_where_nothing_is_near() -> None:
    """A name like no other gets the list alone."""
    assert did_you_mean("zzz", iter(["single"])) == "Known: 'single'."


@pytest.mark.parametrize(("count", "cut"), [(20, False), (21, True)])
def test_a_long_list_is_cut(count: int, cut: bool) -> None:
    """Of many names twenty are shown, and it shows that there are more."""
    told = did_you_mean("zzz", [f"m{n:03}" for n in range(count)])
    assert told.count("'m") == 20
    assert told.endswith(", ….") is cut


def test_where_nothing_is_known_nothing_is_listed() -> None:
    """An empty frame or catalog does not make a sentence with a hole in it."""
    assert "Known: ." not in did_you_mean("prompt", [])


@pytest.mark.parametrize("value", [1, 8, np.int64(8), np.uint8(1)])
def test_a_whole_number_may_be_of_any_integer_type(value: Any) -> None:
    """A number of numpy is as good as one of Python, and becomes one."""
    number = whole("concurrency", value)
    assert (number, type(number)) == (value, int)


@pytest.mark.parametrize("value", [0, -1, 1.0, np.float64(2), True, "3", None])
def test_what_is_no_whole_number_is_shown(value: Any) -> None:
    """A count that is none is refused under the name it was given by."""
    with pytest.raises(ParameterError, match=re.escape(f"concurrency is {value!r}")):
        whole("concurrency", value)
