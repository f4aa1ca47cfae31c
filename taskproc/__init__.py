"""A workflow runner with YAML-free Python taskfiles: write `Task` classes, run them in parallel, keep every result."""

from taskproc.added import AddedLater
from taskproc.cache import Cache
from taskproc.errors import (
    ArgumentError,
    CacheError,
    DefinitionError,
    FailedTaskError,
    GraphError,
    NoCacheError,
    NoResultError,
    RequestError,
    TaskfileError,
    TaskprocError,
)
from taskproc.events import RunStats, TaskStats
from taskproc.fingerprint import untracked
from taskproc.future import Const, Future
from taskproc.inputfile import InputFile
from taskproc.requires import Requires, RequiresDict, RequiresList
from taskproc.task import Task
from taskproc.taskfile import let_script_import_its_package

__all__ = [
    "AddedLater",
    "ArgumentError",
    "Cache",
    "CacheError",
    "Const",
    "DefinitionError",
    "FailedTaskError",
    "Future",
    "GraphError",
    "InputFile",
    "NoCacheError",
    "NoResultError",
    "RequestError",
    "Requires",
    "RequiresDict",
    "RequiresList",
    "RunStats",
    "Task",
    "TaskStats",
    "TaskfileError",
    "TaskprocError",
    "untracked",
]

let_script_import_its_package()
