"""Reads what `tests/injection.rs` has kept with parsers that are not Rust's, and makes sure that each says the same.

    target/venvs/parsers/bin/python tests/injection/parse.py target/tmp/injection

`run.sh` makes the environment, and runs the test before. The parsers are those that reports meet: Python's json, csv,
tomllib and expat, libxml2, GitHub's own fork of CommonMark, markdown-it, and Prometheus's client.
"""

import csv
import io
import json
import re
import sys
import tomllib
import unicodedata
import urllib.parse
import xml.etree.ElementTree
from html.parser import HTMLParser
from pathlib import Path

import cmarkgfm
import lxml.etree
from cmarkgfm.cmark import Options
from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families

# Marks and letters that cannot be seen, besides the characters whose category says so.
UNSEEN = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc") | {chr(code) for code in range(0xFE00, 0xFE10)}


def assert_clean(text):
    """No controls, formats, surrogates, private or unassigned characters, no separators but spaces, no lines but ours."""
    marks = 0
    for character in text:
        if character in "\n\t" or " " <= character <= "~":
            marks = 0
            continue
        category = unicodedata.category(character)
        assert category[0] != "C" and category not in ("Zl", "Zp", "Zs") and character not in UNSEEN, ascii(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        assert marks <= 4, "a flood of marks"
    # Whatever Python takes for the end of a line is one of ours.
    assert text.splitlines() == text.removesuffix("\n").split("\n") or not text


def unescaped(text):
    """Text without the escapes that docs/output.md describes."""

    def undone(match):
        if match[1]:
            return chr(int(match[1], 16))
        return {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}[match[2]]

    return re.sub(r"\\(?:u\{([0-9a-f]+)\}|(.))", undone, text, flags=re.DOTALL)


def once(pairs):
    """Members of an object, none of which is there twice."""
    members = dict(pairs)
    assert len(members) == len(pairs), pairs
    return members


def parsed(text):
    assert text.isascii()
    assert_clean(text)
    return json.loads(text, object_pairs_hook=once)


class Kept:
    """The folder that the test has filled. Everything in it is read once, and nothing is left over."""

    def __init__(self, folder):
        self.folder = folder
        self.left = {path.name for path in folder.iterdir()}

    def text(self, name):
        self.left.discard(name)
        # As it is, line ends as well.
        return (self.folder / name).read_bytes().decode()

    def lines(self, name):
        return [json.loads(line) for line in self.text(name).split("\n")[:-1]]


# ---- the reports of check


def check_json(kept, paths):
    report = parsed(kept.text("check.json"))
    assert [file["path"] for file in report["files"]] == paths
    lines = kept.text("check.jsonl")
    assert_clean(lines)
    assert [parsed(line) for line in lines.splitlines()] == report["files"]
    return report["files"]


def check_text(kept, files):
    text = kept.text("check.text")
    assert_clean(text)
    heads = [line for line in text.splitlines() if line.startswith(("FAIL  ", "warn  "))]
    named = [unescaped(line[6:].rpartition(": ")[0]) for line in heads]
    assert named == [file["path"] for file in files if file["findings"]]


def check_github(kept, files):
    text = kept.text("check.github")
    assert_clean(text)
    commands = re.findall(r"^::(error|warning) file=([^,]*),title=([^:]*)::(.*)$", text, flags=re.MULTILINE)
    assert len(commands) == text.count("\n") - 1
    paths = [unescaped(urllib.parse.unquote(file)) for _, file, _, _ in commands]
    assert paths == [file["path"] for file in files if file["findings"]]


def check_junit(kept, files):
    text = kept.text("check.junit")
    assert_clean(text)
    # Where entities could be declared, there is nothing.
    parser = lxml.etree.XMLParser(resolve_entities=False, no_network=True)
    for root in xml.etree.ElementTree.fromstring(text), lxml.etree.fromstring(text.encode(), parser):
        cases = list(root.iter("testcase"))
        assert [unescaped(case.get("name")) for case in cases] == [file["path"] for file in files]
        tags = {element.tag for element in root.iter()}
        expected = {"testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "system-out"}
        assert tags == expected, tags
        for case, file in zip(cases, files):
            faults = [child for child in case if child.tag != "system-out"]
            assert [fault.tag for fault in faults] == {"pass": [], "deny": ["failure"]}.get(file["verdict"], ["error"])
            said = (faults[0] if faults else case.find("system-out")).text
            assert all(finding["message"] in said for finding in file["findings"]), said
            assert all(finding["message"] in faults[0].get("message") for finding in file["findings"][:1] if faults)


def check_sarif(kept, files):
    run = parsed(kept.text("check.sarif"))["runs"][0]
    findings = [(file["path"], finding) for file in files for finding in file["findings"]]
    assert len(run["results"]) == len(findings)
    # How the viewer of Visual Studio Code finds links.
    link = re.compile(r"\[([^\]]*)\]\(([^)]+)\)")
    for result, (path, finding) in zip(run["results"], findings):
        uri = urllib.parse.urlsplit(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        assert (uri.scheme, uri.netloc, uri.query, uri.fragment) == ("", "", "", ""), uri
        assert urllib.parse.unquote(uri.path) == path
        text = result["message"]["text"]
        assert not link.search(text), text
        # Python's placeholders are those of SARIF, braces as well. There are none.
        said = text.format()
        assert said.replace("]\\u{28}", "](").startswith(finding["message"]), said


# ---- Markdown


class Page(HTMLParser):
    """What a browser gets: tags, what stands as code, and what stands beside it."""

    TAGS = {"h2", "h3", "p", "ul", "li", "code", "strong", "table", "thead", "tbody", "tr", "th", "td", "details", "summary"}

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.codes, self.plain, self.open = [], [], [], []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        assert tag in self.TAGS, (tag, attributes)
        assert all(tag in ("th", "td") and name in ("align", "style") for name, _ in attributes), (tag, attributes)
        self.tags.append(tag)
        self.open.append(tag)
        if tag == "code":
            self.codes.append(("/".join(self.open), ""))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "code" in self.open:
            place, text = self.codes[-1]
            self.codes[-1] = (place, text + data)
        else:
            self.plain.append(data)

    def handle_startendtag(self, tag, attributes):
        raise AssertionError(tag)

    def handle_other(self, data):
        raise AssertionError(data)

    handle_comment = handle_decl = handle_pi = unknown_decl = handle_other


# What GitHub makes a link, an image or a formula of in text that is no code.
ACTIVE = re.compile(r"@\w|#\d|GH-\d|\w+://|www\.|\b[0-9a-f]{7,40}\b|:[+\w]+:|\$|[<>\[\]*_~|\\]")

GFM = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_GITHUB_PRE_LANG


MARKDOWN_IT = MarkdownIt("gfm-like", {"html": True})


def pages(markdown, by_both=True):
    yield Page(cmarkgfm.github_flavored_markdown_to_html(markdown, options=GFM))
    if by_both:
        yield Page(MARKDOWN_IT.render(markdown))


def check_markdown(kept):
    reports = kept.lines("markdown.jsonl")
    for index, report in enumerate(reports):
        assert_clean(report["report"])
        is_alone = "\n### " in report["report"]
        # markdown-it is slow, and has the same rules: every seventh is enough.
        for page in pages(report["report"], by_both=index % 7 == 0):
            assert not ACTIVE.search("\n".join(page.plain)), page.plain
            heads = [unescaped(text) for place, text in page.codes if place in ("h3/code", "details/summary/code")]
            assert heads.count(report["path"]) == 1 and len(heads) == (1 if is_alone else 4), heads
            if is_alone:
                assert page.tags.count("li") == report["findings"]
    for page in pages(kept.text("check.markdown")):
        assert page.tags.count("summary") > 10 and not ACTIVE.search("\n".join(page.plain))
    return len(reports)


# ---- the other commands


def check_policies(kept):
    for name, most in ("init.toml", 0), ("allowed.toml", 1000):
        text = kept.text(name)
        assert_clean(text)
        policy = tomllib.loads(text)
        assert set(policy) == {"base", "presets", "allow", "deny", "require", "limits", "severity"}
        empty = {key: value for key, value in policy.items() if not value}
        assert set(empty) >= {"presets", "deny", "require", "limits", "severity"}
        names = [one["name"] for one in policy["allow"]]
        assert len(names) <= most and all(re.fullmatch(r"c\.D\d+|a\.B", name) for name in names), names


def check_tables(kept):
    rows = 0
    for table in kept.lines("tables.jsonl"):
        assert_clean(table["text"])
        expected = [
            [array["path"], array["dtype"], array["bytes"], array["shape"]] for array in parsed(table["json"])["arrays"]
        ]
        for dialect in {"delimiter": "\t", "quoting": csv.QUOTE_NONE}, {"dialect": "excel-tab"}:
            found = list(csv.reader(io.StringIO(table["text"], newline=""), **dialect))
            shapes = [[int(number) for number in re.findall(r"\d+", row[2])] for row in found]
            assert [[row[0], row[1], int(row[3]), shape] for row, shape in zip(found, shapes)] == expected
            assert all(len(row) == 4 and not any(field[:1] in tuple("=+-@\t\r") for field in row) for row in found)
        rows += len(expected)
    return rows


def check_trees(kept):
    for tree in kept.lines("trees.jsonl"):
        assert_clean(tree["text"])
        assert len(tree["text"].splitlines()) == len(parsed(tree["json"])["items"])


def strings(value):
    """All texts in a value, keys as well."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        yield from value
        yield from strings(list(value.values()))


def check_exports(kept):
    payloads = json.loads(kept.text("payloads.json"))
    for export in kept.lines("exports.jsonl"):
        found = set(strings(parsed(export["json"])))
        assert sum(payload in found for payload in payloads) == export["expected"]
    return payloads


def check_service(kept, payloads):
    """What the gate over HTTP has answered and counted, if it was built."""
    if "metrics.prometheus" not in kept.left:
        return False
    families = list(text_string_to_metric_families(kept.text("metrics.prometheus")))
    assert len(families) > 10 and all(family.name.startswith("skops_rs_") for family in families)
    labels = {label for family in families for sample in family.samples for label in sample.labels}
    assert labels == {"le", "path", "reason", "result", "sha256", "status", "verdict", "version", "complete"}, labels
    answers = [parsed(line) for line in kept.text("answers.jsonl").splitlines()]
    assert [answer["path"] for answer in answers] == payloads
    assert {line.get("name") for line in map(parsed, kept.text("log.jsonl").splitlines())} >= set(payloads)
    return True


def main():
    kept = Kept(Path(sys.argv[1]))
    paths = json.loads(kept.text("check.paths.json"))
    files = check_json(kept, paths)
    for check in check_text, check_github, check_junit, check_sarif:
        check(kept, files)
    summaries = check_markdown(kept)
    check_policies(kept)
    rows = check_tables(kept)
    check_trees(kept)
    payloads = check_exports(kept)
    served = check_service(kept, payloads)
    assert not kept.left, f"nothing reads {kept.left}"
    findings = sum(len(file["findings"]) for file in files)
    print(
        f"{len(payloads)} payloads, {len(files)} files with {findings} findings in 7 formats, {summaries} summaries, "
        f"{rows} rows, service {'read' if served else 'not built'}: all parsed back as what was put in"
    )


if __name__ == "__main__":
    main()
