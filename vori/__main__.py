"""`python -m vori`, and the console script `vori`."""

from __future__ import annotations

import os

# NumPy has only small pieces of work here; its threads would wait for the next one by spinning, on
# cores that the recogniser needs. Read when NumPy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from vori.cli import main

if __name__ == "__main__":
    main()
