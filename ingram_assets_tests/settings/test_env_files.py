"""`.env` files as people save them: each line is taken as it is meant, or refused by its number."""

from pathlib import Path

import pytest

from ingram_assets.settings.env_files import MalformedFile, read_env
from ingram_assets.settings.file_of_setting import READ_FROM

SECRET = "Tr0ub4dor"
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("  A = b\t", "b"),
        ("A=b \t", "b"),
        ("A=b\u00a0", "b"),
        ("A=", ""),
        ("A=   ", ""),
        ("A=''", ""),
        ("export A=b", "b"),
        ("export\tA=b", "b"),
        ("A=b=c", "b=c"),
        # Nothing is filled in.
        ("A=a${HOME}b", "a${HOME}b"),
        ("A=$HOME", "$HOME"),
        ("A=a$$b", "a$$b"),
        ('A="${HOME}"', "${HOME}"),
        ("A=$(id)", "$(id)"),
        ("A=`id`", "`id`"),
        # A # within a word.
        ("A=a#b", "a#b"),
        ("A=#b", "#b"),
        ("A=a#", "a#"),
        ("A='a #b'", "a #b"),
        ('A="a # b"', "a # b"),
        # Quotes.
        ("A='b'", "b"),
        ('A="b"', "b"),
        ("A=' b '", " b "),
        ('A="\'b"', "'b"),
        ("A='\"b'", '"b'),
        ('A="b\'"', "b'"),
        ("A=a'b", "a'b"),
        ('A=a"b', 'a"b'),
        ("A=Reader’s Corner", "Reader’s Corner"),
        # A backslash is one.
        (r"A=a\nb", r"a\nb"),
        (r"A='a\'", "a\\"),
        ("A=a\\", "a\\"),
        ("A=pässword", "pässword"),
        ("A=密码", "密码"),
    ],
)
def test_a_value_is_taken_as_it_is_meant(line: str, value: str) -> None:
    assert read_env(line.encode()) == {"A": value}


@pytest.mark.parametrize(
    "value",
    [
        # Other readers of such files end the value at the #.
        f"{SECRET} #b",
        f"{SECRET}\t#b",
        f"{SECRET} # a comment",
        f" #{SECRET}",
        f'"{SECRET}" # a comment',
        f"'{SECRET}' # it's a comment",
        # Quotes without a partner.
        f"'{SECRET}",
        f'"{SECRET}',
        f"{SECRET}'",
        f'{SECRET}"',
        f"'{SECRET}\"",
        "'",
        # Quotes of a word processor.
        f"“{SECRET}”",
        f"‘{SECRET}’",
        f"„{SECRET}“",
        f"«{SECRET}»",
        f"{SECRET}”",
        # What double quotes do to a backslash, each reader has its own opinion of.
        f'"{SECRET}\\n"',
        f'"{SECRET}\\\\"',
    ],
)
def test_what_could_be_two_values_is_refused(value: str) -> None:
    with pytest.raises(MalformedFile, match="A in line 2 ") as told:
        read_env(f"# a file\nA={value}\n".encode())
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    "line",
    [SECRET, f"A {SECRET}", f"A: {SECRET}", f"A.B={SECRET}", f"={SECRET}", f"set A={SECRET}", "export A"],
)
def test_a_line_that_is_no_setting_is_named_by_its_number(line: str) -> None:
    with pytest.raises(MalformedFile, match="line 3 is no setting") as told:
        read_env(f"A=1\n\n{line}\nB=2\n".encode())
    assert SECRET not in str(told.value)


def test_a_name_that_stands_there_twice_is_refused() -> None:
    with pytest.raises(MalformedFile, match="A stands in line 1 and in line 3: keep one"):
        read_env(f"A={SECRET}\nB=2\nexport A={SECRET}\n".encode())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_file_of_any_editor_is_read(encoding: str, end: str) -> None:
    text = end.join(["# Passwörter", "IPAGE_PASSWORD=gehéim ", "", "B='2'", ""])
    assert read_env(text.encode(encoding)) == {"IPAGE_PASSWORD": "gehéim", "B": "2"}


def test_big_endian_marks_are_known() -> None:
    assert read_env("\ufeffA=b".encode("utf-16-be")) == {"A": "b"}
    assert read_env("\ufeffA=b".encode("utf-32-be")) == {"A": "b"}


@pytest.mark.parametrize(
    "data",
    [
        f"A=1\nIPAGE_PASSWORD={SECRET}é\n".encode("latin-1"),
        f"A=1\nIPAGE_PASSWORD={SECRET}“\n".encode("cp1252"),
        f"A=1\nIPAGE_PASSWORD={SECRET}é\n".encode("mac-roman"),
        f"A=1\nIPAGE_PASSWORD={SECRET}パ\n".encode("shift-jis"),
        b"A=1\nIPAGE_PASSWORD=" + SECRET.encode() + b"\xc3\n",
    ],
)
def test_another_encoding_is_refused_with_the_line_and_the_setting(data: bytes) -> None:
    with pytest.raises(MalformedFile, match=r"line 2 \(IPAGE_PASSWORD\) is not UTF-8") as told:
        read_env(data)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize("data", ["A=b".encode("utf-16-le"), "A=b".encode("utf-16-be"), b"\0", b"\xff\xfeA"])
def test_utf_16_without_its_mark_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedFile, match="not UTF-8"):
        read_env(data)


@pytest.mark.parametrize("name", [".env", ".env.scraper", ".env.storefront", ".env.operations"])
def test_the_examples_are_read_and_name_settings_alone(name: str) -> None:
    text = (ROOT / f"{name}.example").read_text()
    assert read_env(text.encode()).keys() <= {*READ_FROM, "INGRAM_PORT_UI", "INGRAM_PORT_DESK"}
