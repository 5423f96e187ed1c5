"""Values that try to be more than a value.

They are markup, HTML, links, mentions, table borders, and letters that are not seen. A file name, a
parameter or an error may contain any of them, and a report shows it where people with rights read.
"""

from hypothesis import strategies as st

FRAGMENTS = (
    *(
        "|",
        "||",
        "\\|",
        "`",
        "``",
        "```",
        "~~~",
        "\\",
        "\\`",
        "\n",
        "\r\n",
        "\n\n",
        "\n---\n",
        "\n    x",
        "\t",
        " ",
    ),
    *(
        "# ",
        " #",
        "- ",
        "+ ",
        "* ",
        "1. ",
        "9) ",
        "> ",
        "---",
        "===",
        "***",
        ":-:",
        "| --- |",
        "- [ ] ",
        "/close",
    ),
    *(
        "<b>",
        "</td>",
        "</table>",
        "<script>alert(1)</script>",
        "<style>",
        "<!--",
        "-->",
        "<![CDATA[",
        "<?php",
        "<!X>",
    ),
    *(
        "<img src=x onerror=alert(1)>",
        "</details>",
        "<details>",
        "<summary>",
        "<a href='javascript:alert(1)'>x</a>",
    ),
    *(
        "&lt;",
        "&#64;",
        "&#x3C;b&#x3E;",
        "&nbsp;",
        "&",
        "@octocat",
        "@org/team",
        "a@b.example",
        "mailto:a@b.example",
    ),
    *(
        "xmpp:a@b.example/x",
        "#123",
        "org/repo#123",
        "GH-12",
        "gh-7",
        "<http://evil.example>",
        "http://evil.example",
    ),
    *(
        "https://evil.example/x?y=1",
        "HTTPS://EVIL.example",
        "ftp://evil.example",
        "www.evil.example",
        "WWW.evil.example",
    ),
    *(
        "://",
        "[x](javascript:alert(1))",
        "](javascript:alert(1))",
        "![x](http://evil.example/x.png)",
        "![",
        "[x]",
    ),
    *(
        "[x]: http://evil.example",
        "[^1]",
        "[^1]: x",
        "[!NOTE]",
        "*x*",
        "**x**",
        "**",
        "_x_",
        "__x__",
        "~x~",
        "~~x~~",
    ),
    *(
        "$x$",
        "$$x$$",
        "$`x`$",
        "\u202e",
        "\u2066",
        "\u200b",
        "\u200d",
        "\ufeff",
        "\x00",
        "\x1b[31m",
        "\x85",
        "\ud800",
    ),
    *(
        "\u2028",
        "\u00a0",
        "\u3000",
        "\ue000",
        "\U000e0041",
        "\uffff",
        "e\u0301",
        "größe",
        "航班",
        "🛫",
        "x",
        "2013-01",
    ),
)
VALUES = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS) | st.text(st.characters(), max_size=3), max_size=9).map(
        "".join
    ),
    st.builds(lambda part, times: part * times, st.sampled_from(FRAGMENTS), st.integers(2, 600)),
)
EACH = [
    near.format(part) for part in FRAGMENTS for near in ("{0}", "{0}x", "x{0}", "x {0} x", "{0}{0}")
]
WORST = (
    "x`</td></details>|<script>alert(1)</script> <!-- \\| \n\n```\n- @octocat #123 GH-12 http://evil.example"
    " www.evil.example ![x](javascript:alert(1)) [x](y) **x** _x_ ~~x~~ $x$ &#64;org"
    " \u202e\x00\ud800"
)
