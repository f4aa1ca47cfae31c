"""Prefix commands on a real Slurm: what runs, what is told, and that nothing is left in the queue."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

SRUN, SBATCH = "srun NAME", "sbatch NAME"


@pytest.mark.parametrize("prefix", ["srun NAME -c {cpus} --mem {mem}", "env X=1 sbatch NAME -c {cpus}"])
def test_a_job_runs_with_what_it_asks_for(prefix: str, cluster: Any) -> None:
    status, out, err = cluster.run("Job", prefix=prefix)
    assert (status, out.split()) == (0, ["2", cluster.name, *["1"] * ("env" in prefix)]), err
    assert cluster.log("Job", "both") == "printed by the task\n"
    said = cluster.log("Job", "command")
    assert re.fullmatch(r"Submitted batch job \d+\n", said) if "sbatch" in prefix else said == ""
    assert cluster.jobs() == []


@pytest.mark.long
def test_jobs_are_named_by_their_class_where_nothing_else_is_said(cluster: Any) -> None:
    """And paths may hold whatever paths may hold."""
    assert cluster.run("Job", "--cache", "a b%j'", prefix="sbatch")[1].split() == ["Job"]


@pytest.mark.parametrize("prefix", [pytest.param(SRUN, marks=pytest.mark.long), SBATCH])
def test_a_cancelled_job_is_told_in_the_schedulers_words(prefix: str, cluster: Any) -> None:
    run = cluster.start("Job", "--seconds", "600", prefix=prefix)
    cluster.until(cluster.notes)
    cluster.call("scancel", *cluster.jobs())
    err = run.communicate()[1]
    assert run.returncode == 1
    (sentence,) = [line for line in err.splitlines() if " failed: " in line]
    assert "published no result (exit status " in sentence
    assert re.search(r"\*\*\* (STEP|JOB) [\d.]+ ON \S+ CANCELLED AT ", sentence)
    assert "JobState=CANCELLED" in sentence or prefix == SRUN  # whose job may be forgotten by then
    assert "  printed by the task\n" in err
    assert "CANCELLED" in cluster.log("Job#0", "command")


@pytest.mark.parametrize(
    ("prefix", "number", "status"),
    [
        (SRUN, signal.SIGTERM, 143),
        (SBATCH, signal.SIGINT, 130),
        pytest.param(SRUN, signal.SIGINT, 130, marks=pytest.mark.long),
        pytest.param(SBATCH, signal.SIGTERM, 143, marks=pytest.mark.long),
    ],
)
def test_an_interrupted_run_takes_its_jobs_back(prefix: str, number: int, status: int, cluster: Any) -> None:
    run = cluster.start("Jobs", "--n", "3", "--seconds", "600", prefix=f"{prefix} -c 3")
    cluster.until(lambda: cluster.notes() and len(cluster.jobs()) == 3)  # one runs, two are queued
    run.send_signal(number)
    run.communicate()
    assert run.returncode == status
    cluster.until(lambda: not cluster.jobs())
    assert cluster.notes() == ["begun"]


def test_a_job_not_begun_when_its_runner_is_killed_ends_before_its_body(cluster: Any) -> None:
    run = cluster.start("Job", prefix=f"{SBATCH} --hold")
    cluster.until(cluster.jobs)
    run.kill()
    run.wait()
    cluster.call("scontrol", "release", *cluster.jobs())
    cluster.until(lambda: not cluster.jobs())
    assert cluster.notes() == []
    status, _, err = cluster.run("Job", prefix=SBATCH)
    assert status == 0, err
    assert cluster.notes() == ["begun", "ended"]


def test_a_command_that_waits_takes_its_job_back_when_its_runner_is_killed(cluster: Any) -> None:
    run = cluster.start("Job", prefix=f"{SRUN} --hold")
    cluster.until(cluster.jobs)
    run.kill()
    run.wait()
    cluster.until(lambda: not cluster.jobs())


@pytest.mark.parametrize("prefix", [SRUN, pytest.param(SBATCH, marks=pytest.mark.long)])
def test_a_job_that_runs_when_its_runner_is_killed_ends_soon(prefix: str, cluster: Any) -> None:
    run = cluster.start("Job", "--seconds", "600", prefix=prefix)
    cluster.until(cluster.notes)
    run.kill()
    run.wait()
    cluster.until(lambda: not cluster.jobs())
    assert cluster.notes() == ["begun"]


@pytest.mark.long
def test_what_a_late_job_leaves_is_discarded(cluster: Any) -> None:
    """Its run is over, another has made the result."""
    run = cluster.start("Job", "--seconds", "3", prefix=SBATCH)
    cluster.until(cluster.notes)
    run.kill()
    run.wait()
    assert cluster.run("Job", "--seconds", "3", prefix="srun NAME -c 1")[0] == 0
    cluster.until(lambda: not cluster.jobs())
    assert cluster.run("Job", "--seconds", "3", prefix=SRUN)[2].endswith("0 ran\n")
    kept = [path.relative_to(cluster.folder) for path in Path(cluster.folder, ".taskproc").rglob("file")]
    assert len({path.parts[3] for path in kept if path.parts[3] != "data"}) == 1


@pytest.mark.long
@pytest.mark.timeout(300)  # Slurm waits two minutes before it begins again
def test_a_job_that_is_started_again_is_not_run_twice(cluster: Any) -> None:
    run = cluster.start("Job", "--seconds", "600", prefix=f"{SBATCH} --requeue")
    cluster.until(cluster.notes)
    cluster.call("scontrol", "requeue", *cluster.jobs())
    err = run.communicate()[1]
    assert re.search(r"taskproc: the job had begun on \S+:\d+, and is not run twice", err)
    assert cluster.notes() == ["begun"]


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_job_over_its_time_limit(cluster: Any) -> None:
    status, _, err = cluster.run("Job", "--seconds", "600", prefix=f"{SBATCH} --time=1")
    assert status == 1
    assert re.search(r"JobState=TIMEOUT Reason=TimeLimit .*CANCELLED AT \S+ DUE TO TIME LIMIT", err)


@pytest.mark.long
def test_a_job_whose_node_goes_down(cluster: Any) -> None:
    """A drained node lets it end; one that goes down takes it along."""
    node = cluster.call("sinfo", "--noheader", "--format=%n").split()[0]
    run = cluster.start("Jobs", "--n", "2", "--seconds", "2", prefix=f"{SBATCH} -c 3")
    try:
        cluster.until(cluster.notes)
        cluster.call("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
        cluster.until(lambda: "ended" in cluster.notes())
        cluster.call("scontrol", "update", f"nodename={node}", "state=resume")
        assert "2\n" in run.communicate()[0]
        run = cluster.start("Job", "--seconds", "600", prefix=SBATCH)
        cluster.until(lambda: cluster.notes().count("begun") == 3)
        cluster.call("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        assert "JobState=NODE_FAIL" in run.communicate()[1]
    finally:
        resume = ["scontrol", "update", f"nodename={node}", "state=resume"]
        subprocess.run(resume, check=False, capture_output=True)  # it may have come back by itself


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_thousand_waiting_jobs(cluster: Any, request: pytest.FixtureRequest) -> None:
    """Each costs a thread and the process of its command; all are cancelled with the run."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))  # as most systems give to a shell
    request.addfinalizer(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
    run = cluster.start("Jobs", "--n", "1000", prefix=f"{SBATCH} --hold")
    cluster.until(lambda: len(cluster.jobs("PENDING")) == 1000)
    status = Path(f"/proc/{run.pid}/status").read_text()
    print(re.findall(r"(?:VmHWM|Threads):.*", status))
    run.send_signal(signal.SIGINT)
    run.communicate()
    assert run.returncode == 130
    assert cluster.jobs() == []
    assert cluster.notes() == []
