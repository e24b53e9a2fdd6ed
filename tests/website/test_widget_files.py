"""The widget's files as they are served: without what only readers need, and otherwise the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import playwright
import pytest

from integrations.website.pages import without_comments
from tests.running import ROOT

STATIC = ROOT / "integrations" / "website" / "static"
NODE = Path(playwright.__file__).parent / "driver" / "node"


@pytest.mark.parametrize(
    ("source", "served"),
    [
        ("a();\n\n  b();\n", "a();\nb();\n"),
        ("// one\n  // two\na(); // three\n", "a(); // three\n"),
        ("/* one */\n/**\n * two\n */\na();\n", "a();\n"),
        ("/* one */ a();\nb(); /* two */\n", "/* one */ a();\nb(); /* two */\n"),
        ("const a = 'http://b';\nconst c = '/* d';\nconst e = 'f */';\n",) * 2,
        ("a\n  // no semicolon: the end of the line counts\n  b", "a\nb\n"),
    ],
)
def test_comments_go_and_code_stays(source: str, served: str) -> None:
    assert without_comments(source) == served


@pytest.mark.parametrize("name", ["widget.js", "widget.css"])
def test_every_line_of_code_is_served(name: str) -> None:
    """What is left out is blank or a comment; and there is no text of several lines, which would lose its indents."""
    source = (STATIC / name).read_text()
    served = without_comments(source).splitlines()
    commented = False
    code = []
    for line in (line.strip() for line in source.splitlines()):
        if not commented and line.startswith("/*"):
            commented = not line.endswith("*/")
        elif commented:
            commented = "*/" not in line
            assert line.endswith("*/") or not commented or "*/" not in line, line
        elif line and not line.startswith("//"):
            code.append(line)
    assert served == code
    assert [line for line in source.splitlines() if line.count("`") % 2 or line.endswith("\\")] == []


def test_it_still_parses(tmp_path: Path) -> None:
    """Asked of the JavaScript engine that comes with the browser tests, which run the script as it is served."""
    script = tmp_path / "widget.js"
    script.write_text(without_comments((STATIC / "widget.js").read_text()))
    done = subprocess.run([NODE, "--check", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
