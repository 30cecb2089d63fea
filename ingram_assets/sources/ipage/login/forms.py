"""The pages on the way in, told apart by what a person would go by: labels of fields and words on buttons.

The old login form is known; what comes after the password is known only in part.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from ingram_assets.sources.ipage.pages.recognize import PageKind
from ingram_assets.sources.ipage.pages.walls import any_of
from ingram_assets.sources.ipage.profile.sign_in_words import SignInWords
from ingram_assets.sources.ipage.profile.site_profile import SiteProfile, built_in


class Step(StrEnum):
    """What a page on the way in asks for."""

    USER = "user"
    """The user's name alone; the password is asked for on the next page."""
    LOGIN = "login"
    TERMS = "terms"
    FACTOR = "factor"
    SEND = "send"
    CODE = "code"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Control:
    """A field, button or link that can be seen and used. `says` are all the words a person reads on it."""

    index: int
    tag: str
    type: str
    key: str
    """Its name and id."""
    says: str
    form: int
    """Number of the form it is in; -1 for none."""
    maxlength: int
    autocomplete: str
    options: Sequence[str] = ()

    @property
    def is_button(self) -> bool:
        """Whether it sends something when it is pressed."""
        return self.tag == "button" or (self.tag == "input" and self.type in ("submit", "button", "image"))

    @property
    def is_text_field(self) -> bool:
        """Whether something can be typed into it."""
        return self.tag == "input" and self.type in ("text", "tel", "number", "password", "email", "")

    def matches(self, pattern: re.Pattern[str]) -> bool:
        """Whether its words, name or id do."""
        return bool(pattern.search(self.says) or pattern.search(self.key))


@dataclass(frozen=True, slots=True)
class VisiblePage:
    """A page as a person sees it."""

    url: str
    title: str
    text: str
    messages: str
    """The words of its error messages."""
    controls: tuple[Control, ...]
    kind: PageKind = PageKind.PAGE
    profile: SiteProfile = field(default_factory=built_in, repr=False, compare=False)
    """By whose words it is understood."""
    html: str = field(default="", repr=False, compare=False)

    @property
    def says_of(self) -> SignInWords:
        """The words by which it is understood."""
        return self.profile.sign_in

    def first(self, wanted: Callable[[Control], Any]) -> Control | None:
        """The first control that fits."""
        return next((control for control in self.controls if wanted(control)), None)


_CODE_FIELD = any_of(r"code", r"\botp\b", r"one.?time", r"\bpin\b", r"verif", r"token", r"answer")
_OTHER_FIELD = any_of(r"zip", r"postal", r"post.?code", r"country", r"promo", r"coupon", r"search", r"user")
_ABOUT_CODES = any_of(
    *(r"verif", r"identity", r"two.?(?:factor|step)", r"second factor", r"multi.?factor", r"authenticat"),
    *(r"one.?time", r"security code", r"passcode"),
)
_SEND = any_of(r"\bsend\b.{0,20}\b(?:code|e-?mail)", r"get (?:a |the )?code", r"\bsend\b\s*$")
_RESEND = any_of(
    r"re-?send", r"send (?:it )?again", r"(?:new|another) code", r"did(?:n.t| not) (?:get|receive)"
)
_GO = any_of(r"^\W*send(?: (?:me )?(?:a |the )?(?:code|e-?mail))?\W*$")
_NOT_GO = any_of(
    *(r"re-?send", r"\bnew\b", r"another", r"again", r"back", r"cancel", r"help", r"forgot", r"search"),
    *(r"log ?out", r"sign ?out"),
)
_TRUST = any_of(
    r"remember", r"trust", r"(?:do not|don.t) (?:ask|challenge)", r"(?:device|browser|computer) for"
)
"""On the box to tick so that this device is asked for no code for a while."""
_TERMS = any_of(r"terms (?:and|&|of)", r"terms.{0,20}conditions", r"(?:license|user) agreement")
OKTA = any_of(r"okta", r"/oauth2/", r"/authorize\b", r"/saml2?\b", r"/sso/")
"""In an address of the new login."""


def step_of(view: VisiblePage) -> Step:
    """What the page asks for, by what can be seen on it."""
    if view.kind is PageKind.BLOCKED:
        return Step.BLOCKED
    if password_field(view) is not None:
        return Step.LOGIN
    if lone_user_field(view) is not None and not is_home(view):
        return Step.USER
    if view.kind is PageKind.EXPIRED:
        return Step.EXPIRED
    if is_home(view):
        return Step.PAGE
    if code_field(view) is not None:
        return Step.CODE
    if _is_about_codes(view):
        if factor_options(view):
            return Step.FACTOR
        if send_button(view) is not None:
            return Step.SEND
    return Step.TERMS if _shows_terms(view) else Step.PAGE


def _shows_terms(view: VisiblePage) -> bool:
    shown = f"{view.title} {view.text[:1000]}"
    speaks_of_them = _TERMS.search(shown) or view.says_of.terms.search(shown)
    return bool(speaks_of_them) and view.first(lambda control: _accepts(control, view)) is not None


def controls_in_words(view: VisiblePage) -> str:
    """What a person can type into and press on a page: 'the fields “User” and the buttons “Next”'."""
    told = []
    for name, found in (
        ("fields", [each for each in view.controls if each.is_text_field]),
        ("buttons", [each for each in view.controls if each.is_button]),
    ):
        said = list(dict.fromkeys(" ".join((each.says or each.key).split())[:60] for each in found))[:6]
        told.append(f"the {name} {', '.join(f'“{each}”' for each in said)}" if said else f"no {name}")
    return " and ".join(told)


def is_home(view: VisiblePage) -> bool:
    """Whether this is the page that a sign-in leads to."""
    return view.kind is PageKind.PAGE and urlsplit(view.url).path == urlsplit(view.profile.home).path


def send_button(view: VisiblePage) -> Control | None:
    """The button that makes the site send a code, where there is nothing to choose."""
    return view.first(
        lambda c: c.is_button and (_SEND.search(c.says) or view.says_of.send_code.search(c.says))
    )


def notice_button(view: VisiblePage) -> Control | None:
    """The button of a page that only tells something; by the words of site.toml alone."""
    return view.first(lambda c: c.is_button and view.says_of.notice.match(c.says))


def resend_control(view: VisiblePage) -> Control | None:
    """What makes the site send another code."""
    return view.first(
        lambda c: (
            (c.is_button or c.tag == "a") and (_RESEND.search(c.says) or view.says_of.resend.search(c.says))
        )
    )


def trust_box(view: VisiblePage) -> Control | None:
    """The box to tick so that this device is asked for no code for a while."""
    return view.first(lambda c: c.type == "checkbox" and (c.matches(_TRUST) or c.matches(view.says_of.trust)))


def account_field(view: VisiblePage, user: Control) -> Control | None:
    """Where the customer number goes, if the form asks for it."""
    return view.first(
        lambda c: (
            c.is_text_field
            and c.form == user.form
            and c != user
            and (re.search("account", c.key, re.I) or view.says_of.account.search(c.says))
        )
    )


def single_digit_fields(view: VisiblePage) -> list[Control]:
    """The boxes of a code field that has one for each digit."""
    return [control for control in view.controls if control.is_text_field and control.maxlength == 1]


def _accepts(control: Control, view: VisiblePage) -> bool:
    consents = (control.is_button or control.type == "checkbox") and control.matches(
        view.says_of.accept_terms
    )
    return consents and "cookie" not in control.says.lower()


def password_field(view: VisiblePage) -> Control | None:
    """Where the password goes: the known field, else the first that hides what is typed."""
    says = view.says_of
    return (
        view.first(lambda c: "passwordText" in c.key.split())
        or view.first(lambda c: c.is_text_field and says.password.search(c.says))
        or view.first(
            lambda c: c.type == "password" and not (c.matches(_CODE_FIELD) or says.code.search(c.says))
        )
    )


def lone_user_field(view: VisiblePage) -> Control | None:
    """Where the user's name goes on a page that asks for no password; by the words of site.toml alone."""
    return view.first(lambda c: c.is_text_field and view.says_of.user.search(c.says))


def user_field(view: VisiblePage, password: Control) -> Control | None:
    """Where the user's name goes: the known field, else the last text field before the password."""
    known = view.first(lambda c: "userIDText" in c.key.split() or "username" in c.key.split())
    known = known or view.first(
        lambda c: c.is_text_field and c.form == password.form and view.says_of.user.search(c.says)
    )
    before = [
        control
        for control in view.controls
        if control.is_text_field and control.form == password.form and control.index < password.index
    ]
    return known or (before[-1] if before else None)


def code_field(view: VisiblePage) -> Control | None:
    """Where the code goes: a field made for one, else the only text field of a page that speaks of codes."""
    labeled = view.first(lambda c: c.is_text_field and view.says_of.code.search(c.says))
    fields = [c for c in view.controls if c.is_text_field and not c.matches(_OTHER_FIELD)]
    made_for_it = next((field for field in fields if field.autocomplete == "one-time-code"), labeled)
    if made_for_it is not None or not _is_about_codes(view):
        return made_for_it
    named = next((field for field in fields if field.matches(_CODE_FIELD)), None)
    if named is not None:
        return named
    lone = len(fields) == 1 or len(single_digit_fields(view)) >= 6
    speaks_of_one = re.search(r"\bcode\b|\bdigits?\b", view.text, re.I) or view.says_of.code.search(view.text)
    return fields[0] if lone and speaks_of_one else None


def _is_about_codes(view: VisiblePage) -> bool:
    shown = f"{view.title} {view.text}"
    return _ABOUT_CODES.search(shown) is not None or view.says_of.code.search(shown) is not None


def factor_options(view: VisiblePage) -> list[tuple[str, Control]]:
    """The ways to get a code that the page offers: their words, and the control to use.

    For a drop-down list the control comes once per option.
    """

    def is_factor(words: str) -> bool:
        return any(pattern.search(words) for pattern in view.says_of.factors.values())

    radios = [(c.says, c) for c in view.controls if c.type == "radio" and is_factor(f"{c.says} {c.key}")]
    lists = [
        (option, c) for c in view.controls if c.tag == "select" for option in c.options if is_factor(option)
    ]
    buttons = [(c.says, c) for c in view.controls if c.is_button and is_factor(c.says)]
    links = [(c.says, c) for c in view.controls if c.tag == "a" and is_factor(c.says) and len(c.says) < 60]
    return radios or lists or buttons or links


def go_button(view: VisiblePage, beside: Control | None) -> Control | None:
    """The button that sends the form that `beside` is in."""
    buttons = [
        c
        for c in view.controls
        if c.is_button and (beside is None or c.form == beside.form) and not _NOT_GO.search(c.says)
    ]
    return next((b for b in buttons if _GO.search(b.says) or view.says_of.go.match(b.says)), None) or next(
        (b for b in buttons if b.type in ("submit", "")), buttons[0] if buttons else None
    )


def wanted_factor(view: VisiblePage, options: list[tuple[str, Control]], factor: str) -> int | None:
    """Which of the options is the factor set up here ("email", "totp")."""
    # Of a drop-down list only the option itself counts, of others their names too.
    told = [words if control.tag == "select" else f"{words} {control.key}" for words, control in options]
    return next(
        (number for number, words in enumerate(told) if view.says_of.factors[factor].search(words)), None
    )
