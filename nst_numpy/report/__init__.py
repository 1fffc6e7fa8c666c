"""Self-contained HTML files: about a run, its source map, a class, and one that computes."""

from nst_numpy.pictures.embedding import data_uri, jpeg, png, shrink
from nst_numpy.report.classroom import write_class_page
from nst_numpy.report.explore import ExplorePage, explore_page
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
    "ExplorePage",
    "RunRecorder",
    "Snapshot",
    "data_uri",
    "explore_page",
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
