"""MEASURES. Frames, arrays, metrics: what knows a column name. It never acts and never draws."""
