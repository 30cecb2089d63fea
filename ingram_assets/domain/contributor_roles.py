"""Which English words say what part somebody had in a book: "Author", "Foreword by".

They are the roles that iPage shows, and those of ONIX code list 17 (contributor role) by EDItEUR.
"""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NOUNS = _words(
    "author coauthor editor coeditor illustrator translator narrator reader photographer compiler "
    "contributor adapter adaptor artist writer director producer performer actor composer lyricist "
    "librettist designer letterer inker colorist penciller penciler creator abridger annotator commentator "
    "consultant reviser cartographer calligrapher playwright poet screenwriter interviewer interviewee "
    "collaborator ghostwriter researcher curator singer musician conductor choreographer host arranger "
    "presenter instructor transcriber transliterator animator sculptor painter cartoonist engraver "
    "storyteller essayist"
)
"""Who somebody is."""

_OTHERS = _words(
    "written edited illustrated translated narrated read photographed compiled adapted drawn designed "
    "lettered inked colored created abridged annotated revised selected retold told introduced arranged "
    "directed produced performed composed prepared by with as to from for and other the an in "
    "foreword afterword introduction preface prologue epilogue cover text notes commentary contributions "
    "idea concept original story script screenplay series volume guest general associate assistant managing "
    "contributing chief editor-in-chief pictures photographs illustrations maps music lyrics art interior "
    "jacket appendix bibliography index essay essays"
)
"""What somebody did, or gave."""


def is_role(words: str) -> bool:
    """Whether these words say a role that is known: "Author", "Edited by", "Introduction and notes by"."""
    said = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", words.lower())
    return bool(said) and (_NOUNS | _OTHERS).issuperset(said)


def is_one_role(words: str) -> bool:
    """Whether this is one word for who somebody is, and so no first name behind a comma: "Translator"."""
    return words.lower().strip() in _NOUNS
