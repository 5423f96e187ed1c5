"""A plain script: every step each time, or those that a person names."""

import sys
from importlib import import_module

STEPS = ("prepare", "featurize", "baseline", "train", "evaluate")

if __name__ == "__main__":
    for step in sys.argv[1:] or STEPS:
        import_module(f"tarmac.pipeline.{step}.stage").main()
