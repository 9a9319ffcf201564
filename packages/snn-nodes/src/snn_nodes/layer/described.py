"""Described: buffers that say what a layer is, and do not change by loading a checkpoint."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from snn_nodes.naming import label


class Described(nn.Module):
    """A module with buffers that are part of its construction, such as which synapses exist.

    They are in ``state_dict()``, since the weights mean nothing without them. Loading compares:
    weights that were learnt with other ones are refused, not taken in silence.
    """

    GIVEN: ClassVar[tuple[str, ...]] = ()
    """The names of these buffers, which are arguments of the constructor."""

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        differing = [
            f"{label(self)}: {name} of the checkpoint are other ones ({count} of "
            f"{state_dict[prefix + name].numel()} differ); construct the layer with "
            f"{name}=state_dict[{prefix + name!r}]"
            for name in self.GIVEN
            if (count := _count(self._buffers.get(name), state_dict.get(prefix + name)))
        ]
        error_msgs.extend(differing)
        if not differing:
            super()._load_from_state_dict(
                state_dict,
                prefix,
                local_metadata,
                strict,
                missing_keys,
                unexpected_keys,
                error_msgs,
            )


def _count(own: Tensor | None, given: Tensor | None) -> int:
    """In how many places they differ; of other shapes torch says it."""
    if own is None or given is None or own.shape != given.shape or own.is_meta or given.is_meta:
        return 0
    return int((own != given.to(own.device)).sum())
