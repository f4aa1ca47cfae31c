"""Which model reads handwritten digits best? A grid of models, each trained with several seeds.

taskproc run examples/ml_taskfile.py
taskproc run examples/ml_taskfile.py Main --n-seeds 5 --test-fraction 0.3
"""

from __future__ import annotations

from statistics import mean, stdev
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from taskproc import Future, Requires, RequiresDict, RequiresList, Task

Kind = Literal["logistic", "neighbours", "svm", "forest"]

# Of each kind of model, the setting that matters most and the values to try.
GRID: dict[Kind, tuple[str, list[float]]] = {
    "logistic": ("C", [0.1, 1.0, 10.0]),
    "neighbours": ("n_neighbors", [1, 3, 9]),
    "svm": ("C", [0.1, 1.0, 10.0]),
    "forest": ("n_estimators", [10, 30, 100]),
}


class Samples(NamedTuple):
    """Images of 8 x 8 pixels between 0 and 1, (n, 64), and the digit that each shows, (n,)."""

    images: NDArray[np.float64]
    labels: NDArray[np.int64]


class Load(Task):
    """The 1,797 digits that come with scikit-learn."""

    def run_task(self) -> Samples:
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        return Samples(images / 16, labels)


class Split(Task):
    """Set some of the samples aside for the test, as many of each digit."""

    samples: Requires[Samples]

    def __init__(self, test_fraction: float, seed: int) -> None:
        self.samples = Load()
        self.test_fraction = test_fraction
        self.seed = seed

    def run_task(self) -> dict[str, Samples]:
        from sklearn.model_selection import train_test_split

        images, labels = self.samples
        parts = train_test_split(images, labels, test_size=self.test_fraction, stratify=labels, random_state=self.seed)
        return {"train": Samples(parts[0], parts[2]), "test": Samples(parts[1], parts[3])}


class Train(Task):
    """A model fitted to the training part."""

    samples: Requires[Samples]

    def __init__(self, samples: Future[Samples], kind: Kind, value: float, seed: int) -> None:
        self.samples = samples
        self.kind = kind
        self.value = value
        self.seed = seed

    def run_task(self) -> Any:
        model = make_model(self.kind, self.value, self.seed)
        return model.fit(*self.samples)


def make_model(kind: Kind, value: float, seed: int) -> Any:
    """Make an estimator of scikit-learn, not fitted yet."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    match kind:
        case "logistic":
            return LogisticRegression(C=value, max_iter=2000)
        case "neighbours":
            return KNeighborsClassifier(int(value))
        case "svm":
            return SVC(C=value)
        case "forest":
            return RandomForestClassifier(int(value), random_state=seed)


class Score(Task):
    """The share of the test part that a model reads right."""

    model: Requires[Any]
    samples: Requires[Samples]

    def __init__(self, kind: Kind, value: float, seed: int, test_fraction: float) -> None:
        parts = Split(test_fraction, seed)
        self.model = Train(parts["train"], kind, value, seed)
        self.samples = parts["test"]

    def run_task(self) -> float:
        return float(self.model.score(*self.samples))


class Summary(Task):
    """Mean and standard deviation of some scores."""

    scores: RequiresList[float]

    def __init__(self, scores: list[Future[float]]) -> None:
        self.scores = scores

    def run_task(self) -> tuple[float, float]:
        return mean(self.scores), stdev(self.scores)


class Main(Task):
    """Compare the models: a table of their accuracies, best first, and a figure of it in the task's directory."""

    summaries: RequiresDict[str, tuple[float, float]]

    def __init__(self, n_seeds: int = 3, test_fraction: float = 0.25) -> None:
        """Lay out the grid.

        Args:
            n_seeds: How many times each model is trained, on another split each time; at least 2.
            test_fraction: The share of the samples that is kept for the test.
        """
        self.summaries = {
            f"{kind} {name}={value:g}": Summary([Score(kind, value, seed, test_fraction) for seed in range(n_seeds)])
            for kind, (name, values) in GRID.items()
            for value in values
        }

    def run_task(self) -> str:
        ranking = sorted(self.summaries.items(), key=lambda item: -item[1][0])
        table = "\n".join(f"{model:<26} {accuracy:.4f} ± {spread:.4f}" for model, (accuracy, spread) in ranking)
        (self.task_directory / "accuracy.txt").write_text(table + "\n", encoding="utf-8")
        self.draw(ranking)
        return f"{table}\nbest: {ranking[0][0]}"

    def draw(self, ranking: list[tuple[str, tuple[float, float]]]) -> None:
        """One bar a model, the best on top."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.subplots()
        models, accuracies, spreads = zip(*((model, *summary) for model, summary in reversed(ranking)), strict=True)
        axes.barh(models, accuracies, xerr=spreads)
        axes.set_xlim(min(accuracies) - 0.05, 1)
        axes.set_xlabel("accuracy")
        figure.savefig(self.task_directory / "accuracy.png")


if __name__ == "__main__":
    Main.cli()
