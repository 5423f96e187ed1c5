"""The pipeline drawing: every omitted edge follows from the drawn ones."""

import networkx
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tarmac.dashboard import stage_graph
from tarmac.dashboard.sections import pipeline
from tests.conftest import ROOT

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
TWO = st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] < pair[1])


@given(st.sets(TWO, max_size=30))
def test_reduced_edges_equal_transitive_reduction(pairs):
    found = {(f"s{first}", f"s{last}") for first, last in pairs}
    expected = networkx.transitive_reduction(networkx.DiGraph(found))
    assert stage_graph.reduce_edges(found) == set(expected.edges)


def test_stages_rank_after_their_inputs():
    rank = {node.name: node.rank for node in stage_graph.build_nodes(STAGES)}
    assert rank == {
        "data/raw": 0,
        "prepare": 1,
        "featurize": 2,
        "baseline": 3,
        "train": 3,
        "online": 3,
        "evaluate": 4,
        "card": 5,
    }
    assert all(rank[first] < rank[last] for first, last in stage_graph.find_edges(STAGES))
    places = [(node.rank, node.place) for node in stage_graph.build_nodes(STAGES)]
    assert len({*places}) == len(places)


def test_code_deps_are_not_drawn():
    assert {first for first, _ in stage_graph.find_edges(STAGES)} - STAGES.keys() == {"data/raw"}


def test_cyclic_graph_terminates():
    stages = {"a": {"deps": ["y"], "outs": ["x"]}, "b": {"deps": ["x"], "outs": ["y"]}}
    assert len(stage_graph.build_nodes(stages)) == 2


def test_names_in_drawing_are_escaped():
    stages = {"<script>": {"deps": ["<img>"], "outs": ["a&b", {"<b>": {"cache": False}}]}}
    drawn = pipeline._render_graph(stages, stage_graph.build_nodes(stages), down=False)
    assert not [tag for tag in ("<script", "<img", "<b>", "a&b") if tag in drawn]
