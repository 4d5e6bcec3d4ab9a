"""``python -m orchkit`` is the command ``orchkit``."""

from orchkit.ui.cli import main

if __name__ == "__main__":
    main(prog_name="orchkit")
