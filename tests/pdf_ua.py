"""Checks a file for PDF/UA-1 (ISO 14289-1) with a validator that knows nothing of what made it: page-validation.

It looks at what a machine can tell of the Matterhorn Protocol 1.1, and passes and fails veraPDF's 296 sample files for
PDF/UA-1 as they are meant. (veraPDF itself is a Java program, which `make` cannot install.) Two things that it passes
over are looked at here: marks on paper and elements of the structure that do not find each other (01-005), and widths
of fonts with PostScript outlines, such as Libertinus (31-016).

test_pdf_ua_checker.py proves by breaking a file that it sees what can go wrong in ours. Not proved there are its rules
about media, form fields, embedded CMaps and fonts of single bytes (31-007, 31-008, 31-012 to 31-015, 31-017 to 31-026):
no file of ours has them. Left out is what only a person can tell (of the Protocol's conditions, those marked "Human"):
whether the reading order makes sense, an alternative describes its picture, a cell that reads as a head is one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fontTools.cffLib import CFFFontSet
from fontTools.pens.basePen import NullPen
from page import ValidationProfile, validate_pdf_bytes
from pypdf import PdfReader
from pypdf.generic import ContentStream

NOT_IN_STRUCTURE = "01-005"
OTHER_WIDTH = "31-016"
NOTHING_THERE = "ISO 32000-1, 14.7.4.2"


@dataclass(frozen=True)
class Failure:
    """What breaks PDF/UA. condition: the validator's rule, or what is looked at here. where: an object's number."""

    condition: str
    where: int | None
    why: str


def check(document: bytes | Path) -> list[Failure]:
    """All that breaks PDF/UA-1 in a PDF, each thing once; nothing if it passes. Raises PageError for what is no PDF."""
    data = document.read_bytes() if isinstance(document, Path) else document
    report = validate_pdf_bytes(data, profile=ValidationProfile.PDF_UA_1)
    found = [
        Failure(failure.rule_id, failure.object_id.object_number if failure.object_id else None, failure.message)
        for failure in report.failures
    ]
    assert report.is_compliant == (not found)
    reader = PdfReader(io.BytesIO(data))
    return list(dict.fromkeys([*found, *_apart(reader), *_other_widths(reader)]))


# ---- marks and elements


Mark = tuple[int | None, int]
"""Marked content: the number by which the structure knows the page or drawing, and the content's number on it."""


def elements(node: Any) -> Iterator[Any]:
    """The structure's elements under a node, in the order in which a screen reader meets them."""
    found = node.get_object()
    if isinstance(found, list):
        for part in found:
            yield from elements(part)
    elif isinstance(found, dict):
        if "/S" in found:
            yield found
        if "/K" in found:
            yield from elements(found["/K"])


def _apart(reader: PdfReader) -> Iterator[Failure]:
    root = reader.root_object.get("/StructTreeRoot")
    if root is None:
        return
    held = {mark: element for element in elements(root) for mark in _marks_of(element)}
    known = _by_number(root["/ParentTree"]) if "/ParentTree" in root else {}
    on_paper: dict[Mark, int] = {}
    for place, page in enumerate(reader.pages, 1):
        on_paper |= dict.fromkeys(_marks_on(page, page.get_contents(), reader), place)
    for (owner, number), place in on_paper.items():
        element = held.get((owner, number))
        parents = known.get(owner, [])
        parent = parents[number].get_object() if number < len(parents) else None
        if element is None or parent is not element:
            yield Failure(NOT_IN_STRUCTURE, None, f"page {place}: content {number} and the structure do not meet")
    for mark in held.keys() - on_paper.keys():
        where = held[mark].indirect_reference.idnum
        yield Failure(NOTHING_THERE, where, f"an element holds content {mark[1]}, which is nowhere")


def _marks_of(element: Any) -> Iterator[Mark]:
    """What an element holds itself, without its children's."""
    inside = element.get("/K", [])
    for part in inside if isinstance(inside, list) else [inside]:
        held = part.get_object()
        if isinstance(held, int):
            yield element["/Pg"].get("/StructParents"), int(held)
        elif "/MCID" in held:
            # An element that runs over two pages says of each content where it stands.
            owner = held.get("/Stm") or held.get("/Pg") or element["/Pg"]
            yield owner.get_object().get("/StructParents"), int(held["/MCID"])


def _marks_on(drawn: Any, stream: Any, reader: PdfReader) -> Iterator[Mark]:
    """The numbers of the marked contents on a page or drawing, and on the drawings in it."""
    resources = drawn.get("/Resources", {})
    for operands, operator in ContentStream(stream, reader).operations:
        if operator == b"BDC":
            said = operands[1] if isinstance(operands[1], dict) else resources["/Properties"][operands[1]]
            if "/MCID" in said:
                yield drawn.get("/StructParents"), int(said["/MCID"])
        elif operator == b"Do":
            inner = resources["/XObject"][operands[0]]
            if inner["/Subtype"] == "/Form":
                yield from _marks_on(inner, inner, reader)


def _by_number(tree: Any) -> dict[int | None, Any]:
    """What a number tree holds."""
    node = tree.get_object()
    pairs = node.get("/Nums", [])
    found: dict[int | None, Any] = {int(pairs[at]): pairs[at + 1].get_object() for at in range(0, len(pairs), 2)}
    for kid in node.get("/Kids", []):
        found |= _by_number(kid)
    return found


# ---- widths


def _other_widths(reader: PdfReader) -> Iterator[Failure]:
    """Fonts of which a glyph is more than a thousandth of an em wider or narrower than the file says."""
    for font in _descendants(reader):
        program = font["/FontDescriptor"].get("/FontFile3")
        if font["/Subtype"] != "/CIDFontType0" or program is None or program["/Subtype"] != "/CIDFontType0C":
            continue
        said = _widths(font)
        for cid, width in _drawn_widths(program.get_data()).items():
            expected = said.get(cid, font.get("/DW", 1000))
            if abs(width - expected) > 1:
                where = font.indirect_reference.idnum
                yield Failure(OTHER_WIDTH, where, f"{font['/BaseFont']}: glyph {cid} is {width} wide, not {expected}")


def _descendants(reader: PdfReader) -> list[Any]:
    fonts: dict[int, Any] = {}
    for page in reader.pages:
        resources: Any = page["/Resources"]
        for font in resources.get("/Font", {}).values():
            for kid in font.get_object().get("/DescendantFonts", []):
                fonts[kid.idnum] = kid.get_object()
    return list(fonts.values())


def _widths(font: Any) -> dict[int, float]:
    """The widths that a font's dictionary names one by one or by range (ISO 32000-1, 9.7.4.3)."""
    left = [part.get_object() for part in font.get("/W", [])]
    found: dict[int, float] = {}
    while left:
        start = int(left.pop(0))
        then = left.pop(0)
        if isinstance(then, list):
            found |= {start + place: float(width) for place, width in enumerate(then)}
        else:
            found |= dict.fromkeys(range(start, int(then) + 1), float(left.pop(0)))
    return found


def _drawn_widths(program: bytes) -> dict[int, float]:
    """The widths in a font's program, by CID, in thousandths of an em."""
    fonts = CFFFontSet()
    fonts.decompile(io.BytesIO(program), None)
    font = fonts[0]
    by_name = font.CharStrings
    scale = (font.FontMatrix if "FontMatrix" in font.rawDict else [0.001])[0] * 1000
    found = {}
    for place, name in enumerate(font.charset):
        glyph = by_name[name]
        glyph.draw(NullPen())
        cid = int(name.removeprefix("cid")) if hasattr(font, "ROS") and name != ".notdef" else place
        found[cid] = glyph.width * scale
    return found
