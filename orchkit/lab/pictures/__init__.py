"""What a figure shows, computed: a frame in, a tidy frame out; `orchkit.plots` draws it.

One file a figure, named as the one in ``orchkit.ui.plots`` that draws it.
"""
