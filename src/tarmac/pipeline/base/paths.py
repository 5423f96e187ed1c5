"""Where everything stands that stages read and write, from the repository's root."""

from pathlib import Path

PARAMS, PIPELINE, LOCK = Path("params.yaml"), Path("dvc.yaml"), Path("dvc.lock")
PINS, LOCKED = (
    Path("requirements/stages.txt"),
    Path("requirements/pipeline.txt"),
)  # what stages import; all packages

RAW, PREPARED, QUARANTINE = Path("data/raw"), Path("data/prepared"), Path("data/quarantine.csv")
FEATURES, PREDICTIONS, STATE = (
    Path("data/features"),
    Path("data/predictions.parquet"),
    Path("data/state"),
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
CURVES = Path(
    "metrics/train/plots/metrics/validation"
)  # a file for each metric that training watches
