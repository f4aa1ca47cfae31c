from __future__ import annotations

from typing import Any

import pytest

from taskproc.decision import (
    AttributeChanged,
    Cleared,
    CodeChanged,
    Damaged,
    Decision,
    FailedBefore,
    Forced,
    How,
    MayRun,
    NeverRan,
    Run,
    UpstreamChanged,
    UpToDate,
)
from taskproc.errors import FailedTaskError
from taskproc.grounds import Grounds
from taskproc.options import Options
from taskproc.plan import decide
from taskproc.record import Failure, Inputs, Made, Output, Record, Row, Stamp
from taskproc.run import judged as judged_graph

CHAIN = """
class Low(Task):
    def __init__(self, x):
        self.x = x
    def run_task(self):
        note(f'Low({self.x})')
        return abs(self.x)

class Mid(Task):
    low: Requires[int]
    def __init__(self, x=1):
        self.low = Low(x)
    def run_task(self):
        note('Mid')
        return self.low % 10

class Top(Task):
    mid: Requires[int]
    extra: Requires[int]
    def __init__(self, extra=5):
        self.mid = Mid()
        self.extra = Const(extra)
        self.scale = 2
    def run_task(self):
        note('Top')
        return self.mid * self.scale + self.extra
"""

CHOOSE = """
class Choose(Task):
    prev1: Requires[int]
    prev2: Requires[int]
    def __init__(self, n: int, k: int):
        if 0 < k < n:
            self.prev1 = Choose(n - 1, k - 1)
            self.prev2 = Choose(n - 1, k)
        else:
            self.prev1 = Const(0)
            self.prev2 = Const(1)
        self.n, self.k = n, k
    def run_task(self) -> int:
        note(f'{self.n} {self.k}')
        return self.prev1 + self.prev2
"""


def labels(decisions: dict[str, Any]) -> dict[str, str]:
    return {
        name: str(decision.reason if isinstance(decision, Run) else decision)
        for name, decision in decisions.items()
        if not isinstance(decision, UpToDate)
    }


def decided(flow: Any, text: str = "Top()", **options: Any) -> dict[str, str]:
    """What a plan says of each task that is not up to date."""
    plan = flow.plan(text, **options)
    return labels({node.label: plan.decisions[node.key] for node in plan.graph.nodes})


# One task, judged by its row alone.

MADE = Made(0.0, 0.0, "")
STALE = b"?" * 16


@pytest.fixture
def judged(flow: Any) -> Any:
    """Judges `Mid` by a row: `judged(row)`, where `judged.now` is what it would be made from."""
    flow.write(CHAIN)
    plan = flow.plan("Mid()")
    low, mid = plan.graph.nodes
    with judged_graph(plan.graph, Options()) as (given, _, _):
        grounds: Grounds = given

    class Judged:
        now = grounds.inputs(mid, {low.key: Output(b"d" * 16, Stamp(b"s" * 16), b"", b"", b"value", "")})
        unknown = grounds.inputs(mid, {})

        @staticmethod
        def good(inputs: Inputs | None = None, **changes: Any) -> Record:
            output = Output(b"d" * 16, Stamp(b"p" * 16), b"", b"", b"value", "")
            return Record(inputs or Judged.now, output._replace(**changes), MADE)

        @staticmethod
        def failure(inputs: Inputs | None = None) -> Failure:
            return Failure(inputs or Judged.now, "ValueError: bad", "", b"", "", MADE)

        def __call__(self, row: Row | None, now: Inputs | None = None, *, forced: bool = False) -> Decision:
            grounds.forced = frozenset({mid.key} if forced else ())
            return decide(mid, row, now or self.now, grounds)

    return Judged()


def test_each_reason(judged: Any) -> None:
    def reason(row: Row | None, **how: Any) -> Any:
        decision = judged(row, **how)
        assert isinstance(decision, Run)
        return decision.reason

    def made_from(**changes: Any) -> Row:
        return Row(0, good=judged.good(judged.now._replace(**changes)))

    assert reason(None) == NeverRan()
    assert reason(Row(0)) == NeverRan()
    assert reason(Row(0, cleared=True)) == Cleared()
    assert reason(Row(0, good=judged.good()), forced=True) == Forced()
    assert reason(made_from(code=STALE)) == CodeChanged("code of Mid")
    assert reason(made_from(attributes=STALE)) == AttributeChanged()
    assert reason(made_from(shape=STALE)) == UpstreamChanged("low")
    assert reason(made_from(sources=STALE)) == UpstreamChanged("low")
    assert reason(made_from(shape=STALE, sources=b"")) == UpstreamChanged("low")
    assert reason(made_from(stamps=STALE)) == UpstreamChanged("Low(x=1)")
    assert reason(Row(0, good=judged.good(refs=("nowhere:f",)))) == CodeChanged("code of f")
    assert str(reason(Row(0, good=judged.good(python="3.0")))) == "Python (its result holds code of 3.0) changed"
    assert reason(Row(0, failure=judged.failure())) == FailedBefore("ValueError: bad")
    assert judged(Row(0, good=judged.good())) == UpToDate(judged.good())


def test_a_long_message_of_a_failure_is_cut_in_a_reason() -> None:
    assert str(FailedBefore(f"ValueError: {'x' * 5000}")) == f"failed last time: ValueError: {'x' * 288}…"


def test_the_first_reason_that_holds_is_given(judged: Any) -> None:
    """Each row has all that would be a reason further down the list too."""
    other = Inputs(STALE, STALE, STALE, STALE, STALE)
    failed = Row(0, failure=judged.failure())
    assert judged(Row(0, cleared=True, good=judged.good(other), failure=judged.failure()), forced=True) == Run(
        Cleared()
    )
    assert judged(failed._replace(good=judged.good(other)), forced=True) == Run(Forced())
    assert judged(failed._replace(good=judged.good(other))) == Run(FailedBefore("ValueError: bad"))
    assert judged(Row(0, good=judged.good(other))) == Run(CodeChanged("code of Mid"))
    assert judged(Row(0, good=judged.good(other._replace(code=judged.now.code)))) == Run(AttributeChanged())
    assert judged(None, forced=True) == Run(NeverRan())


def test_an_unknown_stamp_leaves_open_whether_to_run(judged: Any) -> None:
    decision = judged(Row(0, good=judged.good()), judged.unknown)
    assert isinstance(decision, MayRun)
    assert [node.label for node in decision.waits_for] == ["Low(x=1)"]
    assert str(decision) == "may run: waits for Low(x=1)"
    stale = judged.now._replace(code=STALE)
    assert judged(Row(0, good=judged.good(stale)), judged.unknown) == Run(CodeChanged("code of Mid"))


def test_a_failure_counts_only_while_it_is_what_would_happen_again(judged: Any) -> None:
    elsewhere = judged.failure(judged.now._replace(code=STALE))
    assert judged(Row(0, good=judged.good(), failure=elsewhere)) == UpToDate(judged.good())
    assert judged(Row(0, good=judged.good(), failure=judged.failure())) == Run(FailedBefore("ValueError: bad"))
    assert judged(Row(0, failure=elsewhere)) == Run(CodeChanged("code of Mid"))


def test_reasons_read_as_fragments_of_a_sentence() -> None:
    reasons = [
        NeverRan(),
        Cleared(),
        Forced(),
        CodeChanged("code of f"),
        UpstreamChanged("Low(x=1)"),
        UpstreamChanged("Low(x=1)", How.IS_MADE_ANEW),
        AttributeChanged(),
        Damaged("result.pkl.gz is missing"),
        FailedBefore("ValueError: bad"),
    ]
    assert [str(reason) for reason in reasons] == [
        "never ran",
        "cleared",
        "forced",
        "code of f changed",
        "upstream Low(x=1) changed",
        "upstream Low(x=1) is made anew",
        "argument or attribute changed",
        "damaged: result.pkl.gz is missing",
        "failed last time: ValueError: bad",
    ]


# Plans of graphs, against what runs then do.


def test_a_plan_tells_what_a_run_then_does(flow: Any) -> None:
    flow.write(CHAIN)
    assert decided(flow) == dict.fromkeys(["Low(x=1)", "Mid(x=1)", "Top(extra=5)"], "never ran")
    assert not flow.cache.exists()
    ran = flow.run("Top()")
    assert (ran.value, ran.executed, ran.reused) == (7, {"Low": 1, "Mid": 1, "Top": 1}, {})
    assert ran.reasons == dict.fromkeys(["Low(x=1)", "Mid(x=1)", "Top(extra=5)"], "never ran")
    assert decided(flow) == {}
    ran = flow.run("Top()")
    assert (ran.value, ran.executed, ran.reused) == (7, {}, {"Low": 1, "Mid": 1, "Top": 1})
    assert flow.notes() == {"Low(1)": 1, "Mid": 1, "Top": 1}


def test_what_comes_out_the_same_stops_a_change(flow: Any) -> None:
    flow.write(CHAIN)
    flow.run("Top()")
    flow.notes()
    flow.edit(("abs(self.x)", "abs(self.x) + 10"))
    assert decided(flow) == {
        "Low(x=1)": "code of Low changed",
        "Mid(x=1)": "may run: waits for Low(x=1)",
        "Top(extra=5)": "may run: waits for Mid(x=1)",
    }
    ran = flow.run("Top()")
    assert ran.reasons == {"Low(x=1)": "code of Low changed", "Mid(x=1)": "upstream Low(x=1) changed"}
    assert ran.reused == {"Top": 1}
    assert flow.notes() == {"Low(1)": 1, "Mid": 1}
    assert decided(flow) == {}


def test_going_back_runs_again_what_the_newer_code_has_replaced(flow: Any) -> None:
    flow.write(CHAIN)
    flow.run("Top()")
    forth, back = ("abs(self.x)", "abs(self.x) + 1"), ("abs(self.x) + 1", "abs(self.x)")
    flow.edit(forth)
    assert flow.run("Top()").value == 9
    flow.edit(back)
    ran = flow.run("Top()")
    assert (ran.value, ran.executed) == (7, {"Low": 1, "Mid": 1, "Top": 1})
    flow.edit(forth)
    flow.edit(back)
    assert decided(flow) == {}


VARIED = """
class Low(Task):
    def __init__(self, x):
        pass
    def run_task(self):
        return 3

class Top(Task):
    first: Requires[int]
    second: Requires[int]
    def __init__(self):
        self.first = eval(os.environ['FIRST'], globals())
        self.second = Const(int(os.environ['SECOND']))
        self.scale = os.environ['SCALE']
    def run_task(self):
        return [self.first, self.second]
"""


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("SCALE", "3", {"Top()": "argument or attribute changed"}),
        ("SECOND", "3", {"Top()": "upstream second changed"}),
        ("FIRST", "Low('b')", {"Low(x='b')": "never ran", "Top()": "upstream first changed"}),
        ("FIRST", "Const(3)", {"Top()": "upstream first changed"}),
        ("FIRST", "Low('a')", {}),
    ],
)
def test_what_init_makes_of_its_surroundings_counts(
    flow: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str, found: dict[str, str]
) -> None:
    for setting in (("FIRST", "Low('a')"), ("SECOND", "2"), ("SCALE", "2")):
        monkeypatch.setenv(*setting)
    flow.write(VARIED)
    flow.run("Top()")
    monkeypatch.setenv(name, value)
    assert decided(flow) == found
    assert flow.run("Top()").reasons == found


MAKING = """
import collections, enum, typing

Named = collections.namedtuple('OtherName', 'x y')

class Top(Task):
    def run_task(self):
        {made}
"""


@pytest.mark.parametrize(
    "made",
    [
        "return collections.namedtuple('Pair', 'x y')(1, 2)",
        "return enum.Enum('Kind', 'x y').y",
        "return [typing.NamedTuple('Pair', [('x', int), ('y', int)])(1, 2)]",
        "return Named(1, 2)",
    ],
)
def test_a_class_that_a_call_has_made_is_as_it_was(flow: Any, made: str) -> None:
    flow.write(MAKING.format(made=made))
    flow.run("Top()")
    flow.reload()
    assert decided(flow) == {}
    flow.edit(("'x", "'z"))
    (reason,) = flow.run("Top()").reasons.values()
    assert "code of " in reason
    assert decided(flow) == {}


GROWING = """
class Low(Task):
    def __init__(self, x):
        pass
    def run_task(self):
        return 3

class Top(Task):
    some: RequiresDict[str, int]
    one: Requires[int]
    more: RequiresList[int]
    def __init__(self):
        some, one, more = os.environ['NEEDS'].split('/')
        self.some = {x: Low(x) for x in some}
        self.one = Low(one)
        self.more = [Low(x) for x in more]
    def run_task(self):
        return [self.some, self.one, self.more]
"""


@pytest.mark.parametrize(
    ("then", "now", "slots"),
    [
        ("ab/c/de", "abf/c/de", "some"),
        ("ab/c/de", "ab/c/df", "more"),
        ("ab/c/de", "fb/c/d", "some"),
        ("ab/c/de", "ab/f/de", "one"),
        ("ab/c/de", "a/c/de", "more and some"),
        ("ab/c/de", "ba/c/de", "some"),
        ("ab/c/de", "a/b/cde", "more and one and some"),
        ("ab/c/de", "/c/", "more and some"),
    ],
)
def test_a_slot_that_holds_what_it_held_is_not_said_to_have_changed(
    flow: Any, monkeypatch: pytest.MonkeyPatch, then: str, now: str, slots: str
) -> None:
    monkeypatch.setenv("NEEDS", then)
    flow.write(GROWING)
    flow.run("Top()")
    monkeypatch.setenv("NEEDS", now)
    assert decided(flow)["Top()"] == f"upstream {slots} changed"
    assert flow.run("Top()").reasons["Top()"] == f"upstream {slots} changed"


def test_settings_are_not_code(flow: Any) -> None:
    flow.write(CHAIN)
    flow.run("Top()")
    flow.edit(("class Top(Task):", "class Top(Task):\n    _task_compress_level = 1\n    _task_channel = 'gpu'"))
    assert decided(flow) == {}


def test_source_changes_need_not_be_detected(flow: Any) -> None:
    flow.write(CHAIN)
    flow.run("Top()")
    flow.edit(("* self.scale", "* self.scale * 100"))
    assert decided(flow, detect_source_change=False) == {}
    assert flow.run("Top()", detect_source_change=False).value == 7
    assert flow.run("Top()").value == 205


@pytest.mark.parametrize(("force", "count"), [("nothing", 0), ("requested", 1), ("all", 3)])
def test_forced_tasks_run_whatever_is_recorded(flow: Any, force: str, count: int) -> None:
    flow.write(CHAIN)
    flow.run("Top()")
    assert sum(reason == "forced" for reason in decided(flow, force=force).values()) == count
    ran = flow.run("Top()", force=force)
    assert sum(ran.executed.values()) == count
    assert decided(flow) == {}


def test_readers_of_a_forced_task_run_later(flow: Any) -> None:
    flow.write(CHAIN)
    flow.run("Top()")
    flow.run("Low(1)", force="requested")
    told = {"Mid(x=1)": "upstream Low(x=1) was made anew", "Top(extra=5)": "upstream Mid(x=1) is made anew"}
    assert decided(flow) == told
    assert flow.run("Top()").reasons == told


def test_after_a_clear_all_that_needs_it_runs(flow: Any) -> None:
    flow.write(CHOOSE)
    assert flow.run("Choose(6, 3)").value == 20
    flow.notes()
    flow.task("Choose(3, 3)").clear_task()
    told = {f"Choose(n={n}, k=3)": f"upstream Choose(n={n - 1}, k=3) is made anew" for n in (4, 5, 6)}
    told["Choose(n=3, k=3)"] = "cleared"
    assert decided(flow, "Choose(6, 3)") == told
    ran = flow.run("Choose(6, 3)")
    assert (ran.value, ran.executed, ran.reasons) == (20, {"Choose": 4}, told)
    assert flow.notes() == {"3 3": 1, "4 3": 1, "5 3": 1, "6 3": 1}
    assert flow.run("Choose(6, 3)").executed == {}


def test_after_a_clear_taken_up_in_steps_each_still_runs_once(flow: Any) -> None:
    flow.write(CHOOSE)
    flow.run("Choose(6, 3)")
    flow.task("Choose(3, 3)").clear_task()
    assert [flow.run(f"Choose({n}, 3)").executed for n in (3, 4, 5, 6)] == [{"Choose": 1}] * 4
    assert flow.run("Choose(6, 3)").executed == {}


def test_clearing_a_class_runs_all_of_it(flow: Any) -> None:
    flow.write(CHAIN)
    flow.run("Top()")
    with flow.module.Cache(flow.cache):
        flow.module.Mid.clear_all_tasks()
    assert decided(flow) == {"Mid(x=1)": "cleared", "Top(extra=5)": "upstream Mid(x=1) is made anew"}
    assert flow.run("Top()").executed == {"Mid": 1, "Top": 1}


@pytest.mark.parametrize("result", ["None", "True", "HERE", "HERE / 'made.txt'"])
def test_readers_of_what_ran_for_its_effects_run_again(flow: Any, result: str) -> None:
    flow.write(f"""
    class Effect(Task):
        def run_task(self):
            return {result}
    class Reader(Task):
        effect: Requires[Any]
        def __init__(self):
            self.effect = Effect()
        def run_task(self):
            return str(self.effect)
    class Last(Task):
        reader: Requires[str]
        def __init__(self):
            self.reader = Reader()
        def run_task(self):
            return self.reader
    """)
    flow.run("Last()")
    assert flow.run("Last()").executed == {}
    flow.edit((f"return {result}", f"str(); return {result}"))
    assert flow.run("Last()").executed == {"Effect": 1, "Reader": 1, "Last": 1}


def test_none_beside_files_is_compared_by_the_files(flow: Any) -> None:
    flow.write("""
    class Effect(Task):
        def run_task(self):
            (self.task_directory / 'a.txt').write_text('a')
    class Reader(Task):
        effect: Requires[None]
        def __init__(self):
            self.effect = Effect()
        def run_task(self):
            return 1
    """)
    flow.run("Reader()")
    flow.edit(("write_text('a')", "write_text('a' * 1)"))
    assert flow.run("Reader()").executed == {"Effect": 1}
    flow.edit(("write_text('a' * 1)", "write_text('b')"))
    assert flow.run("Reader()").executed == {"Effect": 1, "Reader": 1}


def test_a_failed_rerun_leaves_the_last_good_result(flow: Any) -> None:
    flow.write(CHAIN)
    flow.run("Top()")
    flow.edit(("return self.low % 10", "raise ValueError('bad')"))
    with pytest.raises(FailedTaskError, match="Mid"):
        flow.run("Top()")
    assert decided(flow) == {
        "Mid(x=1)": "failed last time: ValueError: bad",
        "Top(extra=5)": "may run: waits for Mid(x=1)",
    }
    flow.edit(("raise ValueError('bad')", "return self.low % 10"))
    assert decided(flow) == {}
    assert flow.run("Top()").value == 7


def test_what_a_plan_costs_grows_with_the_graph_alone(flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(node: Any, *rest: Any) -> Decision:
        calls.append(node.label)
        return decide(node, *rest)

    monkeypatch.setattr("taskproc.plan.decide", counted)
    flow.write(CHOOSE)
    for n in (6, 12):
        calls.clear()
        plan = flow.plan(f"Choose({n}, {n // 2})")
        assert sorted(calls) == sorted(node.label for node in plan.graph.nodes)


def test_tasks_that_look_alike_are_told_apart_by_their_ids(flow: Any) -> None:
    flow.write("""
    class Load(Task):
        def __init__(self, n):
            pass
        def run_task(self):
            return 1
    class Fit(Task):
        data: Requires[int]
        def __init__(self, data):
            self.data = data
        def run_task(self):
            raise ValueError('bad')
    class Main(Task):
        fits: RequiresList[int]
        def __init__(self):
            self.fits = [Fit(Load(n)) for n in range(2)]
        def run_task(self):
            return 1
    """)

    def names() -> list[str]:
        plan = flow.plan("Main()")
        return sorted(plan.name(node) for node in plan.graph.nodes)

    assert names() == ["Fit(data=Load(…))", "Fit(data=Load(…))", "Load(n=0)", "Load(n=1)", "Main()"]
    with pytest.raises(ExceptionGroup) as failed:
        flow.run("Main()", keep_going=True)
    told = ["Fit(data=Load(…))#0", "Fit(data=Load(…))#1"]
    assert sorted(error.label for error in failed.value.exceptions) == told  # type: ignore[attr-defined]
    assert names() == [*told, "Load(n=0)", "Load(n=1)", "Main()"]
