"""Where pages go, and what they never replace."""

from __future__ import annotations

from pathlib import Path

from dlpuconv.reporting import check_report, report_names, write_report
from tests.error_ids import raises_error
from tests.reporting.material import html


def test_one_target_gets_the_path_and_several_get_their_names_in_it() -> None:
    path = Path("out/report.html")
    assert report_names(path, ["artpec8"]) == {"artpec8": path}
    assert report_names(path, ["artpec8", "artpec8"]) == {"artpec8": path}
    assert report_names(path, ["artpec8", "cv25"]) == {
        "artpec8": Path("out/report.artpec8.html"),
        "cv25": Path("out/report.cv25.html"),
    }


def test_a_page_replaces_an_older_page(tmp_path: Path) -> None:
    place = tmp_path / "new" / "report.html"
    text = html(tmp_path, compared=False)
    write_report({place: text})
    check_report(place)
    write_report({place: text.replace("Pass", "Other")})
    assert "Other" in place.read_text()
    assert [entry.name for entry in place.parent.iterdir()] == ["report.html"]


def test_a_page_never_replaces_another_file(tmp_path: Path) -> None:
    theirs = tmp_path / "index.html"
    theirs.write_text("<h1>Mine</h1>")
    with raises_error("output-foreign-page"):
        check_report(theirs)
    with raises_error("output-foreign-page"):
        write_report({theirs: "<p>"})
    assert theirs.read_text() == "<h1>Mine</h1>"


def test_a_folder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with raises_error("output-is-folder", "out.html"):
        check_report(tmp_path)
