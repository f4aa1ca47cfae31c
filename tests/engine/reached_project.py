"""A project that reaches code in uncommon ways: a task for each, and edits that concern it."""

from __future__ import annotations

import re
from textwrap import indent

H = """
import contextlib, functools, logging, threading, enum, collections, dataclasses, operator, os
from math import floor as rnd
from math import sqrt as root_of
from collections import OrderedDict as Mapping_
import math as m
import consts
from consts import DEEP, COLORS as _COLORS

RATE = 3
LOOKUP = {"a": 1, "b": 2}.get
GETTER = operator.itemgetter(0)

log = logging.getLogger(__name__)

def leaf(x):
    return x + 1

def leaf2(x):
    return x + 2

def leaf3(x):
    return x + 3

def use_round(x):
    return rnd(x)

def use_root(x):
    return root_of(x)

def use_module(x):
    return m.sqrt(x)

def use_class():
    return Mapping_.__name__

@contextlib.contextmanager
def managed(x):
    yield leaf(x)

class Registry:
    def __init__(self):
        self.lock = threading.Lock()
        self.table = {}
    def register(self, function):
        self.table[function.__name__] = function
        return function

REG = Registry()

@REG.register
def reg_one(x):
    return leaf2(x)

LOOPED = Registry()
for _n in (1, 2):
    LOOPED.table[_n] = _n * 10

def setup():
    AUTO.table["k"] = 5
AUTO = Registry()
setup()

class Conn:
    def __init__(self, size):
        self.lock = threading.Lock()
        self.size = size

def make_conn():
    conn = Conn(5)
    def ask():
        return conn.size
    return ask
ask = make_conn()

FuncEnum = enum.Enum("FuncEnum", "LOW HIGH")
class AutoEnum(enum.Enum):
    A = enum.auto()
    B = enum.auto()
    def describe(self):
        return leaf3(self.value)
FuncTuple = collections.namedtuple("FuncTuple", "x y", defaults=(1, 2))
Made = dataclasses.make_dataclass(
    "Made", [("x", int, dataclasses.field(default=3)), ("l", list, dataclasses.field(default_factory=list))]
)
Dyn = type("Dyn", (), {"v": 1, "go": lambda self: leaf3(self.v)})

class Patched:
    def a(self):
        return 1
    def b(self):
        return 2
# PATCH

class Meta(type):
    def __new__(mcs, name, bases, ns):
        cls = super().__new__(mcs, name, bases, ns)
        cls.tag = leaf3(1)
        return cls
    def __call__(cls, *a):
        inst = super().__call__(*a)
        inst.extra = meta_extra()
        return inst
def meta_extra():
    return 11
class WithMeta(metaclass=Meta):
    pass

def tag_value():
    return 19
def label_value():
    return 23

class SubBase:
    def __init_subclass__(cls, **kw):
        cls.sub = sub_value()
def sub_value():
    return 21
class SubChild(SubBase):
    pass

class Lazy:
    def __getattr__(self, name):
        return lazy_value(name)
def lazy_value(name):
    return len(name)
LAZY = Lazy()

class Desc:
    def __get__(self, obj, owner):
        return desc_value()
def desc_value():
    return 31
class HasDesc:
    d = Desc()

class Stateful:
    def __init__(self, s):
        self.s = s
    def __getstate__(self):
        return {}
STATEFUL = Stateful(4)

class Slotted:
    __slots__ = ("a",)
    def __init__(self, a):
        self.a = a
SLOTTED = Slotted(8)

async def agen(x):
    return aleaf(x)
def aleaf(x):
    return x * 5

def gen(n):
    for i in range(n):
        yield gleaf(i)
def gleaf(i):
    return i * 7

def matcher(x):
    match x:
        case {"kind": "a"}:
            return mleaf(1)
        case [1, *rest]:
            return len(rest)
        case _:
            return 0
def mleaf(x):
    return x * 9

def walrus(xs):
    return [y for x in xs if (y := wleaf(x)) > 1]
def wleaf(x):
    return x + 1

COUNT = 0
def counter():
    global COUNT
    COUNT += 1
    return CSTEP
CSTEP = 2

if RATE > 2:
    def cond(x):
        return x + 100
else:
    def cond(x):
        return x + 200

if os.environ.get("ZOO_FAST"):
    def envcond(x):
        return x + 1
else:
    def envcond(x):
        return x + 2

class EnvClass:
    if os.environ.get("ZOO_FAST"):
        def step(self):
            return 1
    else:
        def step(self):
            return 2

class SingleDisp:
    @functools.singledispatchmethod
    def go(self, x):
        return 0
    @go.register
    def _(self, x: int):
        return sd_int(x)
    @go.register
    def _(self, x: str):
        return sd_str(x)
def sd_int(x):
    return x + 40
def sd_str(x):
    return len(x) + 50

class PMethod:
    def base(self, a, b):
        return pm_leaf(a, b)
    go = functools.partialmethod(base, b=3)
def pm_leaf(a, b):
    return a * b

class CMan:
    @contextlib.contextmanager
    def ctx(self):
        yield cm_leaf()
    @functools.cache
    def mem(self):
        return mem_leaf()
    @functools.wraps(leaf)
    def wrapped(self):
        return wr_leaf()
def cm_leaf():
    return 61
def mem_leaf():
    return 62
def wr_leaf():
    return 63

@functools.total_ordering
class Ordered:
    def __init__(self, v):
        self.v = v
    def __eq__(self, o):
        return self.v == o.v
    def __lt__(self, o):
        return ord_key(self) < ord_key(o)
def ord_key(o):
    return o.v

def kwonly(*, a=consts.KW):
    return a

class Prop:
    @property
    def p(self):
        return prop_get()
    @p.setter
    def p(self, v):
        prop_set(v)
    @staticmethod
    def s():
        return stat_leaf()
    @classmethod
    def c(cls):
        return cls.K
    K = 71
def prop_get():
    return 72
def prop_set(v):
    pass
def stat_leaf():
    return 73

METHOD = SLOTTED.__class__
BOUND = Prop().c

class Outer:
    class Inner:
        def f(self):
            return inner_leaf()
def inner_leaf():
    return 81

def dec_arg(n):
    def deco(f):
        f.extra = n
        return f
    return deco
@dec_arg(91)
def attributed():
    return attributed.extra

def varied(*args, **kw):
    return sum(map(var_leaf, args))
def var_leaf(x):
    return x
def dead(x):
    return 1
"""

CONSTS = """
DEEP = {"x": [1, (2, 3)], "s": {1, 2}}
COLORS = ("r", "g")
KW = 5
UNUSED = 1
"""

STAR = """
__all__ = ["star_f", "STAR_C"]
STAR_C = 4
def star_f(x):
    return x + STAR_C
def hidden(x):
    return x
"""

PLUGIN = """
def run(x):
    return x + 1
"""

PKG_INIT = """
from .sub import exported
LEVEL = 2
"""

PKG_SUB = """
from . import deep
from .deep import bottom as btm
import pkg as me
def exported(x):
    return deep.bottom(x) + btm(x)
def f(x):
    return x + LOCAL
LOCAL = 1
def lazy(x):
    from .deep import lazily
    from . import deep as d2
    return lazily(x) + d2.second(x)
def spare():
    return 0
"""

PKG_DEEP = """
import sys
def bottom(x):
    return x * 2
def lazily(x):
    return x * 3
def second(x):
    return x * 4
def unrelated():
    return 0
"""

CIRC_A = """
import circ_b
def ping(n):
    return n if n <= 0 else circ_b.pong(n - 1)
"""

CIRC_B = """
import circ_a
def pong(n):
    return n if n <= 0 else circ_a.ping(n - 1)
"""

MODELS = """
from __future__ import annotations
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar, NamedTuple
from pydantic import BaseModel, Field, field_validator, computed_field, AfterValidator

def dflt():
    return [1]
def check(x):
    return x + 1
def valid(x):
    return x * 2
class P(BaseModel):
    a: int = 1
    b: Annotated[int, AfterValidator(check)] = 2
    c: list = Field(default_factory=dflt)
    @field_validator("a")
    @classmethod
    def _va(cls, v):
        return valid(v)
    @computed_field
    @property
    def total(self) -> Any:
        return comp(self.a)
def comp(x):
    return x
@dataclass(order=True)
class D:
    x: int = 1
    l: list = field(default_factory=dflt)
    def __post_init__(self):
        post(self)
def post(d):
    pass
@dataclass
class Cfg:
    depth: int = 1
    def area(self):
        return cfg_leaf(self.depth)
def cfg_leaf(x):
    return x * 10
T = TypeVar("T")
class Box(Generic[T]):
    def __init__(self, v: T):
        self.v = v
    def get(self) -> T:
        return box_leaf(self.v)
def box_leaf(v):
    return v
class NT(NamedTuple):
    x: int = 3
    def m(self):
        return nt_leaf(self.x)
def nt_leaf(x):
    return x
class Err(Exception):
    def __str__(self):
        return err_leaf()
def err_leaf():
    return "err"
"""

STUDY = """
from __future__ import annotations
from typing import Any
import asyncio, json
import helpers, pkg, pkg.sub, circ_a, models
from helpers import leaf as aliased
from star import *
from taskproc import Task, Requires, RequiresList, RequiresDict, Const
import taskproc

class Base1(Task):
    SHARED = 5
    def run_task(self): return self.step()
    def step(self): return 1
    @classmethod
    def rate(cls): return cls.RATE * 2
    RATE = 3
    @staticmethod
    def stat(): return helpers.leaf3(0)
    def unread(self): return 1
    TABLE = {"k": [1]}

class Named(Base1):
    @classmethod
    def label(cls): return helpers.label_value()
class Late:
    LATE = 3
class Renamed(Named, Late):
    @classmethod
    def label(cls): return super(Renamed, cls).label()  # from Python 3.12 on, `super()` reads the whole class

class TagType(type(Task)):
    def tag(cls): return helpers.tag_value()
    def __getattr__(cls, name):
        if name != "made": raise AttributeError(name)
        return helpers.tag_value()
class WithTag(Task, metaclass=TagType):
    def run_task(self): return 1
WITH_TAG = [WithTag]

TASKS = [Base1]
TABLES = {"t": Base1}
"""

BODIES = {
    "Round": "return helpers.use_round(2.5)",
    "Root": "return helpers.use_root(4)",
    "Modul": "return helpers.use_module(2.5)",
    "LibCls": "return helpers.use_class()",
    "Lookup": "return helpers.LOOKUP('a')",
    "Getter": "return helpers.GETTER([7, 8])",
    "Reg": "return helpers.REG.table['reg_one'](1)",
    "Looped": "return helpers.LOOPED.table[1]",
    "Auto": "return helpers.AUTO.table['k']",
    "Ask": "return helpers.ask()",
    "FEnum": "return helpers.FuncEnum.LOW.value",
    "AEnum": "return helpers.AutoEnum.A.describe()",
    "FTuple": "return helpers.FuncTuple().y",
    "FuncData": "return helpers.Made().x + len(helpers.Made().l)",
    "DynT": "return helpers.Dyn().go()",
    "Patch": "return helpers.Patched().a()",
    "MetaT": "return [helpers.WithMeta.tag, helpers.WithMeta().extra]",
    "SubT": "return helpers.SubChild.sub",
    "LazyT": "return helpers.LAZY.abc",
    "DescT": "return helpers.HasDesc().d",
    "State": "return helpers.STATEFUL.s",
    "Slot": "return helpers.SLOTTED.a",
    "Async": "return asyncio.run(helpers.agen(2))",
    "Gen": "return list(helpers.gen(3))",
    "Match": "return helpers.matcher({'kind': 'a'})",
    "Walrus": "return helpers.walrus([1, 2])",
    "Count": "return helpers.counter()",
    "Cond": "return helpers.cond(1)",
    "EnvCond": "return helpers.envcond(1)",
    "EnvCls": "return helpers.EnvClass().step()",
    "SDisp": "return [helpers.SingleDisp().go(1), helpers.SingleDisp().go('abc')]",
    "PMeth": "return helpers.PMethod().go(2)",
    "Order": "return helpers.Ordered(1) <= helpers.Ordered(2)",
    "KwOnly": "return helpers.kwonly()",
    "PropT": "return [helpers.Prop().p, helpers.Prop.s(), helpers.Prop.c()]",
    "BoundT": "return helpers.BOUND()",
    "Nested_": "return helpers.Outer.Inner().f()",
    "Attrd": "return helpers.attributed()",
    "Varied": "return helpers.varied(1, 2)",
    "DeepC": "return [helpers.DEEP['x'], sorted(helpers.DEEP['s'])]",
    "Star": "return star_f(1)",
    "PkgInit": "return pkg.exported(1) + pkg.LEVEL",
    "PkgSub": "return pkg.sub.f(1)",
    "PkgLazy": "return pkg.sub.lazy(1)",
    "Circ": "return circ_a.ping(3)",
    "Pyd": "return [models.P(a=2).model_dump()]",
    "DC": "return [models.D(), models.D() < models.D(x=2)] and repr(models.D())",
    "BoxT": "return models.Box(3).get()",
    "NTT": "return models.NT().m()",
    "ErrT": "return str(models.Err())",
    "MemberC": "return Base1.SHARED",
    "MemberCm": "return Base1.rate()",
    "MemberSt": "return Base1.stat()",
    "MemberTab": "return Base1.TABLE['k']",
    "LoopCls": "return sum(c.SHARED for c in TASKS)",
    "GetAttr": "return getattr(Base1, 'SHARED')",
    "MemberSup": "return Renamed.label()",
    "MemberLate": "return Renamed.LATE",
    "MetaMem": "return WithTag.tag()",
    "MetaLoop": "return [each.tag() for each in WITH_TAG]",
    "MetaMade": "return [each.made for each in WITH_TAG]",
    "TabCls": "return TABLES['t'].SHARED",
    "Logged": "return helpers.log.name and 1",
    "Alias": "return aliased(1)",
    "Comp": "return {k: aliased(k) for k in range(2)}",
    "Lam": "return (lambda z: aliased(z))(3)",
    "GetAttrMod": "return getattr(helpers, 'le' + 'af2')(1)",
    "Exec": "return eval('helpers.leaf(1)')",
    "Cfgd": "return models.Cfg().area()",
    "FStr": "return f'{aliased(1)!r:>5}'",
    "SortKey": "return sorted([2, 1], key=helpers.gleaf)",
    "CtxM": "with helpers.managed(1) as v:\n    return v",
    "CtxC": "c = helpers.CMan()\nwith c.ctx() as v:\n    return [v, c.mem(), c.wrapped()]",
    "Dynamic": "import importlib\nreturn importlib.import_module('plugin').run(1)",
    "DynamicComputed": "import importlib\nreturn importlib.import_module('plug' + 'in').run(1)",
    "FromDyn": "from importlib import import_module\nreturn import_module('plugin').run(1)",
    "LocalAlias": "h = helpers\nreturn h.leaf2(1)",
    "LocalCls": "c = Base1\nreturn c.SHARED",
    "Except": "try:\n    raise models.Err()\nexcept models.Err as e:\n    return str(e)",
    "LocalFunc": "def inner(n):\n    def inn(k):\n        return aliased(k)\n    return inn(n)\nreturn inner(1)",
    "MakeCfg": "return models.Cfg(3)",
    "MakeMany": "return {'k': [models.Cfg(3)], 'o': 1}",
    "MakeLam": "return lambda x: helpers.leaf(x)",
    "MakeFun": "return helpers.leaf",
    "MakeLocal": "class K:\n    def g(self): return 4\nreturn K()",
}
"""Tasks that are only a `run_task`, each with its body."""

MORE = """

class OwnCtx(Task):
    @helpers.contextlib.contextmanager
    def ctx(self):
        yield helpers.leaf3(5)
    def run_task(self):
        with self.ctx() as v:
            return v

def _rate_of(c): return c.SHARED

class PassCls(Task):
    def run_task(self):
        return _rate_of(Base1)

class ConstInst(Task):
    up: Requires[Any]
    def __init__(self):
        self.up = Const(models.Cfg(2))
    def run_task(self):
        return self.up.area()

class ConstFun(Task):
    up: Requires[Any]
    def __init__(self):
        self.up = Const(helpers.leaf)
    def run_task(self):
        return self.up(2)

class ArgCfg(Task):
    def __init__(self, cfg: models.Cfg = models.Cfg(2)):
        self.cfg = cfg
    def run_task(self):
        return self.cfg.area()

class ReadCfg(Task):
    up: Requires[Any]
    def __init__(self):
        self.up = MakeCfg()
    def run_task(self):
        return self.up.area()

class ReadItem(Task):
    up: Requires[Any]
    def __init__(self):
        self.up = MakeMany()['k'][0]
    def run_task(self):
        return self.up.area()

class ReadLam(Task):
    up: Requires[Any]
    def __init__(self):
        self.up = MakeLam()
    def run_task(self):
        return self.up(1)

class ReadFun(Task):
    up: Requires[Any]
    def __init__(self):
        self.up = MakeFun()
    def run_task(self):
        return self.up(1)

class ReadLocal(Task):
    up: Requires[Any]
    def __init__(self):
        self.up = MakeLocal()
    def run_task(self):
        return self.up.g()

class AttrFun(Task):
    def __init__(self):
        self.f = helpers.leaf
    def run_task(self):
        return self.f(1)

class AttrInst(Task):
    def __init__(self):
        self.c = models.Cfg(4)
    def run_task(self):
        return self.c.area()

class InitOnly(Task):
    def __init__(self):
        self.v = helpers.leaf3(9)
    def run_task(self):
        return self.v

class Kids(Task):
    ups: RequiresList[Any]
    def __init__(self):
        self.ups = [c() for c in TASKS]
    def run_task(self):
        return sorted(self.ups)

class Child1(Base1):
    def run_task(self):
        return super().run_task() + 1
"""

MAIN = """

class Main(Task):
    parts: RequiresDict[str, Any]

    def __init__(self):
        self.parts = {%s}

    def run_task(self):
        return json.dumps(self.parts, sort_keys=True, default=repr)
"""


def _study() -> str:
    """The taskfile; what is named `Make...` is read by another task."""
    tasks = [
        f"\n\nclass {name}(Task):\n    def run_task(self):\n{indent(body, ' ' * 8)}\n" for name, body in BODIES.items()
    ]
    more = "".join(tasks) + MORE
    names = [name for name in re.findall(r"^class (\w+)", more, re.MULTILINE) if not name.startswith("Make")]
    return STUDY + more + MAIN % ", ".join(f"{name!r}: {name}()" for name in names)


FILES = {
    "helpers.py": H,
    "consts.py": CONSTS,
    "star.py": STAR,
    "plugin.py": PLUGIN,
    "pkg/__init__.py": PKG_INIT,
    "pkg/sub.py": PKG_SUB,
    "pkg/deep.py": PKG_DEEP,
    "circ_a.py": CIRC_A,
    "circ_b.py": CIRC_B,
    "models.py": MODELS,
    "study.py": _study(),
    "other.py": "def leaf(x):\n    return x + 1\n",
}

EDITS: dict[str, tuple[str, tuple[tuple[str, str, str], ...]]] = {
    "lib function alias": ("Round", (("helpers.py", "from math import floor as rnd", "from math import ceil as rnd"),)),
    "lib module alias": ("Modul", (("helpers.py", "import math as m\n", "import cmath as m\n"),)),
    "lib class alias": ("LibCls", (("helpers.py", "OrderedDict as Mapping_", "defaultdict as Mapping_"),)),
    "bound builtin": ("Lookup", (("helpers.py", '{"a": 1, "b": 2}.get', '{"a": 4, "b": 2}.get'),)),
    "itemgetter": ("Getter", (("helpers.py", "itemgetter(0)", "itemgetter(1)"),)),
    "registry fn": ("Reg", (("helpers.py", "return leaf2(x)", "return leaf2(x) + 1"),)),
    "leaf2": ("Reg", (("helpers.py", "return x + 2\n\ndef leaf3", "return x + 22\n\ndef leaf3"),)),
    "loop fills": ("Looped", (("helpers.py", "_n * 10", "_n * 20"),)),
    "setup fills": ("Auto", (("helpers.py", '["k"] = 5', '["k"] = 6'),)),
    "closure conn": ("Ask", (("helpers.py", "Conn(5)", "Conn(6)"),)),
    "func enum": ("FEnum", (("helpers.py", '"LOW HIGH"', '"HIGH LOW"'),)),
    "auto enum": (
        "AEnum",
        (("helpers.py", "    A = enum.auto()\n    B = enum.auto()", "    B = enum.auto()\n    A = enum.auto()"),),
    ),
    "namedtuple defaults": ("FTuple", (("helpers.py", "defaults=(1, 2)", "defaults=(1, 3)"),)),
    "make_dataclass": ("FuncData", (("helpers.py", "default=3", "default=4"),)),
    "make_dataclass factory": ("FuncData", (("helpers.py", "default_factory=list)", "default_factory=lambda: [1])"),)),
    "type()": ("DynT", (("helpers.py", '"v": 1', '"v": 2'),)),
    "type() method": ("DynT", (("helpers.py", "leaf3(self.v)", "leaf3(self.v) + 1"),)),
    "monkeypatch own": ("Patch", (("helpers.py", "# PATCH", "Patched.a = Patched.b"),)),
    "monkeypatch fn": ("Patch", (("helpers.py", "# PATCH", "Patched.a = lambda self: 5"),)),
    "monkeypatch from other module": (
        "Patch",
        (("study.py", "TASKS = [Base1]", "TASKS = [Base1]\nhelpers.Patched.a = helpers.Patched.b"),),
    ),
    "metaclass": ("MetaT", (("helpers.py", "def meta_extra():\n    return 11", "def meta_extra():\n    return 12"),)),
    "metaclass new": ("MetaT", (("helpers.py", "cls.tag = leaf3(1)", "cls.tag = leaf3(2)"),)),
    "task metaclass": ("MetaLoop MetaMade MetaMem", (("helpers.py", "return 19", "return 20"),)),
    "init_subclass": ("SubT", (("helpers.py", "return 21", "return 22"),)),
    "getattr": ("LazyT", (("helpers.py", "return len(name)", "return len(name) + 1"),)),
    "descriptor": ("DescT", (("helpers.py", "return 31", "return 32"),)),
    "getstate hides": ("State", (("helpers.py", "Stateful(4)", "Stateful(5)"),)),
    "slotted": ("Slot", (("helpers.py", "Slotted(8)", "Slotted(9)"),)),
    "async": ("Async", (("helpers.py", "return x * 5", "return x * 6"),)),
    "gen": ("Gen SortKey", (("helpers.py", "return i * 7", "return i * -7"),)),
    "match": ("Match", (("helpers.py", "return x * 9", "return x * 10"),)),
    "match pattern": ("Match", (("helpers.py", '{"kind": "a"}', '{"kind": "b"}'),)),
    "walrus": ("Walrus", (("helpers.py", "def wleaf(x):\n    return x + 1", "def wleaf(x):\n    return x + 5"),)),
    "global": ("Count", (("helpers.py", "CSTEP = 2", "CSTEP = 3"),)),
    "cond def": ("Cond", (("helpers.py", "RATE = 3", "RATE = 1"),)),
    "cond def other branch": ("", (("helpers.py", "return x + 200", "return x + 201"),)),
    "class cond other branch": (
        "EnvCls",
        (("helpers.py", "            return 1\n    else", "            return 9\n    else"),),
    ),
    "singledispatchmethod": ("SDisp", (("helpers.py", "return x + 40", "return x + 41"),)),
    "singledispatchmethod 2": ("SDisp", (("helpers.py", "return len(x) + 50", "return len(x) + 51"),)),
    "partialmethod": ("PMeth", (("helpers.py", "return a * b", "return a + b"),)),
    "partialmethod arg": ("PMeth", (("helpers.py", "b=3)", "b=4)"),)),
    "contextmanager": ("CtxM", (("helpers.py", "yield leaf(x)", "yield leaf(x) + 1"),)),
    "contextmanager method": ("CtxC", (("helpers.py", "return 61", "return 65"),)),
    "cached method": ("CtxC", (("helpers.py", "return 62", "return 66"),)),
    "wraps method": ("CtxC", (("helpers.py", "return 63", "return 67"),)),
    "total_ordering": ("Order", (("helpers.py", "return o.v", "return -o.v"),)),
    "kwonly default": ("KwOnly", (("consts.py", "KW = 5", "KW = 6"),)),
    "property": ("BoundT PropT", (("helpers.py", "return 72", "return 722"),)),
    "setter": ("BoundT PropT", (("helpers.py", "def prop_set(v):\n    pass", "def prop_set(v):\n    print(v)"),)),
    "static": ("BoundT PropT", (("helpers.py", "return 73", "return 733"),)),
    "classmethod const": ("BoundT PropT", (("helpers.py", "K = 71", "K = 711"),)),
    "inner class": ("Nested_", (("helpers.py", "return 81", "return 82"),)),
    "function attribute": ("Attrd", (("helpers.py", "@dec_arg(91)", "@dec_arg(92)"),)),
    "map": ("Varied", (("helpers.py", "def var_leaf(x):\n    return x\n", "def var_leaf(x):\n    return -x\n"),)),
    "deep const": ("DeepC", (("consts.py", "(2, 3)", "(2, 4)"),)),
    "star": ("Star", (("star.py", "STAR_C = 4", "STAR_C = 5"),)),
    "star fn": ("Star", (("star.py", "return x + STAR_C", "return x - STAR_C"),)),
    "star hidden": ("", (("star.py", "def hidden(x):\n    return x", "def hidden(x):\n    return x+1"),)),
    "pkg init": ("PkgInit", (("pkg/__init__.py", "LEVEL = 2", "LEVEL = 3"),)),
    "pkg deep": ("PkgInit", (("pkg/deep.py", "return x * 2", "return x * 22"),)),
    "pkg local": ("PkgSub", (("pkg/sub.py", "LOCAL = 1", "LOCAL = 2"),)),
    "pkg lazy": ("PkgLazy", (("pkg/deep.py", "return x * 3", "return x * 33"),)),
    "pkg lazy 2": ("PkgLazy", (("pkg/deep.py", "return x * 4", "return x * 44"),)),
    "pkg unrelated": (
        "",
        (
            ("pkg/deep.py", "def unrelated():\n    return 0", "def unrelated():\n    return 1"),
            ("pkg/sub.py", "def spare():\n    return 0", "def spare():\n    return 4"),
        ),
    ),
    "circular": ("Circ", (("circ_b.py", "n if n <= 0", "n + 1 if n <= 0"),)),
    "pyd validator": ("Pyd", (("models.py", "return x * 2", "return x * 3"),)),
    "pyd annotated": ("Pyd", (("models.py", "def check(x):\n    return x + 1", "def check(x):\n    return x + 2"),)),
    "pyd factory": ("DC Pyd", (("models.py", "return [1]", "return [2]"),)),
    "pyd computed": ("Pyd", (("models.py", "def comp(x):\n    return x", "def comp(x):\n    return x + 1"),)),
    "pyd annotation": ("Pyd", (("models.py", "a: int = 1", "a: float = 1"),)),
    "dc post": ("DC", (("models.py", "def post(d):\n    pass", "def post(d):\n    d.x += 1"),)),
    "generic": ("BoxT", (("models.py", "def box_leaf(v):\n    return v", "def box_leaf(v):\n    return -v"),)),
    "NamedTuple": ("NTT", (("models.py", "def nt_leaf(x):\n    return x", "def nt_leaf(x):\n    return -x"),)),
    "NamedTuple default": ("NTT", (("models.py", "x: int = 3", "x: int = 4"),)),
    "exception": ("ErrT Except", (("models.py", 'return "err"', 'return "erx"'),)),
    "task member": (
        "Base1 Child1 GetAttr LocalCls LoopCls MemberC PassCls TabCls",
        (("study.py", "SHARED = 5", "SHARED = 6"),),
    ),
    "task classmethod": ("Base1 Child1 MemberCm", (("study.py", "RATE = 3", "RATE = 4"),)),
    "task static": (
        "AEnum Base1 Child1 DynT InitOnly MemberSt MetaT OwnCtx",
        (("helpers.py", "return x + 3\n", "return x + 33\n"),),
    ),
    "task member table": ("Base1 Child1 MemberTab", (("study.py", 'TABLE = {"k": [1]}', 'TABLE = {"k": [2]}'),)),
    "task member by super": ("MemberSup", (("helpers.py", "return 23", "return 24"),)),
    "task member above tasks": ("MemberLate", (("study.py", "LATE = 3", "LATE = 4"),)),
    "task unread": ("Base1 Child1", (("study.py", "def unread(self): return 1", "def unread(self): return 2"),)),
    "leaf": (
        "Alias AttrFun Comp ConstFun CtxC CtxM FStr Lam LocalFunc MakeFun MakeLam ReadFun ReadLam",
        (("helpers.py", "def leaf(x):\n    return x + 1", "def leaf(x):\n    return 1 + x + 0"),),
    ),
    "leaf moved": (
        "AttrFun ConstFun MakeFun ReadFun",
        (("helpers.py", "def leaf(x):\n    return x + 1\n", "from other import leaf\n"),),
    ),
    "cfg method": (
        "ArgCfg AttrInst Cfgd ConstInst MakeCfg MakeMany ReadCfg ReadItem",
        (("models.py", "return x * 10", "return x * 11"),),
    ),
    "local class": ("MakeLocal ReadLocal", (("study.py", "def g(self): return 4", "def g(self): return 5"),)),
    "plugin": ("Dynamic DynamicComputed FromDyn", (("plugin.py", "return x + 1", "return x + 2"),)),
    "init only": ("InitOnly", (("study.py", "self.v = helpers.leaf3(9)", "self.v = helpers.leaf3(8)"),)),
    "own ctx": ("OwnCtx", (("study.py", "yield helpers.leaf3(5)", "yield helpers.leaf3(6)"),)),
    "upstream other item": ("MakeMany ReadItem", (("study.py", "'o': 1}", "'o': 2}"),)),
    "reindent": (
        "",
        (
            (
                "helpers.py",
                "def leaf2(x):\n    return x + 2",
                "def leaf2(x):\n        # c\n        return (x +\n            2)",
            ),
        ),
    ),
    "comments and blank": (
        "",
        (
            ("helpers.py", "class Meta(type):", "\n\n# comment\nclass Meta(type):"),
            ("models.py", "class P(BaseModel):", "class P(BaseModel):\n    # comment\n"),
        ),
    ),
    "docstrings": (
        "",
        (
            ("helpers.py", "class Patched:\n", 'class Patched:\n    """Doc."""\n'),
            ("helpers.py", "def gen(n):\n", "def gen(n):\n    'doc'\n"),
            ("models.py", "class P(BaseModel):", "class P(BaseModel):\n    'doc'"),
            ("study.py", "class Main(Task):\n", "class Main(Task):\n    'doc'\n"),
            ("models.py", "    depth: int = 1\n", "    depth: int = 1\n    'doc of depth'\n"),
        ),
    ),
    "module docstring": ("", (("helpers.py", "import contextlib", "'''doc'''\nimport contextlib"),)),
    "annotations": (
        "",
        (
            ("helpers.py", "def gleaf(i):", "def gleaf(i: int) -> int:"),
            ("helpers.py", "def b(self):", "def b(self) -> int:"),
            ("helpers.py", "def counter():\n", "def counter() -> int:\n    x: int\n"),
            ("models.py", "def m(self):", "def m(self) -> int:"),
            ("models.py", "def area(self):", "def area(self) -> int:"),
        ),
    ),
    "quotes and numbers": (
        "",
        (
            ("helpers.py", '"kind": "a"', "'kind': 'a'"),
            ("helpers.py", "RATE = 3", "RATE = 0x3"),
            ("helpers.py", "return x + 100", "return x + 1_00"),
        ),
    ),
    "parens": ("", (("helpers.py", "return x * 5", "return (x * 5)"),)),
    "semicolons": ("", (("helpers.py", "RATE = 3\n", "RATE = 3; pass\n"),)),
    "constant computed": ("", (("consts.py", "KW = 5", "KW = 2 + 3"), ("consts.py", "{1, 2}", "{2, 1}"))),
    "new task": (
        "",
        (("study.py", "class Main(Task):", "class Fresh(Task):\n    def run_task(self): return 1\nclass Main(Task):"),),
    ),
    "imports added": (
        "",
        (
            ("study.py", "import asyncio, json", "import asyncio, json, os, sys"),
            ("helpers.py", "import consts\n", "import consts\nimport textwrap\n"),
        ),
    ),
    "dead code": ("", (("helpers.py", "def dead(x):\n    return 1", "def dead(x):\n    return 3"),)),
    "settings": (
        "",
        (
            (
                "study.py",
                "class Alias(Task):",
                "class Alias(Task):\n    _task_channel = 'c'\n    _task_compress_level = 0\n",
            ),
        ),
    ),
    "string split": ("", (("models.py", 'return "err"', 'return "e" "rr"'),)),
    "if else layout": ("", (("helpers.py", "if RATE > 2:", "if (RATE > 2):  # yes"),)),
    "type comment": ("", (("helpers.py", "CSTEP = 2", "CSTEP = 2  # type: int"),)),
    "annotated constant": ("", (("helpers.py", "CSTEP = 2", "CSTEP: int = 2"),)),
    "method order": (
        "",
        (
            (
                "helpers.py",
                "    def a(self):\n        return 1\n    def b(self):\n        return 2",
                "    def b(self):\n        return 2\n    def a(self):\n        return 1",
            ),
        ),
    ),
}
"""What is edited (file, old, new), and which tasks run again for it, besides `Main` if its value changed."""

BLIND = {"Exec", "GetAttrMod", "LocalAlias"}
"""Tasks that reach modules in ways that names do not tell: they run again for more than concerns them."""
