"""Whether a binding names a file, a thing on a shelf, or something that nobody has told us of.

A thing taken for a file sells without end, so the list of files is a positive one: a binding is a file only
if a word of it names a file and no word of it is anything but that file's description. What is not known is
counted like a thing, and a person is told.

The words are those of ONIX code lists 150 (product form) and 175 (product form detail) by EDItEUR, of the
bindings that iPage shows, and of the shops that sell files (Kindle, NOOK, Kobo).
"""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache


class BindingKind(StrEnum):
    """What a binding is. `UNKNOWN`: no list has it."""

    FILE = "file"
    THING = "thing"
    UNKNOWN = "unknown"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FILE = _words(
    # E-: digital content delivered electronically; AJ, AN, AO: downloadable and online audio.
    "digital digitally electronic electronically online download downloads downloadable downloaded stream "
    "streaming streamed file files ebook ebooks ebk eaudio eaudiobook eaudiobooks etext etexts etextbook "
    "etextbooks ecomic ecomics ejournal emagazine eedition epicture "
    # E101 and on: the formats of such files, and what shops call theirs.
    "epub epubs epdf pdf pdfs webpdf mobi mobipocket azw azw kf ibook ibooks kepub kindle nook kobo "
    "audible overdrive vitalsource"
)
"""Each of these names a file."""

_ABOUT_A_FILE = _words(
    "a an the of for in on by via to from as or at only all audio audiobook audiobooks book books text "
    "textbook textbooks video media content contents resource resources images animation narration "
    "soundtrack interactivity web software app apps course courses comic comics novel novels novella "
    "story stories short single singles picture graphic illustrated edition editions ed version versions "
    "original originals format formats product products other general standard consumer unspecified "
    "undefined unabridged abridged enhanced interactive fixed layout reflowable flowable adaptive mp m b "
    "aac wma wav flac ogg vorbis alac aiff daisy html xhtml xml txt rtf word adobe acrobat apple google "
    "play amazon microsoft store whispersync drm free protected unprotected watermark watermarked license "
    "licence licenses licences licensed perpetual lifetime permanent rental rent subscription lending day "
    "days week weeks month months year years user users multi multiuser concurrent delivered delivery "
    "library lib"
)
"""What may stand beside a word for a file: what is in it, how it is sold. None is a thing by itself."""

_THING = _words(
    # B-: books, and what iPage calls their covers.
    "paper paperback paperbacks paperbound softcover softback softbound soft hardcover hardback hardbound "
    "hard casebound case cased cloth clothbound board boards binding bindings bound ring ringbound comb "
    "spiral wire wireo coil saddle stitched stapled perfect mass market trade leather leathersoft "
    "leatherlike leatherette bonded flexi flexibound flexicover quality rack digest jacket jacketed sewn "
    "vinyl prebound turtleback permabound pamphlet rag bath novelty foam fold foldout scroll accordion "
    "popup pop flap loose leaf looseleaf unbound big part boxbook "
    # P-: printed.
    "print prints printed printing pod sheet sheets poster posters postcard postcards calendar calendars "
    "diary diaries journal journals planner planners organizer notebook notebooks sticker stickers "
    "stationery wallchart leaflet booklet brochure frieze bookmark bookmarks newspaper copymasters hymnal "
    "bible "
    # A-, D-, F-, M-, V-: carriers.
    "disc discs disk disks cd cds audiocd mpcd cdrom rom dvd dvds bluray blu ray minidisc lp record "
    "records cassette cassettes tape tapes dat reel vhs betamax umd videodisc videocassette diskette "
    "diskettes floppy cartridge cartridges usb flash drive drives stick sticks memory sd card cards "
    "flashcard flashcards film filmstrip slide slides transparency transparencies microfilm microfiche "
    "microform physical carrier cdi player players playaway playaways launchpad wonderbook vox preloaded "
    "loaded prerecorded recorded device devices tablet tablets ereader ereaders reader readers "
    # S-, W-, X-, Z-: sets and merchandise.
    "kit kits pack packs packet packets package packages packaged bundle bundles box boxed boxes boxset "
    "slip slipcase slipcased tin set sets mixed multiple multimedia component components shrinkwrapped "
    "wallet folder portfolio pouch display dumpbin counterpack binder merchandise supplies frame frames "
    "game games toy toys puzzle puzzles jigsaw doll dolls plush mug shirt tshirt bag bags tote magnet "
    "magnets stamp stamps pen pens paints deck tarot map maps globe globes chart charts album albums "
    # What is printed to be typed in.
    "code codes key keys voucher vouchers coupon coupons pin"
)
"""Each of these lies on a shelf, whatever else comes with it."""

_THING_BY_ITSELF = _words("book books textbook textbooks library workbook workbooks")
"""What is a thing, unless a word for a file stands beside it."""

_E = re.compile(
    r"\be[\s\-.]?(?=(?:books?|bk|audio(?:books?)?|pubs?|pdf|texts?|textbooks?|comics?|journal|magazine|edition|"
    r"picture|readers?)\b)"
)
_WORD_FOR_A_FILE = re.compile(
    r"\b(?:barnes\s*(?:&|and)\s*noble|b\s*&\s*n|(?:adobe|microsoft|ms|palm)\s+reader)\b"
)
_ASIDE = re.compile(r"[(\[{:]|\s-+\s")
_AND = re.compile(r"[+&,;/]|\b(?:with|w/|w|and|plus|incl(?:ud(?:es|ed|ing))?)\b")


@lru_cache(maxsize=1024)
def kind(binding: str) -> BindingKind:
    """What this binding is. Blank or "N/A" is `UNKNOWN`, and no news."""
    text = unicodedata.normalize("NFKC", binding[:300]).lower()
    text = re.sub(r"[\u2010-\u2015\u2212_]", "-", text)
    text = _WORD_FOR_A_FILE.sub(" ", _E.sub("e", text))
    first, *others = parts = [*map(_words_of, _AND.split(text))]
    every = {word for words in parts for word in words}
    if every & _THING:
        return BindingKind.THING
    if not every & _FILE:
        return BindingKind.THING if every & _THING_BY_ITSELF else BindingKind.UNKNOWN
    # "Book Plus Digital", "Picture Book (Online Audio)": what is named first, or beside the file, is a book.
    # "E-Book with audio" is none.
    leading = _words_of(_ASIDE.split(_AND.split(text)[0])[0])
    beside = [words for words in (leading, *others) if not _FILE.intersection(words)]
    if first[:1] in (["book"], ["books"]) or any(_THING_BY_ITSELF.intersection(words) for words in beside):
        return BindingKind.THING
    is_described = every <= _FILE | _ABOUT_A_FILE and _FILE.intersection(first)
    return BindingKind.FILE if is_described else BindingKind.UNKNOWN


def _words_of(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def is_digital(binding: str) -> bool:
    """Whether a binding is a file and nothing else, of which no copies are counted."""
    return kind(binding) is BindingKind.FILE
