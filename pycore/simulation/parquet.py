"""Tables of single lives that grow on disk and not in memory: Parquet, one row group at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

import pycore
from pycore.errors import InputError, refuse
from pycore.files import replacing
from pycore.model.model import Model
from pycore.simulation.progress import reporter
from pycore.simulation.replay import Replay
from pycore.simulation.scenario import Value

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["event_log", "write_lives"]

# Values of one row group, 4 bytes each.
_ROW_GROUP = 2**20
_KEYS = ("scenario", "segment", "id", "period")
Progress = bool | Callable[[int, int], None] | None


def event_log(
    model: Model,
    *,
    to: str | Path,
    ids: Iterable[int] = range(100),
    periods: int = 52,
    seed: int,
    segments: pd.DataFrame | list[dict[str, Any]] | None = None,
    scenarios: Mapping[str, Mapping[str, Value]] | None = None,
    run: xr.Dataset | None = None,
    progress: Progress = None,
) -> Path:
    """Write what happened to whom and when as a Parquet file; memory does not grow with it.

    Parameters
    ----------
    model : Model
        A model with events.
    to : path
        File to write; it appears when it is whole, and replaces an older one.
    ids : iterable of int
        Running numbers of the consumers, from 0.
    periods, seed, segments, scenarios, progress
        As in :func:`pycore.simulate`.
    run : xarray.Dataset, optional
        For a model with environments: the run in which these consumers lived, as in
        :func:`pycore.trajectories`.

    Returns
    -------
    pathlib.Path
        The file.  Columns ``scenario``, ``segment``, ``id``, ``period`` (from 1) and ``event``; one
        row for each event of an active consumer, so their number is ``<event>_count`` of the run.

    Raises
    ------
    InputError
        For unusable arguments, without pyarrow (extra ``parquet``), or if the file cannot be
        written.

    Examples
    --------
    >>> import tempfile, pandas as pd, pycore as pc
    >>> m = pc.Model("coin")
    >>> _ = m.event("heads", probability=m.parameter("p", 0.5))
    >>> path = Path(tempfile.mkdtemp()) / "log.parquet"
    >>> log = pd.read_parquet(pc.event_log(m, to=path, ids=[3], periods=4, seed=7))
    >>> log["period"].tolist(), log["event"].unique().tolist()
    ([1], ['heads'])
    """
    lives = Replay(
        model, ids=ids, periods=periods, seed=seed, segments=segments, scenarios=scenarios,
        run=run,
    )  # fmt: skip
    names = lives.events
    if not names:
        raise refuse("model", model.name, "a model with events")
    with _Table(lives, to, progress).opened() as table:
        for scenario, who, segment, number in table.portions():
            happened = lives.lives(scenario, segment, number, names) == 1
            row, period, event = np.nonzero(happened)
            keys = table.keys(scenario, who[row], segment[row], period)
            table.write(keys | {"event": table.labels(event, names)})
    return Path(to)


def write_lives(lives: Replay, to: str | Path, progress: Progress) -> Path:
    """Write every quantity of every life, one row per consumer and period until she leaves."""
    clash = sorted(set(lives.names) & set(_KEYS))
    if clash:
        raise refuse("to", str(to), f"None for a model with a quantity named {clash[0]!r}")
    events = set(lives.events)
    # The stage first: it is there in every period of a life, so its NaN tells who has left.
    names = sorted(lives.names, key=lambda name: name != lives.stage)
    with _Table(lives, to, progress).opened() as table:
        for scenario, who, segment, number in table.portions():
            values = lives.lives(scenario, segment, number, names)
            row, period = np.nonzero(~np.isnan(values).all(axis=2))
            columns = table.keys(scenario, who[row], segment[row], period)
            for k, name in enumerate(names):
                lived = values[row, period, k]
                if name == lives.stage:
                    columns[name] = table.labels(lived.astype(np.int32), lives.program.stages)
                else:
                    columns[name] = lived == 1 if name in events else lived
            table.write(columns)
    return Path(to)


class _Table:
    """A Parquet file in the making."""

    def __init__(self, lives: Replay, to: Any, progress: Progress) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise InputError(
                "to: received a path without pyarrow installed, allowed with the extra: "
                "pip install 'stay-or-leave[parquet]'"
            ) from None
        if not isinstance(to, str | Path):
            raise refuse("to", to, "the path of a Parquet file")
        self.path = Path(to)
        if self.path.is_dir():
            raise refuse("to", str(to), "the path of a file (this is a folder)")
        self._arrow = pyarrow
        self._lives = lives
        self._progress = progress
        self._writer: Any = None

    @contextmanager
    def opened(self) -> Iterator[_Table]:
        """Write until the block ends; the file is then whole, or not there."""
        everybody = len(self._lives.ids) * len(self._lives.settings)
        try:
            with (
                replacing(self.path) as temporary,
                temporary.open("wb") as self._file,
                reporter(self._progress, everybody) as self._report,
            ):
                try:
                    yield self
                finally:
                    if self._writer is not None:
                        self._writer.close()
        except OSError as error:
            raise InputError(
                f"to: {self.path} cannot be written ({error.strerror or error}); nothing is left "
                "half-written"
            ) from None

    def portions(
        self,
    ) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Scenario, running numbers, segments and numbers therein, a row group at a time."""
        done, total = 0, len(self._lives.ids) * len(self._lives.settings)
        for who in self._lives.chunks(_ROW_GROUP):
            segment, number = self._lives.people.locate(who)
            for scenario in range(len(self._lives.settings)):
                yield scenario, np.asarray(who, dtype=np.int64), segment, number
                done += len(who)
                if self._report:
                    self._report(done, total)

    def keys(
        self,
        scenario: int,
        who: npt.NDArray[np.int64],
        segment: npt.NDArray[np.int64],
        period: npt.NDArray[np.int64],
    ) -> dict[str, Any]:
        """Columns that say whose row it is."""
        return {
            "scenario": self.labels(np.full(len(who), scenario), list(self._lives.settings)),
            "segment": self.labels(segment, self._lives.people.names),
            "id": who,
            "period": (period + 1).astype(np.int32),
        }

    def labels(self, codes: npt.NDArray[np.integer], names: Sequence[str]) -> Any:
        """Labels as codes into a list."""
        return self._arrow.DictionaryArray.from_arrays(codes.astype(np.int32), list(names))

    def write(self, columns: dict[str, Any]) -> None:
        """Append one row group."""
        table = self._arrow.table(columns)
        if self._writer is None:
            lives = self._lives
            about = {
                "model": lives.model.name, "program_sha256": lives.program.digest,
                "seed": lives.seed, "periods": lives.periods, "scenarios": lives.settings,
                "segments": lives.people.to_json(), "version": pycore.__version__,
            }  # fmt: skip
            schema = table.schema.with_metadata({"pycore": json.dumps(about)})
            self._writer = self._arrow.parquet.ParquetWriter(self._file, schema, compression="zstd")
        self._writer.write_table(
            table.replace_schema_metadata(None), row_group_size=len(table) or 1
        )
