"""Snakemake: a rule, a shell command and a file each."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

RULES = """
    LEAVES = [f"{i}.txt" for i in range(COUNT)]

    rule total:
        input: LEAVES
        output: "sum.out"
        shell: "ls *.txt | wc -l > {output}"

    rule leaf:
        output: "{i}.txt"
        shell: "echo {wildcards.i} > {output}"
"""

if __name__ == "__main__":
    folder = Path(sys.argv[2])
    folder.mkdir(exist_ok=True)
    (folder / "Snakefile").write_text(dedent(RULES).replace("COUNT", sys.argv[1]))
    sys.exit(
        subprocess.call(
            [
                sys.executable,
                "-m",
                "snakemake",
                "--cores",
                "2",
                "--quiet",
                "all",
                "--directory",
                folder,
                "--snakefile",
                folder / "Snakefile",
            ]
        )
    )
