"""How the model is made: the stages of `dvc.yaml`, drawn from the file itself."""

from typing import Any

from markupsafe import Markup, escape

from tarmac.dashboard import stage_graph
from tarmac.dashboard.page_blocks import Block, Chart, CodeCell, CommandList, PageSection, Table
from tarmac.dashboard.page_data import PageData
from tarmac.dashboard.stage_graph import Node
from tarmac.dashboard.words import format_count
from tarmac.pipeline.base.paths import LOCK, PIPELINE

NONE = "There is no pipeline here: dvc.yaml has no stage."
READS = (
    "An arrow leads from who writes to who reads;"
    " one that follows from others is left out, the table has them all."
)
Point = tuple[float, float]
# Width and height of a box, and what is between two, where ranks go right.
BOX, GAP = (115.0, 60.0), (26.0, 22.0)
# The same where ranks go down, and no more than two are side by side.
TALL, TALL_GAP = (158.0, 58.0), (18.0, 24.0)
NARROW, LEAST = 334.0, 96.0  # of a small screen, and of a box on it
LETTER, MARGIN = 6.6, 9  # wide, of what stands in a box, and left of it
SHOWN = 2  # outputs that stand in a box


def build_section(known: PageData) -> PageSection:
    """The graph, then every stage with what it reads and writes."""
    if not known.pipeline:
        return PageSection(
            "pipeline",
            "Pipeline",
            NONE,
            [CommandList("A stage is added by", ["dvc stage add --help"])],
        )
    nodes = stage_graph.build_nodes(known.pipeline)
    chart = Chart(
        "The pipeline",
        READS,
        _render_graph(known.pipeline, nodes, down=False),
        _render_graph(known.pipeline, nodes, down=True),
    )
    blocks: list[Block] = [chart, _build_table(known.pipeline)]
    stages = format_count(len(known.pipeline), "stage")
    says = f"{stages}; each runs again only where something that it reads has changed."
    return PageSection("pipeline", "Pipeline", says, blocks, known.list_sources(PIPELINE, LOCK))


def _render_graph(stages: stage_graph.Stages, nodes: list[Node], down: bool) -> str:
    """The graph as SVG. Whatever a name holds is escaped."""
    (wide, high), (beside, below) = (TALL, TALL_GAP) if down else (BOX, GAP)
    ranks = max(node.rank for node in nodes) + 1
    places = max(node.place for node in nodes) + 1
    columns, lines = (places, ranks) if down else (ranks, places)
    if down:
        wide = max(LEAST, min(wide, (NARROW - (columns - 1) * beside) / columns))
    size = (columns * (wide + beside) - beside + 2, lines * (high + below) - below + 2)
    at = {node.name: _compute_corner(node, down, (wide + beside, high + below)) for node in nodes}
    arrows = [
        _render_arrow(at[first], at[last], (wide, high), down)
        for first, last in sorted(stage_graph.reduce_edges(stage_graph.find_edges(stages)))
    ]
    boxes = [_render_box(node, at[node.name], (wide, high), node.name in stages) for node in nodes]
    edges = sorted(stage_graph.find_edges(stages))
    label = escape("The pipeline: " + "; ".join(f"{first} feeds {last}" for first, last in edges))
    head = Markup('<svg viewBox="0 0 {:g} {:g}" width="{:g}" role="img" aria-label="{}">').format(
        *size, size[0], label
    )
    return Markup("").join([head, *arrows, *boxes, Markup("</svg>")])


def _compute_corner(node: Node, down: bool, step: Point) -> Point:
    column, line = (node.place, node.rank) if down else (node.rank, node.place)
    return 1 + column * step[0], 1 + line * step[1]


def _render_arrow(first: Point, last: Point, box: Point, down: bool) -> Markup:
    """A curve from the end of one box to the start of another, with a head."""
    if down:
        start, end = (first[0] + box[0] / 2, first[1] + box[1]), (last[0] + box[0] / 2, last[1] - 5)
        middle = (start[1] + end[1]) / 2
        bend, head = (start[0], middle, end[0], middle), (end[0] - 4, end[1], 8, 0, -4, 5)
    else:
        start, end = (first[0] + box[0], first[1] + box[1] / 2), (last[0] - 5, last[1] + box[1] / 2)
        middle = (start[0] + end[0]) / 2
        bend, head = (middle, start[1], middle, end[1]), (end[0], end[1] - 4, 0, 8, 5, -4)
    curve = "M{:g},{:g}C{:g},{:g},{:g},{:g},{:g},{:g}".format(*start, *bend, *end)
    tip = "M{:g},{:g}l{:g},{:g}l{:g},{:g}Z".format(*head)
    return Markup('<path class="edge" d="{}"/><path class="tip" d="{}"/>').format(curve, tip)


def _render_box(node: Node, at: Point, box: Point, is_stage: bool) -> Markup:
    most = int((box[0] - MARGIN) / LETTER)  # letters that fit
    lines = [*node.writes[:SHOWN]]
    if len(node.writes) > SHOWN:
        lines[-1] = f"+ {len(node.writes) - 1} more"
    frame = Markup('<rect class="{}" x="{:g}" y="{:g}" width="{:g}" height="{:g}" rx="6"/>')
    text = Markup('<text class="{}" x="{:g}" y="{:g}">{}</text>')
    first = 20 if lines else box[1] / 2 + 4
    written = [
        text.format("file", at[0] + MARGIN, at[1] + 36 + 13 * n, _shorten_name(line, most))
        for n, line in enumerate(lines)
    ]
    title = Markup("<title>{}</title>").format(
        f"{node.name}: {', '.join(node.writes)}" if node.writes else node.name
    )
    name = text.format("name", at[0] + MARGIN, at[1] + first, _shorten_name(node.name, most))
    kind = "stage" if is_stage else "outside"
    return Markup("<g>{}{}{}{}</g>").format(
        title, frame.format(kind, *at, *box), name, Markup("").join(written)
    )


def _shorten_name(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _build_table(stages: dict[str, Any]) -> Table:
    makers = {
        path: name for name, stage in stages.items() for path in stage_graph.list_outputs(stage)
    }
    rows = [
        (
            CodeCell(name),
            str(stage.get("desc") or "–"),
            CodeCell(", ".join(_list_data_inputs(stage, makers)) or "–"),
            CodeCell(", ".join(map(str, stage.get("params") or [])) or "–"),
            CodeCell(", ".join(stage_graph.list_outputs(stage)) or "–"),
        )
        for name, stage in stages.items()
    ]
    head = ("stage", "what it does", "reads", "parameters", "writes")
    return Table("Every stage", head, rows, folded=True)


def _list_data_inputs(stage: dict[str, Any], makers: dict[str, str]) -> list[str]:
    """What a stage reads that is neither code nor environment."""
    return [
        path
        for path in stage_graph.list_paths(stage, "deps")
        if path in makers or stage_graph.is_data(path)
    ]
