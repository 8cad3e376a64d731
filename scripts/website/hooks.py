"""MkDocs' hooks: the pages that stand at the top of the repository are pages of the site as well.

A link between them and those of docs/ is right in the repository, where people read them too; here it is turned into
the site's. MkDocs checks all links after that.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).resolve().parents[2]
TOP = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Pages outside of docs/, and what they are called in the site."""
_LINK = re.compile(r"(\]\()(docs/|(?:\.\./)+|)([^)\s#]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the top."""
    for source, name in TOP.items():
        files.append(File.generated(config, name, content=(REPOSITORY / source).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - MkDocs'
    """Turn links of the repository into those of the site."""
    return links_of_site(markdown, at_top=page.file.src_uri in TOP.values())


def links_of_site(markdown: str, *, at_top: bool) -> str:
    """`docs/x.md` of a page at the top is `x.md`; `../README.md` of a page in docs/ is `index.md`, as deep as it was.

    Args:
        markdown: a page.
        at_top: whether the page stands at the top of the repository.
    """

    def turned(found: re.Match[str]) -> str:
        start, folder, target = found.groups()
        if at_top and (folder == "docs/" or target in TOP):
            return start + TOP.get(target, target)
        if not at_top and folder.startswith("../") and target in TOP:
            return start + folder.removeprefix("../") + TOP[target]
        return found[0]

    return _LINK.sub(turned, markdown)
