"""Comparison: what `compare` found: tidy results, a summary, a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from numpy.typing import ArrayLike

from orchkit.errors import ParameterError, StoreError, whole
from orchkit.lab.baselines import Beside, at_equal_cost, beside_models, paired
from orchkit.lab.contrasts import CONTRASTS, contrasts, reference_of
from orchkit.lab.frames import column
from orchkit.lab.metrics import oracle_frontier
from orchkit.lab.selecting import labels
from orchkit.lab.summary import ORACLE, summary
from orchkit.ui import plots
from orchkit.ui.concluding import concluded
from orchkit.ui.markup import listed, notebook, table, text
from orchkit.ui.provenance import Provenance
from orchkit.ui.report import page
from orchkit.ui.summarised import narrow, readable
from orchkit.ui.terminal import harmless
from orchkit.ui.writing import ResultFile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Columns of the contrasts that stand in the summary, too.
TOLD = ("cost_ratio", "cost_ratio_low", "cost_ratio_high", "verdict")
#: Quality that may be lost and still count as as good, where nothing else is asked for: one point.
MARGIN = 0.01
NOTE = (
    "saving: share of the strongest single model's cost not spent; "
    "confidence: {calibrated}, mean over rows; verdicts hold together with 95 % confidence"
)


class Comparison:
    """Strategies measured on the same prompts.

    Attributes
    ----------
    results : DataFrame
        Tidy: one row per strategy × prompt, the result columns with `row` (the prompt's
        position), `quality` in [0, 1], `rounds`, `escalated` (went on to a further model) and, of
        a recording, `complete` (every model it could have asked was recorded).
    simulated : bool
        Whether any answer came from the simulator.
    provenance : Provenance
        The strategies, settings and prices behind it, for `to_html`.

    Examples
    --------
    >>> import orchkit
    >>> df = orchkit.load_dataset("everyday").head(40)
    >>> with orchkit.use("simulator"):
    ...     cmp = df.orch.compare(["cheapest", "gpt-4o-mini", "gpt-4o"])
    >>> cmp.summary()["n"].to_dict()
    {'cheapest': 40, 'gpt-4o-mini': 40, 'gpt-4o': 40, 'oracle': 40}
    >>> cmp.results.shape[0], cmp.simulated
    (120, True)
    """

    def __init__(
        self,
        results: pd.DataFrame,
        *,
        singles: tuple[str, ...] = (),
        simulated: bool = False,
        alone: pd.DataFrame | None = None,
        prompts: pd.DataFrame | None = None,
        length: Sequence[float | None] | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        self.results = results
        self.simulated = simulated
        self.provenance = provenance or Provenance()
        self.names = list(results["strategy"].unique())
        self._alone = results.iloc[:0] if alone is None else alone
        self.prompts = prompts
        self._length = None if length is None else pd.Series([*length], dtype="float64")
        self.singles = singles

    @cached_property
    def beside(self) -> Beside:
        """The results with the single models that were recorded too."""
        return beside_models(self.results, self.singles, self._alone)

    @cached_property
    def _table(self) -> pd.DataFrame:
        """The summary of strategies, single models and the oracle."""
        return summary(self.beside.results, singles=self.beside.singles)

    def _labels(self, clusters: Any) -> Any:
        """Return one label a prompt: of a column's name, a Series by its index, or a sequence."""
        if clusters is None or self.prompts is None:
            return clusters
        if isinstance(clusters, str):
            clusters = column(self.prompts, clusters)
        if not isinstance(clusters, pd.Series) or clusters.index.equals(self.prompts.index):
            return list(clusters)
        return labels(clusters, self.prompts.index, "clusters")

    def summary(
        self,
        *,
        margin: float = MARGIN,
        against: str | None = None,
        clusters: ArrayLike | None = None,
    ) -> pd.DataFrame:
        """Return one row a strategy, indexed by its label.

        Quality (mean in [0, 1], with its 95 % interval), cost_per_1k (USD per 1,000 prompts),
        saving (share of the strongest single model's cost not spent), latency_p50 and _p95
        (seconds), confidence (mean), escalation_rate, errors, cost (USD in all), and of
        `contrasts` cost_ratio with its interval and the verdict in words. With two or more single
        models the oracle is added: the cheapest model that was right, per prompt.

        Parameters
        ----------
        margin : float
            Quality that may be lost and still count as as good; 0.01 is one point.
        against : str, optional
            The strategy the others are held against; the strongest single model by default.
        clusters : str or array-like, optional
            A column of the prompts, or one label a prompt: prompts of one label count as one.
        """
        beside = self.contrasts(margin=margin, against=against, clusters=clusters)
        table = self._table
        if clusters is not None:
            groups = self._labels(clusters)
            table = summary(self.beside.results, singles=self.beside.singles, clusters=groups)
        shown = [name for name in (*self.names, ORACLE) if name in table.index]
        told = table.loc[shown].join(beside[[*TOLD]])
        told["verdict"] = told["verdict"].fillna("").astype(str)
        return told

    def contrasts(
        self,
        *,
        margin: float = MARGIN,
        against: str | None = None,
        clusters: ArrayLike | None = None,
    ) -> pd.DataFrame:
        """Return each strategy against one: difference, p, cost ratio, and a verdict in words.

        Parameters are those of `summary`. Without a single model to hold strategies against, or
        without qualities, there are no rows.

        Returns
        -------
        DataFrame
            reference, difference of quality with its interval (low, high), p (McNemar's mid-p
            test, or a bootstrap) and p_holm, adjusted for all rows, test, cost_ratio with its
            interval, within (the margin), verdict, n.
        """
        if (margin, against, clusters is None) == (MARGIN, None, True):
            return self._plain.copy()
        return self._contrasts(margin, against, clusters)

    def _contrasts(
        self, margin: float, against: str | None, clusters: ArrayLike | None
    ) -> pd.DataFrame:
        reference = reference_of(self._table, self.beside.singles, against)
        judged = self.results["quality"].notna().any()
        if reference is None or not judged:
            return pd.DataFrame(columns=[*CONTRASTS], index=pd.Index([], name="strategy"))
        groups = self._labels(clusters)
        return contrasts(self.beside.results, self.names, reference, margin=margin, clusters=groups)

    def baselines(self, *, clusters: ArrayLike | None = None) -> pd.DataFrame:
        """Return each strategy beside what its money would have bought otherwise.

        The single models are those recorded, or those among the strategies of a live comparison.

        Returns
        -------
        DataFrame
            One row a strategy, and below them each other single model: cost_per_1k, quality; what
            a random_mix of the cheapest and the best model, the zero_router (the best mix of
            single models), asking the best model about the longest prompts (prompt_length), and
            the oracle_frontier reach for the same money; gain over the zero router with its 95 %
            interval; regret to the oracle; n.

        Raises
        ------
        ParameterError
            There are fewer than two single models to make baselines of, or no prompt has quality
            and cost of all.
        """
        return at_equal_cost(
            self.beside.results,
            self.beside.singles,
            length=self._length,
            clusters=self._labels(clusters),
        )

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw quality against cost, single models and the oracle beside; return the Axes."""
        results, singles, _ = self.beside
        quality, cost = (table.reindex(columns=[*singles]) for table in paired(results))
        return plots.cost_quality(
            self._table,
            ax=ax,
            singles=singles,
            oracle=oracle_frontier(quality, cost) if len(singles) > 1 and len(cost) else None,
            simulated=self.simulated,
        )

    def to_html(
        self, path: str | PathLike[str], *, title: str | None = None, rows: int = 5
    ) -> Path:
        """Write all of it as one page that needs nothing else: tables, verdicts, figures, origins.

        No script and no request; readable in light and dark, and printed. A file that is there is
        replaced, whole or not at all.

        Parameters
        ----------
        path : path
            The file, in a folder that exists.
        title : str, optional
            The heading; how many strategies and prompts, by default.
        rows : int
            How many prompts on which strategies differ are shown with their answers; 0 keeps texts
            out of the page.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        StoreError
            It cannot be written there.

        Examples
        --------
        >>> import orchkit, tempfile
        >>> df = orchkit.load_dataset("everyday").head(20)
        >>> with orchkit.use("simulator"):
        ...     cmp = df.orch.compare(["cheapest", "gpt-4o"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cmp.to_html(Path(folder) / "report.html").read_text("utf-8")[:15]
        '<!doctype html>'
        """
        file, told = _path(path), page(self, title, _count(rows))
        try:
            ResultFile(file).write(told)
        except FileNotFoundError:
            why = f"there is no folder {file.absolute().parent}; make it first"
            raise StoreError(f"{file} cannot be written: {why}.") from None
        except OSError as error:
            raise StoreError(f"{file} cannot be written: {error.strerror}.") from None
        except ValueError as error:  # a name no file can have
            raise StoreError(f"{str(file)!r} cannot be written: {error}.") from None
        return file

    def table(self) -> pd.DataFrame:
        """Return the summary as text, the way it is read."""
        return readable(self._told)

    @cached_property
    def _plain(self) -> pd.DataFrame:
        """The contrasts as they are shown: worked out once, of thousands of resamplings."""
        return self._contrasts(MARGIN, None, None)

    @cached_property
    def _told(self) -> pd.DataFrame:
        return self.summary()

    def verdicts(self) -> list[str]:
        """Return a line a strategy; those of single models are in `summary`."""
        said = self._told["verdict"].drop([*self.singles], errors="ignore")
        return [f"{name}: {words}" for name, words in said.items() if words]

    def conclusion(self) -> list[str]:
        """Return which way is shown to be as good as the reference for the least money.

        Where none is, also the best of those that may be, and about how many prompts would show it
        if it were exactly as good, at today's scatter.
        """
        return concluded(self._plain, MARGIN)

    def note(self) -> str:
        """Return what the columns mean."""
        return NOTE.format(calibrated=self.calibration())

    def calibration(self) -> str:
        """Return whether confidence was fitted to outcomes, in a word."""
        told = [bool(cell.get("calibrated")) for cell in self.results["metadata"]]
        share = sum(told) / len(told) if told else 0.0
        words = {0.0: "uncalibrated", 1.0: "calibrated"}
        return words.get(share, f"calibrated in {share:.0%} of rows")

    def _failures(self) -> list[str]:
        """Return a line for each strategy of which rows failed: they count as wrong."""
        failed = self.results.dropna(subset=["error"])
        size = self.results["row"].nunique()
        return [
            f"{name}: {len(own):,} of {size:,} rows failed; first: {own['error'].iloc[0]}"
            for name, own in failed.groupby("strategy", sort=False)
        ]

    def __repr__(self) -> str:
        lines = [self.title(), narrow(self.table()).to_string(), self.note()]
        said = [*self._failures(), *self.verdicts(), *self.conclusion()]
        return "\n".join([*lines, *map(harmless, said)])

    def _repr_html_(self) -> str:
        return notebook(
            f"<p>{text(self.title())}</p>",
            *(f"<p><strong>{text(line)}</strong></p>" for line in self.conclusion()),
            table(self.table()),
            f"<p>{text(self.note())}</p>",
            listed([*self._failures(), *self.verdicts()]),
        )

    def title(self) -> str:
        """Return how many prompts there are, where answers come from, and what was left out."""
        prompts = self.results["row"].nunique()
        origins = ", ".join(sorted(set(self.results["provider"].dropna()))) or "none"
        told = f"{prompts:,} prompts; {'SIMULATED ' if self.simulated else ''}answers ({origins})"
        if not self.results["quality"].notna().any():
            failed = len(self.results) > 0 and bool(self.results["error"].notna().all())
            return f"{told}; {'no row was answered' if failed else 'no references'}, so no quality"
        judged = int(self._table["n"].max()) if len(self._table) else 0
        if judged < prompts:
            told += f"; judged on the {judged:,} of which all is known"
        if self.beside.left_out:
            told += f"; recorded for too few of them: {', '.join(self.beside.left_out)}"
        return told


def _path(given: Any) -> Path:
    try:
        return Path(given)
    except TypeError:
        raise ParameterError(f"path is {given!r:.60}; give the name of a file.") from None


def _count(rows: Any) -> int:
    """Return a number of rows, which may be none."""
    return 0 if isinstance(rows, int) and rows == 0 else whole("rows", rows)
