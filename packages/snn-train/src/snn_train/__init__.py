"""snn-train: encoders, decoders, data sets, a training loop, and the tasks of ``snn train``.

Importing it loads no torch; public names are imported at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn_train.checkpoint import Checkpoint as Checkpoint
    from snn_train.checkpoint import load_checkpoint as load_checkpoint
    from snn_train.checkpoint import save_checkpoint as save_checkpoint
    from snn_train.data.digits import load_digits as load_digits
    from snn_train.data.mnist import load_mnist as load_mnist
    from snn_train.data.records import Dataset as Dataset
    from snn_train.data.records import Splits as Splits
    from snn_train.data.trains import EventDataset as EventDataset
    from snn_train.data.trains import SpikeTrains as SpikeTrains
    from snn_train.data.yinyang import load_yin_yang as load_yin_yang
    from snn_train.data.yinyang import yin_yang as yin_yang
    from snn_train.decisions import earliest as earliest
    from snn_train.decisions import most_likely as most_likely
    from snn_train.decode import early_mean_over_time as early_mean_over_time
    from snn_train.decode import first_spike as first_spike
    from snn_train.decode import max_over_time as max_over_time
    from snn_train.decode import mean_over_time as mean_over_time
    from snn_train.decode import sum_over_time as sum_over_time
    from snn_train.encode import events_at as events_at
    from snn_train.encode import latency as latency
    from snn_train.encode import poisson as poisson
    from snn_train.encode import rate as rate
    from snn_train.encode import spike_times as spike_times
    from snn_train.event_network import EventActivity as EventActivity
    from snn_train.event_network import EventClassifier as EventClassifier
    from snn_train.event_network import event_classifier as event_classifier
    from snn_train.event_network import its_events as its_events
    from snn_train.loop import Epoch as Epoch
    from snn_train.loop import Score as Score
    from snn_train.loop import Training as Training
    from snn_train.loop import evaluate as evaluate
    from snn_train.loop import fit as fit
    from snn_train.loop import updates_per_epoch as updates_per_epoch
    from snn_train.network import Activity as Activity
    from snn_train.network import SpikingClassifier as SpikingClassifier
    from snn_train.network import draw_weight_ as draw_weight_
    from snn_train.network import lif_classifier as lif_classifier
    from snn_train.pictures import learning_curve_figure as learning_curve_figure
    from snn_train.pictures import membrane_figure as membrane_figure
    from snn_train.pictures import raster_figure as raster_figure
    from snn_train.random_numbers import seeded as seeded
    from snn_train.schedules import DecaySchedule as DecaySchedule
    from snn_train.schedules import Schedule as Schedule
    from snn_train.tasks.record import Task as Task
    from snn_train.tasks.table import find_task as find_task

__version__ = "0.1.0"

_HOME = {
    "Checkpoint": "checkpoint",
    "Dataset": "data.records",
    "DecaySchedule": "schedules",
    "Epoch": "loop",
    "EventActivity": "event_network",
    "EventClassifier": "event_network",
    "EventDataset": "data.trains",
    "Schedule": "schedules",
    "Score": "loop",
    "SpikeTrains": "data.trains",
    "SpikingClassifier": "network",
    "Splits": "data.records",
    "Task": "tasks.record",
    "Training": "loop",
    "draw_weight_": "network",
    "earliest": "decisions",
    "early_mean_over_time": "decode",
    "evaluate": "loop",
    "event_classifier": "event_network",
    "events_at": "encode",
    "find_task": "tasks.table",
    "first_spike": "decode",
    "fit": "loop",
    "its_events": "event_network",
    "latency": "encode",
    "learning_curve_figure": "pictures",
    "lif_classifier": "network",
    "load_checkpoint": "checkpoint",
    "load_digits": "data.digits",
    "load_mnist": "data.mnist",
    "load_yin_yang": "data.yinyang",
    "max_over_time": "decode",
    "mean_over_time": "decode",
    "membrane_figure": "pictures",
    "most_likely": "decisions",
    "poisson": "encode",
    "raster_figure": "pictures",
    "rate": "encode",
    "save_checkpoint": "checkpoint",
    "seeded": "random_numbers",
    "spike_times": "encode",
    "sum_over_time": "decode",
    "updates_per_epoch": "loop",
    "yin_yang": "data.yinyang",
    "Activity": "network",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'snn_train' has no attribute {name!r}")
    value = getattr(import_module(f"snn_train.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
