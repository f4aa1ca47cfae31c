"""Luigi: a task a class instance with a target file each."""

import sys

import luigi

FOLDER = sys.argv[2]


class Leaf(luigi.Task):
    i = luigi.IntParameter()

    def output(self):
        return luigi.LocalTarget(f"{FOLDER}/{self.i}")

    def run(self):
        with self.output().open("w") as file:
            file.write(str(self.i))


class Sum(luigi.Task):
    count = luigi.IntParameter()

    def requires(self):
        return [Leaf(i=i) for i in range(self.count)]

    def output(self):
        return luigi.LocalTarget(f"{FOLDER}/sum")

    def run(self):
        with self.output().open("w") as file:
            file.write(str(sum(int(target.open().read()) for target in self.input())))


if __name__ == "__main__":
    done = luigi.build([Sum(count=int(sys.argv[1]))], workers=2, local_scheduler=True, log_level="ERROR")
    sys.exit(not done)
