"""Invented messages for the benchmark of the search: words by Zipf's law, in several scripts, always the same ones."""

from __future__ import annotations

import random
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PERSONS = 500
ROOMS = 50
WORDS = 40_000
"""How many words each language has."""

_FREQUENT = """
the to and of a in is it you that was for on are with as i his they be at one have this from or had by hot but
some what there we can out other were all your when up use word how said an each she which do their time if
will way about many then them would write like so these her long make thing see him two has look more day
could go come did my sound no most number who over know water than call first people may down side been now
find any new work part take get place made live where after back little only round man year came show every
good me give our under
"""
_SYLLABLES = {
    "english": """an ber con der en for gra ho in ja ka li mo ne or pa qui ra sta ti un ver wo xe yor za tion ing ment
        er al ic ous ly tra sch ple com per ing dis re tor ist ab ment ness th ght ee oo ai ou sh ch""",
    "accents": "é è ü ö ä ß ç ñ à ê î ber der lich keit ment tion ver ge schaft heit ung eau ill ant",
    "cyrillic": """при ве как де ла се год ня ве че ром про сто не зна ю что по го во рить об это му ский ный ать ой""",
    "arabic": "ال مر حبا كي ف حا لك الي وم هل تري د ان نذ هب مع نا ب ست م ون كت اب",
    "hindi": "न मस् ते आप कै से हैं आज हम क हाँ जा रहे है मैं का की को में भा षा ल गा",
}
_THAI = """
สวัสดี วันนี้ ไป ไหน กิน ข้าว หรือ ยัง ครับ ค่ะ เรา จะ ทำ งาน ที่ บ้าน ของ ฉัน มี ไม่ ได้ คน รัก เมือง ฝน ตก หนัก มาก
"""
_KANA = "です ます した から ない こと これ それ ありがとう ください コーヒー プログラム テスト サーバー"
_HAN = [chr(0x4E00 + number) for number in range(3_000)]
_CODE = (
    "foo_bar()", "a->b", "std::vector<int>", "if (x == 0) {", "return None", "SELECT * FROM t;", "git rebase -i",
    "self._items[0]", "std:string", "rm -rf build/",
)  # fmt: skip
_EMOJI = "😀 👍🏽 🎉 ❤️ 🤔 🚀 ✅"
_NAMES = ("Ada", "Bob", "Chloé", "Дмитрий", "Eve", "李雷", "Grace", "Heinz", "Iñigo", "Jürgen")
_SHARES = {
    "english": 66, "accents": 8, "cyrillic": 9, "han": 6, "japanese": 3, "thai": 2, "arabic": 2, "hindi": 1, "code": 1,
    "link": 2,
}  # fmt: skip


class Chatter:
    """A source of messages."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.words = {language: self._vocabulary(language) for language in _SYLLABLES}
        self.words["english"][: len(_FREQUENT.split())] = _FREQUENT.split()
        self._thai, self._kana, self._emoji = _THAI.split(), _KANA.split(), _EMOJI.split()
        self._zipf = _weights(WORDS, 3)
        self._han = _weights(len(_HAN), 10)
        self._rooms = _weights(ROOMS, 1)
        self._persons = _weights(PERSONS, 2)

    def messages(self, number: int) -> Iterator[tuple[int, str, str, str]]:
        """So many of (room, sender's id, sender's name, text); rooms and persons are numbered from the busiest on."""
        draw = self._random
        for _ in range(number):
            room = draw.choices(range(1, ROOMS + 1), cum_weights=self._rooms)[0]
            person = draw.choices(range(PERSONS), cum_weights=self._persons)[0]
            yield room, f"p-{person}", f"{_NAMES[person % len(_NAMES)]} {person}", self.text()

    def text(self) -> str:
        """One message: 10 words on average, 120 at most."""
        draw = self._random
        length = min(120, 1 + int(draw.expovariate(1 / 10)))
        kind = draw.choices([*_SHARES], [*_SHARES.values()])[0]
        if kind == "han":
            text = "".join(draw.choices(_HAN, cum_weights=self._han, k=2 * length))
        elif kind == "japanese":
            han = draw.choices(_HAN, cum_weights=self._han, k=length)
            text = "".join(map("".join, zip(han, draw.choices(self._kana, k=length), strict=True)))
        elif kind == "thai":
            text = "".join(draw.choices(self._thai, k=length))
        else:
            words = self.words.get(kind, self.words["english"])
            chosen = draw.choices(words, cum_weights=self._zipf, k=length)
            if kind == "code":
                chosen.append(draw.choice(_CODE))
            elif kind == "link":
                chosen.append(f"https://example.org/{draw.choice(words)}/{draw.randrange(10**6)}")
            text = " ".join(chosen).capitalize()
        return f"{text} {draw.choice(self._emoji)}" if draw.random() < 0.05 else text

    def _vocabulary(self, language: str) -> list[str]:
        syllables = _SYLLABLES[language].split()
        return [
            "".join(self._random.choices(syllables, k=self._random.choice((1, 2, 2, 3, 3, 4))))
            for _ in range(WORDS)
        ]


def _weights(n: int, shift: int) -> list[float]:
    """By Zipf's law, summed up."""
    return list(accumulate(1 / (rank + shift) for rank in range(n)))
