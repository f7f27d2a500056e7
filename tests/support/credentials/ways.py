"""Cases about the way to the server, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.support.credentials.build import TOKEN, b64, case, cluster, config, credential, pair, plugin, script
from tests.support.credentials.peers import Answer, Request
from tests.support.credentials.pki import key_pem, pki
from tests.support.credentials.runs import SECRET, Case


def proxies() -> Iterator[Case]:
    def through(name: str, proxy: Any, server: str = "@URL@", differs: str = "", **extra: Any) -> Case:
        return case(
            f"proxy: {name}", config(of=cluster(server=server, **{"proxy-url": proxy, **extra})), differs=differs
        )

    yield through("HTTP", "http://127.0.0.1:@PROXYPORT@")
    yield through("HTTP with a login", f"http://ann:{SECRET}%20x@127.0.0.1:@PROXYPORT@")
    yield through("HTTP with a user alone", "http://ann@127.0.0.1:@PROXYPORT@")
    yield through("HTTP by a name", "http://localhost:@PROXYPORT@/")
    yield through("HTTP to a name that is nowhere", "http://127.0.0.1:@PROXYPORT@", "https://api.corp.example:@PORT@")
    yield through("HTTP to IPv6", "http://127.0.0.1:@PROXYPORT@", "https://[::1]:@V6PORT@")
    yield through("HTTP to plain HTTP", "http://127.0.0.1:@PROXYPORT@", "http://127.0.0.1:@HTTPPORT@")
    yield through(
        "HTTP with a login to plain HTTP", f"http://ann:{SECRET}@127.0.0.1:@PROXYPORT@", "http://127.0.0.1:@HTTPPORT@"
    )
    yield through("HTTPS", "https://127.0.0.1:@TLSPROXYPORT@")
    yield through("HTTPS with a login", f"https://ann:{SECRET}@127.0.0.1:@TLSPROXYPORT@")
    yield through(
        "HTTPS that nobody has signed",
        "https://127.0.0.1:@TLSPROXYPORT@",
        **{"certificate-authority-data": b64(pki().other.pem)},
    )
    yield through("HTTPS to plain HTTP", "https://127.0.0.1:@TLSPROXYPORT@", "http://127.0.0.1:@HTTPPORT@")
    yield through("SOCKS5", "socks5://127.0.0.1:@SOCKSPORT@")
    yield through("SOCKS5 with a login", f"socks5://ann:{SECRET}@127.0.0.1:@SOCKSPORT@")
    yield through("SOCKS5 to a name", "socks5://127.0.0.1:@SOCKSPORT@", "https://api.corp.example:@PORT@")
    yield through("SOCKS5 to IPv6", "socks5://127.0.0.1:@SOCKSPORT@", "https://[::1]:@V6PORT@")
    yield through("SOCKS5 to plain HTTP", "socks5://127.0.0.1:@SOCKSPORT@", "http://127.0.0.1:@HTTPPORT@")
    yield through("SOCKS4", "socks4://127.0.0.1:@SOCKSPORT@")
    yield through("no scheme", "127.0.0.1:@PROXYPORT@")
    yield through("nothing listens there", "http://127.0.0.1:1")
    yield through("no URL", "http://[::1")
    yield through("a server of something else", "http://127.0.0.1:@SOCKSPORT@")
    yield case(
        "proxy: the kubeconfig's before the environment's",
        config(of=cluster(**{"proxy-url": "http://127.0.0.1:@PROXYPORT@"})),
        env={"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "*"},
    )
    yield case(
        "proxy: for a certificate",
        config(pair(pki().ec, key_pem(pki().ec_key)), cluster(**{"proxy-url": "https://127.0.0.1:@TLSPROXYPORT@"})),
    )


def by_environment(name: str, server: str, no_proxy: str | None = None, differs: str = "", **env: str) -> Case:
    variables = env or {"HTTPS_PROXY": "http://127.0.0.1:@PROXYPORT@"}
    if no_proxy is not None:
        variables = {**variables, "NO_PROXY": no_proxy}
    return case(f"environment: {name}", config(of=cluster(server=server)), env=variables, differs=differs)


ANY4 = "https://0.0.0.0:@PORT@"
"""This address is no loopback one to NO_PROXY, and leads there without a proxy all the same."""

ANY6 = "https://[::]:@V6PORT@"
NAME = "https://api.corp.example:@PORT@"


def no_proxy() -> Iterator[Case]:
    proxy = "http://127.0.0.1:@PROXYPORT@"
    yield by_environment("a proxy", ANY4)
    yield by_environment("a proxy, in small letters", ANY4, https_proxy=proxy)
    yield by_environment("capitals come first", ANY4, HTTPS_PROXY=proxy, https_proxy="http://127.0.0.1:1")
    yield by_environment("a proxy without a scheme", ANY4, HTTPS_PROXY="127.0.0.1:@PROXYPORT@")
    yield by_environment("a proxy of SOCKS5", ANY4, HTTPS_PROXY="socks5://127.0.0.1:@SOCKSPORT@")
    yield by_environment("a proxy of SOCKS5 that resolves", NAME, HTTPS_PROXY="socks5h://127.0.0.1:@SOCKSPORT@")
    yield by_environment("a proxy of HTTPS", ANY4, HTTPS_PROXY="https://127.0.0.1:@TLSPROXYPORT@")
    yield by_environment("a proxy with a login", ANY4, HTTPS_PROXY=f"http://ann:{SECRET}@127.0.0.1:@PROXYPORT@")
    yield by_environment("that of plain HTTP is for plain HTTP", ANY4, HTTP_PROXY=proxy)
    yield by_environment("plain HTTP", "http://0.0.0.0:@HTTPPORT@", HTTP_PROXY=proxy)
    yield by_environment("that of all is nobody's", ANY4, ALL_PROXY=proxy)
    yield by_environment("none for 127.0.0.1", "@URL@", HTTPS_PROXY="http://127.0.0.1:1")
    yield by_environment("none for localhost", "https://localhost:@PORT@", HTTPS_PROXY="http://127.0.0.1:1")
    yield by_environment("none for ::1", "https://[::1]:@V6PORT@", HTTPS_PROXY="http://127.0.0.1:1")
    yield by_environment("NO_PROXY in small letters", ANY4, HTTPS_PROXY=proxy, no_proxy="0.0.0.0")  # noqa: S104
    yield from by_rules(("0.0.0.0", "0.0.0.0/8", "10.0.0.0/8", "*", "0.0.0.0:1", "000.0.0.0/8"), ANY4)  # noqa: S104
    yield from by_rules(("::/64", "[::]:@V6PORT@", "[::]:1"), ANY6)
    yield from by_rules(
        ("corp.example", ".corp.example", "*.corp.example", "*corp.example", "corp.example:@PORT@"), NAME
    )


def more_no_proxy() -> Iterator[Case]:
    """Rules of NO_PROXY that are less likely."""
    addresses = (
        *("0.0.0.0/0", "0.0.0.0/8,x", " 0.0.0.0 , y", "0.0.0.0:@PORT@", "0.0.0.1", "0", "0.0.0.0/33", ""),
        *("0.0.0.0/255.0.0.0", "::ffff:0.0.0.0", "::/0", "x,,*", "*.0.0.0", ".0.0.0", "0.0.0.0/", "00.0.0.0"),
    )
    yield from by_rules(addresses, ANY4)
    yield from by_rules(("::", "[::]", "0:0:0:0:0:0:0:0", "0.0.0.0/0", "::1", "[::", "::/129", "[::/64]"), ANY6)
    names = (
        *("api.corp.example", ".api.corp.example", "example", ".example", "CORP.EXAMPLE", "orp.example"),
        *("api.corp.example:@PORT@", ".corp.example:1", "*.api.corp.example", "corp.example.", "10.0.0.0/8"),
        *("https://api.corp.example", "a, api.corp.example ,b", "*.", ".", ":@PORT@", "corp.example:", "corp example"),
    )
    yield from by_rules(names, NAME)


def by_rules(rules: Iterable[str], server: str) -> Iterator[Case]:
    for rule in rules:
        yield by_environment(f"NO_PROXY {rule!r} for {server}", server, rule)


def status(reason: str, code: int) -> dict[str, Any]:
    return {"kind": "Status", "status": "Failure", "reason": reason, "message": f"{reason} it is", "code": code}


def answers() -> Iterator[Case]:
    def reply(name: str, *sequence: Answer, differs: str = "", user: Any = None, of: Any = None, **extra: Any) -> Case:
        return case(f"answer: {name}", config(user, of), answers=sequence, differs=differs, **extra)

    def busy(code: int, wait: str, reason: str = "TooManyRequests") -> Answer:
        return Answer(code, (("Retry-After", wait),), status(reason, code))

    def redirect(code: int, location: str) -> Answer:
        return Answer(code, (("Location", location),), status("Moved", code))

    yield reply("401", Answer(401, (), status("Unauthorized", 401)))
    yield reply("403", Answer(403, (), status("Forbidden", 403)))
    yield reply("500", Answer(500, (), status("InternalError", 500)))
    yield reply("503 without a time", Answer(503, (), status("ServiceUnavailable", 503)))
    yield reply("429 for a moment", busy(429, "1"))
    yield reply("429 for no time", busy(429, "0"), busy(429, "0"))
    yield reply("503 for a moment", busy(503, "0", "ServiceUnavailable"))
    yield reply("500 for a moment", busy(500, "0", "InternalError"), busy(504, "0", "Timeout"))
    yield reply("429 without end", *[busy(429, "0")] * 12)
    yield reply("429 until a date", busy(429, "Wed, 21 Oct 2099 07:28:00 GMT"))
    yield reply("403 with a time", busy(403, "0", "Forbidden"))
    for code in (301, 302, 303, 307, 308):
        yield reply(f"{code} to a path", redirect(code, "/elsewhere?a=b"))
    yield reply("307 to a whole URL", redirect(307, "https://127.0.0.1:@PORT@/elsewhere"))
    yield reply("307 to another name", redirect(307, "https://localhost:@PORT@/elsewhere"))
    yield reply("307 without end", *[redirect(307, "/again")] * 12)
    yield reply("307 without a place", Answer(307, (), status("Moved", 307)))
    yield reply("307 to a name that is not in its certificate", redirect(307, "https://127.0.0.2:@PORT@/"))
    yield reply("307 to another scheme", redirect(307, "ftp://127.0.0.1/"))
    yield reply(
        "307 to plain HTTP",
        redirect(307, "http://127.0.0.1:@HTTPPORT@/elsewhere"),
        differs="kubectl sends the token on in clear, for everybody on the way to read",
    )
    yield reply("307 with a path in the server's URL", redirect(307, "/elsewhere"), of=cluster(server="@URL@/k8s"))
    yield reply(
        "307 as somebody with groups",
        redirect(307, "/elsewhere"),
        user={"token": TOKEN, "as": "bob", "as-groups": ["a", "b"]},
    )
    yield reply(
        "307 with a certificate",
        redirect(307, "https://localhost:@PORT@/elsewhere"),
        user=pair(pki().ec, key_pem(pki().ec_key)),
    )
    yield case(
        "answer: 401 for the first token of a plugin",
        config(plugin()),
        files={
            "plugin": script(credential(token="COUNT"))
            .replace("cat <<'END'", "sed s/COUNT/${N}/ <<'END'")
            .replace("\nsed", "\nN=$(wc -l < @FOLDER@/told)\nsed")
        },
        accepts=second_token,
        differs="kubectl asks the plugin again, but gives this request up; a hand-off or a wait goes on with the new token",
    )


def second_token(request: Request) -> bool:
    return ("authorization", "Bearer 2") in request.headers
