"""Reserved names."""

from __future__ import annotations

import pytest

from trio_chat.errors import Refused
from trio_chat.model.name_words import ANIMALS, QUALITIES
from trio_chat.model.names import normal_name
from trio_chat.model.reserved_names import check_not_reserved


@pytest.mark.parametrize(
    "name",
    [
        *(
            "admin",
            "Admin",
            "ADMIN",
            "Administrator",
            "Owner",
            "Moderator",
            "mod",
            "Server",
            "System",
            "Support",
        ),
        *(
            "trio",
            "trio-chat",
            "Trio Chat",
            "all",
            "Everyone",
            "here",
            "Channel",
            "@all",
            "a d m i n",
            "Admin 2",
        ),
        *("\u0410D\u041c\u0406N", "\u0430dmin", "Adm1n", "M0derator", "\u0405upport", "Ｓystem"),
        *(
            "Ada (admin)",
            "Ada (MOD)",
            "[mod] Ada",
            "【Admin】 Ada",
            "<Owner> Ada",
            "Ada | admin",
            "Admin: Ada",
        ),
        *("Ada - Admin", "Ada — Admin", "Ada ✓", "✔ Ada", "Ada ☑", "Ada ✅"),
        *(
            "The Admin",
            "Admin Team",
            "the support team",
            "Chat Admin",
            "Owner of this server",
            "Server-Admin",
        ),
        *("Admin_Team", "Moderation", "@dmin", "4dmin", "adm\u0131n", "\U0001f170dmin", "admin\u0301"),
        "\U0001f1e6 \U0001f1e9 \U0001f1f2 \U0001f1ee \U0001f1f3",
        *(
            "You",
            "YOU",
            "y0u",
            "Y\u043eu",
            "you.",
            "@You",
            "Me",
            "Deleted",
            "Unknown",
            "Somebody",
            "nobody",
            "Anyone",
        ),
        *(
            "a11",
            "AII",
            "A1l",
            "\u0391ll",
            "h3re",
            "Syst3m",
            "5ystem",
            "$upport",
            "0wner",
            "Admin 3",
            "Admin 4",
            "everyone 5",
        ),
        *("@here", "@channel", "@team", "Ada (you)", "all people", "Deleted 7"),
    ],
)
def test_a_name_like_the_servers_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(Refused) as caught:
        check_not_reserved(normal_name(name)[0])
    assert caught.value.code == "bad_name"
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Ada",
            "Ada Moderator",
            "Hereford",
            "Allison",
            "Al",
            "Modesty",
            "Ada Owner",
            "Triona",
            "Y'all",
            "J. Mod",
            "Team Ada",
            "The Real Ada",
            "Theo of the Team",
        ),
        *(
            "Jean-All",
            "Ada (Berlin)",
            "Ada [she/her]",
            "Anna-Lena",
            "<b>&amp;",
            "🦦",
            "★ Ada",
            "日本語",
            "Админа",
            "1",
            "You Jin",
            "Mei",
            "Youssef",
            "8",
            "Meg 5",
            "Deleted Scenes",
        ),
    ],
)
def test_other_names_are_free(name: str) -> None:
    check_not_reserved(normal_name(name)[0])


def test_no_generated_name_is_reserved() -> None:
    for word in QUALITIES + ANIMALS:
        check_not_reserved(word)
