"""Wide frames, one row a prompt and columns for each model, -> the long table of a matrix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from orchkit.errors import ColumnError, MatrixError, ParameterError, did_you_mean
from orchkit.lab.frames import column
from orchkit.lab.longtable import COLUMNS, refuse_no_frame
from orchkit.lab.recording import prompt_ids

#: Stands for a model's name in the name of a column.
MODEL = "{model}"

#: Our name of a column for each model -> its pattern.
Patterns = Mapping[str, str]


def lengthened(
    frame: pd.DataFrame,
    patterns: Mapping[str, str | None],
    roles: Mapping[str, str | None],
    models: Iterable[str] | None,
    keep: Iterable[str] | None,
) -> pd.DataFrame:
    """Return the long table of a wide frame, model after model.

    Parameters
    ----------
    frame : DataFrame
        One row a prompt.
    patterns : mapping
        Our name -> a pattern with ``{model}``, for what each model has a column of.
    roles : mapping
        `prompt_id`, `prompt` and `reference` -> the column of it.
    models : iterable of str, optional
        Their names; None takes them from the columns.
    keep : iterable of str, optional
        Other columns that go with each prompt; None keeps all that belong to no model.
    """
    refuse_no_frame(frame)
    known = _patterns(patterns)
    own = _own(frame, roles)
    for theirs in own.values():
        column(frame, theirs)
    chosen = _chosen(frame, models, known, set(own.values()))
    _refuse_absent(frame, chosen, known)
    used = {*own.values(), *(_named(p, model) for p in known.values() for model in chosen)}
    kept = _kept(frame, keep, known, used, {*own, *known})
    shared = pd.DataFrame({ours: column(frame, theirs) for ours, theirs in own.items()})
    shared = shared.assign(**{} if "prompt_id" in own else {"prompt_id": prompt_ids(frame)})
    _refuse_doubled(shared["prompt_id"])
    each = np.tile(np.arange(len(frame)), len(chosen))
    long = pd.concat([shared, frame[kept]], axis=1).iloc[each].reset_index(drop=True)
    cells = {ours: _cells(frame, pattern, chosen) for ours, pattern in known.items()}
    long = long.assign(model=np.repeat(np.array(chosen, dtype=object), len(frame)), **cells)
    return long[long[[*cells]].notna().any(axis=1)]  # a cell of which nothing is known is none


def _cells(frame: pd.DataFrame, pattern: str, models: Sequence[str]) -> Any:
    """Return the cells of a pattern's columns, model after model."""
    names = [_named(pattern, model) for model in models]
    unknown = np.full(len(frame), None, dtype=object)
    return np.concatenate(
        [
            column(frame, name).to_numpy(dtype=object) if name in frame.columns else unknown
            for name in names
        ]
    )


def _named(pattern: str, model: str) -> str:
    return pattern.replace(MODEL, model)


def _patterns(patterns: Mapping[str, str | None]) -> dict[str, str]:
    given = {ours: pattern for ours, pattern in patterns.items() if pattern is not None}
    for ours, pattern in given.items():
        if not isinstance(pattern, str) or pattern.count(MODEL) != 1:
            raise ParameterError(
                f"{ours}={pattern!r:.60} must hold {MODEL} once, where a model's name stands in "
                f'its column, like {ours}="{MODEL}|{ours}"; None where there is no such column.'
            )
    if not {"quality", "response"} & {*given}:
        raise MatrixError("A matrix needs a pattern for 'quality' or 'response'; give one.")
    if len(set(given.values())) < len(given):
        raise ParameterError(f"One pattern is given twice: {given}. Each names columns of its own.")
    return given


def _own(frame: pd.DataFrame, roles: Mapping[str, str | None]) -> dict[str, str]:
    """Return the columns of a prompt's own; those of our name where none is given."""
    told = {ours: ours if theirs is None else theirs for ours, theirs in roles.items()}
    return {
        ours: theirs
        for ours, theirs in told.items()
        if roles[ours] is not None or theirs in frame.columns
    }


def _chosen(
    frame: pd.DataFrame, models: Iterable[str] | None, patterns: Patterns, own: set[str]
) -> list[str]:
    if models is None:
        found = _found(frame, patterns, own)
        if found:
            return found
        main = "quality" if "quality" in patterns else "response"
        raise MatrixError(
            f"No model can be told from the columns by {main}={patterns[main]!r}. Name them, like "
            f'models=["gpt-4o-mini", "gpt-4o"]; the frame has {[*map(str, frame.columns)][:20]}.'
        )
    named = [models] if isinstance(models, str) else list(models)
    if not named or len(set(named)) < len(named) or not all(isinstance(n, str) for n in named):
        raise ParameterError(f"models={named!r:.80} must name at least one model, each once.")
    return named


def _found(frame: pd.DataFrame, patterns: Patterns, own: set[str]) -> list[str]:
    """Return the models the columns tell of.

    A pattern that is the bare name matches every column; there a model is who has a column of
    another pattern, too.
    """
    main = "quality" if "quality" in patterns else "response"
    pattern = patterns[main]
    others = [other for ours, other in patterns.items() if ours != main]
    names = [name for name in frame.columns if isinstance(name, str) and name not in own]
    if pattern == MODEL:
        known = set(names)
        return [n for n in names if any(_named(other, n) in known for other in others)]
    longer = [other for other in others if len(other) > len(pattern)]
    return [
        model
        for name in names
        if (model := _model(pattern, name)) and not any(_model(other, name) for other in longer)
    ]


def _model(pattern: str, name: str) -> str | None:
    """Return the model whose column of a pattern this is, if any."""
    before, _, after = pattern.partition(MODEL)
    whole = name.startswith(before) and name.endswith(after)
    return name[len(before) : len(name) - len(after)] or None if whole else None


def _refuse_absent(frame: pd.DataFrame, models: Sequence[str], patterns: Patterns) -> None:
    """Refuse a model without any column, and a pattern that no model has a column of."""
    have = {ours: [_named(p, m) in frame.columns for m in models] for ours, p in patterns.items()}
    for ours, there in have.items():
        if not any(there):
            name = _named(patterns[ours], models[0])
            hint = did_you_mean(name, map(str, frame.columns))
            more = (
                "; None where there is none" if ours != "quality" else "; quality=None if unknown"
            )
            raise ColumnError(f"No model has a column for {ours}, like {name!r}{more}. {hint}")
    for number, model in enumerate(models):
        if not any(there[number] for there in have.values()):
            name = _named(next(iter(patterns.values())), model)
            hint = did_you_mean(name, map(str, frame.columns))
            raise ColumnError(f"The model {model!r} has no column, like {name!r}. {hint}")


def _kept(
    frame: pd.DataFrame,
    keep: Iterable[str] | None,
    patterns: Patterns,
    used: set[str],
    named: set[str],
) -> list[Any]:
    """Return the other columns that go with each prompt; those of a name that is given do not."""
    if keep is not None:
        kept = [keep] if isinstance(keep, str) else list(keep)
        for name in kept:
            column(frame, name)
    else:
        bare = _found(frame, patterns, used) if MODEL in patterns.values() else ()
        others = {*used, *bare}  # columns of models left out, too
        told = [pattern for pattern in patterns.values() if pattern != MODEL]
        kept = [
            name
            for name in dict.fromkeys(frame.columns)
            if name not in others | named and not any(_model(p, str(name)) for p in told)
        ]
    taken = [name for name in kept if name in COLUMNS]
    if taken:
        raise ColumnError(
            f"The column {taken[0]!r} goes with each prompt and bears a name of the matrix's own. "
            f"Rename it, or leave it out: keep={[n for n in kept if n not in taken]!r:.200}."
        )
    return kept


def _refuse_doubled(ids: pd.Series[Any]) -> None:
    if ids.duplicated().any():
        name = ids[ids.duplicated()].iloc[0]
        rows = [row for row, one in enumerate(ids) if one == name][:2]
        raise MatrixError(
            f"prompt_id {name!r} stands in rows {rows[0]} and {rows[1]}; a wide frame has one row "
            "a prompt. Leave prompt_id out to number the rows."
        )
