"""Renders pages: a page is data, and names the template that shows it."""

from __future__ import annotations

from typing import ClassVar, Protocol

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


class Page(Protocol):
    """What a view returns: a frozen dataclass."""

    template: ClassVar[str]


class Templates:
    """The templates of one room.

    Args:
        package: Package with a folder `templates`, e.g. `leeward.desk`.
    """

    def __init__(self, package: str) -> None:
        self._environment = Environment(
            loader=ChoiceLoader([PackageLoader(package), PackageLoader("leeward.pages")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, page: Page) -> str:
        """Return `page` as HTML; its template sees it under the name `page` and nothing else."""
        return self._environment.get_template(page.template).render(page=page)
