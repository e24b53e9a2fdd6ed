"""The checker for PDF/UA: a good file passes, and whatever is broken in it is named, and nothing else."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typst
from page import ParseError
from pypdf import PdfWriter
from pypdf.constants import UserAccessPermissions
from pypdf.generic import (
    ArrayObject,
    BooleanObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from tests.pdf_ua import NOT_IN_STRUCTURE, NOTHING_THERE, OTHER_WIDTH, check, elements

EVERYTHING = """
#set document(title: "Alles wat stuk kan")
#set text(font: "Libertinus Serif", lang: "nl")
#set page(footer: [voet])
#title()
#outline()
= Eerste kop
Een alinea met een noot.#footnote[De noot.] En een #link("https://example.org/")[verwijzing].#footnote[Nog een.]
== Tweede kop
#text(font: "DejaVu Sans Mono")[Andere letters.]
- een punt
- nog een
=== Derde kop
#let vlak = bytes("<svg xmlns='http://www.w3.org/2000/svg' width='40' height='20'><rect width='40' height='20'/></svg>")
#figure(image(vlak, alt: "Een zwart vlak"), caption: [Een vlak])
#figure(table(columns: 2, table.header([kop], [getal]), [a], [1], [b], [2]), caption: [Een tabel])
#math.equation(block: true, alt: "x kwadraat")[$ x^2 $]
"""
"""A document with one of each: contents, headings, notes, a link, a list, a picture, a table and a formula."""


@cache
def good() -> bytes:
    return typst.compile(EVERYTHING.encode(), format="pdf", pdf_standards=["ua-1"], ignore_system_fonts=True)


def written(writer: PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def copied() -> PdfWriter:
    return PdfWriter(clone_from=io.BytesIO(good()))


# ---- finding one's way in it


def named(writer: PdfWriter, kind: str) -> list[Any]:
    return [element for element in elements(writer.root_object["/StructTreeRoot"]) if element["/S"] == kind]


def first(writer: PdfWriter, kind: str) -> Any:
    return named(writer, kind)[0]


def attributes(element: Any) -> Any:
    """The attributes of a cell that are about the table."""
    return next(each for each in element["/A"] if each["/O"] == "/Table")


def fonts(writer: PdfWriter) -> list[Any]:
    return [font.get_object() for font in writer.pages[0]["/Resources"]["/Font"].values()]


def described(writer: PdfWriter, kind: str) -> Any:
    """The first font of a kind: /CIDFontType0 has PostScript outlines, /CIDFontType2 those of TrueType."""
    inside = [font["/DescendantFonts"][0].get_object() for font in fonts(writer)]
    return next(font for font in inside if font["/Subtype"] == kind)


def links(writer: PdfWriter) -> list[Any]:
    return [annotation.get_object() for annotation in writer.pages[0]["/Annots"]]


def metadata(writer: PdfWriter, pattern: str, instead: str = "") -> None:
    stream = writer.root_object["/Metadata"].get_object()
    text, count = re.subn(pattern, instead, stream.get_data().decode(), flags=re.DOTALL)
    assert count
    stream.set_data(text.encode())


def contents(writer: PdfWriter, change: Callable[[bytes], bytes]) -> None:
    """Changes what is drawn on the page."""
    page = writer.pages[0]
    before = page.get_contents().get_data()
    after = change(before)
    assert after != before
    stream = DecodedStreamObject()
    stream.set_data(after)
    page[NameObject("/Contents")] = writer._add_object(stream)


def to_unicode(writer: PdfWriter, instead: bytes) -> None:
    """Has the first sign of a font mean something else."""
    font = fonts(writer)[0]
    cmap = DecodedStreamObject()
    text, count = re.subn(rb"(beginbfchar\s*<[0-9a-fA-F]+>\s*)<[0-9a-fA-F]+>", rb"\1" + instead, _cmap(font), count=1)
    assert count == 1
    cmap.set_data(text)
    font[NameObject("/ToUnicode")] = writer._add_object(cmap)


def _cmap(font: Any) -> bytes:
    return font["/ToUnicode"].get_object().get_data()


def layer(writer: PdfWriter, settings: dict[str, Any]) -> None:
    """Adds an optional content group with its settings."""
    group = writer._add_object(
        DictionaryObject({NameObject("/Type"): NameObject("/OCG"), NameObject("/Name"): TextStringObject("laag")})
    )
    said = DictionaryObject({NameObject(key): value for key, value in settings.items()})
    writer.root_object[NameObject("/OCProperties")] = DictionaryObject(
        {NameObject("/OCGs"): ArrayObject([group]), NameObject("/D"): said}
    )


TAGGED_LINE = b"/Span <</MCID 0>> BDC 0 0 m 9 9 l S EMC"


def drawn_form(writer: PdfWriter, drawing: bytes, times: int = 1, **entries: Any) -> None:
    """Adds a drawing (form XObject) that stands so many times on the page."""
    form = StreamObject()
    form.set_data(drawing)
    form.update(
        {
            NameObject("/Type"): NameObject("/XObject"),
            NameObject("/Subtype"): NameObject("/Form"),
            NameObject("/BBox"): ArrayObject([NumberObject(side) for side in (0, 0, 10, 10)]),
        }
    )
    form.update({NameObject(f"/{key}"): value for key, value in entries.items()})
    resources = writer.pages[0]["/Resources"]
    forms = resources.setdefault(NameObject("/XObject"), DictionaryObject()).get_object()
    forms[NameObject("/Added")] = writer._add_object(form)
    contents(writer, lambda data: data + b"\n/Added Do" * times)


# ---- breaking it

Break = Callable[[PdfWriter], None]
BREAKS: dict[str, tuple[Break, set[str]]] = {}
"""By what was done, with its number in the Matterhorn Protocol if it has one: how to do it, and who must say so."""


def breaks(what: str, *rules: str, ours: str | None = None) -> Callable[[Break], Break]:
    """Says who must name the breakage. rules: the validator's, without what is the same in all. ours: our own."""

    def kept(how: Break) -> Break:
        assert what not in BREAKS
        BREAKS[what] = (how, {f"PDFUA1-{rule}-001" for rule in rules} | ({ours} if ours else set()))
        return how

    return kept


@breaks("01-003 an artifact inside tagged content", "ARTIFACT-NESTED")
def _(writer: PdfWriter) -> None:
    contents(writer, lambda data: data.replace(b"BDC\n", b"BDC\n/Artifact BMC EMC\n", 1))


@breaks("01-004 tagged content inside an artifact", "TAGGED-CONTENT-INSIDE-ARTIFACT")
def _(writer: PdfWriter) -> None:
    contents(writer, lambda data: b"/Artifact BMC\n" + data.replace(b"EMC", b"EMC EMC\n", 1))


@breaks("01-005 text that is neither tagged nor an artifact", "CONTENT-TAGGING", ours=NOTHING_THERE)
def _(writer: PdfWriter) -> None:
    contents(writer, lambda data: re.sub(rb"/Span\s*<<\s*/MCID 8\s*>>\s*BDC", b"/Span BMC", data))


@breaks("01-005 a line that is neither tagged nor an artifact", "CONTENT-TAGGING")
def _(writer: PdfWriter) -> None:
    contents(writer, lambda data: data + b"\n0 0 m 9 9 l S")


@breaks("01-005 a page that leads nowhere in the structure", ours=NOT_IN_STRUCTURE)
def _(writer: PdfWriter) -> None:
    del writer.pages[0]["/StructParents"]


@breaks("01-005 tagged content that no element holds", ours=NOT_IN_STRUCTURE)
def _(writer: PdfWriter) -> None:
    first(writer, "/P")["/K"].pop(0)


@breaks("01-005 an element that no other holds", ours=NOT_IN_STRUCTURE)
def _(writer: PdfWriter) -> None:
    first(writer, "/Document")["/K"].pop()


@breaks("01-005 content of which the structure names another element", ours=NOT_IN_STRUCTURE)
def _(writer: PdfWriter) -> None:
    contents_of = writer.root_object["/StructTreeRoot"]["/ParentTree"]["/Nums"][-1].get_object()
    contents_of[0] = contents_of[1]


@breaks("01-005 tagged content in a drawing that no element holds", ours=NOT_IN_STRUCTURE)
def _(writer: PdfWriter) -> None:
    drawn_form(writer, TAGGED_LINE, StructParents=NumberObject(99))


@breaks("an element with content that is nowhere", ours=NOTHING_THERE)
def _(writer: PdfWriter) -> None:
    first(writer, "/P")["/K"].append(NumberObject(999))


@breaks("01-005 a drawing that is neither tagged nor an artifact", "CONTENT-TAGGING")
def _(writer: PdfWriter) -> None:
    drawn_form(writer, b"0 0 m 9 9 l S")


@breaks("a file that is not marked as tagged", "TAGGED-DOCUMENT")
def _(writer: PdfWriter) -> None:
    del writer.root_object["/MarkInfo"]


@breaks("an element that does not know its parent", "STRUCT-ELEMENT-PARENT")
def _(writer: PdfWriter) -> None:
    del first(writer, "/P")["/P"]


@breaks("01-007 suspects", "SUSPECTS")
def _(writer: PdfWriter) -> None:
    writer.root_object["/MarkInfo"][NameObject("/Suspects")] = BooleanObject(value=True)


@breaks("02-001 a type that is not mapped", "STRUCT-TREE-ROLE-MAP")
def _(writer: PdfWriter) -> None:
    del writer.root_object["/StructTreeRoot"]["/RoleMap"]["/Title"]


@breaks("02-003 types that are mapped to each other", "STRUCT-TREE-ROLE-MAP-CYCLE")
def _(writer: PdfWriter) -> None:
    roles = writer.root_object["/StructTreeRoot"]["/RoleMap"]
    roles[NameObject("/Title")] = NameObject("/Terms")
    roles[NameObject("/Terms")] = NameObject("/Title")


@breaks("02-004 a standard type that is mapped", "STRUCT-TREE-ROLE-MAP-STANDARD")
def _(writer: PdfWriter) -> None:
    writer.root_object["/StructTreeRoot"]["/RoleMap"][NameObject("/P")] = NameObject("/Span")


@breaks("06-001 no metadata", "METADATA-STRUCTURE", "METADATA-TITLE", "ID-SCHEMA", "ID-PART")
def _(writer: PdfWriter) -> None:
    del writer.root_object["/Metadata"]


@breaks("06-002 metadata without PDF/UA", "ID-SCHEMA", "ID-PART")
def _(writer: PdfWriter) -> None:
    metadata(writer, "<pdfuaid:part>1</pdfuaid:part>")


@breaks("06-002 metadata with another part", "ID-PART")
def _(writer: PdfWriter) -> None:
    metadata(writer, "<pdfuaid:part>1</pdfuaid:part>", "<pdfuaid:part>7</pdfuaid:part>")


@breaks("06-003 no title", "METADATA-TITLE")
def _(writer: PdfWriter) -> None:
    metadata(writer, "<dc:title>.*</dc:title>")


@breaks("07-001 the title need not be shown", "VIEWER-PREFERENCES")
def _(writer: PdfWriter) -> None:
    del writer.root_object["/ViewerPreferences"]["/DisplayDocTitle"]


@breaks("07-002 the title must not be shown", "VIEWER-PREFERENCES")
def _(writer: PdfWriter) -> None:
    writer.root_object["/ViewerPreferences"][NameObject("/DisplayDocTitle")] = BooleanObject(value=False)


@breaks("09-004 a row outside its table", "TABLE-KIDS", "TR-PARENT")
def _(writer: PdfWriter) -> None:
    first(writer, "/THead")[NameObject("/S")] = NameObject("/Sect")


@breaks("09-004 two heads of a table", "TABLE-THEAD-COUNT", "TABLE-THEAD-TBODY")
def _(writer: PdfWriter) -> None:
    first(writer, "/TBody")[NameObject("/S")] = NameObject("/THead")


@breaks("09-004 a caption in the midst of a table", "TABLE-CAPTION-POSITION")
def _(writer: PdfWriter) -> None:
    parts = first(writer, "/Table")["/K"]
    parts.insert(1, parts.pop(0))


@breaks("09-004 a row that lacks a cell", "TABLE-ROW-COLUMNSPAN", "TABLE-COLUMN-ROWSPAN", ours=NOT_IN_STRUCTURE)
def _(writer: PdfWriter) -> None:
    named(writer, "/TR")[-1]["/K"].pop()


@breaks("09-005 an item outside its list", "LI-PARENT")
def _(writer: PdfWriter) -> None:
    first(writer, "/L")[NameObject("/S")] = NameObject("/Sect")


@breaks("09-005 a paragraph as a part of a list", "L-KIDS", "LBODY-PARENT")
def _(writer: PdfWriter) -> None:
    first(writer, "/LI")[NameObject("/S")] = NameObject("/P")


@breaks("09-006 a paragraph as a part of a table of contents", "TOC-KIDS")
def _(writer: PdfWriter) -> None:
    first(writer, "/TOCI")[NameObject("/S")] = NameObject("/P")


@breaks(
    "11-001 to 11-004 no language", "TEXT-LANGUAGE", "ALT-TEXT-LANGUAGE", "SPAN-ALT-TEXT-LANGUAGE",
    "SPAN-ACTUAL-TEXT-LANGUAGE", "OUTLINE-LANGUAGE", "ANNOTATION-CONTENTS-LANGUAGE",
)  # fmt: skip
def _(writer: PdfWriter) -> None:
    del writer.root_object["/Lang"]


@breaks("11-001 a language that is none", "LANGUAGE-TAG")
def _(writer: PdfWriter) -> None:
    writer.root_object[NameObject("/Lang")] = TextStringObject("Nederlands, ook in het Engels")


@breaks("13-004 a figure without an alternative", "FIGURE-ALTERNATIVE-TEXT")
def _(writer: PdfWriter) -> None:
    del first(writer, "/Figure")["/Alt"]


@breaks("14-002 the first heading is of the second level", "HEADING-NESTING")
def _(writer: PdfWriter) -> None:
    first(writer, "/H1")[NameObject("/S")] = NameObject("/H2")


@breaks("14-003 a level of headings is skipped", "HEADING-NESTING")
def _(writer: PdfWriter) -> None:
    first(writer, "/H2")[NameObject("/S")] = NameObject("/P")


@breaks("14-006 two headings without a level in one part", "HEADING-CHILD-COUNT")
def _(writer: PdfWriter) -> None:
    for kind in ("/H1", "/H2", "/H3"):
        for heading in named(writer, kind):
            heading[NameObject("/S")] = NameObject("/H")


@breaks("14-007 headings with and without a level", "HEADING-STRUCTURE")
def _(writer: PdfWriter) -> None:
    first(writer, "/P")[NameObject("/S")] = NameObject("/H")


@breaks("15-003 heads of a table of which nobody can tell what they are heads of", "TABLE-HEADERS-SCOPE")
def _(writer: PdfWriter) -> None:
    for cell in (*named(writer, "/TH"), *named(writer, "/TD")):
        said = attributes(cell)
        said.pop("/Scope", None)
        said.pop("/Headers", None)


@breaks("15-003 a cell with a head that is not there", "TABLE-HEADERS-UNDEFINED")
def _(writer: PdfWriter) -> None:
    for head in named(writer, "/TH"):
        del attributes(head)["/Scope"]
    attributes(first(writer, "/TD"))[NameObject("/Headers")] = ArrayObject([TextStringObject("nergens")])


@breaks("17-002 a formula without an alternative", "FORMULA-ALTERNATIVE-TEXT")
def _(writer: PdfWriter) -> None:
    del first(writer, "/Formula")["/Alt"]


@breaks("19-003 a note without a name", "NOTE-ID")
def _(writer: PdfWriter) -> None:
    del first(writer, "/Note")["/ID"]


@breaks("19-004 two notes with one name", "NOTE-ID-UNIQUE")
def _(writer: PdfWriter) -> None:
    one, other = named(writer, "/Note")
    other[NameObject("/ID")] = one["/ID"]


@breaks("20-002 a layer's settings without a name", "OPTIONAL-CONTENT-NAME")
def _(writer: PdfWriter) -> None:
    layer(writer, {})


@breaks("20-003 a layer that shows itself", "OPTIONAL-CONTENT-AS")
def _(writer: PdfWriter) -> None:
    layer(writer, {"/Name": TextStringObject("gewoon"), "/AS": ArrayObject()})


@breaks("21-001 a file inside without a name for all", "FILE-SPEC-F-AND-UF")
def _(writer: PdfWriter) -> None:
    writer.add_attachment("getallen.csv", b"1,2")


@breaks("25-001 a form that is drawn anew", "DYNAMIC-XFA")
def _(writer: PdfWriter) -> None:
    form = DecodedStreamObject()
    form.set_data(
        b"<config xmlns='http://www.xfa.org/schema/xci/2.6/'><dynamicRender>required</dynamicRender></config>"
    )
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject(
        {NameObject("/Fields"): ArrayObject(), NameObject("/XFA"): writer._add_object(form)}
    )


@breaks("26-002 locked for screen readers", "ENCRYPTION-P")
def _(writer: PdfWriter) -> None:
    allowed = UserAccessPermissions.all() & ~UserAccessPermissions.EXTRACT_TEXT_AND_GRAPHICS
    writer.encrypt("", "eigenaar", permissions_flag=allowed, algorithm="AES-128")


@breaks("28-002 an annotation outside the structure", "ANNOTATION-ANNOT-TAG")
def _(writer: PdfWriter) -> None:
    writer.pages[0]["/Annots"].append(
        writer._add_object(
            DictionaryObject(
                {
                    NameObject("/Type"): NameObject("/Annot"),
                    NameObject("/Subtype"): NameObject("/Square"),
                    NameObject("/Contents"): TextStringObject("een vierkant"),
                    NameObject("/Rect"): ArrayObject([NumberObject(side) for side in (10, 10, 20, 20)]),
                }
            )
        )
    )


@breaks("28-007 a trap net", "TRAPNET-ANNOTATION", "ANNOTATION-ANNOT-TAG")
def _(writer: PdfWriter) -> None:
    links(writer)[-1][NameObject("/Subtype")] = NameObject("/TrapNet")


@breaks("28-008 a page with links and no order of tabs", "PAGE-TABS")
def _(writer: PdfWriter) -> None:
    del writer.pages[0]["/Tabs"]


@breaks("28-009 another order of tabs", "PAGE-TABS")
def _(writer: PdfWriter) -> None:
    writer.pages[0][NameObject("/Tabs")] = NameObject("/R")


@breaks("28-011 a link that is tagged as something else", "LINK-LINK-TAG")
def _(writer: PdfWriter) -> None:
    named(writer, "/Link")[-1][NameObject("/S")] = NameObject("/Span")


@breaks("28-011 a link that leads nowhere in the structure", "LINK-LINK-TAG")
def _(writer: PdfWriter) -> None:
    del links(writer)[-1]["/StructParent"]


@breaks("28-012 a link that is not described", "LINK-CONTENTS")
def _(writer: PdfWriter) -> None:
    del links(writer)[-1]["/Contents"]


@breaks("28-017 a printer's mark in the structure", "PRINTER-MARK-ARTIFACT")
def _(writer: PdfWriter) -> None:
    links(writer)[-1][NameObject("/Subtype")] = NameObject("/PrinterMark")


@breaks("30-001 a drawing out of another file", "FORM-REFERENCE")
def _(writer: PdfWriter) -> None:
    other = DictionaryObject({NameObject("/F"): TextStringObject("ander.pdf"), NameObject("/Page"): NumberObject(0)})
    drawn_form(writer, b"", Ref=other)


@breaks("30-002 tagged content in a drawing that stands there twice", "FORM-STRUCTURE", ours=NOT_IN_STRUCTURE)
def _(writer: PdfWriter) -> None:
    drawn_form(writer, TAGGED_LINE, times=2, StructParents=NumberObject(99))


@breaks("31-001 a font of another collection than its encoding", "TYPE0-CID-SYSTEM-INFO")
def _(writer: PdfWriter) -> None:
    fonts(writer)[0][NameObject("/Encoding")] = NameObject("/UniJIS-UCS2-H")


@breaks("31-004 a font of which the glyphs have another order", "CIDTOGIDMAP")
def _(writer: PdfWriter) -> None:
    described(writer, "/CIDFontType2")[NameObject("/CIDToGIDMap")] = NameObject("/Eigen")


@breaks("31-005 a font of which nobody knows the order of the glyphs", "CIDTOGIDMAP")
def _(writer: PdfWriter) -> None:
    del described(writer, "/CIDFontType2")["/CIDToGIDMap"]


@breaks("31-006 an encoding that nobody knows", "CMAP-EMBEDDING")
def _(writer: PdfWriter) -> None:
    fonts(writer)[0][NameObject("/Encoding")] = NameObject("/Eigen-H")


@breaks("31-009 a font that is not embedded", "FONT-EMBEDDING")
def _(writer: PdfWriter) -> None:
    descriptor = fonts(writer)[0]["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
    for key in [key for key in descriptor if key.startswith("/FontFile")]:
        del descriptor[key]


@breaks("31-011 a letter beyond those of the font", "FONT-GLYPH-PRESENCE", "FONT-UNICODE-MAPPING")
def _(writer: PdfWriter) -> None:
    contents(writer, lambda data: data.replace(b"\\000\\001", b"\\177\\177", 1))


@breaks("31-016 a width that is not that of the font", ours=OTHER_WIDTH)
def _(writer: PdfWriter) -> None:
    widths = described(writer, "/CIDFontType0")["/W"]
    widths[5] = FloatObject(float(widths[5]) + 100)


@breaks("31-016 a width that is not that of a TrueType font", "FONT-GLYPH-WIDTH")
def _(writer: PdfWriter) -> None:
    described(writer, "/CIDFontType2")[NameObject("/W")] = ArrayObject(
        [NumberObject(0), ArrayObject([NumberObject(9)] * 30)]
    )


@breaks("31-027 letters without their Unicode", "FONT-UNICODE-MAPPING")
def _(writer: PdfWriter) -> None:
    del fonts(writer)[0]["/ToUnicode"]


@breaks("31-028 a letter that means nothing", "FONT-UNICODE-VALUE")
def _(writer: PdfWriter) -> None:
    to_unicode(writer, b"<0000>")


@breaks("31-029 a letter that means the order of bytes", "FONT-UNICODE-VALUE")
def _(writer: PdfWriter) -> None:
    to_unicode(writer, b"<FEFF>")


@breaks("31-030 a letter that the font lacks", "NOTDEF-GLYPH", "FONT-UNICODE-MAPPING")
def _(writer: PdfWriter) -> None:
    contents(writer, lambda data: data.replace(b"\\000\\001", b"\\000\\000", 1))


def test_a_good_file_passes() -> None:
    assert check(good()) == []


def test_a_file_that_was_written_anew_passes() -> None:
    """So what the checker says of a broken one is about what was broken."""
    assert check(written(copied())) == []


@pytest.mark.parametrize("what", BREAKS)
def test_what_is_broken_is_named_and_nothing_else(what: str) -> None:
    how, rules = BREAKS[what]
    writer = copied()
    how(writer)
    assert {failure.condition for failure in check(written(writer))} == rules


def test_no_structure_at_all(tmp_path: Path) -> None:
    plain = tmp_path / "plain.pdf"
    plain.write_bytes(typst.compile(b"= kop", format="pdf", pdf_tags=False, ignore_system_fonts=True))
    found = check(plain)
    assert all(failure.why for failure in found)
    assert {"PDFUA1-TAGGED-DOCUMENT-001", "PDFUA1-STRUCT-TREE-ROOT-001"} <= {failure.condition for failure in found}


def test_what_is_no_pdf_is_refused() -> None:
    with pytest.raises(ParseError):
        check(b"geen pdf")
