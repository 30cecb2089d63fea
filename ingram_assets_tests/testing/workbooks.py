"""Spreadsheets for the tests, made byte by byte as sites make them: XLSX, XLS, ODS, Excel's XML and HTML."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from html import escape

Row = Sequence[object]
"""Cells: text, numbers, or None for an empty one."""

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
_SECTOR = 512


def table_cell(value: object) -> str:
    """A cell of HTML."""
    return f"<td>{'' if value is None else escape(str(value))}</td>"


def zipped(files: Mapping[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with these files in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def locked(archive: bytes) -> bytes:
    """The zip, marked as encrypted in each head and in the directory."""
    data = bytearray(archive)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(mark, at + 1)
    return bytes(data)


def xlsx(sheets: Mapping[str, Sequence[Row]], hidden: Sequence[str] = ()) -> bytes:
    """An XLSX with these sheets; None where a row is left out."""
    return xlsx_of({name: _sheet_data(rows) for name, rows in sheets.items()}, hidden)


def xlsx_of(sheets: Mapping[str, str], hidden: Sequence[str] = ()) -> bytes:
    """An XLSX of the XML that stands in each `sheetData`."""
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"'
        + (' state="hidden"/>' if name in hidden else "/>")
        for number, name in enumerate(sheets, start=1)
    )
    related = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATIONS}/worksheet" '
        f'Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, len(sheets) + 1)
    )
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override '
        f'PartName="/xl/workbook.xml" ContentType="{types}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{listed}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{related}'
        "</Relationships>",
    }
    for number, data in enumerate(sheets.values(), start=1):
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{data}</sheetData></worksheet>'
        )
    return zipped({name: '<?xml version="1.0" encoding="UTF-8"?>' + part for name, part in parts.items()})


def _sheet_data(rows: Sequence[Row]) -> str:
    data = ""
    for number, row in enumerate(rows, start=1):
        cells = "".join(
            f'<c r="{_letter(place)}{number}"><v>{value!r}</v></c>'
            if isinstance(value, int | float)
            else f'<c r="{_letter(place)}{number}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'
            for place, value in enumerate(row)
            if value is not None
        )
        data += f'<row r="{number}">{cells}</row>' if cells else ""
    return data


def _letter(place: int) -> str:
    return chr(65 + place)


def xls(sheets: Mapping[str, Sequence[Row]], *, locked: bool = False) -> bytes:
    """An XLS of Excel 97 with these sheets."""
    return container({"Workbook": biff(sheets, locked)})


def biff(sheets: Mapping[str, Sequence[Row]], is_locked: bool) -> bytes:
    def record(kind: int, data: bytes = b"") -> bytes:
        return struct.pack("<HH", kind, len(data)) + data

    def unicode(text: str, size: str) -> bytes:
        return struct.pack(f"<{size}B", len(text), 1) + text.encode("utf-16-le")

    bodies = []
    for rows in sheets.values():
        body = record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
        for number, row in enumerate(rows):
            for place, value in enumerate(row):
                at = struct.pack("<HHH", number, place, 0)
                if isinstance(value, int | float):
                    body += record(0x203, at + struct.pack("<d", value))
                elif value is not None:
                    body += record(0x204, at + unicode(str(value), "H"))
        bodies.append(body + record(0x0A))
    head = record(0x809, struct.pack("<HHHHII", 0x600, 0x05, 0, 0, 0, 0))
    if is_locked:
        head += record(0x2F, struct.pack("<HHH", 0, 0x1234, 0x5678))
    bounds = [(name, 4 + 6 + 2 + 2 * len(name)) for name in sheets]
    start = len(head) + sum(length for _, length in bounds) + 4
    listed = b""
    for (name, _), body in zip(bounds, bodies, strict=True):
        listed += record(0x85, struct.pack("<IBB", start, 0, 0) + unicode(name, "B"))
        start += len(body)
    return head + listed + record(0x0A) + b"".join(bodies)


def container(streams: Mapping[str, bytes]) -> bytes:
    """An OLE container with these streams: what XLS files, and locked XLSX files, come in."""
    padded = {
        name: data.ljust(max(4096, -(-len(data) // _SECTOR) * _SECTOR), b"\0")
        for name, data in streams.items()
    }
    fat, body, entries = [0xFFFFFFFD, 0xFFFFFFFE], b"", [_entry("Root Entry", 5, 1 if streams else -1, -2, 0)]
    for number, (name, data) in enumerate(padded.items(), start=1):
        first = len(fat)
        fat += [*range(first + 1, first + len(data) // _SECTOR), 0xFFFFFFFE]
        body += data
        entries.append(
            _entry(name, 2, -1, first, len(data), right=number + 1 if number < len(padded) else -1)
        )
    while len(entries) < 4:
        entries.append(bytes(64) + struct.pack("<iii", -1, -1, -1) + bytes(52))
    assert len(fat) <= 128
    assert len(entries) == 4
    fat += [0xFFFFFFFF] * (128 - len(fat))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<IIIIIiIiI", 0, 1, 1, 0, 4096, -2, 0, -2, 0)
    head += struct.pack("<109i", 0, *[-1] * 108)
    return head + struct.pack("<128I", *fat) + b"".join(entries) + body


def _entry(name: str, kind: int, child: int, start: int, size: int, right: int = -1) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    return (
        text.ljust(64, b"\0")
        + struct.pack("<HBB", len(text), kind, 1)
        + struct.pack("<iii", -1, right, child)
        + bytes(36)
        + struct.pack("<iQ", start, size)
    )


def ods(rows: Sequence[Row]) -> bytes:
    """An ODS with one sheet."""
    table = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
    spaces = "".join(f' xmlns:{name}="{_OASIS}:{name}:1.0"' for name in ("office", "table", "text"))
    content = (
        f'<office:document-content office:version="1.2"{spaces}><office:body><office:spreadsheet>'
        f'<table:table table:name="Titles">{table}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{_OASIS}:manifest:1.0"/>',
            "content.xml": '<?xml version="1.0" encoding="UTF-8"?>' + content,
        },
        zipfile.ZIP_STORED,
    )


def _ods_cell(value: object) -> str:
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, int | float):
        return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
    text = f"<text:p>{escape(str(value))}</text:p>"
    return f'<table:table-cell office:value-type="string">{text}</table:table-cell>'


def spreadsheetml(sheets: Mapping[str, Sequence[Row]], *, prefix: str = "", escaped: bool = True) -> str:
    """Excel's XML of 2003. `prefix`: some programs write ss:Row. `escaped`: whether "&" is."""

    def cell(value: object) -> str:
        if value is None:
            return f"<{prefix}Cell/>"
        kind = "Number" if isinstance(value, int | float) else "String"
        text = escape(str(value)) if escaped else value
        return f'<{prefix}Cell><{prefix}Data ss:Type="{kind}">{text}</{prefix}Data></{prefix}Cell>'

    def sheet(name: str, rows: Sequence[Row]) -> str:
        table = "".join(f"<{prefix}Row>{''.join(map(cell, row))}</{prefix}Row>" for row in rows)
        table = f"<{prefix}Table>{table}</{prefix}Table>"
        return f'<{prefix}Worksheet ss:Name="{name}">{table}</{prefix}Worksheet>'

    return xml_workbook("".join(sheet(*one) for one in sheets.items()), prefix)


def xml_workbook(worksheets: str, prefix: str = "") -> str:
    """The workbook around these worksheets."""
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    return (
        '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n'
        f'<{prefix}Workbook xmlns="{space}" xmlns:ss="{space}"><{prefix}Styles><{prefix}Style ss:ID="s1"/>'
        f"</{prefix}Styles>{worksheets}</{prefix}Workbook>"
    )


def html(rows: Sequence[Row]) -> str:
    """A page with one table, which Excel opens under the name of an .xls."""
    return html_page("".join(f"<tr>{''.join(map(table_cell, row))}</tr>" for row in rows))


def html_page(rows: str) -> str:
    """The page around these rows."""
    office = "urn:schemas-microsoft-com:office"
    return (
        f'<html xmlns:o="{office}:office" xmlns:x="{office}:excel"><head><meta charset="utf-8"></head>'
        f"<body><table border=1>{rows}</table></body></html>"
    )
