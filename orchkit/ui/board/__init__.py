"""The dashboard's parts. They import ipywidgets: `orchkit.ui.dashboard` loads them when asked."""
