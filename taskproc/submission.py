"""Commands that hand a job to a batch system and are not the job themselves: `sbatch`, `qsub`, `bsub`.

They are found anywhere in a prefix command: behind `env X=1`, `ssh login`, a path. `sbatch` and `qsub` take a script
rather than a command line. Ending such a command leaves its job in the queue: it must be cancelled, by the id that the
command has printed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SUBMITTER = re.compile(r"(?:^|(?<=[\s;&|(/'\"]))(sbatch|qsub|bsub)(?=\s|$)")
_CANCEL = {"sbatch": "scancel", "qsub": "qdel", "bsub": "bkill"}
_WAITS = re.compile(r"\s(?:--wait|-W)(?=\s|$)")
_ID = re.compile(r"\b\d+\b")
_STATE = re.compile(r"\b(?:JobState|Reason|ExitCode)=\S+")

_SCRIPT = """\
#!/bin/sh
#SBATCH --output={log}
#SBATCH --no-requeue
#$ -S /bin/sh
#$ -j y
#$ -o {log}
#$ -r n
#PBS -j oe
#PBS -o {log}
#PBS -r n
{line}
"""


class Submission(NamedTuple):
    """How a prefix command submits.

    Attributes:
        line: The command, so that it waits for its job.
        takes_script: Whether a script follows it, instead of a command line.
        cancel: The command that, with ids, cancels jobs.
        ask: The command that, with an id, tells what became of a job; empty if there is none.
    """

    line: str
    takes_script: bool
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
    ask = f"{before}scontrol -o show job" if name == "sbatch" else ""
    return Submission(f"{before}{name}{waits}{behind}", name != "bsub", before + _CANCEL[name], ask)


def script(line: str, log: str) -> str:
    """A job script that runs a shell line, once; what the batch system itself says goes to the file `log`."""
    return _SCRIPT.format(line=line, log=log)


def job_id(printed: str) -> str:
    """The id of the job that a command says it has submitted: the first number; empty if it has not said so."""
    found = _ID.search(printed)
    return found.group() if found else ""


def state_in(answer: str) -> str:
    """What a batch system says of a job that is over, in a few words."""
    return " ".join(_STATE.findall(answer))
