from __future__ import annotations

import http
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from taskproc import Cache, Const, Future, GraphError, Requires, RequiresDict, RequiresList, Task
from taskproc.graph import Edge, Graph, Node, build_graph, kin_of, packed_sources, shape


class Leaf(Task):
    def __init__(self, x: Any = 0) -> None:
        self.x = x


class Pair(Task):
    left: Requires[Any]
    right: Requires[Any]

    def __init__(self, left: Future[Any], right: Future[Any]) -> None:
        self.left = left
        self.right = right
        self.label = "pair"
        self._task_channel = "gpu"


class Many(Task):
    several: RequiresList[Any]
    named: RequiresDict[Any, Any]

    def __init__(self, several: list[Future[Any]], named: list[tuple[Any, Future[Any]]]) -> None:
        self.several = several
        self.named = dict(named)


@pytest.fixture(autouse=True)
def _block(tmp_path: Path) -> Iterator[None]:
    with Cache(tmp_path / "cache"):
        yield


def node_of(task: Any) -> Node:
    node: Node = task._task_node
    return node


def graph_of(task: Any) -> Graph:
    return build_graph(node_of(task))


def test_edges_tell_slot_place_source_and_item() -> None:
    leaf, const = Leaf(), Const([1])
    node = node_of(Many([leaf, const, leaf["a"][0]], [("x", leaf), ((1, 2), const[0])]))
    assert node.edges == (
        Edge("several", 0, node_of(leaf), ()),
        Edge("several", 1, node.edges[1].source, ()),
        Edge("several", 2, node_of(leaf), ("a", 0)),
        Edge("named", "x", node_of(leaf), ()),
        Edge("named", (1, 2), node.edges[4].source, (0,)),
    )
    assert [type(edge.source) for edge in node.edges] == [Node, Const, Node, Node, Const]
    assert node.sources == (node_of(leaf),) * 3


def test_a_node_tells_what_the_task_is() -> None:
    task = Pair(Leaf(1), Const(2))
    node = node_of(task)
    assert (node.name, node.short, node.cls, node.task) == ("test_graph.Pair", "Pair", Pair, task)
    assert (node.channels, node.prefix, node.level) == ({"gpu": 1}, "", 9)
    assert node.attributes == {"label": "pair"}
    assert node.label == repr(node) == "Pair(left=Leaf(…), right=Const(2))"


def test_a_label_is_one_line() -> None:
    class Table:
        def __repr__(self) -> str:
            return "a  b\n   1  2\n"

    assert node_of(Pair(Const(Table()), Const("x\ny"))).label == "Pair(left=Const(a  b 1  2 ), right=Const('x\\ny'))"


def test_labels_name_functions_classes_and_members_and_hold_no_address() -> None:
    class Plain:
        pass

    label = node_of(Pair(Const([node_of, Leaf, http.HTTPMethod.GET]), Const(Plain()))).label
    assert label.startswith("Pair(left=Const([node_of, Leaf, HTTPMethod.GET]), right=Const(<")
    assert "0x" not in label


def test_a_graph_has_each_task_once_upstreams_first() -> None:
    leaf = Leaf()
    left, right = Pair(leaf, Leaf(1)), Pair(leaf["a"], leaf)
    graph = graph_of(Pair(left, right))
    assert [node.label for node in graph.nodes].count("Leaf(x=0)") == 1
    assert len(graph.nodes) == 5
    assert graph.root is graph.nodes[-1]
    place = {node.key: i for i, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        assert all(place[source.key] < place[node.key] for source in node.sources)


def test_what_no_slot_holds_is_not_in_the_graph() -> None:
    class Apart(Task):
        def __init__(self, other: Any) -> None:
            self.other = other

    assert [node.short for node in graph_of(Apart([Leaf()])).nodes] == [
        "test_what_no_slot_holds_is_not_in_the_graph.<locals>.Apart"
    ]


def test_dependents_are_counted_once_a_place() -> None:
    leaf = Leaf()
    root = Many([leaf, leaf["a"], Leaf(1)], [("x", leaf)])
    dependents = graph_of(root).dependents()
    assert dependents[node_of(leaf).key] == [node_of(root)] * 3
    assert dependents[node_of(Leaf(1)).key] == [node_of(root)]
    assert node_of(root).key not in dependents
    outer = Many([root, Leaf(1)], [])
    dependents = graph_of(outer).dependents()
    assert dependents[node_of(Leaf(1)).key] == [node_of(root), node_of(outer)]
    assert dependents[node_of(root).key] == [node_of(outer)]


def test_equal_tasks_of_two_blocks_are_one_node(tmp_path: Path) -> None:
    first = Leaf()
    with Cache(tmp_path / "cache"):
        second = Leaf()
        assert first is not second
        graph = graph_of(Many([first, second], []))
    assert len(graph.nodes) == 2


def test_a_graph_with_two_classes_of_one_name_is_an_error(tmp_path: Path) -> None:
    def make() -> Any:
        class Twin(Task):
            def __init__(self, x: int) -> None: ...

        return Twin

    first, second = make(), make()
    with pytest.raises(GraphError, match=r"two classes named test_graph\..*Twin: rename one"):
        graph_of(Pair(first(1), second(2)))
    one = first(3)
    with Cache(tmp_path / "cache"), pytest.raises(GraphError, match=r"two classes named test_graph\..*Twin"):
        graph_of(Pair(one, second(3)))


def test_what_an_encoding_does_not_tell_apart_is_an_error_in_a_graph() -> None:
    def make() -> Any:
        return dataclass(type("Model", (), {}))()

    first, second = make(), make()
    held = [type(Task)("Held", (Task,), {"__module__": __name__})() for _ in range(2)]
    for one, two in ((first, second), held):
        with pytest.raises(GraphError, match=r"needs two tasks Leaf\(.*\), whose arguments are of different classes"):
            graph_of(Many([Leaf(one), Leaf(two)], []))
    functions = [type(make)(make.__code__.replace(co_qualname="make"), globals()) for _ in range(2)]
    for one, two in ((first, second), functions, ([first, second], [second, first])):
        with pytest.raises(GraphError, match=r"needs two Const\(.*\), which are of different classes or functions"):
            graph_of(Pair(Const(one), Pair(Const(two), Leaf())))
    assert len(graph_of(Pair(Const(first), Leaf(first))).nodes) == 2


def test_a_graph_may_have_two_classes_of_one_name_where_nothing_takes_one_for_the_other() -> None:
    """As a namedtuple is made of each table."""
    first, second = (namedtuple("Row", "x y") for _ in range(2))  # noqa: PYI024  as the user may write
    constants = [Const([first(5, 6)]), Const(second(7, 8))]
    graph = graph_of(Many([Leaf(first(1, 2)), Leaf(second(3, 4)), *constants], []))
    assert len(graph.nodes) == 3


def test_the_order_counts_for_a_kin_only_where_one_name_stands_for_two() -> None:
    assert kin_of([("a", 1), ("b", 2), ("b", 2)]) == kin_of([("b", 2), ("a", 1)]) != kin_of([("a", 2), ("b", 1)])
    assert kin_of([("a", 1), ("a", 2)]) != kin_of([("a", 2), ("a", 1)])
    assert kin_of([("a", 1), ("a", 2), ("a", 1)]) != kin_of([("a", 1), ("a", 2), ("a", 2)])


def test_a_graph_over_two_caches_is_an_error_however_deep(tmp_path: Path) -> None:
    with Cache(tmp_path / "other"):
        foreign = Pair(Leaf(), Const(1))
    with pytest.raises(GraphError, match=r"in the cache .*/cache, but needs Pair\(.*\) of .*/other: use one"):
        graph_of(Pair(Pair(foreign, Leaf()), Leaf()))


def test_shapes_and_packed_sources_tell_nodes_apart() -> None:
    leaf = Leaf()
    nodes = [
        node_of(task)
        for task in (
            Many([leaf, leaf], []),
            Many([leaf], [(0, leaf)]),
            Many([], [(0, leaf), (1, leaf)]),
            Many([], [(1, leaf), (0, leaf)]),
            Many([], [("0", leaf), ("1", leaf)]),
            Many([leaf["a"], leaf], []),
            Many([leaf, leaf["a"]], []),
            Many([leaf] * 20, []),
            Pair(leaf, leaf),
        )
    ]
    assert len({shape(node) for node in nodes}) == len(nodes)
    assert shape(node_of(Pair(Leaf(1), Const(2)))) == shape(nodes[-1])
    swapped = [packed_sources(node_of(Pair(*pair))) for pair in ((Leaf(1), Const(2)), (Const(2), Leaf(1)))]
    assert swapped[0] != swapped[1]
    assert len(swapped[0]) == 32
