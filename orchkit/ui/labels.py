"""What a run is for, in the ledger: one category, and any number of tags."""

from __future__ import annotations

from collections.abc import Iterable

from orchkit.errors import ParameterError


def word(given: object, named: str) -> str:
    """Return a category or a tag; ParameterError for what is none.

    Examples
    --------
    >>> word("orchestration", "category")
    'orchestration'
    """
    if not isinstance(given, str) or not given.strip() or not given.isprintable():
        raise ParameterError(f"{named} is {given!r:.60}; it must be a word of your own.")
    return given


def tags(given: str | Iterable[str]) -> tuple[str, ...]:
    """Return tags, sorted and each once; one text is one tag.

    Raises ParameterError for a tag that is blank or holds a comma, which stands between tags.

    Examples
    --------
    >>> tags(["paper", "ablation-3", "paper"]), tags("paper")
    (('ablation-3', 'paper'), ('paper',))
    """
    if not isinstance(given, str | Iterable):
        raise ParameterError(f'tags is {given!r:.60}; write tags=("paper", "ablation-3").')
    several = (given,) if isinstance(given, str) else given
    return tuple(sorted({tag(each) for each in several}))


def tag(given: object) -> str:
    """Return one tag.

    Examples
    --------
    >>> tag("ablation-3")
    'ablation-3'
    """
    told = word(given, "a tag").strip()
    if "," in told:
        raise ParameterError(f"a tag is {told!r:.60}; give those beside a comma one by one.")
    return told
