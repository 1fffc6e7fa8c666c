"""One self-contained HTML file about a run."""

from nst_numpy.report.page import (
    RunRecorder,
    Snapshot,
    data_uri,
    geometric,
    inline_svg,
    jpeg,
    peak_memory,
    png,
    shrink,
    write_report,
)

__all__ = [
    "RunRecorder",
    "Snapshot",
    "data_uri",
    "geometric",
    "inline_svg",
    "jpeg",
    "peak_memory",
    "png",
    "shrink",
    "write_report",
]
