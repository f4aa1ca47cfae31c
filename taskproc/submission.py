"""Commands that hand a job to a batch system and are not the job themselves: `srun`, `sbatch`, `qsub`, `bsub`.

They are found anywhere in a prefix command: behind `env X=1`, `ssh login`, a path. `sbatch` and `qsub` take a script
rather than a command line. Ending such a command may leave its job in the queue: it must be cancelled, by the id that
the command has printed, or that the job has found in its environment.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

_SUBMITTER = re.compile(r"(?:^|(?<=[\s;&|(/'\"]))(srun|salloc|sbatch|qsub|bsub)(?=\s|$)")
_CANCEL = {"srun": "scancel", "salloc": "scancel", "sbatch": "scancel", "qsub": "qdel", "bsub": "bkill"}
_VARIABLES = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")
_WAITS = re.compile(r"\s(?:--wait|-W)(?=\s|$)")
_ID = re.compile(r"\b\d+\b")
_STATE = re.compile(r"\b(?:JobState|Reason|ExitCode)=\S+")

_SCRIPTS = {
    "sbatch": """\
#!/bin/sh
#SBATCH --output="{pattern}"
#SBATCH --no-requeue
{line}
""",
    "qsub": """\
#!/bin/sh
#$ -S /bin/sh
#$ -j y
#$ -o {log}
#$ -r n
#PBS -j oe
#PBS -o {log}
#PBS -r n
{line}
""",
}


class Submission(NamedTuple):
    """How a prefix command submits.

    Attributes:
        line: The command, so that it waits for its job.
        script: The script that it takes instead of a command line, to be filled in; empty if it takes none.
        cancel: The command that, with ids, cancels jobs.
        ask: The command that, with an id, tells what became of a job; empty if there is none.
    """

    line: str
    script: str
    cancel: str
    ask: str


def submission_in(line: str) -> Submission | None:
    """The submission that a shell line makes, if it makes one."""
    found = _SUBMITTER.search(line)
    if found is None:
        return None
    name = found.group()
    before, behind = line[: found.start()], line[found.end() :]
    waits = " --wait" if name == "sbatch" and not _WAITS.search(behind) else ""
    ask = f"{before}scontrol -o show job" if _CANCEL[name] == "scancel" else ""
    return Submission(f"{before}{name}{waits}{behind}", _SCRIPTS.get(name, ""), before + _CANCEL[name], ask)


def filled(script: str, line: str, log: str) -> str:
    """A job script that runs a shell line, once; what the batch system itself says goes to the file `log`."""
    return script.format(line=line, log=log, pattern=log.replace("%", "%%"))


def job_id(printed: str) -> str:
    """The id of the job that a command says it has submitted: the first number; empty if it has not said so.

    The job that this very process belongs to is never meant.
    """
    found = _ID.search(printed)
    return found.group() if found and found.group() != _own_id() else ""


def own_id() -> str:
    """The id of the job that this process belongs to, as its batch system says; of a mere step of one, with that."""
    return _own_id() and ".".join(filter(None, [_own_id(), os.environ.get("SLURM_STEP_ID", "")]))


def id_to_cancel(told: str) -> str:
    """What to cancel of a job that has told its `own_id`: all of it, but only its step where that is our own job."""
    number, _, step = told.partition(".")
    if number != _own_id():
        return number
    return told if step else ""


def _own_id() -> str:
    return next(filter(None, map(os.environ.get, _VARIABLES)), "")


def state_in(answer: str) -> str:
    """What a batch system says of a job that is over, in a few words."""
    return " ".join(_STATE.findall(answer))
