"""What travels to a worker and back: data only, the same for every executor.

A `Batch` is a small graph in topological order: a later payload may name an earlier one by its position. A worker
answers each payload as it finishes it, so the first one without an answer is the one that it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from taskproc.record import FileEntry, Made

if TYPE_CHECKING:
    from pathlib import Path


class CodeFile(NamedTuple):
    """A source file that code was read from: its absolute path, and the digest of its bytes.

    The digest is None where they don't say what is loaded: the file was edited after it was loaded or, if `rebound`
    names something, that was bound to something else.
    """

    path: str
    digest: bytes | None
    rebound: str = ""


class ClassRef(NamedTuple):
    """How a worker gets a Task class.

    By reference: the `qualname` in a `module`, which lies in the file `path`, with the folder `root` first on
    `sys.path`. Without a `root`, the module has another name than its file (a plugin, a test of pytest's): it is
    imported by that name, or else from the file. By value: `blob` is the pickled class; if that refers to a module
    which is not there, the one in `path` is imported first.
    `sources` are the files that the class's fingerprint was read from, and `code` is that part of it which counts when
    a task runs: a worker that would load anything else refuses.
    """

    module: str
    qualname: str
    path: str = ""
    root: str = ""
    sources: tuple[CodeFile, ...] = ()
    code: bytes = b""
    blob: bytes = b""


class Stored(NamedTuple):
    """A value in a file, `digest` being that of the file's bytes; `key` is the task it comes from."""

    path: str
    digest: bytes
    key: bytes


Source = bytes | int | Stored
"""Where an upstream value is: pickled here, the result of an earlier payload of the batch (its position), or a file."""


Steps = bytes | tuple[object, ...]
"""Keys of a dict, or an item path. Pickled, unless all are scalars: they may be of classes that the batch brings."""


class SlotValue(NamedTuple):
    """One slot's value. `layout` is None for a single value, a list's length, or a dict's keys.

    `sources` pairs each value's source with the item path to follow in it, `()` for the whole value.
    """

    name: str
    layout: int | Steps | None
    sources: tuple[tuple[Source, Steps], ...]


class Uses(NamedTuple):
    """The user's classes and functions that values refer to, as `module:qualname`, and the digest of their code.

    `files` are the source files that it was read from, and those of all loaded modules.
    """

    names: tuple[str, ...]
    code: bytes
    files: tuple[CodeFile, ...] = ()

    def __hash__(self) -> int:
        return hash(self.code)


State = tuple[dict[str, object] | bytes, dict[str, object], str]
"""Attributes (pickled, unless they are scalars), arguments as (packed) JSON and key of a task."""


class Payload(NamedTuple):
    """One task to run.

    `cls` is an index into the batch's classes, `state` what the class's own `_task_revive` takes, `folder` the
    attempt's folder (absolute; it does not exist before the attempt has something to keep), `task_id` its id. `level`
    is the compression level, 0-9. With `echo` its output is sent as it happens too.
    `uses` is code that its attributes and upstream values refer to, which need not be reached from its class.
    """

    cls: int
    state: State
    folder: str
    task_id: int
    level: int
    echo: bool
    uses: tuple[Uses, ...]
    slots: tuple[SlotValue, ...]


class PrefixCommand(NamedTuple):
    """What starts a worker that is not one of ours: a shell line, and the interpreter, as words of the shell.

    Where `line` says `{python}`, that is where the interpreter goes, else behind it. An empty `python` is ours.
    """

    line: str
    python: str = ""


class Batch(NamedTuple):
    """Payloads for one worker, in topological order. `sys_path` is the caller's, `cwd` its working folder.

    `classes` are loaded in their order. One that no payload uses is there only for what importing its module does, and
    may fail to load. `command` is what the worker is started by, None if it is one of ours.
    """

    serial: int
    classes: tuple[ClassRef, ...]
    payloads: tuple[Payload, ...]
    sys_path: tuple[str, ...]
    cwd: str
    command: PrefixCommand | None = None


class Done(NamedTuple):
    """A payload finished. Fields as in `taskproc.record.Output`.

    `names_folder`: the value (or a file's content) names the attempt's own folder. `shows_nothing`: None or a bool
    without files, or a value with a path that leads out of the cache. `attempt`: the name of its folder, empty if it
    kept nothing: not always the payload's, since an executor of the user's may run a batch twice. `refs_code`: the
    digests of the code of each of `refs`, joined; a record has what they amount to.
    """

    position: int
    digest: bytes
    inline: bytes | None
    files: tuple[FileEntry, ...]
    refs: tuple[str, ...]
    refs_code: bytes
    names_folder: bool
    shows_nothing: bool
    attempt: str
    python: str
    made: Made


class Failed(NamedTuple):
    """A payload failed. `error` is the pickled exception or empty, `details` the traceback, `tail` the output's end.

    `attempt` is as in `Done`.
    """

    position: int
    reason: str
    details: str
    error: bytes
    tail: str
    attempt: str
    made: Made


class Damaged(NamedTuple):
    """A payload could not begin: the upstream value at `source` (a task's key) is not what its record says."""

    position: int
    source: bytes
    reason: str


class Returned(NamedTuple):
    """Payloads of a recalled batch that had not begun; they are not in it any more."""

    positions: tuple[int, ...]


class Echoed(NamedTuple):
    """Output of a payload with `echo`, as it happens."""

    position: int
    stream: str
    text: str


class Lost(NamedTuple):
    """The batch's worker is gone, or could not begin; what has no answer is lost. `reason` names the signal or status.

    `tail` is the end of what the payload that was running had printed; `kept` tells that its attempt has a folder;
    `error` is the pickled exception by which an executor told of it.
    """

    reason: str
    tail: str = ""
    kept: bool = False
    error: bytes = b""


class Refused(NamedTuple):
    """Nothing of the batch was begun, and asking again would not help. `details` and `error` are as in `Failed`."""

    reason: str
    details: str = ""
    error: bytes = b""


class Ended(NamedTuple):
    """The batch's last message: its slot is free again."""


Answer = Done | Failed | Damaged | Returned | Echoed | Lost | Refused | Ended
Reply = Callable[[int, Answer], None]
"""`reply(batch.serial, answer)`: may be called from any thread. A batch ends with exactly one answer of `LAST`."""

LAST = (Ended, Lost, Refused)


class Executor:
    """Where batches run. Slots are the scheduler's business: it never submits more batches at once than it was told.

    Attributes:
        streams: Answers come as payloads finish, and `recall` works; otherwise all come at the batch's end.
    """

    streams: bool = False

    @property
    def capacity(self) -> int:
        """How many batches it runs at once, if it is not ours and tells; else 0."""
        return 0

    def try_out(self, cache: Path) -> None:
        """See whether the workers can do the work of a run on this cache.

        Raises:
            RequestError: They can't.
        """

    def expect(self, batches: int) -> None:
        """Get ready for up to so many batches at once, if that takes time; returns at once."""

    def submit(self, batch: Batch, reply: Reply) -> None:
        """Begin a batch; returns at once. Errors come as answers."""
        raise NotImplementedError

    def recall(self, serial: int) -> None:
        """Take back what of the batch has not begun, answered by `Returned` (soon, or never if nothing is left)."""

    def close(self, *, kill: bool) -> None:
        """End every worker that is ours; with `kill`, what runs is stopped (its batches need no more answers)."""
