"""Exports a fitted pipeline to one ONNX file with its encoder inside, and proves that both give the same answer."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from tarmac.files.outputs import replacing
from tarmac.model.dataset import Inputs
from tarmac.model.scorer import Scorer

OPSET = {"": 18, "ai.onnx.ml": 3}
TOLERANCE = 1e-5  # largest difference of probabilities between the fitted pipeline and the ONNX file
NOT_SEEN = "never seen in training"


def export(pipeline: Pipeline, inputs: Inputs, path: Path, identity: Mapping[str, str] | None = None) -> None:
    """Writes the pipeline as ONNX: inputs `categories` (text) and `numbers` (float32).

    The names of the columns of each input are in the file's metadata, and so is what it was made from (`identity`):
    the file alone says what it takes and where it comes from.
    """
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    _register_xgboost()
    types = [("numbers", FloatTensorType([None, len(inputs.numbers)]))]
    if inputs.categories:
        types.insert(0, ("categories", StringTensorType([None, len(inputs.categories)])))
    classifier = pipeline.named_steps["classifier"]
    model = skl2onnx.to_onnx(
        _positional(pipeline, inputs),
        initial_types=types,
        options={id(classifier): {"zipmap": False}},
        target_opset=OPSET,
        name="tarmac",
    )
    metadata = {"categories": json.dumps(inputs.categories), "numbers": json.dumps(inputs.numbers), **(identity or {})}
    for key, value in sorted(metadata.items()):
        model.metadata_props.add(key=key, value=value)
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)  # skl2onnx leaves them in the order of a set
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    with replacing(path) as partial:
        partial.write_bytes(model.SerializeToString(deterministic=True))


def check_parity(pipeline: Pipeline, inputs: Inputs, path: Path, rows: pd.DataFrame) -> float:
    """Largest difference of probability between pipeline and ONNX file over `rows` and over harder variants of them.

    The variants blank every number, and replace every category by one never seen. Raises `ValueError` where the
    difference is above `TOLERANCE`.
    """
    scorer, worst = Scorer(path), 0.0
    blanked = rows.assign(**{name: np.float32(np.nan) for name in inputs.numbers})
    unseen = rows.assign(**dict.fromkeys(inputs.categories, NOT_SEEN))
    for name, variant in {"all rows": rows, "no number known": blanked, "unknown categories": unseen}.items():
        differences = np.abs(pipeline.predict_proba(variant[inputs.names])[:, 1] - scorer.score(variant))
        if not differences.max() <= TOLERANCE:  # also where it is NaN
            raise ValueError(
                f"{path.name} does not give the fitted model's probabilities ({name}): largest difference"
                f" {differences.max():.3g} over {len(variant):,} rows, allowed {TOLERANCE:g}"
            )
        worst = max(worst, float(differences.max()))
    return worst


def _positional(pipeline: Pipeline, inputs: Inputs) -> Pipeline:
    """The pipeline with columns by position: its ONNX form takes two arrays, not one array a column."""
    encoder = copy.copy(pipeline.named_steps["encoder"])
    place = {name: position for position, name in enumerate(inputs.names)}
    fitted = [(name, step, columns) for name, step, columns in encoder.transformers_ if name != "remainder"]
    encoder.transformers_ = [(name, step, [place[column] for column in columns]) for name, step, columns in fitted]
    encoder.transformers = encoder.transformers_
    del encoder.feature_names_in_
    return Pipeline([("encoder", encoder), ("classifier", pipeline.named_steps["classifier"])])


def _register_xgboost() -> None:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
    from xgboost import XGBClassifier

    options: dict[str, Any] = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    shape = calculate_linear_classifier_output_shapes
    update_registered_converter(XGBClassifier, "XGBoostXGBClassifier", shape, convert_xgboost, options=options)
