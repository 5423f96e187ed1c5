"""Where everything stands that stages read and write, from the repository's root."""

from pathlib import Path

PARAMS, PIPELINE, LOCK = Path("params.yaml"), Path("dvc.yaml"), Path("dvc.lock")
# What stages import; all packages.
PINS, LOCKED = (Path("requirements/stages.txt"), Path("requirements/pipeline.txt"))
# The pinned wheel of Tarmac, in a repository without Tarmac's source.
WHEEL_PIN = Path("requirements/tarmac.txt")

RAW, PREPARED, QUARANTINE = Path("data/raw"), Path("data/prepared"), Path("data/quarantine.csv")
FEATURES, PREDICTIONS, ONLINE = (
    Path("data/features"),
    Path("data/predictions.parquet"),
    Path("data/online"),
)
MODEL, BASELINE, CARD = (
    Path("models/model.onnx"),
    Path("models/baseline.onnx"),
    Path("models/card.md"),
)

PREPARED_COUNTS, TABLES, INTERVALS = (
    Path("metrics/prepare.json"),
    Path("metrics/tables"),
    Path("metrics/intervals.json"),
)
TRAIN_METRICS, TEST_METRICS = (
    Path("metrics/train/metrics.json"),
    Path("metrics/evaluate/metrics.json"),
)
# Where commits from before the stage `online` have its output.
ONLINE_BEFORE = Path("data/state")
# A file for each metric that training watches.
CURVES = Path("metrics/train/plots/metrics/validation")
