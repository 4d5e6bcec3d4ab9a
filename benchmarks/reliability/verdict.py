"""What a command found: figures with their units, and of each promise whether it held."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Verdict:
    """Prints as it goes, and remembers whether anything was broken."""

    broken: list[str] = field(default_factory=list)

    def figure(self, name: str, value: object, unit: str = "") -> None:
        """Print a figure that nothing hangs on."""
        shown = f"{value:,.4g}" if isinstance(value, float) else value
        shown = f"{value:,}" if isinstance(value, int) else shown
        print(f"  {name}: {shown} {unit}".rstrip(), flush=True)

    def promise(self, said: str, held: bool, measured: object = "") -> None:
        """Print a promise, what was measured, and whether it held."""
        print(f"  {'held  ' if held else 'BROKEN'}  {said}  [{measured}]", flush=True)
        if not held:
            self.broken.append(said)

    def close(self) -> int:
        """Print the verdict; 0 when every promise held."""
        print(f"verdict: {f'{len(self.broken)} broken' if self.broken else 'every promise held'}")
        return int(bool(self.broken))
