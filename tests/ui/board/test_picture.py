from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from orchkit.ui.board.picture import DPI, SIZE, Picture, Scene


def standing(quality: float, cost: float, half: float = 0.05) -> dict[str, float]:
    """Return a standing with an interval."""
    ends = {"quality_low": quality - half, "quality_high": quality + half}
    return {"n": 10, "quality": quality, "cost_per_1k": cost, **ends}


SCENE = Scene(
    ("fallback", standing(0.8, 0.5)),
    {"small": standing(0.6, 0.1), "mid": standing(0.7, 0.3), "large": standing(0.9, 2.0)},
    {},
    standing(0.95, 0.4),
    pd.DataFrame({"cost_per_1k": [0.1, 0.5, 2.0], "quality": [0.6, 0.8, 0.9]}),
    key=1,
)


def pixels(png: bytes) -> np.ndarray:
    """Return a picture as an array."""
    return np.asarray(Image.open(io.BytesIO(png)))


def test_it_is_a_png_of_its_size() -> None:
    """Half again the pixels of the page."""
    assert pixels(Picture().draw(SCENE)).shape == (int(SIZE[1] * DPI), int(SIZE[0] * DPI), 3)


@pytest.mark.parametrize(
    "changed",
    [
        {"now": ("fallback", standing(0.85, 0.8))},
        {"budget": 0.3},
        {"budget": 0.3, "now": ("fallback", standing(0.62, 0.12))},
        {"key": 2, "singles": SCENE.singles | {"mid": standing(0.75, 0.2)}},
        {"key": 2, "singles": {"small": standing(0.1, 0.0001), "large": standing(0.9, 200.0)}},
        {"key": 2, "simulated": True},
    ],
)
def test_layers_show_what_a_fresh_picture_would(changed: dict) -> None:
    """Whatever moves, nothing of the scene before is left behind."""
    used = Picture()
    used.draw(SCENE)
    scene = replace(SCENE, **changed)
    assert (pixels(used.draw(scene)) == pixels(Picture().draw(scene))).all()
    assert (pixels(used.draw(scene)) != pixels(used.draw(SCENE))).any()


def test_the_frame_stays_while_all_fits_in_it() -> None:
    """Axes do not jump under a slider; and they come nearer when most of them is empty."""
    picture = Picture()
    picture.draw(SCENE)
    before = picture._ax.get_xlim()
    picture.draw(replace(SCENE, now=("fallback", standing(0.7, 0.3))))
    assert picture._ax.get_xlim() == before
    near = {"small": standing(0.6, 0.1), "large": standing(0.62, 0.11)}
    close = replace(SCENE, singles=near, now=("x", standing(0.61, 0.1)), oracle=None, key=2)
    picture.draw(replace(close, curve=None))
    assert picture._ax.get_xlim()[1] < before[1]


def test_free_models_and_unknown_intervals_are_drawn() -> None:
    """Costs of 0 stand on a linear axis; a point without an interval is a point."""
    free = {"quality": 0.5, "quality_low": np.nan, "quality_high": np.nan, "cost_per_1k": 0.0}
    scene = Scene(("free", free), {"a": free, "b": free}, {})
    assert pixels(Picture().draw(scene)).std() > 0


def test_names_are_drawn_as_they_are() -> None:
    """Dollars begin no formula, controls are left out."""
    scene = replace(SCENE, now=("$x_1$\x1b[31m\n<b>", standing(0.8, 0.5)))
    assert pixels(Picture().draw(scene)).std() > 0
