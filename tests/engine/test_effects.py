"""Statements of a module that set the state of libraries count for the tasks that use these, and for no others."""

from __future__ import annotations

import copyreg
import decimal
import json
import locale
import random
import warnings
from typing import Any

import pytest

TASK = """
import argparse, copyreg, decimal, json, locale, logging, os, random, shutil, subprocess, sys, warnings
import decimal as dec
from decimal import Decimal, getcontext
{statements}
class Main(Task):
    def run_task(self): return {result}
"""

THIRD = "str(Decimal(1) / 3)"


@pytest.fixture(autouse=True)
def _keep_libraries(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put back what the statements set."""
    monkeypatch.setattr(json, "dumps", json.dumps)
    monkeypatch.setattr(decimal.DefaultContext, "prec", decimal.DefaultContext.prec)
    monkeypatch.setattr(copyreg, "dispatch_table", copyreg.dispatch_table.copy())
    monkeypatch.setenv("MODE", "0")
    state, place = random.getstate(), locale.setlocale(locale.LC_ALL)
    with decimal.localcontext(), warnings.catch_warnings():
        yield
    random.setstate(state)
    locale.setlocale(locale.LC_ALL, place)


def _after_an_edit(flow: Any, statements: str, result: str, *, old: str = "6", new: str = "7") -> dict[str, int]:
    flow.write(TASK.format(statements=statements, result=result))
    flow.run("Main()")
    assert flow.run("Main()").executed == {}
    flow.write(TASK.format(statements=statements.replace(old, new), result=result))
    executed: dict[str, int] = flow.run("Main()").executed
    return executed


@pytest.mark.parametrize(
    ("statements", "result"),
    [
        ("getcontext().prec = 6", THIRD),
        ("getcontext().prec += 6", THIRD),
        ("getcontext().prec, other = 6, 1", THIRD),
        ("dec.getcontext().prec = 6", THIRD),
        ("decimal.setcontext(decimal.Context(prec=6))", THIRD),
        ("setattr(getcontext(), 'prec', 6)", THIRD),
        ("PREC = 6\ngetcontext().prec = PREC", THIRD),
        ("def digits(): return 6\ngetcontext().prec = digits()", THIRD),
        ("def low():\n    context = getcontext()\n    context.prec = 6\nlow()", THIRD),
        ("def low():\n    import decimal as d\n    d.getcontext().prec = 6\nlow()", THIRD),
        ("def low():\n    lower()\ndef lower():\n    getcontext().prec = 6\nlow()", THIRD),
        ("class Low:\n    def set(self): getcontext().prec = 6\nLow().set()", THIRD),
        ("if os.sep:\n    getcontext().prec = 6", THIRD),
        ("for prec in (5, 6):\n    getcontext().prec = prec", THIRD),
        ("try:\n    getcontext().prec = 6\nfinally:\n    pass", THIRD),
        ("with open(os.devnull):\n    getcontext().prec = 6", THIRD),
        ("context = decimal.DefaultContext\ncontext.prec = 6", "decimal.Context().prec"),
        ("getcontext().prec = 6", "__import__('operator') and self.x()\n    def x(self):\n        import decimal"),
        ("exec('from decimal import getcontext as from_elsewhere')\nfrom_elsewhere().prec = 6", THIRD),
        ("[random.seed(seed) for seed in (5, 6)]", "random.random()"),
        ("_ = random.seed(6)", "random.random()"),
        ("from random import *\nseed(6)", "Random().random()"),
        ("os.environ['MODE'] = '6'\nfrom os import popen as pipe", "pipe('echo $MODE').read()"),
        ("from random import seed\nseed(6)", "random.random()"),
        ("warnings.filterwarnings('ignore', 'x6')", "warnings.warn('x6')"),
        ("os.environ['MODE'] = '6'", "os.popen('echo $MODE').read()"),
        ("os.environ.update(MODE='6')", "os.popen('echo $MODE').read()"),
        ("os.environ['MODE'] = ''\nif 6: del os.environ['MODE']", "os.popen('echo $MODE').read()"),
        ("locale.setlocale(locale.LC_ALL, 'C' if 6 else '')", "locale.localeconv()['decimal_point']"),
        ("dumps = json.dumps\njson.dumps = lambda thing: dumps(thing) + '6'", "json.dumps(1)"),
        ("def dumps(thing): return '6'\njson.dumps = dumps", "json.dumps(1)"),
        ("def dumps(thing): return '6'\nsetattr(json, 'dumps', dumps)", "json.dumps(1)"),
        ("def reduce(it): return Decimal, ('6',)\ncopyreg.pickle(Decimal, reduce)", "Decimal(1) and 1"),
        ("from registering import register\n@register\nclass Geo:\n    def x(self): return 6", "register.known"),
    ],
)
def test_what_a_module_sets_of_a_library_counts(flow: Any, statements: str, result: str, registering: None) -> None:
    assert _after_an_edit(flow, statements, result) == {"Main": 1}


@pytest.fixture
def registering(flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library with a decorator that registers."""
    folder = flow.folder / "site-packages"
    folder.mkdir()
    (folder / "registering.py").write_text("def register(cls): return cls\nregister.known = 1\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(__import__("sys").modules, "registering", raising=False)


@pytest.mark.parametrize(
    ("statements", "result"),
    [
        ("getcontext().prec = 6", "json.dumps(1)"),
        ("random.seed(6)", THIRD),
        ("warnings.filterwarnings('ignore', 'x6')", THIRD),
        ("warnings.filterwarnings('ignore', 'x6', Warning, decimal.__name__)", THIRD),
        ("def dumps(thing): return '6'\njson.dumps = dumps", THIRD),
        ("print(6, Decimal(6))", THIRD),
        ("logging.basicConfig(level=6)", f"logging.getLogger('x').name + {THIRD}"),
        ("sys.path.append(os.path.join('/nowhere', '6'))\nsys.path.pop()", "sys.version and 1"),
        ("os.makedirs('/tmp/6', exist_ok=True) if 0 else 6", "os.sep"),
        ("Path(os.sep, '6').exists()", "str(Path('x'))"),
        ("parser = argparse.ArgumentParser()\nparser.add_argument('--x6')", "argparse.SUPPRESS"),
        ("import dataclasses\n@dataclasses.dataclass\nclass Other:\n    x: int = 6", "dataclasses.MISSING is None"),
        ("if __name__ == '__main__':\n    getcontext().prec = 6", THIRD),
        ("'getcontext().prec = 6'", THIRD),
        ("getcontext().prec = 5 # 6", THIRD),
        ("limit = Decimal(6)", THIRD),
        ("table = {}\ntable['x'] = Decimal(6)", THIRD),
        ("def unused(): getcontext().prec = 6", THIRD),
        ("def told(): return Decimal(6)\ntold()", THIRD),
    ],
)
def test_other_statements_do_not_count(flow: Any, statements: str, result: str) -> None:
    assert _after_an_edit(flow, statements, result) == {}


def test_what_is_done_with_results_does_not_count(flow: Any) -> None:
    statements = """
if False:
    result = Main().run_graph()
    decimal.Decimal.from_float(result, 6)
    getcontext().copy_abs(Main().run_graph() * 6)
"""
    assert _after_an_edit(flow, statements, THIRD) == {}


def test_a_module_that_a_task_reaches_sets_for_it(flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(flow.folder))
    for prec, executed in ((6, {"Main": 1}), (7, {"Main": 1, "Other": 0}), (7, {})):
        name = f"precise{prec}"
        (flow.folder / f"{name}.py").write_text(f"import decimal\ndecimal.getcontext().prec = {prec}\nONE = 1\n")
        flow.write(f"""
            import {name} as precise
            from decimal import Decimal
            class Main(Task):
                def run_task(self): return str(Decimal(precise.ONE) / 3)
            class Other(Task):
                def run_task(self): return str(Decimal(1) / 3)
            """)
        flow.run("Other()")
        assert flow.run("Main()").executed == {name: count for name, count in executed.items() if count}


def test_workers_agree(flow: Any) -> None:
    """A file that was edited after it was loaded lets workers compare all that counts."""
    flow.write(TASK.format(statements="PREC = 6\ngetcontext().prec = PREC\nos.environ['MODE'] = '1'", result=THIRD))
    flow.path.write_text(flow.path.read_text() + "\n# edited\n")
    assert flow.run("Main()", executor="process").value == "0.333333"


def test_the_reason_names_it(flow: Any) -> None:
    flow.write(TASK.format(statements="getcontext().prec = 6", result=THIRD))
    flow.run("Main()")
    flow.edit(("prec = 6", "prec = 7"))
    module = flow.path.stem
    assert flow.run("Main()").reasons == {"Main()": f"settings of decimal in {module} changed"}
