"""A project of the ways in which definitions are woven together: a task for each, and edits that concern it."""

from __future__ import annotations

HELPERS = """
from __future__ import annotations
import abc, functools, itertools, weakref, threading, datetime, pathlib, collections, typing, operator
try:
    import not_there
except ImportError:
    not_there = None
if typing.TYPE_CHECKING:
    from consts import KW
def l1(x): return x + 1
def l2(x): return x + 2
def l3(x): return x + 3
def l4(x): return x + 4
def l5(x): return x + 5
def l6(x): return x + 6
def l7(x): return x + 7
def l8(x): return x + 8
def l9(x): return x + 9
g = l1
class Deco:
    def __init__(self, f): self.f = f; functools.update_wrapper(self, f)
    def __call__(self, x): return self.f(x) * deco_by()
def deco_by(): return 2
@Deco
def decoed(x): return l2(x)
class ParamDeco:
    def __init__(self, n): self.n = n
    def __call__(self, f):
        n = self.n
        @functools.wraps(f)
        def w(*a): return f(*a) + n
        return w
@ParamDeco(5)
@functools.lru_cache
def stacked(x): return l3(x)
def cls_deco(cls):
    cls.extra = cls_extra()
    return cls
def cls_extra(): return 3
@cls_deco
class Decorated: pass
class Abs(abc.ABC):
    @abc.abstractmethod
    def need(self): ...
    def have(self): return self.need() + 1
class Conc(Abs):
    def need(self): return l4(1)
class Named:
    def __set_name__(self, owner, name): self.name = name
    def __get__(self, o, t): return self.name + named_suffix()
def named_suffix(): return "!"
class HasNamed:
    field = Named()
class Gi:
    def __class_getitem__(cls, k): return gi(k)
def gi(k): return k * 2
class Ops:
    def __init__(self, v): self.v = v
    def __add__(self, o): return l5(self.v + o.v)
    def __iter__(self): return iter([l6(self.v)])
    def __enter__(self): return l7(self.v)
    def __exit__(self, *a): return False
    def __call__(self): return l8(self.v)
OBJ = Ops(3)
bound = OBJ.__call__
class Sub(Ops):
    pass
ARR = [Ops(1), {"k": Ops(2)}]
class Node:
    def __init__(self): self.me = self; self.w = 5
CYC = Node()
import types
LOCAL = types.SimpleNamespace(lock=threading.Lock())
LOCAL.x = 3
WEAK = weakref.ref(OBJ)
GENR = (l9(i) for i in range(3))
def use_gen(): return [l9(i) for i in range(2)]
DT = datetime.date(2020, 1, 2)
PT = pathlib.PurePosixPath("/a/b")
BY = b"abc"
A, (B, C) = 1, (2, 3)
TOT = 0
for _i in range(4): TOT += _i
AUG = [1]
AUG += [2]
del _i
def nonl():
    n = 1
    def inc():
        nonlocal n
        n += 1
        return n
    return inc()
def defl(x, f=l1): return f(x)
def lamd(x, f=lambda y: y + 10): return f(x)
def red(xs): return functools.reduce(redleaf, xs)
def redleaf(a, b): return a + b
def star(xs): return list(itertools.starmap(redleaf2, xs))
def redleaf2(a, b): return a * b
def try_(x):
    try: return trybody(x)
    except ZeroDivisionError: return tryhandler()
    finally: trydone()
def trybody(x): return 1 / x
def tryhandler(): return -1
def trydone(): pass
def local_cls():
    class L:
        def m(self): return lcl()
    return L().m()
def lcl(): return 12
def rec(n): return 1 if n == 0 else n * rec(n - 1)
def pre(x, /, *, k=KWD if (KWD := 4) else 0): return x + k
def cond_expr(x): return ca(x) if x else cb(x)
def ca(x): return x
def cb(x): return -1
def asserts(x):
    assert x > 0, msg()
    return x
def msg(): return "m"
def fstr(x): return f"{fsl(x):{fsw()}}"
def fsl(x): return x
def fsw(): return ">4"
def dele(d):
    del d[delk()]
    return d
def delk(): return "a"
def gen_from(): yield from genl()
def genl(): return [1, 2]
def sl(xs): return xs[slo():]
def slo(): return 1
class P1:
    V = 1
class P2(P1): pass
class P3(P2): pass
def chain(): return P3.V
class Holder:
    tool = OBJ
    fn = staticmethod(l2)
    tbl = {"x": l3}
    comp = [l4(i) for i in range(2)]
SENT = object()
def sent(x=SENT): return 1 if x is SENT else 0
def __getattr__(name):
    if name == "dyn": return dynv()
    raise AttributeError(name)
def dynv(): return 77
def use_super(): return Lower().go()
class Upper:
    def go(self): return upper_leaf()
class Lower(Upper):
    def go(self): return super().go() + 1
def upper_leaf(): return 1
CM = collections.ChainMap({"a": 1}, {"b": 2})
CNT = collections.Counter("aab")
DD = collections.defaultdict(list, {"a": [1]})
OD = collections.OrderedDict(a=1, b=2)
PART = functools.partial(l5, 3)
CMP = functools.cmp_to_key(lambda a, b: cmpl(a, b))
def cmpl(a, b): return a - b
AG = operator.attrgetter("v")
def annotated(x: int) -> int:
    y: int = x
    return y
def _private(x): return x
def pub(x): return _private(x)
"""

STUDY = """
from taskproc import Task, Requires, RequiresList, Const
import taskproc, helpers, tasksbase, pkg.sub as ps
from helpers import *
from helpers import _private as priv
from tasksbase import MixTask, Template
class Upst(Task):
    K = 3
    def __init__(self, n=1): self.n = n
    def run_task(self): return self.n
class Mixed(MixTask):
    def extra(self): return 1
class Templ(Template):
    def part(self): return 2
class WithAttr(Task):
    tool = helpers.OBJ
    rate: float = 2.5
    def run_task(self): return self.tool.v * self.rate
class SelfProp(Task):
    @property
    def p(self): return helpers.l1(self.q)
    @staticmethod
    def st(): return helpers.l2(0)
    @classmethod
    def cm(cls): return cls.st()
    q = 3
    def run_task(self): return self.p + self.cm()
class Down(Task):
    ups: RequiresList[int]
    def __init__(self, m=2): self.ups = [Upst(i) for i in range(m)]
    def run_task(self): return sum(self.ups)
class ClsAttr(Task):
    up = Upst
    def run_task(self): return self.up.K
class ViaType(Task):
    K = 1
    def run_task(self): return type(self).K + self.__class__.K
@taskproc.untracked
def note(x): return None
class Noted(Task):
    def run_task(self):
        note(1)
        return 1
"""

BASE = """
from taskproc import Task
import helpers
class MixTask(Task):
    SIZE = 4
    def run_task(self): return self.extra() + self.SIZE + helpers.l3(0)
class Template(Task):
    def run_task(self): return self.part() + 1
    def part(self): return 0
"""

RETURNS = {
    "Galias": "helpers.g(1)",
    "Decoed": "helpers.decoed(1)",
    "Stacked": "helpers.stacked(1)",
    "DecCls": "helpers.Decorated.extra",
    "Conc": "helpers.Conc().have()",
    "Nm": "helpers.HasNamed().field",
    "Gi": "helpers.Gi[3]",
    "Add": "(helpers.Ops(1) + helpers.Ops(2))",
    "Callb": "helpers.bound()",
    "SubO": "list(helpers.Sub(1))",
    "Arr": "helpers.ARR[1]['k'].v",
    "Cyc": "helpers.CYC.w",
    "Loc": "helpers.LOCAL.x",
    "Weak": "1 if helpers.WEAK else 0",
    "GenU": "helpers.use_gen()",
    "Dt": "helpers.DT.year",
    "Pt": "str(helpers.PT)",
    "By": "len(helpers.BY)",
    "Unp": "helpers.B + helpers.C",
    "Tot": "helpers.TOT",
    "Aug": "helpers.AUG",
    "Nonl": "helpers.nonl()",
    "Defl": "helpers.defl(1)",
    "Lamd": "helpers.lamd(1)",
    "Red": "helpers.red([1, 2])",
    "StarM": "helpers.star([(1, 2)])",
    "Try": "helpers.try_(0)",
    "LocC": "helpers.local_cls()",
    "Rec": "helpers.rec(3)",
    "Pre": "helpers.pre(1)",
    "CondE": "helpers.cond_expr(0)",
    "Ass": "helpers.asserts(1)",
    "Fs": "helpers.fstr(3)",
    "Dele": "helpers.dele({'a': 1})",
    "GenF": "list(helpers.gen_from())",
    "Sl": "helpers.sl([1, 2])",
    "Chain": "helpers.chain()",
    "HoldT": "[helpers.Holder.tool.v, helpers.Holder.fn(1), helpers.Holder.tbl['x'](1), helpers.Holder.comp]",
    "Sent": "helpers.sent()",
    "Dyn": "helpers.dyn",
    "Sup": "helpers.use_super()",
    "Cm": "dict(helpers.CM)",
    "Cnt": "helpers.CNT['a']",
    "Dd": "helpers.DD['a']",
    "Od": "list(helpers.OD)",
    "PartT": "helpers.PART()",
    "Cmp": "sorted([2, 1], key=helpers.CMP)",
    "Ag": "helpers.AG(helpers.Ops(4))",
    "Ann": "helpers.annotated(1)",
    "Pub": "pub(1)",
    "Priv": "priv(1)",
    "Ps": "ps.f(1)",
    "NotThere": "helpers.not_there is None",
}
"""Tasks that only return something."""

NAMES = [*RETURNS, *["Mixed", "Templ", "WithAttr", "SelfProp", "Down", "ClsAttr", "ViaType", "Noted"]]


def _study() -> str:
    tasks = "".join(f"class {name}(Task):\n    def run_task(self): return {said}\n" for name, said in RETURNS.items())
    parts = ", ".join(f"{name}()" for name in NAMES)
    main = (
        f"class Main(Task):\n    parts: RequiresList[object]\n    def __init__(self):\n        self.parts = [{parts}]\n"
    )
    return f"{STUDY}{tasks}{main}    def run_task(self):\n        return repr(self.parts)\n"


FILES = {
    "helpers.py": HELPERS,
    "study.py": _study(),
    "tasksbase.py": BASE,
    "consts.py": "KW = 1\n",
    "pkg/__init__.py": "",
    "pkg/sub.py": "def f(x): return x + 1\ndef z(x): return x\n",
}

EDITS: dict[str, tuple[str, tuple[tuple[str, str, str], ...]]] = {
    "l1": ("Defl Galias SelfProp", (("helpers.py", "def l1(x): return x + 1", "def l1(x): return x + 10"),)),
    "l2": ("Decoed HoldT SelfProp", (("helpers.py", "def l2(x): return x + 2", "def l2(x): return x + 20"),)),
    "l3": ("HoldT Mixed Stacked", (("helpers.py", "def l3(x): return x + 3", "def l3(x): return x + 30"),)),
    "l4": ("Conc HoldT", (("helpers.py", "def l4(x): return x + 4", "def l4(x): return x + 40"),)),
    "l6": (
        "Add Ag Arr Callb HoldT SubO Weak WithAttr",
        (("helpers.py", "def l6(x): return x + 6", "def l6(x): return x + 60"),),
    ),
    "l7": (
        "Add Ag Arr Callb HoldT SubO Weak WithAttr",
        (("helpers.py", "def l7(x): return x + 7", "def l7(x): return x + 70"),),
    ),
    "l9": ("GenU", (("helpers.py", "def l9(x): return x + 9", "def l9(x): return x + 90"),)),
    "alias": ("Galias", (("helpers.py", "g = l1", "g = l2"),)),
    "deco": ("Decoed", (("helpers.py", "def deco_by(): return 2", "def deco_by(): return 3"),)),
    "deco call": ("Decoed", (("helpers.py", "return self.f(x) * deco_by()", "return self.f(x) + deco_by()"),)),
    "pdeco": ("Stacked", (("helpers.py", "@ParamDeco(5)", "@ParamDeco(6)"),)),
    "cls deco": ("DecCls", (("helpers.py", "def cls_extra(): return 3", "def cls_extra(): return 4"),)),
    "abs": ("Conc", (("helpers.py", "return self.need() + 1", "return self.need() + 2"),)),
    "set name": ("Nm", (("helpers.py", 'def named_suffix(): return "!"', 'def named_suffix(): return "?"'),)),
    "field name": ("Nm", (("helpers.py", "    field = Named()", "    other = Named(); field = other"),)),
    "gi": ("Gi", (("helpers.py", "return k * 2", "return k * 3"),)),
    "obj": ("Callb HoldT Weak WithAttr", (("helpers.py", "OBJ = Ops(3)", "OBJ = Ops(4)"),)),
    "arr": ("Arr", (("helpers.py", '{"k": Ops(2)}', '{"k": Ops(5)}'),)),
    "cyc": ("Cyc", (("helpers.py", "self.w = 5", "self.w = 6"),)),
    "local": ("Loc", (("helpers.py", "LOCAL.x = 3", "LOCAL.x = 4"),)),
    "dt": ("Dt", (("helpers.py", "datetime.date(2020", "datetime.date(2021"),)),
    "pt": ("Pt", (("helpers.py", '"/a/b"', '"/a/c"'),)),
    "by": ("By", (("helpers.py", 'b"abc"', 'b"abcd"'),)),
    "unp": ("Unp", (("helpers.py", "1, (2, 3)", "1, (2, 4)"),)),
    "unp other": ("", (("helpers.py", "A, (B, C) = 1,", "A, (B, C) = 9,"),)),
    "tot": ("Tot", (("helpers.py", "range(4): TOT", "range(5): TOT"),)),
    "aug": ("Aug", (("helpers.py", "AUG += [2]", "AUG += [3]"),)),
    "nonl": ("Nonl", (("helpers.py", "n += 1", "n += 2"),)),
    "defl": ("Defl", (("helpers.py", "f=l1)", "f=l2)"),)),
    "lamd": ("Lamd", (("helpers.py", "y + 10", "y + 11"),)),
    "red": ("Red", (("helpers.py", "def redleaf(a, b): return a + b", "def redleaf(a, b): return a - b"),)),
    "star": ("StarM", (("helpers.py", "return a * b", "return a * b * 2"),)),
    "try": ("Try", (("helpers.py", "def tryhandler(): return -1", "def tryhandler(): return -2"),)),
    "finally": ("Try", (("helpers.py", "def trydone(): pass", "def trydone(): print()"),)),
    "locc": ("LocC", (("helpers.py", "def lcl(): return 12", "def lcl(): return 13"),)),
    "rec": ("Rec", (("helpers.py", "return 1 if n == 0", "return 2 if n == 0"),)),
    "pre": ("Pre", (("helpers.py", "KWD := 4", "KWD := 5"),)),
    "cond": ("CondE", (("helpers.py", "def cb(x): return -1", "def cb(x): return -2"),)),
    "ass": ("Ass", (("helpers.py", 'def msg(): return "m"', 'def msg(): return "n"'),)),
    "fs": ("Fs", (("helpers.py", 'return ">4"', 'return ">5"'),)),
    "dele": ("Dele", (("helpers.py", "return d\n", "return dict(d, z=1)\n"),)),
    "genf": ("GenF", (("helpers.py", "def genl(): return [1, 2]", "def genl(): return [1, 3]"),)),
    "sl": ("Sl", (("helpers.py", "def slo(): return 1", "def slo(): return 0"),)),
    "chain": ("Chain", (("helpers.py", "    V = 1", "    V = 2"),)),
    "chain mid": ("Chain", (("helpers.py", "class P2(P1): pass", "class P2(P1): V = 8"),)),
    "hold": ("HoldT", (("helpers.py", "l4(i) for i in range(2)", "l4(i) for i in range(3)"),)),
    "hold fn": ("HoldT", (("helpers.py", "staticmethod(l2)", "staticmethod(l4)"),)),
    "hold tbl": ("HoldT", (("helpers.py", '{"x": l3}', '{"x": l4}'),)),
    "sent": ("Sent", (("helpers.py", "return 1 if x is SENT", "return 2 if x is SENT"),)),
    "sup": ("Sup", (("helpers.py", "def upper_leaf(): return 1", "def upper_leaf(): return 2"),)),
    "cm": ("Cm", (("helpers.py", '{"b": 2})', '{"b": 3})'),)),
    "cnt": ("Cnt", (("helpers.py", '"aab"', '"aaab"'),)),
    "dd": ("Dd", (("helpers.py", '{"a": [1]})', '{"a": [2]})'),)),
    "od": ("Od", (("helpers.py", "OrderedDict(a=1, b=2)", "OrderedDict(b=2, a=1)"),)),
    "part": ("PartT", (("helpers.py", "partial(l5, 3)", "partial(l5, 4)"),)),
    "cmp": ("Cmp", (("helpers.py", "def cmpl(a, b): return a - b", "def cmpl(a, b): return b - a"),)),
    "cmp lam": ("Cmp", (("helpers.py", "cmpl(a, b))", "cmpl(b, a))"),)),
    "ag": ("Ag", (("helpers.py", 'attrgetter("v")', 'attrgetter("v.real")'),)),
    "priv": ("Priv Pub", (("helpers.py", "def _private(x): return x", "def _private(x): return -x"),)),
    "ps": ("Ps", (("pkg/sub.py", "return x + 1", "return x + 2"),)),
    "mix": ("Mixed", (("tasksbase.py", "SIZE = 4", "SIZE = 5"),)),
    "templ": ("Templ", (("tasksbase.py", "return self.part() + 1", "return self.part() + 2"),)),
    "templ overridden": ("Templ", (("tasksbase.py", "def part(self): return 0", "def part(self): return 9"),)),
    "attr rate": ("WithAttr", (("study.py", "rate: float = 2.5", "rate: float = 3.5"),)),
    "cm own": ("SelfProp", (("study.py", "return helpers.l2(0)", "return helpers.l2(1)"),)),
    "q": ("SelfProp", (("study.py", "    q = 3", "    q = 4"),)),
    "down default": ("Down", (("study.py", "m=2", "m=3"),)),
    "up default": ("Upst", (("study.py", "n=1", "n=4"),)),
    "cls attr": ("ClsAttr Upst", (("study.py", "    K = 3", "    K = 4"),)),
    "viatype": ("ViaType", (("study.py", "    K = 1\n", "    K = 2\n"),)),
    "noted": ("", (("study.py", "def note(x): return None", "def note(x): return 5"),)),
    "up code": ("Upst", (("study.py", "return self.n\n", "return self.n + 0\n"),)),
    "cosmetic": (
        "",
        (
            ("helpers.py", "def ca(x): return x", "def ca(x):\n    # c\n    return (x)\n"),
            (
                "helpers.py",
                "def red(xs): return functools.reduce(redleaf, xs)",
                "def red(\n    xs,\n):\n    '''doc'''\n    return functools.reduce(\n        redleaf, xs,\n    )",
            ),
            ("helpers.py", "import abc, functools, itertools,", "import itertools, functools, abc,"),
            ("helpers.py", "    y: int = x\n", "    y = x\n"),
            ("helpers.py", "def annotated(x: int) -> int:", "def annotated(x: float):"),
            ("helpers.py", "    from consts import KW\n", "    from consts import KW as KW2\n"),
            ("helpers.py", "class P3(P2): pass", "class P3(P2):\n    '''doc'''"),
            ("study.py", "class Noted(Task):", "\n\n# noted\nclass Noted(Task):"),
            ("helpers.py", '{"a": 1}, {"b": 2}', "{'a': 1,}, {'b': 2,}"),
        ),
    ),
    "cosmetic 2": (
        "",
        (
            (
                "helpers.py",
                "def rec(n): return 1 if n == 0 else n * rec(n - 1)",
                "def rec(n): return (1 if (n == 0) else (n * rec((n - 1))))",
            ),
            ("helpers.py", 'BY = b"abc"', "BY = b'a' b'bc'"),
            (
                "helpers.py",
                "class Conc(Abs):\n    def need(self): return l4(1)",
                "class Conc(Abs):\n\n    def need(self) -> int:\n        'doc'\n        return l4(1)",
            ),
            ("helpers.py", "DT = datetime.date(2020, 1, 2)", "DT = datetime.date(year=2020, month=1, day=2)"),
            ("helpers.py", "def l9(x): return x + 9\n", ""),
            ("helpers.py", "def _private", "def l9(x): return x + 9\ndef _private"),
            ("helpers.py", "GENR = (l9(i) for i in range(3))", "GENR = 1"),
        ),
    ),
    "cosmetic 3": (
        "",
        (
            ("study.py", "import taskproc, helpers,", "import helpers, taskproc,"),
            ("study.py", "class Upst(Task):", "class Upst(Task):\n    '''Doc.'''\n    _task_channel = ['x']\n"),
            (
                "tasksbase.py",
                "class MixTask(Task):\n",
                "class MixTask(Task):\n    _task_prefix_command = ''\n    'x'\n",
            ),
        ),
    ),
}
"""What is edited (file, old, new), and which tasks run again for it, besides `Main` if its value changed."""

BLIND = {"Dyn"}
"""Tasks that reach modules in ways that names do not tell: they run again for more than concerns them."""
