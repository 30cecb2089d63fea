"""The words of the pages on the way in: labels of fields, words on buttons, ways to get a code, messages."""

import re
from collections.abc import Mapping

from ingram_assets.domain.site_file import Words
from ingram_assets.sources.ipage.profile.phrases import filling, finding


class SignInWords:
    """A pattern for each kind of word. `go`: on the button that sends a form, and nothing else on it."""

    def __init__(self, words: Words) -> None:
        self.user, self.password = finding(words["user"]), finding(words["password"])
        self.account = finding(words["account"])
        self.code = finding(sorted(words["code"], key=len, reverse=True))
        self.go = filling([*words["submit"], *words["verify"], *words["send_code"]])
        self.send_code, self.resend = finding(words["send_code"]), finding(words["resend"])
        self.factors: Mapping[str, re.Pattern[str]] = {
            factor: finding(words[f"{factor}_factor"]) for factor in ("email", "totp", "sms", "voice")
        }
        self.trust, self.terms = finding(words["trust"]), finding(words["terms"])
        self.notice = filling(words["notice"])
        self.accept_terms = finding(words["accept_terms"])
        self.locked, self.wrong = finding(words["locked"]), finding(words["wrong"])
