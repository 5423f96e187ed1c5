"""One thread a fit: two waiting pools on a busy machine make a fit of milliseconds take seconds."""

import pytest
import xgboost  # noqa: F401  # loaded before the limit, so that its pool obeys it
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield
