"""Self-contained HTML files: about a run, and about where its picture comes from."""

from nst_numpy.report.page import (
    RunRecorder,
    Snapshot,
    geometric,
    inline_svg,
    peak_memory,
    write_report,
)
from nst_numpy.report.parts import data_uri, jpeg, png, shrink
from nst_numpy.report.source import write_source_page

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
    "write_source_page",
]
