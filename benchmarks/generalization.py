"""The generalization benchmark as a script; the same as `rao bench`.

python benchmarks/generalization.py --suite quick --out runs/quick
"""

from __future__ import annotations

import sys

from rao_gym.cli import main

if __name__ == "__main__":
    sys.exit(main(["bench", *sys.argv[1:]]))
