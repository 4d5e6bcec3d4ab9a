"""Other people's recorded responses as matrices: RouteLLM, RouterBench, ZeroEval."""

from __future__ import annotations

from collections.abc import Iterable

from orchkit.lab import readers
from orchkit.lab.readers.files import Paths
from orchkit.ui.recordings import ResponseMatrix


def read_routellm(path: Paths, models: Iterable[str] | None = None) -> ResponseMatrix:
    """Return the responses of RouteLLM's evaluation files.

    Parameters
    ----------
    path : path, sequence of paths, or folder
        Tables as in its ``evals/gsm8k`` and ``evals/mmlu/responses``: `prompt` (or `question`), a
        column of True and False for each model, and ``MODEL_response`` where responses were kept.
        .csv, .jsonl or .parquet, also as .gz.
    models : sequence of str, optional
        The columns of verdicts; None takes those that hold nothing but True and False (or 1 and 0).

    Returns
    -------
    ResponseMatrix
        Prompts are numbered. Other columns are kept; `task` is the file's name where a file has no
        such column.

    Raises
    ------
    StoreError
        A file cannot be read, or is a pickle.
    MatrixError
        It is no such table.

    Notes
    -----
    These files tell neither costs nor tokens, so costs are unknown. What is measured against the
    share of prompts sent to the strong model, as in RouteLLM's own curves (PGR, APGR, CPT), needs
    none. For dollars, give prices of your own, in one of two ways. Where responses were kept, by
    tokens guessed from the texts' lengths, which the matrix then says::

        mat.reprice({"mixtral_8x7b": (0.24, 0.24), "gpt4_1106": (10, 30)}, tokens="estimate")

    Where they were not (MMLU), by a flat price of a call in USD::

        each = {"mixtral-8x7b-instruct-v0.1": 0.0001, "gpt-4-1106-preview": 0.01}
        ResponseMatrix(mat.frame.assign(cost=mat.frame["model"].map(each)))

    Examples
    --------
    >>> import pandas as pd, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> wide = pd.DataFrame({"prompt": ["2+2?"], "weak": [False], "strong": [True]})
    >>> wide.to_csv(folder / "mmlu_sums.csv", index=False)
    >>> read_routellm(folder / "mmlu_sums.csv").quality.to_dict("records")
    [{'weak': 0.0, 'strong': 1.0}]
    """
    return ResponseMatrix(readers.routellm(path, models))


def read_routerbench(path: Paths, models: Iterable[str] | None = None) -> ResponseMatrix:
    """Return the responses of RouterBench's tables.

    Parameters
    ----------
    path : path, sequence of paths, or folder
        Wide tables: `prompt`, and for each model its quality in [0, 1] under its name,
        ``MODEL|total_cost`` (USD) and ``MODEL|model_response``. .csv, .jsonl or .parquet, also as
        .gz. RouterBench hands out pickles; those are refused, with how to convert them.
    models : sequence of str, optional
        Some of the models; None takes all.

    Returns
    -------
    ResponseMatrix
        Prompts go by `sample_id`. Prompts and responses that are written as lists become texts, the
        several parts of a prompt with a blank line between. Other columns, like `eval_name`, are
        kept with each prompt: ``mat.split(groups="eval_name")``. Costs are those recorded.

    Raises
    ------
    StoreError
        A file cannot be read, or is a pickle.
    MatrixError, ColumnError
        It is no such table, or a model is not in it.

    Examples
    --------
    >>> import pandas as pd, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "bench.csv"
    >>> row = {"sample_id": "sums.1", "prompt": "['2+2?']", "mini": 1.0, "mini|total_cost": 1e-5}
    >>> pd.DataFrame([row]).to_csv(path, index=False)
    >>> mat = read_routerbench(path)
    >>> mat.prompts.loc["sums.1", "prompt"], mat.cost.to_dict("records")
    ('2+2?', [{'mini': 1e-05}])
    """
    return ResponseMatrix(readers.routerbench(path, models))


def read_zeroeval(paths: Paths) -> ResponseMatrix:
    """Return the responses of ZeroEval's result files, or of tables made of them.

    Parameters
    ----------
    paths : path, sequence of paths, or folder
        Either JSON as in its ``result_dirs/TASK``, one file a model, named like it: a list of items
        with `id`, `question`, `answer` (or `choices` and `correct_answer`) and `output`. Or tables
        (.csv, .jsonl, .parquet, also as .gz) with `idx`, `model` and `correct`, and what is known
        of `question`, `response`, `tokens_in`, `tokens_out` and `cost_nano_usd`; a table of
        responses alone is joined to them by `idx` and `model`. Of a folder, the files that are so.

    Returns
    -------
    ResponseMatrix
        Other columns are kept; `answer` is what a model answered. In JSON results costs and tokens
        are unknown: ``mat.reprice(prices, tokens="estimate")`` makes some from lengths, without
        the instruction that ZeroEval put around each question.

    Raises
    ------
    StoreError
        A file cannot be read, or is a pickle.
    MatrixError
        It is no such file, or one response is told of twice.

    Notes
    -----
    JSON results hold no verdicts. Quality is whether the last ``"answer"`` field of a response is
    right: as a letter where there are choices, as a number where the right answer is one, else as a
    Python literal or the same words. An answer that is missing is wrong, as in ZeroEval. Where the
    right answer is LaTeX or is not told, quality is unknown.

    Examples
    --------
    >>> import json, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "gpt-4o-mini.json"
    >>> said = '{"reasoning": "adding", "answer": "4"}'
    >>> item = {"id": "sums#0", "question": "2+2?", "answer": "# 4", "output": [said]}
    >>> _ = path.write_text(json.dumps([item]))
    >>> read_zeroeval(path).quality.to_dict("records")
    [{'gpt-4o-mini': 1.0}]
    """
    return ResponseMatrix(readers.zeroeval(paths))
