"""The README as a package index shows it, and the addresses beside it; `setup.py` asks for both.

An index has none of the repository's files, so a relative address leads nowhere there. With the
repository's public address, which stands in setup.cfg, each becomes one of the tagged version.
Without it no address can be right: then pictures go, and links become plain text.
"""

import configparser
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WITHOUT = (
    "The pictures, and the pages that this text names, come with the source distribution: "
    "unpack it and open `README.md`."
)
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
_LINK = re.compile(r"(?<!!)\[([^\[\]]+)\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"https?://|mailto:|#")


def index_metadata(root: Path = ROOT) -> dict[str, object]:
    """Return what setup.cfg cannot say: the long description, and the project's addresses."""
    setup = configparser.ConfigParser()
    setup.read(root / "setup.cfg", encoding="utf-8")
    start = (root / "nst_numpy" / "__init__.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__ = "(.+)"$', start, flags=re.M)
    repository = setup["nst_numpy"]["repository"].rstrip("/")
    readme = (root / "README.md").read_text(encoding="utf-8")
    return {
        "long_description": index_page(readme, repository, version),
        "long_description_content_type": "text/markdown",
        "project_urls": project_urls(repository, version),
    }


def project_urls(repository: str, version: str) -> Mapping[str, str]:
    """Name the project's pages at a repository's address; none without one."""
    if not repository:
        return {}
    page = f"{repository}/blob/v{version}"
    return {
        "Source": repository,
        "Documentation": f"{page}/docs/index.md",
        "Changelog": f"{page}/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }


def index_page(readme: str, repository: str, version: str) -> str:
    """Turn the README's relative addresses into those of a version, or leave them out."""
    if not repository:
        return _without_addresses(readme)

    def absolute(kind: str, target: str) -> str:
        return target if _ELSEWHERE.match(target) else f"{repository}/{kind}/v{version}/{target}"

    text = _PICTURE.sub(lambda m: f"![{m[1]}]({absolute('raw', m[2])})", readme)
    return _LINK.sub(lambda m: f"[{m[1]}]({absolute('blob', m[2])})", text)


def _without_addresses(readme: str) -> str:
    """Leave out pictures, and sections of nothing else; keep the words of links."""
    sections = re.split(r"^(?=## )", readme, flags=re.M)
    kept = [section for section in sections if not section.startswith("## More pictures")]
    text = _PICTURE.sub("", "".join(kept))
    text = _LINK.sub(lambda m: m[0] if _ELSEWHERE.match(m[2]) else m[1], text)
    title, rest = re.sub(r"\n{3,}", "\n\n", text).split("\n\n", 1)
    return f"{title}\n\n{WITHOUT}\n\n{rest}"
