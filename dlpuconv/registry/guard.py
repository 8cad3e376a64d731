"""Where the code of another distribution is called: what it raises, or gives back, is told under its name.

Rules are called in one place of their own, `Rule.places`, and partitions in another, `placement.forecast`.
"""

from __future__ import annotations

import functools
import json
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import faults_of
from dlpuconv.language.brief import listed
from dlpuconv.plugin.packager import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.formats import Runner
    from dlpuconv.plugin import Backend, Port, Target
    from dlpuconv.plugin.packager import Contents, Packager


def guarded(backend: type[Backend], called: str) -> type[Backend]:
    """The same backend, of which every fault is a PluginError that names it.

    Args:
        backend: a plugin's.
        called: as messages name it.
    """
    hooks: dict[str, Callable[[Any, tuple[Any, ...]], Any]] = {
        "__init__": _as_it_is,
        "warm_up": _as_it_is,
        "close": _as_it_is,
        "prepare": _as_it_is,
        "emit": _artifact,
        "blame": _blame,
        "draft": _drafts,
        "read": _view,
        "runner": lambda made, _: _GuardedRunner(made, called),
    }
    inside = {name: _guarded(getattr(backend, name), f"{name} of {called}", check) for name, check in hooks.items()}
    whole = {**inside, "__module__": backend.__module__, "__doc__": backend.__doc__}
    return types.new_class(backend.__name__, (backend,), exec_body=lambda namespace: namespace.update(whole))


def guarded_packager(packager: Packager, called: str) -> Packager:
    """The same packager, of which every fault is a PluginError that names its target.

    Args:
        packager: a plugin's.
        called: the target, as messages name it.
    """

    def pack(contents: Contents) -> Texts:
        with faults_of(f"the packager of {called}"):
            texts = packager(contents)
            _demand_kind(texts, Texts)
            _demand_bytes(texts.files)
            return texts

    return pack


def _guarded(method: Callable[..., Any], who: str, check: Callable[[Any, tuple[Any, ...]], Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Backend, *arguments: Any, **named: Any) -> Any:
        with faults_of(who):
            made = method(self, *arguments, **named)
            return made if named else check(made, arguments)  # the core gives no argument by name, a plugin may

    return call


def _as_it_is(made: Any, _: tuple[Any, ...]) -> Any:
    return made


class _GuardedRunner:
    """Something that runs a file with a plugin's code."""

    def __init__(self, runner: Runner, called: str) -> None:
        if not callable(getattr(runner, "run", None)):
            raise TypeError(f"it returned a {type(runner).__name__}, which has no run")
        self._runner, self._who = runner, f"the runner of {called}"

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """See `Runner.run`."""
        import numpy as np

        with faults_of(self._who):
            found = self._runner.run(inputs)
            if not isinstance(found, Mapping):
                raise TypeError(f"it returned a {type(found).__name__}, not arrays by name")
            for name, values in found.items():
                if not isinstance(values, np.ndarray | np.generic):
                    raise TypeError(f"it returned a {type(values).__name__} as {name!r}, not an array")
                if values.dtype.kind not in "biuf":
                    raise TypeError(f"it returned {name!r} as {values.dtype}, not as numbers")
            return dict(found)


def _artifact(made: Any, arguments: tuple[Any, ...]) -> Any:
    """An artifact that can be written, read back and described."""
    from dlpuconv.plugin import Artifact

    _demand_kind(made, Artifact)
    target: Target = arguments[1]
    _demand_bytes(made.files)
    if target.suffix and "" not in made.files:
        raise ValueError(f"{target.name} takes one file, {target.suffix}, but the artifact is a folder")
    if target.suffix and len(made.contents) > 1:
        others = listed(sorted(name for name in made.contents if name))
        raise ValueError(f"{target.name} takes one file, {target.suffix}, but the artifact has others: {others}")
    if not target.suffix and "" in made.contents:
        raise ValueError(f"{target.name} takes a folder, but the artifact is one file")
    for field in ("warnings", "dropped"):
        if not isinstance(getattr(made, field), tuple) or not all(isinstance(t, str) for t in getattr(made, field)):
            raise TypeError(f"the artifact's {field} are a tuple of texts, not {getattr(made, field)!r}")
    for port in (*made.inputs, *made.outputs):
        _demand_port(port)
    _demand_names(made.layers)
    _demand_kind(made.bindings, Mapping)
    json.dumps(dict(made.facts), allow_nan=False)  # the manifest will
    return made


def _demand_bytes(files: Mapping[Any, Any]) -> None:
    for name, content in files.items():
        if not (isinstance(name, str) and isinstance(content, bytes)):
            raise TypeError(f"its files are bytes by path, not {type(content).__name__} by {name!r}")


def _demand_port(port: Port) -> None:
    from dlpuconv.ir.ports import Port

    _demand_kind(port, Port)
    if sorted(port.permutation) != list(range(len(port.shape))):
        raise ValueError(f"the permutation {port.permutation} of {port.name!r} does not fit its shape {port.shape}")


def _blame(made: Any, _: tuple[Any, ...]) -> Any:
    from dlpuconv.analysis import Blame

    return _demand_kind(made, Blame)


def _drafts(made: Any, arguments: tuple[Any, ...]) -> Any:
    from dlpuconv.plugin import Draft

    targets: Sequence[Target] = arguments[1]
    _demand_kind(made, tuple)
    if len(made) != len(targets):
        raise ValueError(f"it returned {len(made)} drafts for {len(targets)} targets")
    for draft in made:
        _demand_kind(draft, Draft)
        if len(draft.layers) != len(draft.view.layers):
            raise ValueError(f"a draft names {len(draft.layers)} layers, and its file has {len(draft.view.layers)}")
        _demand_names(draft.layers)
    return made


def _demand_names(layers: Iterable[Any]) -> None:
    from dlpuconv.ir.layer_names import LayerNames

    for names in layers:
        _demand_kind(names, LayerNames)


def _view(made: Any, _: tuple[Any, ...]) -> Any:
    from dlpuconv.formats import FileView

    return _demand_kind(made, FileView)


def _demand_kind[T](made: T, kind: type) -> T:
    if not isinstance(made, kind):
        got = "None" if made is None else type(made).__name__
        raise TypeError(f"it returned {got} instead of {kind.__name__}")
    return made
