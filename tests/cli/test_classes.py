from __future__ import annotations

from pathlib import Path

from taskproc import Task
from taskproc.taskfile import load
from taskproc_cli.classes import task_classes


def test_the_task_classes_of_a_module_are_its_own_in_order(tmp_path: Path) -> None:
    text = """
from abc import abstractmethod
from json import JSONDecoder
from other_of_classes import Foreign, Task

class Zebra(Task):
    class Inner(Task):
        class Innermost(Task):
            pass

class Plain:
    class Held(Task):
        pass

class Lazy(type):
    def __getattr__(cls, name):
        return name

class Proxy(metaclass=Lazy):
    pass

class Bare(Task):
    @abstractmethod
    def shape(self): ...

class Apple(Zebra):
    pass

alias = Apple
"""
    (tmp_path / "other_of_classes.py").write_text("from taskproc import Task\nclass Foreign(Task): pass")
    study = tmp_path / "study_of_classes.py"
    study.write_text(text)
    found = task_classes(load(study))
    assert list(found) == ["Zebra", "Zebra.Inner", "Zebra.Inner.Innermost", "Plain.Held", "Apple"]
    assert all(issubclass(cls, Task) and cls.__qualname__ == name for name, cls in found.items())


def test_a_class_that_does_not_tell_its_module_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "untold.py").write_text("""
from taskproc import Task
class Meta(type):
    @property
    def __module__(cls): raise ValueError
class Untold(metaclass=Meta): pass
class Main(Task):
    def run_task(self): return 1
""")
    assert [*task_classes(load(tmp_path / "untold.py"))] == ["Main"]
