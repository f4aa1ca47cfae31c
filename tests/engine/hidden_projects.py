"""Small projects, each reaching something in a way that names in its code do not tell: the files, and an edit."""

from __future__ import annotations

TASK = """
from taskproc import Cache, Task
import helpers
class Main(Task):
    def __init__(self, name: str = "f"): self.name = name
    def run_task(self):
        {}
def go(module): return module.f()
def get():
    import late
    return late
class Other(Task):
    def __init__(self, n: int): self.n = n
    def run_task(self): return 0
    def helper(self): return 1
    @property
    def half(self): return 1.5
"""

HOLDER = """
import threading
class Holder:
    def __init__(self, n): self.n, self.lock = n, threading.Lock()
"""

F = "def f(): return 1\n"

Project = tuple[dict[str, str], tuple[str, str, str]]


def _project(body: str, edit: tuple[str, str, str], top: str = "", **modules: str) -> Project:
    files = {name.replace("pkg_", "pkg/") + ".py": text for name, text in modules.items()}
    return {"helpers.py": "", "study.py": TASK.replace("{}", body) + top, **files}, edit


def _late(body: str) -> Project:
    """What a module imported inside a function does."""
    return _project(f"import late; {body}", ("late.py", "return 1", "return 2"), late=F)


def _helper(body: str, edit: tuple[str, str], helpers: str, top: str = "", **modules: str) -> Project:
    return _project(body, ("helpers.py", *edit), top, helpers=helpers, **modules)


def _other(body: str, top: str = "") -> Project:
    """What a module imported by its name does."""
    return _project(body, ("other.py", "return 1", "return 2"), top, other=F)


HIDDEN: dict[str, Project] = {
    "a module imported late, handed on": _late("return go(late)"),
    "a module imported late, returned": _project("return get().f()", ("late.py", "return 1", "return 2"), late=F),
    "a module imported late, read by a name": _late("return getattr(late, self.name)()"),
    "a module imported late, kept": _late("self.late = late; return getattr(self.late, self.name)()"),
    "a module imported late, in a closure": _late("return (lambda: go(late))()"),
    "a module in a module that is handed on": _project(
        "import late; return (lambda module: module.other.f())(late)",
        ("other.py", "return 1", "return 2"),
        late="import other\n",
        other=F,
    ),
    "a module of a package imported late, handed on": _project(
        "from pkg import late; return go(late)", ("pkg/late.py", "return 1", "return 2"), pkg_late=F, pkg___init__=""
    ),
    "a module of a package by another name, handed on": _project(
        "import pkg.late as late; return go(late)",
        ("pkg/late.py", "return 1", "return 2"),
        pkg_late=F,
        pkg___init__="",
    ),
    "a module imported late into a global": _project(
        "return load() or LATE.f()",
        ("late.py", "return 1", "return 2"),
        "def load():\n    global LATE\n    import late as LATE\n",
        late=F,
    ),
    "a name in a constant": _other(
        "return [import_module(name).f() for name in NAMES]", "from importlib import import_module\nNAMES = ['other']"
    ),
    "a name in an attribute": _other(
        "import importlib; return importlib.import_module(self.name * 0 + self.module).f()", "Main.module = 'other'"
    ),
    "importing by map": _other(
        "return [module.f() for module in map(import_module, NAMES)]",
        "from importlib import import_module\nNAMES = ['other']",
    ),
    "importing inside a function by a computed name": _other(
        "from importlib import import_module; return import_module('ot' + 'her'[self.name == 'g':]).f()"
    ),
    "a file that is run": _other(
        "import runpy; return runpy.run_path(__file__.replace('study', NAME))['f']()", "NAME = 'other'"
    ),
    "a file that is run by a function of a name": _other(
        "return run_path(__file__.replace('study', NAME))['f']()", "from runpy import run_path\nNAME = 'other'"
    ),
    "a package that imports when it is asked": _project(
        "import pkg; return pkg.f()",
        ("pkg/other.py", "return 1", "return 2"),
        pkg___init__="import importlib\n"
        "def __getattr__(name): return getattr(importlib.import_module(__name__ + '.other'), name)",
        pkg_other=F,
    ),
    "a file of a package that a library is handed": _project(
        "from importlib.resources import files; import pkg; return files(pkg).joinpath('other.py').read_text()",
        ("pkg/other.py", "return 1", "return 2"),
        pkg___init__="",
        pkg_other=F,
    ),
    "a name that a package makes when it is imported": _project(
        "from pkg import f; return f()",
        ("pkg/other.py", "return 1", "return 2"),
        pkg___init__="def __getattr__(name):\n    if name != 'f': raise AttributeError\n"
        "    from . import other\n    return other.f",
        pkg_other=F,
    ),
    "a name of a name in a module": _other("import pkgutil; return pkgutil.resolve_name('other:f')()"),
    "a table with a special name, filled elsewhere": _project(
        "return helpers.Base.__registry__['P']().f()",
        ("other.py", "return 1", "return 2"),
        "import other",
        helpers="class Base:\n    __registry__ = {}\n    def __init_subclass__(cls): cls.__registry__['P'] = cls\n",
        other="import helpers\nclass P(helpers.Base):\n    def f(self): return 1\n",
    ),
    "a table with underscores on a task": _project(
        "return self._steps_['a']", ("study.py", "] = 1", "] = 2"), "Main._steps_ = {}\nMain._steps_['a'] = 1\n"
    ),
    "a special method that is no function": _helper(
        "return helpers.C()()",
        ("return a + 1", "return a + 2"),
        "from functools import partial\ndef g(a): return a + 1\n"
        "class C: pass\nC.__call__ = staticmethod(partial(g, 3))\n",
    ),
    "an attribute of a function": _helper(
        "return [f.weight * f() for f in helpers.ALL]",
        ("weight = 1", "weight = 2"),
        "ALL = []\ndef a(): return 1\na.weight = 1\nALL.append(a)\n",
    ),
    "the order of methods, listed": _helper(
        "return [name for name in vars(helpers.C) if name[0] != '_']",
        ("a(self): return 1\n    def b", "b(self): return 1\n    def a"),
        "class C:\n    def a(self): return 1\n    def b(self): return 1\n",
    ),
    "the order of subclasses": _helper(
        "return [cls.__name__ for cls in helpers.Base.__subclasses__()]",
        ("A(Base): pass\nclass B(", "B(Base): pass\nclass A("),
        "class Base: pass\nclass A(Base): pass\nclass B(Base): pass\n",
    ),
    "what a cached property was set to": _helper(
        "return helpers.C.n",
        ("C.n = 1", "C.n = 2"),
        "from functools import cached_property\nclass K:\n    @cached_property\n    def n(self): return 0\n"
        "C = K()\nC.n = 1\n",
    ),
    "an annotation that is looked at": _helper(
        "return str(hints(helpers.f))",
        ("x: int", "x: str"),
        "def f(x: int): return 1\n",
        "from typing import get_type_hints as hints\n",
    ),
    "an annotation of a method that is looked at": _helper(
        "import inspect; return str(inspect.signature(helpers.C.f))",
        ("x: int", "x: str"),
        "class C:\n    def f(self, x: int): return 1\n",
    ),
    "what is done by another name with what can't be encoded": _helper(
        "return [*helpers.C.execute('select v from t')]",
        ("1 v", "2 v"),
        "import sqlite3\nC = sqlite3.connect('', check_same_thread=False)\nD = C\n"
        "D.execute('create table t as select 1 v')\n",
    ),
    "an attribute of a method": _helper(
        "return [f.weight for f in vars(helpers.C).values() if hasattr(f, 'weight')]",
        ("weight = 1", "weight = 2"),
        "class C:\n    def a(self): return 1\nC.a.weight = 1\n",
    ),
    "what a name of a whole module holds": _project(
        "return getattr(helpers, self.name)",
        ("other.py", "int('1')", "int('2')"),
        helpers="from other import *\n",
        other="f = int('1')\n",
    ),
    "what is set in a whole module": _project(
        "return go(helpers)",
        ("study.py", "] = 1", "] = 2"),
        "helpers.TABLE['x'] = 1\n",
        helpers="TABLE = {}\ndef f(): return globals()['TABLE']['x']\n",
    ),
    "an attribute of a class that can't be encoded": _helper(
        "return helpers.C.h.n", ("Holder(1)", "Holder(2)"), HOLDER + "class C: pass\nC.h = Holder(1)\n"
    ),
    "a default that can't be encoded": _helper(
        "return helpers.F()",
        ("make(1)", "make(2)"),
        HOLDER + "def make(n):\n    def f(h=Holder(n)): return h.n\n    return f\nF = make(1)\n",
    ),
    "a module set on a class": _helper("return self.h.f()", ("return 1", "return 2"), F, "Main.h = helpers\n"),
    "a module in a table of a class": _helper(
        "return self.h[0].f()", ("return 1", "return 2"), F, "Main.h = []\nMain.h.append(helpers)\n"
    ),
    "a module put into a table elsewhere": _helper(
        "return [module.f() for module in registry.ALL]",
        ("return 1", "return 2"),
        F,
        "import registry\nregistry.ALL.append(helpers)\n",
        registry="ALL = []\n",
    ),
    "a property that is no function": _helper(
        "return self.p",
        ("return k + 1", "return k + 2"),
        "def g(k, self): return k + 1\n",
        "from functools import partial\nMain.p = property(partial(helpers.g, 3))\n",
    ),
    "a method of a task that is made meanwhile": _project(
        "with Cache('c2'): return Other(3).helper()", ("study.py", "helper(self): return 1", "helper(self): return 2")
    ),
    "a property of a task that is made meanwhile": _project(
        "with Cache('c2'): return Other(3).half", ("study.py", "return 1.5", "return 2.5")
    ),
    "eval of the library's": _helper(
        "import builtins; return builtins.eval('helpers.f()')", ("return 1", "return 2"), F
    ),
    "eval by another name": _helper("return ev('helpers.f()')", ("return 1", "return 2"), F, "ev = eval\n"),
    "eval imported late": _helper(
        "from builtins import eval as ev; return ev('helpers.f()')", ("return 1", "return 2"), F
    ),
    "the globals of a function": _helper(
        "return helpers.g.__globals__['f']()", ("return 1", "return 2"), F + "def g(): pass\n"
    ),
    "the globals of a frame": _project(
        "import sys; return sys._getframe().f_globals['get']().f()", ("late.py", "return 1", "return 2"), late=F
    ),
    "the loaded modules": _helper(
        "return modules['helpers'].f()", ("return 1", "return 2"), F, "from sys import modules\n"
    ),
    "a global that can't be encoded, made by a function": _helper(
        "return [*helpers.CONN.execute('select v from t')]",
        ("1 v", "2 v"),
        "import sqlite3\nCONN = None\ndef fill(): CONN.execute('create table t as select 1 v')\n"
        "def init():\n    global CONN\n    CONN = sqlite3.connect('', check_same_thread=False)\n    fill()\ninit()\n",
    ),
    "a local that is named like a setting": _helper(
        "return helpers.f()", ("= 1", "= 2"), "def f():\n    _task_channel = 1\n    return _task_channel\n"
    ),
    "a registry that holds weakly": _project(
        "return helpers.R['f']()",
        ("other.py", "return 1", "return 2"),
        "import other\n",
        helpers="import weakref\nR = weakref.WeakValueDictionary()\n",
        other=F + "import helpers\nhelpers.R['f'] = f\n",
    ),
}

SPARED: dict[str, Project] = {
    "a module imported late, of which a name is read": _project(
        "import late; return late.f()", ("late.py", "return 2", "return 3"), late=F + "def g(): return 2\n"
    ),
    "a module of a library, imported by a name": _project(
        "import importlib; return importlib.import_module('json').dumps(1)",
        ("helpers.py", "return 1", "return 2"),
        helpers=F,
    ),
    "a task that __init__ makes": _project(
        "return 1",
        ("study.py", "return 1.5", "return 2.5"),
        "def more(self): self.n = Other(1).n\nMain.__init__ = more\n",
    ),
    "what a whole module has from a library": _helper(
        "import os; os.environ['HIDDEN'] = str(os.getpid() + id(self)); return go(helpers)",
        ("# a", "# b"),
        F + "from os import environ\nfrom sys import argv, modules, path  # a\n",
    ),
    "what a module has anew in each process, and the code does not read": _helper(
        "return go(helpers)",
        ("# a", "# b"),
        F + "import random, time\nNOW = time.time()\nDICE = random.Random()\nT = list(map(str, {'a', 'b'}))  # a\n",
    ),
    "a module imported late that may be missing": _project(
        "try: import late\n        except ImportError: late = None\n        if late is not None: return late.f()",
        ("late.py", "return 2", "return 3"),
        late=F + "def g(): return 2\n",
    ),
    "words that are also those of the import system": _project(
        "self.run_path = print; self.run_path(self.load_module('other'))",
        ("other.py", "return 1", "return 2"),
        "def load_module(self, name): return name\nMain.load_module = load_module\n",
        other=F,
    ),
    "a protocol": _helper(
        "return helpers.P.__name__ and helpers.f()",
        ("return 2", "return 3"),
        F + "from typing import Protocol\nclass P(Protocol):\n    def f(self): ...\ndef g(): return 2\n",
    ),
    "a word that is also a library's": _helper(
        "from pathlib import Path; return helpers.f()", ("return 2", "return 3"), F + "def modules(): return 2\n"
    ),
}
"""The same, with an edit that does not concern the task."""
