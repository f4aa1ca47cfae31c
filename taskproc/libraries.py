"""Objects of libraries whose pickle differs from process to process, and what of them does not.

Such a pickle has an address in it, a random name, what was compiled so far, who listens, how far a generator is, or
the time when it was made.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable


def _storage(storage: Any) -> tuple[object, ...]:
    """What memory of PyTorch's holds; its pickle tells where it lies."""
    import ctypes  # here, since its presence tells workers that C libraries may print

    memory = storage.untyped().cpu()
    data = ctypes.string_at(memory.data_ptr(), memory.nbytes()) if memory.nbytes() else b""
    return str(storage.dtype), storage.device.type, data


def _compiled(dispatcher: Any) -> tuple[object, ...]:
    """What numba compiles, and how: for types that it was told, or for those that it is called with."""
    told = [] if dispatcher._can_compile else list(map(str, dispatcher.signatures))
    return dispatcher.py_func, dispatcher.targetoptions, told


def _compiled_ufunc(ufunc: Any) -> tuple[object, ...]:
    """The same of a `vectorize`d function, or a generalized one."""
    made = ufunc.gufunc_builder if hasattr(ufunc, "gufunc_builder") else ufunc._dispatcher
    return made.py_func, getattr(made, "signature", ""), ufunc.identity, ufunc.types if ufunc._frozen else []


def _vectorizer(vectorizer: Any) -> tuple[object, ...]:
    """What one of scikit-learn's holds; it remembers where its stop words lay when it looked at them."""
    held: dict[str, object] = vectorizer.__dict__
    return ({name: value for name, value in held.items() if name != "_stop_words_id"},)


def _config(config: Any) -> tuple[object, ...]:
    """What one of OmegaConf's holds, and what the resolvers told that it mentions: hydra leaves the time in each."""
    held: dict[str, Any] = config.__getstate__()
    metadata: dict[str, Any] = held["_metadata"].__dict__
    cache: dict[str, object] = metadata["resolver_cache"]
    words = set(re.findall(r"\w+", str(config)))  # a part of a name may be told elsewhere: `${names.${which}:}`
    told = {name: values for name, values in cache.items() if not words.isdisjoint(name.split("."))}
    return ({**held, "_metadata": {**metadata, "resolver_cache": told}},)


LASTING: dict[str, Callable[[Any], tuple[object, ...]]] = {
    "dask.delayed.DelayedLeaf": lambda leaf: (leaf._obj, leaf._pure, leaf._nout),
    "loguru._logger.Logger": lambda logger: logger._options,
    "numba.core.registry.CPUDispatcher": _compiled,
    "numba.np.ufunc.dufunc.DUFunc": _compiled_ufunc,
    "numba.np.ufunc.gufunc.GUFunc": _compiled_ufunc,
    **{f"omegaconf.{kind.lower()}.{kind}": _config for kind in ("DictConfig", "ListConfig")},
    # The class in which it stands is told by its address too.
    "pydantic._internal._decorators.Decorator": lambda one: (one.cls_var_name, one.func, one.shim, one.info),
    **{f"sklearn.feature_extraction.text.{kind}Vectorizer": _vectorizer for kind in ("Count", "Tfidf")},
    # Its classes hold the registry of all that are mapped so far.
    "sqlalchemy.orm.decl_api.DeclarativeMeta": lambda made: made.__bases__,
    "torch.storage.TypedStorage": _storage,
}
"""Types by name, each with what makes its values up."""

SHARED = {
    "Random": ("random", "_inst"),
    "RandomState": ("numpy.random.mtrand", "_rand"),
    "_Environ": ("os", "environ"),
}
"""Objects that all code of a process shares, by the names of their classes: the environment, and the generators of
random numbers (`random.choice` is a method of one). What state they are in says nothing of the code.
"""


def shared_name(value: object) -> str:
    """The name of an object that all code of a process shares; empty for any other."""
    module, name = SHARED.get(type(value).__name__, ("", ""))
    return f"{module}:{name}" if module and getattr(sys.modules.get(module), name, None) is value else ""


def is_transform(kind: type[Any]) -> bool:
    """Whether the instances of a class are transforms of matplotlib's, of which each figure is full.

    A class of the user's that says itself how it is pickled is taken at its word.
    """
    transforms = sys.modules.get("matplotlib.transforms")
    if transforms is None or not issubclass(kind, getattr(transforms, "TransformNode", ())):
        return False
    return kind.__reduce__ is object.__reduce__ and kind.__reduce_ex__ is object.__reduce_ex__


def without_parents(transform: Any) -> tuple[object, ...]:
    """What a transform holds, but not who is told when it changes: those it has by their addresses."""
    state: object = transform.__getstate__()
    if not isinstance(state, dict):
        return (state,)
    held = cast("dict[str, object]", state)
    return ({name: value for name, value in held.items() if name != "_parents"},)


def is_mock(kind: type[Any]) -> bool:
    """Whether the instances of a class are mocks, which are equal to nothing.

    They change with each call, and have every attribute that they are asked for.
    """
    mock = sys.modules.get("unittest.mock")
    return mock is not None and issubclass(kind, mock.NonCallableMock)
