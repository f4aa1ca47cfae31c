"""A plan as a dry run prints it: the reasons for which tasks run before what follows, each class with work and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from taskproc.causes import followers, follows, root_causes
from taskproc.decision import MayRun, Run, UpstreamChanged, UpToDate
from taskproc.errors import RequestError
from taskproc_cli.views import terminal
from taskproc_cli.views.quantities import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskproc.decision import Decision
    from taskproc.options import Options
    from taskproc.plan import Plan

REASONS = 5
"""How many different reasons are told, of a class or of all; as many as a person reads."""


def plan_lines(plan: Plan) -> Iterator[str]:
    """What would run, and why: upstreams first, but classes that merely follow last."""
    yield from cause_lines(plan)
    sizes = Counter(node.name for node in plan.graph.nodes)
    titles: dict[str, str] = {}
    reasons: dict[str, Counter[str]] = {}
    following = followers(plan)
    causes = [node for cause in root_causes(plan) for node in cause.nodes]
    for node in (*causes, *following):
        titles[node.name] = node.short
        reasons.setdefault(node.name, Counter())[_reason(plan.decisions[node.key])] += 1
    for name, counted in reasons.items():
        yield f"{titles[name]}: {counted.total():,} of {count(sizes[name], 'task')}"
        yield from _counted(counted)
    yield total_line(plan)


def warn_of_impossible(plan: Plan, options: Options) -> None:
    """Say on stderr what `run` would say and do nothing, where there is something that can never begin."""
    from taskproc.run import refuse_impossible

    try:
        refuse_impossible(plan, options)
    except RequestError as error:
        terminal.warn_of_refusal(error)


def cause_lines(plan: Plan) -> Iterator[str]:
    """The reasons for which tasks run, where others follow from them."""
    if following := len(followers(plan)):
        causes = root_causes(plan)
        yield f"{count(len(causes), 'reason')}, and {count(following, 'task')} follow{'s' * (following == 1)}:"
        yield from _counted(Counter({str(cause.reason): len(cause.nodes) for cause in causes}))


def total_line(plan: Plan) -> str:
    """How many tasks run, may run, and are up to date."""
    kinds: Counter[type[Decision]] = Counter(type(decision) for decision in plan.decisions.values())
    parts = [f"{count(kinds[Run], 'task')} would run"]
    if kinds[MayRun]:
        parts.append(f"{kinds[MayRun]:,} may run")
    return f"{', '.join(parts)}, {kinds[UpToDate]:,} up to date"


def _counted(reasons: Counter[str]) -> Iterator[str]:
    for reason, number in reasons.most_common(REASONS):
        yield f"  {number:>6,}  {reason}"
    if len(reasons) > REASONS:
        rest = reasons.total() - sum(number for _, number in reasons.most_common(REASONS))
        yield f"  {rest:>6,}  for {count(len(reasons) - REASONS, 'other reason')}"


def _reason(decision: Decision) -> str:
    """Why a task would run, in words that many of its class share."""
    if isinstance(decision, Run):
        reason = decision.reason
        if isinstance(reason, UpstreamChanged) and follows(decision):
            reason = replace(reason, what=reason.what.partition("(")[0])
        return str(reason)
    waits = sorted({node.short for node in decision.waits_for}) if isinstance(decision, MayRun) else []
    return f"may run, if what it reads of {', '.join(waits)} changes"
