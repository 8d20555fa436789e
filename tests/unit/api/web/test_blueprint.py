import re

from tests.support.visitors import LISTS, OFFICE, WORK, Visitor


def test_each_role_sees_its_pages_in_the_menu(viewer: Visitor, reviewer: Visitor, administrator: Visitor) -> None:
    for visitor, paths in ((viewer, LISTS), (reviewer, LISTS + WORK), (administrator, LISTS + WORK + OFFICE)):
        menu = visitor.get("/dashboard").partition('aria-label="Main"')[2].partition("</nav>")[0]
        assert set(re.findall(r'href="([^"]+)"', menu)) == {*paths, "/docs"}
        for path in paths:
            assert "<h1>" in visitor.get(path)
