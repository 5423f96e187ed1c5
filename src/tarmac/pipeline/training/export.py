"""Export a fitted pipeline to one ONNX file with its encoder inside.

Prove that both give the same predictions.
"""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from tarmac.interface.errors import UserError
from tarmac.pipeline.base.outputs import replace_output
from tarmac.pipeline.base.params import TASK, Task
from tarmac.pipeline.models.dataset import ModelInputs
from tarmac.pipeline.models.scorer import Scorer
from tarmac.pipeline.training.estimators import ESTIMATOR, compute_predictions

OPSET = {"": 18, "ai.onnx.ml": 3}
# Largest difference between the fitted pipeline's answers and the ONNX file's, as a share of their
# size.
TOLERANCE = 1e-5
NOT_SEEN = "never seen in training"


def export_onnx(
    pipeline: Pipeline,
    inputs: ModelInputs,
    path: Path,
    identity: Mapping[str, str] | None = None,
    task: Task = TASK,
) -> None:
    """Write the pipeline as ONNX.

    Its inputs are `categories` (text) and `numbers` (float32), each if there are any. The names of
    the columns of each input are in the file's metadata, and so is what it was made from
    (`identity`). The file alone says what it takes and where it comes from.
    """
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    _register_xgboost()
    types = (
        [("categories", StringTensorType([None, len(inputs.categories)]))]
        if inputs.categories
        else []
    )
    types += [("numbers", FloatTensorType([None, len(inputs.numbers)]))] if inputs.numbers else []
    estimator = pipeline.named_steps[ESTIMATOR]
    model = skl2onnx.to_onnx(
        _build_positional_pipeline(pipeline, inputs),
        initial_types=types,
        options=None if task.kind == "regression" else {id(estimator): {"zipmap": False}},
        target_opset=OPSET,
        name="tarmac",
    )
    _add_metadata(model, inputs, identity or {})
    # Skl2onnx leaves them in the order of a set.
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    with replace_output(path) as partial:
        partial.write_bytes(model.SerializeToString(deterministic=True))


def _add_metadata(model: Any, inputs: ModelInputs, identity: Mapping[str, str]) -> None:
    metadata = {
        "categories": json.dumps(inputs.categories),
        "numbers": json.dumps(inputs.numbers),
        **identity,
    }
    for key, value in sorted(metadata.items()):
        model.metadata_props.add(key=key, value=value)


def check_parity(
    pipeline: Pipeline, inputs: ModelInputs, path: Path, rows: pd.DataFrame, task: Task = TASK
) -> float:
    """Return the largest difference of pipeline and ONNX file over `rows` and harder variants.

    One variant blanks every number, another replaces every category by one never seen. A
    probability differs by itself, a number by its share of the largest one: float32 has seven
    digits.

    Raise `UserError` if the difference is above `TOLERANCE`.
    """
    scorer, worst = Scorer(path), 0.0
    blanked = rows.assign(**{name: np.float32(np.nan) for name in inputs.numbers})
    unseen = rows.assign(**dict.fromkeys(inputs.categories, NOT_SEEN))
    for name, variant in {
        "all rows": rows,
        "no number known": blanked,
        "unknown categories": unseen,
    }.items():
        fitted = compute_predictions(pipeline, variant[inputs.names], task)
        size = (float(np.abs(fitted).max()) or 1.0) if task.kind == "regression" else 1.0
        difference = float(np.abs(fitted - scorer.score(variant)).max()) / size
        if not difference <= TOLERANCE:  # also where it is NaN
            raise UserError(
                f"{path.name} differs from the fitted model by {difference:.3g} ({name},"
                f" {len(variant):,} rows), {TOLERANCE:g} is allowed"
            )
        worst = max(worst, difference)
    return worst


def _build_positional_pipeline(pipeline: Pipeline, inputs: ModelInputs) -> Pipeline:
    """Return the pipeline with columns by position.

    Its ONNX form takes two arrays, not one array a column.
    """
    encoder = copy.copy(pipeline.named_steps["encoder"])
    place = {name: position for position, name in enumerate(inputs.names)}
    fitted = [
        (name, step, columns)
        for name, step, columns in encoder.transformers_
        if name != "remainder"
    ]
    encoder.transformers_ = [
        (name, step, [place[column] for column in columns]) for name, step, columns in fitted
    ]
    encoder.transformers = encoder.transformers_
    del encoder.feature_names_in_
    return Pipeline([("encoder", encoder), (ESTIMATOR, pipeline.named_steps[ESTIMATOR])])


def _register_xgboost() -> None:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common import shape_calculator
    from xgboost import XGBClassifier, XGBRegressor

    options: dict[str, Any] = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    shape = shape_calculator.calculate_linear_classifier_output_shapes
    update_registered_converter(
        XGBClassifier, "XGBoostXGBClassifier", shape, convert_xgboost, options=options
    )
    shape = shape_calculator.calculate_linear_regressor_output_shapes
    update_registered_converter(XGBRegressor, "XGBoostXGBRegressor", shape, convert_xgboost)
