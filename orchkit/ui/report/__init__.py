"""A comparison as one page that needs nothing else: tables, figures, and where it comes from."""

from orchkit.ui.report.page import page

__all__ = ["page"]
