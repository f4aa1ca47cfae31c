from __future__ import annotations

import pytest

from taskproc.submission import filled, id_to_cancel, job_id, own_id, state_in, submission_in


@pytest.mark.parametrize(
    ("line", "full", "takes_script", "cancel", "ask"),
    [
        ("sbatch", "sbatch --wait", True, "scancel", "scontrol -o show job"),
        ("sbatch -W -c 2", "sbatch -W -c 2", True, "scancel", "scontrol -o show job"),
        (
            "env X=1 /opt/bin/sbatch --wait -J a",
            "env X=1 /opt/bin/sbatch --wait -J a",
            True,
            "env X=1 /opt/bin/scancel",
            "env X=1 /opt/bin/scontrol -o show job",
        ),
        ("ssh login qsub -sync y", "ssh login qsub -sync y", True, "ssh login qdel", ""),
        ("cd /x && qsub -W block=true", "cd /x && qsub -W block=true", True, "cd /x && qdel", ""),
        ("bsub -K -n 4", "bsub -K -n 4", False, "bkill", ""),
        ("srun --job-name=sbatch", "srun --job-name=sbatch", False, "scancel", "scontrol -o show job"),
    ],
)
def test_a_submission_is_found_behind_whatever(line: str, full: str, takes_script: bool, cancel: str, ask: str) -> None:
    found = submission_in(line)
    assert found is not None
    assert found._replace(script="") == (full, "", cancel, ask)
    assert bool(found.script) == takes_script


@pytest.mark.parametrize(
    "line", ["mpirun -n 2", "nice", "nice --job-name=sbatch", "my-sbatch", "./sbatch.sh", "jbsub -q x"]
)
def test_all_else_is_the_job_itself(line: str) -> None:
    assert submission_in(line) is None


@pytest.mark.parametrize(
    ("command", "directives"),
    [
        ("sbatch", {'#SBATCH --output="/a b/log%%"', "#SBATCH --no-requeue"}),
        ("qsub", {"#$ -o /a b/log%", "#$ -r n", "#PBS -o /a b/log%", "#PBS -r n"}),
    ],
)
def test_a_script_runs_its_line_once(command: str, directives: set[str]) -> None:
    submission = submission_in(command)
    assert submission is not None
    lines = filled(submission.script, "exec true", "/a b/log%").splitlines()
    assert lines[0] == "#!/bin/sh"
    assert lines[-1] == "exec true"
    assert directives <= set(lines)


@pytest.mark.parametrize(
    ("printed", "number"),
    [
        ("Submitted batch job 123\n", "123"),
        ("123.server\n", "123"),
        ('Your job 12 ("Train") has been submitted', "12"),
        ("Job <7> is submitted to default queue <normal>.", "7"),
        ("sbatch: error: no", ""),
    ],
)
def test_the_id_is_the_first_number(printed: str, number: str) -> None:
    assert job_id(printed) == number


def test_a_state_in_a_few_words() -> None:
    answer = "JobId=6 JobName=x JobState=TIMEOUT Reason=TimeLimit Dependency=(null) Requeue=1 ExitCode=0:15 RunTime=1"
    assert state_in(answer) == "JobState=TIMEOUT Reason=TimeLimit ExitCode=0:15"


def test_the_job_that_this_runs_in_is_not_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert own_id() == "7"
    assert job_id("srun: Job 7 step creation temporarily disabled") == ""
    assert [id_to_cancel(told) for told in ("7", "7.3", "8", "8.0")] == ["", "7.3", "8", "8"]
    monkeypatch.setenv("SLURM_STEP_ID", "3")
    assert own_id() == "7.3"
    monkeypatch.delenv("SLURM_JOB_ID")
    assert own_id() == ""
