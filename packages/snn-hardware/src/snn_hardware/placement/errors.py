"""NoRoom: the error of a layer that does not fit."""

from __future__ import annotations

from snn_hardware.placement.request import Request

CIRCUITS = "circuits"
HALF = "circuits of a half for merging"
MANUAL = "circuits asked for by hand"
ROWS = "rows of a circuit"
BUS = "rows of a bus"
LABELS = "labels of a driver"


class NoRoom(ValueError):
    """A layer does not fit the chip, or what other layers left of it.

    Args:
        what: what ran out: one of the names of this file.
        missing: how many of it are missing.
        reason: a sentence with the layer, the limit and by how much it is passed.
        remedy: the smallest change that helps.
        mended: the request with this change, if it is a change of the request.

    >>> print(NoRoom("circuits", 8, "layer 'a' needs 8 circuits more", "free layer 'b'"))
    no room (circuits): layer 'a' needs 8 circuits more. Remedy: free layer 'b'
    """

    def __init__(
        self,
        what: str,
        missing: int,
        reason: str,
        remedy: str = "",
        mended: Request | None = None,
    ) -> None:
        super().__init__(what, missing, reason, remedy, mended)
        self.what = what
        self.missing = missing
        self.reason = reason
        self.remedy = remedy
        self.mended = mended

    def __str__(self) -> str:
        remedy = f". Remedy: {self.remedy}" if self.remedy else ""
        return f"no room ({self.what}): {self.reason}{remedy}"

    def with_remedy(self, remedy: str, mended: Request | None) -> NoRoom:
        """The same error with a remedy.

        >>> NoRoom("circuits", 8, "too few").with_remedy("free layer 'b'", None).remedy
        "free layer 'b'"
        """
        return NoRoom(self.what, self.missing, self.reason, remedy, mended)
