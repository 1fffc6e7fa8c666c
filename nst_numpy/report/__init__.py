"""Self-contained HTML files: about a run, where its picture comes from, and about a class."""

from nst_numpy.pictures.embedding import data_uri, jpeg, png, shrink
from nst_numpy.report.classroom import write_class_page
from nst_numpy.report.page import (
    RunRecorder,
    Snapshot,
    geometric,
    inline_svg,
    peak_memory,
    write_report,
)
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
    "write_class_page",
    "write_report",
    "write_source_page",
]
