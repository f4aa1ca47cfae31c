from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taskproc import payloads
from taskproc.batch import Stored
from taskproc.errors import FailedTaskError
from taskproc.graph import build_graph
from taskproc.options import Options
from taskproc.payloads import Packer, source_of
from taskproc.record import FileEntry, Output, Stamp
from taskproc.run import judged

SLOTS = """
class Up(Task):
    def __init__(self, n):
        self.n = n
    def run_task(self):
        return self.n

class Down(Task):
    _task_compress_level = 3
    one: Requires[int]
    many: RequiresList[int]
    named: RequiresDict[str, int]
    known: Requires[int]
    def __init__(self, x: int = 1):
        self.one = Up(1)['a'][0]
        self.many = [Up(2), Up(1)]
        self.named = {'b': Up(3), 'a': Const(5)}
        self.known = Const(4)
        self.x = x
    def run_task(self):
        return 0

class Outer:
    class Inner(Task):
        def run_task(self):
            return 0

def make():
    class Local(Task):
        def run_task(self):
            return 0
    return Local
"""


def output(inline: bytes | None = b"value", **changes: Any) -> Output:
    return Output(b"d", Stamp(b"p"), b"", b"", inline, changes.pop("attempt", ""), **changes)


@pytest.fixture
def packed(flow: Any) -> Any:
    """A packer for `Down()`, with the nodes of its upstreams by number."""
    flow.write(SLOTS)
    graph = build_graph(flow.task("Down()")._task_node)
    ids = {node.key: number for number, node in enumerate(graph.nodes, 10)}
    nodes = {node.task.n: node for node in graph.nodes[:-1]}
    outputs = {node.key: output(b"value %d" % n) for n, node in nodes.items()}
    with judged(graph, Options()) as (grounds, _, _):
        packer = Packer(graph.roots, grounds, ids, outputs)
    return SimpleNamespace(packer=packer, root=graph.root, nodes=nodes)


def test_a_payload_has_all_that_a_worker_needs(packed: Any, flow: Any) -> None:
    batch, read = packed.packer.batch([packed.root], ["0" * 15 + "7"])
    (payload,) = batch.payloads
    assert (batch.serial, batch.classes, read) == (7, (packed.packer.class_ref(flow.module.Down),), frozenset())
    assert (payload.cls, payload.level, payload.echo) == (0, 3, True)
    assert payload.folder == f"{flow.cache}/{flow.path.stem}.Down/{payload.task_id}/{'0' * 15}7"
    assert payload.state == ({"x": 1}, {"x": 1}, packed.root.key.hex())


def test_what_can_be_modified_travels_as_a_pickle_of_its_own(packed: Any, flow: Any) -> None:
    vars(packed.root.task)["shared"] = shared = [1]
    batch, _ = packed.packer.batch([packed.root], ["0" * 16])
    state, args, key = batch.payloads[0].state
    attributes = pickle.loads(state)
    assert (attributes, args, key) == ({"x": 1, "shared": shared}, {"x": 1}, packed.root.key.hex())


def test_slots_say_where_each_value_is_and_goes(packed: Any) -> None:
    batch, _ = packed.packer.batch([packed.root], ["0" * 16])
    slots = {slot.name: slot for slot in batch.payloads[0].slots}
    assert list(slots) == ["one", "many", "named", "known"]
    assert (slots["one"].layout, slots["one"].sources) == (None, ((b"value 1", ("a", 0)),))
    assert (slots["many"].layout, slots["many"].sources) == (2, ((b"value 2", ()), (b"value 1", ())))
    assert slots["named"].layout == ("b", "a")
    assert [source for source, _ in slots["named"].sources] == [b"value 3", pickle.dumps(5, protocol=5)]
    assert [pickle.loads(source) for source, _ in slots["known"].sources] == [4]


def test_a_task_earlier_in_the_batch_is_named_by_its_position(packed: Any) -> None:
    batch, read = packed.packer.batch([packed.nodes[3], packed.nodes[1], packed.root], ["0" * 16] * 3)
    up, _, down = batch.payloads
    slots = {slot.name: slot for slot in down.slots}
    assert slots["one"].sources == ((1, ("a", 0)),)
    assert slots["many"].sources == ((b"value 2", ()), (1, ()))
    assert read == {packed.nodes[1].key, packed.nodes[3].key}
    assert (up.cls, up.echo, down.cls, down.echo) == (1, False, 0, True)  # the requested one comes first


def test_a_large_value_is_named_by_its_file(packed: Any, flow: Any) -> None:
    entry = FileEntry("result.pkl.gz", 1, 2, b"file's digest")
    big = output(None, attempt="1" * 16, files=(FileEntry("data", -1, 0, b""), entry))
    node = packed.nodes[2]
    path = f"{flow.cache}/{flow.path.stem}.Up/5/{'1' * 16}/result.pkl.gz"
    assert source_of(node, 5, big) == Stored(path, b"file's digest", node.key)
    assert source_of(node, 5, output()) == b"value"


def test_what_workers_can_import_goes_by_reference(packed: Any, flow: Any) -> None:
    ref = packed.packer.class_ref(flow.module.Outer.Inner)
    assert (ref.module, ref.qualname, ref.blob) == (flow.path.stem, "Outer.Inner", b"")
    assert (ref.path, ref.root) == (str(flow.path), str(flow.folder))
    assert str(flow.path) in [file.path for file in ref.sources]
    assert packed.packer.class_ref(flow.module.Outer.Inner) is ref


def test_what_workers_cannot_import_goes_by_value(packed: Any, flow: Any) -> None:
    local = flow.module.make()
    ref = packed.packer.class_ref(local)
    assert ref.blob
    assert pickle.loads(ref.blob).__qualname__ == "make.<locals>.Local"
    assert (ref.path, ref.root) == ("", "")
    shadowed = flow.module.Up
    flow.module.Up = flow.module.Down
    assert packed.packer.class_ref(shadowed).blob


def test_a_class_by_value_is_of_a_folder_that_links_on_sys_path_lead_to(
    packed: Any, flow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link"
    link.symlink_to(flow.folder)
    monkeypatch.setattr(sys, "path", [str(link) if entry == str(flow.folder) else entry for entry in sys.path])
    ref = packed.packer.class_ref(flow.module.make())
    assert (ref.path, ref.root) == ("", "")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(link)])
    ref = packed.packer.class_ref(flow.module.make())
    assert (ref.path, ref.root) == (str(flow.path), str(flow.folder))


def test_a_key_that_cannot_travel_fails_the_task(flow: Any) -> None:
    flow.write("""
        from enum import Enum
        class Odd(Enum):
            ONE = 1
            def __reduce_ex__(self, protocol): raise TypeError("stays here")
        class Main(Task):
            named: RequiresDict[Odd, int]
            def __init__(self): self.named = {Odd.ONE: Const(1)}
            def run_task(self): return 1
        """)
    with pytest.raises(FailedTaskError, match=r"slot named.*stays here"):
        flow.run("Main()")


LINKED = """
from pathlib import Path
from taskproc import Task
from kit import HERE as KIT
HERE = Path(__file__).parent

class Main(Task):
    def run_task(self):
        return str(HERE), str(KIT)
"""


@pytest.mark.parametrize("name", ["study", "kit.study", "kit"])
def test_workers_come_by_the_same_link_to_a_folder_of_sys_path(tmp_path: Path, python: Any, name: str) -> None:
    (tmp_path / "real" / "kit").mkdir(parents=True)
    (tmp_path / "real" / "kit" / "__init__.py").write_text("from pathlib import Path\nHERE = Path(__file__).parent\n")
    path = "kit/__init__" if name == "kit" else name.replace(".", "/")
    with (tmp_path / "real" / f"{path}.py").open("a") as file:
        file.write(LINKED if name != "kit" else LINKED.replace("from kit import HERE as KIT", "KIT = HERE"))
    (tmp_path / "link").symlink_to("real")
    places = tuple(str(tmp_path / "link" / folder) for folder in (str(Path(path).parent), "kit"))
    run = "with Cache('cache'): print(Main().run_graph()[0])"
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'link')!r})\nfrom {name} import Main, Task\n"
    assert python("-c", f"{code}from taskproc import Cache\n{run}").stdout == f"{places}\n"


@pytest.mark.parametrize("entry", ["scripts/../folder", "links"])
def test_workers_find_a_module_as_the_entry_of_sys_path_is_spelled(tmp_path: Path, python: Any, entry: str) -> None:
    for folder in ("scripts", "folder", "links"):
        (tmp_path / folder).mkdir()
    for name, text in {"kit": "HERE = 'kit'\n", "study": LINKED}.items():
        (tmp_path / "folder" / f"{name}.py").write_text(text)
    (tmp_path / "links" / "study.py").symlink_to("../folder/study.py")
    (tmp_path / "links" / "kit.py").write_text("HERE = 'beside the link'\n")
    place = tmp_path / entry
    run = "with Cache('cache'): print(Main().run_graph()[0])"
    code = f"import sys; sys.path.insert(0, {str(place)!r})\nfrom study import Main\nfrom taskproc import Cache\n{run}"
    assert python("-c", code).stdout == f"{(str(place), 'beside the link' if entry == 'links' else 'kit')}\n"


def test_a_file_may_lie_at_the_top_of_all_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "file_of", lambda _: Path("/study.py"))
    assert payloads._file_and_root("study") == ("/study.py", "/")
