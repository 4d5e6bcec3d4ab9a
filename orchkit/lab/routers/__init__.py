"""Learned routers: from texts to how likely each model is right. This is the table of contents."""

from orchkit.lab.routers.blends import BlendRouter
from orchkit.lab.routers.groupmeans import GroupMeanRouter
from orchkit.lab.routers.lengths import LengthRouter
from orchkit.lab.routers.logistic import LogisticRouter
from orchkit.lab.routers.neighbours import KNNRouter
from orchkit.lab.routers.router import Router

__all__ = [
    "BlendRouter",
    "GroupMeanRouter",
    "KNNRouter",
    "LengthRouter",
    "LogisticRouter",
    "Router",
]
