"""A section of docs/benchmarks.md that was measured by itself, which the rest of the bench leaves alone."""

import re
from pathlib import Path


def write(path: Path, name: str, text: str) -> None:
    """Put it in the page, in place of the one of this name that was there, or at its end."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    old = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    kept = re.sub(f"\n*{re.escape(begin)}.*?{re.escape(end)}\n", "\n", old, flags=re.DOTALL)
    path.write_text(f"{kept.rstrip()}\n\n{begin}\n{text.rstrip()}\n\n{end}\n", encoding="utf-8")
