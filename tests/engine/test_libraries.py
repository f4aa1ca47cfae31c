"""Values of libraries whose pickles differ from process to process: what is compared of them does not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from taskproc.canonical import canonical

LIBRARIES = {
    "dask": "import dask\n@dask.delayed\ndef made(x): return {0}",
    "loguru": "import loguru\nmade = loguru.logger.bind(a={0})",
    "matplotlib": "import matplotlib.figure\nmade = matplotlib.figure.Figure()\nmade.subplots().bar([1, 2], [1, {0}])",
    "matplotlib, a transform": (
        "import matplotlib.transforms as of\nmade = of.Affine2D().scale({0})\nkept = made + made"
    ),
    "numba": "import numba\n@numba.njit\ndef made(x): return {0}",
    "numba, of given types": "import numba\n@numba.njit('f{0}(f{0})')\ndef made(x): return x\n",
    "numba, an option": "import numba\n@numba.njit(error_model=['numpy', 'python'][{0} // 8])\ndef made(x): return x\n",
    "numba, a ufunc": "import numba\n@numba.vectorize\ndef made(x): return {0}",
    "numba, a ufunc of given types": "import numba\n@numba.vectorize(['f{0}(f{0})'])\ndef made(x): return x",
    "numba, a generalized ufunc": (
        "import numba\n@numba.guvectorize(['void(f8[:], f8[:])'], '(n)->(n)')\ndef made(x, found): found[0] = {0}"
    ),
    "omegaconf, what a resolver told of what is gone": (  # as hydra leaves it
        "import os\nfrom omegaconf import OmegaConf\n"
        "OmegaConf.register_new_resolver('now', lambda: os.urandom(8), use_cache=True, replace=True)\n"
        "made = OmegaConf.create({{'known': [{0}], 'gone': '${{now:}}'}})\nassert made.pop('gone')"
    ),
    "sklearn, a vectorizer in a pipeline": (
        "from sklearn.feature_extraction.text import CountVectorizer\nfrom sklearn.pipeline import make_pipeline\n"
        "made = make_pipeline(CountVectorizer(ngram_range=(1, {0}))).fit(['aa bb cc dd ee ff gg hh', 'bb ii'])"
    ),
    "torch": "import torch\nmade = torch.tensor([{0}, 2])",
    "torch, nothing": "import torch\nmade = torch.ones({0} - 4)",
    "torch, a part": "import torch\nmade = torch.arange(10)[{0} - 4:]",
    "torch, another type": "import torch\nmade = torch.tensor([1], dtype=[torch.bfloat16, torch.float16][{0} // 8])",
    "torch, a module": "import torch\nmade = torch.nn.Linear(2, 2)\nfor one in made.parameters(): one.data.fill_({0})",
}
TELL = """
import json, types
from taskproc import Task
from taskproc.canonical import canonical
from taskproc.fingerprint import Fingerprinter

def digest(text):
    module = types.ModuleType("made_here")
    exec(text, vars(module))
    encoded = canonical(module.made)
    return (encoded.data + Fingerprinter(Task).refs(encoded.refs)).hex()

print(json.dumps([digest(text) for text in {texts!r}]))
"""


def digests(*texts: str) -> list[str]:
    command = [sys.executable, "-W", "ignore", "-c", TELL.format(texts=texts)]
    found: list[str] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


LARGE = ("matplotlib", "numba", "sklearn", "torch")


@pytest.mark.parametrize(  # `.ci/run` always makes the long ones
    "library", ["dask", "loguru", "omegaconf", *(pytest.param(name, marks=pytest.mark.long) for name in LARGE)]
)
def test_what_another_process_makes_is_the_same_and_something_else_is_not(library: str) -> None:
    pytest.importorskip(library, reason="large, and not among what tests require")
    texts = {name: text for name, text in LIBRARIES.items() if name.partition(",")[0] == library}
    made = digests(*(text.format(number) for text in texts.values() for number in (4, 8)))
    ones = dict(zip(texts, made[::2], strict=True))
    others = dict(zip(texts, made[1::2], strict=True))
    assert dict(zip(texts, digests(*(text.format(4) for text in texts.values())), strict=True)) == ones
    assert [name for name in texts if ones[name] == others[name]] == []


@pytest.mark.filterwarnings("ignore:register_new_resolver")  # of OmegaConf 2.4; hydra asks for an older one
def test_what_a_resolver_of_omegaconf_told_counts_where_it_is_mentioned() -> None:
    omegaconf = pytest.importorskip("omegaconf", reason="not among what tests require")
    told = iter("abb")
    omegaconf.OmegaConf.register_new_resolver("told", lambda: next(told), use_cache=True, replace=True)
    made = [omegaconf.OmegaConf.create({"mentioned": "${told:}"}) for _ in range(3)]
    assert [one.mentioned for one in made] == ["a", "b", "b"]
    first, second, third = (canonical(one).data for one in made)
    assert first != second
    assert second == third


@pytest.mark.filterwarnings("ignore:register_new_resolver")
def test_what_a_resolver_of_omegaconf_told_counts_where_its_name_is_put_together() -> None:
    omegaconf = pytest.importorskip("omegaconf", reason="not among what tests require")
    told = iter("ab")
    omegaconf.OmegaConf.register_new_resolver("names.told", lambda: next(told), use_cache=True, replace=True)
    made = [omegaconf.OmegaConf.create({"which": "told", "mentioned": "${names.${which}:}"}) for _ in range(2)]
    assert [one.mentioned for one in made] == ["a", "b"]
    assert canonical(made[0]).data != canonical(made[1]).data


def test_a_transform_of_the_users_own_is_what_it_says_that_it_is() -> None:
    transforms = pytest.importorskip("matplotlib.transforms", reason="large, and not among what tests require")

    class Plain(transforms.Affine2D):  # type: ignore[misc, name-defined]
        def __reduce__(self) -> tuple[object, ...]:
            return type(self), ()

    class Small(transforms.Affine2D):  # type: ignore[misc, name-defined]
        def __getstate__(self) -> tuple[object, ...]:
            return (self.frozen().get_matrix().tolist(),)

    used = Plain()
    used.get_matrix(), used.inverted()
    assert canonical(used).data == canonical(Plain()).data
    assert canonical(Small().scale(2)).data == canonical(Small().scale(2)).data != canonical(Small().scale(3)).data


def test_what_classes_of_sqlalchemy_derive_from_is_the_same_when_more_of_them_are_mapped() -> None:
    orm = pytest.importorskip("sqlalchemy.orm", reason="large, and not among what tests require")
    sqlalchemy = pytest.importorskip("sqlalchemy")
    base = orm.declarative_base()
    before = canonical(base)
    columns = {"number": sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)}
    type(base)("Mapped", (base,), {"__module__": __name__, "__tablename__": "mapped", **columns})(number=1)
    assert canonical(base) == before
