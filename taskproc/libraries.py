"""Values of libraries whose pickle differs from process to process, and what does not.

It tells where memory lies, a name made at random, what was compiled so far, or who listens.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def _storage(storage: Any) -> tuple[object, ...]:
    """What memory of PyTorch's holds; its pickle tells where it lies."""
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


LASTING: dict[str, Callable[[Any], tuple[object, ...]]] = {
    "dask.delayed.DelayedLeaf": lambda leaf: (leaf._obj, leaf._pure, leaf._nout),
    "loguru._logger.Logger": lambda logger: logger._options,
    "numba.core.registry.CPUDispatcher": _compiled,
    "numba.np.ufunc.dufunc.DUFunc": _compiled_ufunc,
    "numba.np.ufunc.gufunc.GUFunc": _compiled_ufunc,
    "torch.storage.TypedStorage": _storage,
}
"""Types by name, each with what makes its values up."""
