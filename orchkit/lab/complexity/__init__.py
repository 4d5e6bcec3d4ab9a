"""Learned complexity: a classifier of prompts into tiers, and the labels it learns from.

Importing this loads no learner: scikit-learn is imported where something is fitted or judged.
"""

from orchkit.lab.complexity.classifier import ComplexityClassifier

__all__ = ["ComplexityClassifier"]
