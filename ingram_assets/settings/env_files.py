"""The one reader of `.env` files.

Its rules, which `.env.example` tells too:

- The file is UTF-8, with or without a byte order mark; UTF-16 and UTF-32 are read by their mark. Lines end as
  on any system.
- A line is empty, a comment that begins with `#`, or `NAME=value`, with or without `export` before it. Any
  other line is an error that names its number, and so is a name that stands there twice.
- Blanks around name and value do not count. A value with a blank at an end stands in quotes: a pair of `"` or
  `'` around a value is taken off, and what is between them is taken as it is.
- Nothing is filled in: `$NAME` and `${NAME}` are signs like any others. So is a `#` within a word.
- What other readers of such files take differently is refused, since it would be another password without a
  word: a `#` after a blank outside quotes, a quote without its partner at an end of the value, a typographic
  quote there, a backslash in double quotes.

An error quotes nothing but a setting's name.
"""

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark its own begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_SETTING = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=(?P<value>.*)", re.DOTALL)
_TYPOGRAPHIC = "“”„‟‘’‚‛«»‹›"


class MalformedFile(ValueError):
    """The message names the line and, where it can be told, the setting."""


def read_env(data: bytes) -> dict[str, str]:
    """Name to value, in the order of the file.

    Raises:
        MalformedFile: a line can't be read, or could be read in two ways.
    """
    found: dict[str, str] = {}
    first: dict[str, int] = {}
    for number, line in enumerate(re.split(r"\r\n|\r|\n", _text(data)), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        setting = _SETTING.fullmatch(line)
        if setting is None:
            raise MalformedFile(f"line {number} is no setting: write NAME=value, or # before a comment")
        name = setting["name"]
        if name in first:
            raise MalformedFile(f"{name} stands in line {first[name]} and in line {number}: keep one of them")
        first[name] = number
        try:
            found[name] = _value(setting["value"])
        except MalformedFile as error:
            raise MalformedFile(f"{name} in line {number} {error}") from None
    return found


def made_out(data: bytes) -> list[tuple[str, str]]:
    """Each NAME=value that can be made out of a file, whatever else is wrong with it, in all its readings.

    For what must not be told of them: a line that is commented out counts, and a name that is there twice.
    """
    readings = [data.decode(encoding, "replace") for encoding in _encodings(data)]
    found: dict[tuple[str, str], None] = {}
    for line in (line for text in readings for line in re.split(r"[\r\n\0]+", text)):
        setting = _SETTING.fullmatch(line.strip(" \t#\ufeff"))
        if setting is None:
            continue
        whole = setting["value"].strip()
        for value in (whole, re.split(r"\s#", whole)[0].strip()):
            bare = value.strip("\"'" + _TYPOGRAPHIC)
            pieces = [one for one in value.split("\ufffd") if len(one) > 3] if "\ufffd" in value else []
            found |= dict.fromkeys((setting["name"], one) for one in (value, bare, *pieces) if one)
    return list(found)


def _encodings(data: bytes) -> list[str]:
    if marked := [name for mark, name in _MARKS if data.startswith(mark)]:
        return marked[:1]
    if b"\0" in data:
        return ["utf-16-le", "utf-16-be", "utf-8"]
    try:
        data.decode()
    except UnicodeDecodeError:
        return ["utf-8", "cp1252"]
    return ["utf-8"]


def _text(data: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        name = re.search(rb"([A-Za-z_][A-Za-z0-9_]*)\s*=[^\n]*$", data[: error.start])
        of = f" ({name[1].decode()})" if name else ""
        raise MalformedFile(f"line {line}{of} is not UTF-8: save the file as UTF-8") from None
    if "\0" in text:
        raise MalformedFile("it is not UTF-8: save the file as UTF-8")
    return text


def _value(written: str) -> str:
    value = written.strip()
    if not value:
        return ""
    quote = value[0] if value[0] in "\"'" else None
    if quote and len(value) > 1 and value[-1] == quote and not re.search(rf"{quote}\s+#", value):
        if quote == '"' and "\\" in value:
            raise MalformedFile("has a backslash in double quotes: write it in single quotes")
        return value[1:-1]
    if re.search(r"\s#", written):
        raise MalformedFile(
            "has a # after a blank: write a comment in a line of its own, and a value that holds it in quotes"
        )
    for end in (value[0], value[-1]):
        if end in "\"'":
            raise MalformedFile("has a quote without its partner: put quotes of the other kind around it all")
        if end in _TYPOGRAPHIC:
            raise MalformedFile("has a typographic quote: write straight ones, around the whole value")
    return value
