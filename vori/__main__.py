"""`python -m vori`, and the console script `vori`."""

from __future__ import annotations

from vori.cli import main

if __name__ == "__main__":
    main()
