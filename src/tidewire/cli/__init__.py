"""The command line: ``tidewire demo | sandbox | venues | klines | book | ctp | wenhua | doctor``.

Data goes to stdout, everything else to stderr. Exit codes are listed in ``exits.py``.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; entry point of the ``tidewire`` script."""
    try:
        from .app import app
    except ModuleNotFoundError as missing:
        package = str(missing.name).partition(".")[0]
        if package not in ("typer", "rich"):
            raise
        sys.stderr.write(f'the command line needs {package}: pip install "tidewire[cli]"\n')
        sys.exit(2)
    app(prog_name="tidewire")
