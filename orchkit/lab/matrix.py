"""Matrix: recorded responses, one row per prompt × model, replayed through the same strategies.

Nothing is asked and nothing is spent: a call is answered with what was recorded for it, and a
call that was not recorded says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from orchkit.core.calls import Failure, Params
from orchkit.core.catalog import Catalog
from orchkit.core.drive import begin, prepared, replay
from orchkit.core.plans import Answer, Query, Strategy, Trace, last_said
from orchkit.errors import MatrixError, ParameterError, StoreError
from orchkit.lab.asking import Predict, predicted
from orchkit.lab.cataloguing import catalog_of
from orchkit.lab.longtable import answered, named, tell_repeats, validated
from orchkit.lab.recording import conversation
from orchkit.lab.replaying import Cells, RecordedRow
from orchkit.lab.repricing import GUESSED, Prices, multiplied, repriced
from orchkit.lab.scoring import Scorer, scored
from orchkit.lab.sealed import read_sealed, write_sealed
from orchkit.lab.selecting import chosen_models, chosen_prompts, labels, per_prompt
from orchkit.lab.splitting import held_out, seeded
from orchkit.lab.widetable import lengthened

SCHEMA = b"2"


class Matrix:
    """A long table of recorded responses. Build it with `from_long`, or `load` one.

    Parameters
    ----------
    frame : DataFrame
        Columns `prompt_id` and `model`, and `quality` or `response`; the others of
        `orchkit.lab.longtable.COLUMNS` where they are known, and any more, kept as they are.
        `quality` in [0, 1], `cost` in USD, `latency` in seconds. Several rows of one prompt and
        model are draws, in order.

    Raises
    ------
    MatrixError
        A column is missing, or a value is outside its range.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = validated(frame)

    @classmethod
    def from_long(cls, frame: pd.DataFrame, **columns: str) -> Self:
        """Return the matrix of a long frame; name the columns that are called otherwise.

        Without a `prompt_id` the prompt's text is its identity. Several rows of one prompt and
        model are draws; answers that stand twice in every column are told of.

        Parameters
        ----------
        frame : DataFrame
            One row per prompt × model (× draw).
        **columns : str
            Our name -> theirs, like ``quality="correct"``.

        Raises
        ------
        MatrixError, ColumnError
            A column is missing or ambiguous, or a value is outside its range.

        Examples
        --------
        >>> theirs = pd.DataFrame({"q": ["2+2?"], "llm": ["gpt-4o"], "correct": [True]})
        >>> Matrix.from_long(theirs, prompt="q", model="llm", quality="correct").quality.shape
        (1, 1)
        """
        made = cls(named(frame, columns))
        tell_repeats(made._frame)
        return made

    @classmethod
    def from_wide(
        cls,
        frame: pd.DataFrame,
        *,
        prompt: str | None = None,
        prompt_id: str | None = None,
        models: Iterable[str] | None = None,
        quality: str | None = "{model}",
        cost: str | None = None,
        response: str | None = None,
        reference: str | None = None,
        input_tokens: str | None = None,
        output_tokens: str | None = None,
        latency: str | None = None,
        confidence: str | None = None,
        keep: Iterable[str] | None = None,
    ) -> Self:
        """Return the matrix of a frame with one row a prompt and columns for each model.

        Parameters
        ----------
        frame : DataFrame
            One row a prompt. Two rows of one text are two prompts.
        prompt, prompt_id, reference : str, optional
            Columns that belong to the prompt; those of that name where none is given. Without a
            `prompt_id`, the frame's index is it where that tells its rows apart, else the position.
        models : iterable of str, optional
            The models' names. None takes them from the columns: whatever stands for ``{model}`` in
            `quality` (or `response`); where that is the bare name, those with a column of another
            pattern, too.
        quality, cost, response, input_tokens, output_tokens, latency, confidence : str, optional
            Patterns of the models' columns, like ``"{model}|total_cost"``; None where there are
            none. A model without one of them has nothing known there. Quality in [0, 1], cost in
            USD, latency in seconds.
        keep : iterable of str, optional
            Other columns to keep with each prompt, for `split` and clusters; None keeps all that
            belong to no model.

        Raises
        ------
        ColumnError
            No model has a column of a pattern, or a model has none at all.
        MatrixError, ParameterError
            No model can be told from the columns, an id stands twice, a pattern is none, or a
            value is outside its range.

        Examples
        --------
        >>> wide = pd.DataFrame({"prompt": ["2+2?"], "mini": [1.0], "mini|total_cost": [1e-5]})
        >>> Matrix.from_wide(wide, cost="{model}|total_cost").cost.to_dict()
        {'mini': {0: 1e-05}}
        """
        patterns = {
            "quality": quality,
            "cost": cost,
            "response": response,
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "latency": latency,
            "confidence": confidence,
        }
        roles = {"prompt_id": prompt_id, "prompt": prompt, "reference": reference}
        return cls(lengthened(frame, patterns, roles, models, keep))

    @property
    def frame(self) -> pd.DataFrame:
        """A copy of the long table."""
        return self._frame.copy()

    @property
    def models(self) -> list[str]:
        """Model names in the order they first appear."""
        return [str(name) for name in self._frame["model"].unique()]

    @property
    def prompts(self) -> pd.DataFrame:
        """One row a prompt, indexed by `prompt_id`: prompt and reference."""
        ids = pd.Index(self._first["prompt_id"], dtype="object")
        return self._first[["prompt", "reference"]].set_axis(ids)

    def per_prompt(self, name: str) -> pd.Series[Any]:
        """Return a column of one value a prompt, indexed by `prompt_id`: clusters, strata, labels.

        Raises
        ------
        ColumnError, MatrixError
            There is no such column, or a prompt has several values in it.

        Examples
        --------
        >>> long = pd.DataFrame({"prompt_id": [1], "model": ["a"], "quality": [1], "task": ["gsm"]})
        >>> Matrix(long).per_prompt("task").to_dict()
        {1: 'gsm'}
        """
        return per_prompt(self._frame, name)

    @cached_property
    def _first(self) -> pd.DataFrame:
        """The first row of each prompt."""
        return self._frame.drop_duplicates("prompt_id")

    @property
    def simulated(self) -> bool:
        """Whether any response was recorded from the simulator."""
        origins = self._frame.get("provider")
        return origins is not None and bool((origins == "simulator").any())

    def __len__(self) -> int:
        """Return the number of prompts."""
        return len(self._first)

    @property
    def quality(self) -> pd.DataFrame:
        """Prompts × models: quality in [0, 1] of what a replay takes: the first answered draw."""
        return self._quality.copy()

    @property
    def cost(self) -> pd.DataFrame:
        """Prompts × models: USD, of the first answered draw."""
        return self._cost.copy()

    @property
    def confidence(self) -> pd.DataFrame:
        """Prompts × models: confidence in [0, 1]."""
        return self._wide("confidence")

    @cached_property
    def _quality(self) -> pd.DataFrame:
        return self._wide("quality")

    @cached_property
    def _cost(self) -> pd.DataFrame:
        return self._wide("cost")

    def _wide(self, name: str) -> pd.DataFrame:
        """Return a number of each cell as a replay sees it: of its first answered draw."""
        frame, rows = self.cell_rows(self.models)
        values = np.append(frame[name].to_numpy(dtype=float), np.nan)  # -1 finds the last
        return pd.DataFrame(values[rows], self.prompts.index, pd.Index(self.models))

    def score(self, scorer: str | Scorer) -> Self:
        """Return a matrix whose qualities are the scorer's, of responses against references."""
        if self._frame["reference"].isna().all():
            raise MatrixError(
                "No prompt has a reference to score answers against. Give from_long the column of "
                "right answers (reference=), or have a model grade them (orchkit.judge)."
            )
        right = self._frame["reference"].where(
            answered(self._frame)
        )  # a failed call is no wrong answer
        pairs = zip(self._frame["response"], right, strict=True)
        quality = [scored(_text(said), _text(wanted), scorer) for said, wanted in pairs]
        return type(self)(self._frame.assign(quality=quality))

    def subset(
        self, *, models: Iterable[str] | None = None, prompts: Iterable[Any] | None = None
    ) -> Self:
        """Return the matrix of these models and these prompts alone, in the recording's order.

        Parameters
        ----------
        models : iterable of str, optional
            Recorded names; of an `orchkit.ResponseMatrix` also the catalog's, ``"gpt-4o"`` for
            ``"gpt-4o-2024-08-06"``.
        prompts : iterable, optional
            Prompt ids, or one boolean a prompt in the order of `prompts`.

        Raises
        ------
        UnknownModelError, UnknownNameError
            A model or a prompt was not recorded.
        MatrixError
            Not as many booleans as prompts.

        Examples
        --------
        >>> long = pd.DataFrame({"prompt_id": [1, 2], "model": "a", "quality": [0, 1]})
        >>> matrix = Matrix(long)
        >>> len(matrix.subset(prompts=[2])), len(matrix.subset(prompts=matrix.quality["a"] > 0.5))
        (1, 1)
        """
        kept = self._frame
        if models is not None:
            given = [models] if isinstance(models, str) else models
            named_ = [self._recorded_name(name) for name in given]
            kept = kept[kept["model"].isin(chosen_models(named_, self.models))]
        if prompts is not None:
            kept = kept[kept["prompt_id"].isin(chosen_prompts(prompts, self.prompts.index))]
        return self._part(kept)

    def _recorded_name(self, name: Any) -> Any:
        """Return the name a model was recorded by: here, the one it is given."""
        return name

    def _part(self, rows: pd.DataFrame) -> Self:
        """Return the matrix of some of the rows; they need not be validated again."""
        part = object.__new__(type(self))
        part._frame = rows.reset_index(drop=True)
        return part

    def split(
        self, test: float = 0.5, seed: int = 0, groups: Any = None, stratify: Any = None
    ) -> tuple[Self, Self]:
        """Return two matrices of different prompts: one to fit on, one to judge by.

        Parameters
        ----------
        test : float
            Share of the prompts in the second, between 0 and 1; at least one prompt is on each
            side.
        seed : int
            Which split, 0 or more. It depends on prompt ids alone, not on the order of rows or
            models: two recordings of the same prompts are split alike.
        groups : str or sequence, optional
            A column, or one label a prompt in the order of `prompts` (a Series goes by prompt id):
            prompts of one group are on one side, like the questions of one exam. With
            ``groups="prompt"`` equal texts stay together.
        stratify : str or sequence, optional
            Likewise; every stratum gives its share, to a prompt.

        Returns
        -------
        (train, test) : tuple of matrices
            Every prompt in one of them. With groups the share is the nearest that whole groups can
            add up to.

        Raises
        ------
        ParameterError, MatrixError
            `test` or `seed` is out of range; fewer than two prompts or groups; a label is missing,
            or a group lies in two strata.

        Examples
        --------
        >>> long = pd.DataFrame({"prompt_id": range(10), "model": "a", "quality": 1})
        >>> train, test = Matrix(long).split(test=0.3, seed=1)
        >>> len(train), len(test)
        (7, 3)
        """
        ids = self.prompts.index
        clusters, strata = self._labelled(groups, "groups"), self._labelled(stratify, "stratify")
        sides = held_out(ids.tolist(), test, seeded(seed), clusters, strata)
        held = self._frame["prompt_id"].isin(ids[sides])
        return self._part(self._frame[~held]), self._part(self._frame[held])

    def _labelled(self, given: Any, name: str) -> list[Any] | None:
        if given is None:
            return None
        told = self.per_prompt(given) if isinstance(given, str) else given
        return labels(told, self.prompts.index, name)

    def reprice(
        self,
        prices: Prices | None = None,
        *,
        times: Mapping[str, float] | None = None,
        missing: str = "error",
        tokens: str = "recorded",
    ) -> Self:
        """Return the matrix at other prices; what was answered, and how fast, stays as it is.

        Parameters
        ----------
        prices : mapping, Catalog or DataFrame
            Model -> (input, output) in USD per million tokens; or a frame like `orchkit.models()`.
            What a call costs is worked out as in live runs: whole nano-dollars, rounded up.
        times : mapping, instead of prices
            Model -> by what its recorded costs are multiplied; needs no tokens.
        missing : {"error", "keep"}
            What becomes of answers without a price or without tokens: an error that names them, or
            the cost that was recorded.
        tokens : {"recorded", "estimate"}
            With ``"estimate"``, tokens nobody counted are taken for a quarter of the characters of
            prompt and response. They are then part of the matrix; its column `tokens_estimated`
            says where, and so does its text.

        Raises
        ------
        MatrixError
            Prices that are none, or (unless kept) answers without a price or without tokens.

        Examples
        --------
        >>> long = pd.DataFrame({"prompt_id": [1], "model": ["a"], "quality": [1],
        ...                      "input_tokens": [1000], "output_tokens": [100]})
        >>> Matrix(long).reprice({"a": (0.15, 0.6)}).cost.loc[1, "a"]
        np.float64(0.00021)
        """
        if times is not None and prices is None:
            told = {self._recorded_name(name): factor for name, factor in times.items()}
            return type(self)(multiplied(self._frame, told))
        if prices is not None and times is None:
            return type(self)(repriced(self._frame, prices, missing, tokens))
        raise ParameterError("reprice takes prices, or times=: one of them.")

    def save(self, path: str | Path) -> None:
        """Write the matrix as parquet with its schema's version.

        Raises StoreError where the path, or an id, cannot be written.
        """
        frame = self._frame.assign(prompt=self._frame["prompt"].astype("string"))
        try:
            write_sealed(pa.Table.from_pandas(frame, preserve_index=False), path, SCHEMA)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise StoreError(f"{path} cannot be written: {error}.") from None

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return a saved matrix; refuse a file that is none, is newer, or was changed."""
        try:
            frame = read_sealed(path, SCHEMA).to_pandas()
        except (OSError, pa.ArrowException, ValueError, LookupError, TypeError) as error:
            raise StoreError(f"{path} is no readable matrix: {error}.") from None
        return cls(frame)

    def queries(self, predict: Predict, params: Params) -> list[Query]:
        """Return one query a prompt; `predict` judges all texts at once."""
        whole = self._first.get("messages", [None] * len(self))
        asked = [conversation(*each) for each in zip(self._first["prompt"], whole, strict=True)]
        tiers = predicted(predict, [last_said(messages) for messages in asked])
        return [Query(said, params, tier) for said, tier in zip(asked, tiers, strict=True)]

    def run(
        self,
        rows: Sequence[tuple[Query | Failure, Strategy]],
        catalog: Catalog,
        max_cost: int | None = None,
    ) -> list[Trace]:
        """Return one trace a row. Row `i` replays prompt ``i % len(self)``."""
        return list(self.replay(prepared(rows), catalog, max_cost))

    def replay(
        self,
        rows: Iterable[tuple[Query | Failure, Strategy]],
        catalog: Catalog,
        max_cost: int | None = None,
    ) -> Iterator[Trace]:
        """Give the traces of `run` one by one, so that all of them need not be kept.

        Strategies that read all queries at once (`core.drive.prepared`) are to have done so.
        """
        size = len(self)
        for number, (query, strategy) in enumerate(rows):
            yield self._replay(number % size, query, strategy, catalog, max_cost)

    def _replay(
        self,
        prompt: int,
        query: Query | Failure,
        strategy: Strategy,
        catalog: Catalog,
        max_cost: int | None,
    ) -> Trace:
        if isinstance(query, Failure):
            return Trace((), Answer(None, failure=query))
        row = RecordedRow(self.cells, prompt, catalog, max_cost, query.messages)
        return replay(begin(strategy, query, catalog), row.answer, query)

    @cached_property
    def cells(self) -> Cells:
        """The recorded responses by prompt position and model; several where several were drawn."""
        return Cells(self._frame)

    def cell_rows(self, models: Sequence[str]) -> tuple[pd.DataFrame, NDArray[np.int64]]:
        """Return the long table, and which of its rows holds the first draw of each cell.

        Prompts × `models`; -1 where nothing was recorded.
        """
        prompts = pd.factorize(self._frame["prompt_id"])[0]
        columns = pd.Index(list(models)).get_indexer(pd.Index(self._frame["model"]))
        there = np.flatnonzero(answered(self._frame).to_numpy() & (columns >= 0))[::-1]
        rows = np.full((len(self), len(models)), -1, dtype=np.int64)
        rows[prompts[there], columns[there]] = there  # from the last to the first, which stays
        return self._frame, rows

    def catalog(self, known: Catalog) -> Catalog:
        """Return the catalog of this recording.

        Its models under the names they were recorded by, with the tier and price `known` has for
        them. The defaults are those of `known` that were recorded; with none of them, every
        recorded model, placed in tiers by what it cost.
        """
        return catalog_of(self._frame, known)

    def __repr__(self) -> str:
        there = answered(self._frame)
        filled = self._frame.loc[there, "quality"].notna().mean() if there.any() else 0.0
        missed = f", {len(there) - there.sum():,} calls failed" if not there.all() else ""
        return (
            f"{type(self).__name__}({len(self):,} prompts x {len(self.models)} models, "
            f"{there.sum():,} responses, quality known for {filled:.0%}{missed}"
            f"{_drawn(self._frame)}{_guessed(self._frame)}"
            f"{', SIMULATED' if self.simulated else ''})"
        )


def _drawn(table: pd.DataFrame) -> str:
    more = int(table.duplicated(["prompt_id", "model"]).sum())
    return f", {more:,} of them further draws" if more else ""


def _guessed(table: pd.DataFrame) -> str:
    rows = int(table[GUESSED].eq(True).sum()) if GUESSED in table else 0
    return f", tokens of {rows:,} ESTIMATED" if rows else ""


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
