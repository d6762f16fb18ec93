r"""Policies: what we read, beside Python's `tomllib`.

Policy files in every way that TOML has of writing one, and many that it has not. Whatever we accept, `tomllib` must read
as the same names, reasons, conditions and numbers; but TOML 1.1, which we read, has a few things that `tomllib`, which
reads 1.0, has not, and refuses.

Run it by any Python from 3.11 on; see harness.py.
"""

import re
import sys
import tomllib

import harness
from harness import Case

KIND = "policy"
FLOOR = 0.3

NAMES = ["a.B", "mypackage.transformers.Cleaner", "xgboost.**", "functools.partial", "builtins.eval", "a.b.c.D_1", "numpy.**"]
ODD_NAMES = ["", "**", "a", "a.*", "a..B", "a.B ", "\u00e9.B", "a.B\n", "a.B\0", 'a"b', "a.**.b", "a.'B'", "a\\b.C", "\U0001f600"]
LIMITS = ["schema-bytes", "json-depth", "nodes", "entries", "array-rank", "compression-ratio"]
ROLES = ["instantiate", "call", "reference", "attribute"]
LOADERS = ["ObjectNode", "FunctionNode", "PartialNode", "NdArrayNode"]
CODES = ["unused-array", "untrusted-types", "mlflow-claim", "no-models", "skops-version"]
INTEGERS = ["0", "1", "+1", "-1", "1_000", "0x10", "0xff_ff", "0o17", "0b101", "01", "1__0", "_1", "1_", "0x", "1.0", "1e3", "-0", "+0", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "inf", "nan", "true", '"1"', "1979-05-27", "[1]", "0x_1", "+0x1", "\u0661"]  # fmt: skip
# What tomllib says to the things that only TOML 1.1 has: escapes \e and \xHH, and inline tables over several lines or
# with a comma at the end.
LATER = ["Expected '=' after a key", "Unescaped '\\' in a string", "Invalid initial character for a key part", "Unclosed inline table", "Invalid value"]


class Style(harness.Style):
    share = 0.03

    def space(self):
        if self.strays("another white space"):
            return self.random.choice(["\n", "\r\n", "\r", "\f", "\v", "\u00a0", "\ufeff", "# c\n", "\0", "\\\n"])
        return self.random.choice(["", "", " ", " ", "\t", "  "])

    def line(self):
        """Where a line may break: white space, line breaks and comments."""
        if self.random.random() < 0.8:
            return self.space()
        comment = self.random.choice(["", "# a comment", "#", "# \u00e9 \U0001f600", "#\t", "# \"'"])
        if self.strays("an odd comment"):
            comment = self.random.choice(["# \x7f", "# \x01", "# \r", "// c", "; c", "# \ud800"])
        return self.space() + comment + self.random.choice(["\n", "\r\n"]) + self.space()

    def string(self, text):
        if self.strays("a bad string"):
            return self.random.choice(["'%s", '"%s', "%s", "`%s`", "''%s''", '"""%s"', 'b"%s"', '"%s\n"', '"\\q%s"', '"\\x41%s"', '"\\e%s"', '"\\u12%s"', '"\\U00110000%s"', '"\\ud800%s"', '"\x7f%s"', '"\x00%s"', "'\t%s'", "'''%s''''", '"""%s""""', "'''%s'''''", '"""%s""""""', '"""\\   \n  %s"""', '"""\\  x%s"""', '"""\r%s"""', '"""\r\n%s"""', "'''\n\n%s'''", '"\\/%s"', '"""%s\\\n\n   """']) % text
        plain = all(character >= " " and character != "\x7f" for character in text)
        if plain and "'" not in text and self.random.random() < 0.3:
            return self.random.choice(["'%s'", "'''%s'''", "'''\n%s'''"]) % text
        escaped = "".join(self.character(character) for character in text)
        return self.random.choice(['"%s"', '"%s"', '"""%s"""', '"""\n%s"""', '"""\\\n   %s"""']) % escaped

    def character(self, character):
        code = ord(character)
        if character in '"\\' or code < 0x20 or code == 0x7F or self.random.random() < 0.03:
            short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}
            if character in short:
                return short[character]
            return f"\\U{code:08x}" if code > 0xFFFF or self.random.random() < 0.3 else f"\\u{code:04X}"
        return character

    def key(self, text):
        if self.strays("an odd key"):
            return self.random.choice(["'%s'x", '"""%s"""', "%s.x", ".%s", "%s.", "%s ", "\u00e9%s", "1", '"\\u0061%s"', "'%s'.'x'", "", '""']).replace("%s", text)
        return self.random.choice([text, text, text, f'"{text}"', f"'{text}'"])

    def pairs(self, pairs):
        return [self.key(key) + self.space() + ("=" if not self.strays("no equals sign", 0.01) else self.random.choice([":", "==", "", "= ="])) + self.space() + value for key, value in pairs]

    def array(self, items):
        text = "[" + self.line() + ("," + self.line()).join(item + self.line() for item in items)
        if items and (self.random.random() < 0.3):
            text += "," + self.line()
        if self.strays("a comma more", 0.01):
            text += ","
        return text + "]"

    def table(self, pairs):
        """An inline table."""
        text = "{" + self.space() + ("," + self.space()).join(pair + self.space() for pair in self.pairs(pairs))
        if self.strays("a comma at the end of a table"):
            text += "," + self.random.choice(["", " ", "\n"])
        return text + "}"

    def name(self):
        return self.string(self.random.choice(ODD_NAMES) if self.strays("an odd name") else self.random.choice(NAMES))

    def detailed(self, allows):
        pairs = [("name", self.name())]
        if self.random.random() < 0.5:
            pairs.append(("reason", self.string(self.random.choice(["reviewed", "caf\u00e9 \U0001f600", "two\nlines", "\t", 'say "x"', "back\\slash", "", "it's"]))))
        if allows and self.random.random() < 0.4:
            pairs.append(("role", self.string(self.random.choice(ROLES))))
        if allows and self.random.random() < 0.3:
            pairs.append(("loader", self.string(self.random.choice(LOADERS))))
        if allows and self.random.random() < 0.3:
            pairs.append(("if-verified", self.random.choice(["true", "false", "true", "True", "1"] if self.odd else ["true", "false"])))
        if self.strays("a key twice"):
            pairs.append(self.random.choice(pairs))
        if self.strays("an unknown key"):
            pairs.append(("other", "1"))
        self.random.shuffle(pairs)
        return pairs

    def names(self, allows):
        count = self.random.choice([0, 1, 2, 3])
        return self.array([self.table(self.detailed(allows)) if self.random.random() < 0.5 else self.name() for _ in range(count)])


def make(random):
    style = Style(random, random.choice([0, 0, 1, 1, 3]))
    top, tables, arrays = [], [], []
    if random.random() < 0.4:
        top.append(("base", style.string(random.choice(["skops-0.16", "none"]))))
    if random.random() < 0.4:
        top.append(("presets", style.array([style.string(name) for name in random.sample(["trees", "neighbors", "sparse"], random.choice([1, 2, 3]))])))
    for key in ("allow", "deny"):
        if random.random() < 0.7:
            if random.random() < 0.2:
                # an array of tables instead
                for _ in range(random.choice([1, 2])):
                    arrays.append(f"[[{style.space()}{style.key(key)}{style.space()}]]\n" + "\n".join(style.pairs(style.detailed(key == "allow"))))
            else:
                top.append((key, style.names(key == "allow")))
    require = []
    if random.random() < 0.5:
        for key, values in (("sklearn-version", [">=1.5, <1.8", "==1.5.*"]), ("skops-version", [">=0.11"]), ("protocol", ["2", "1..2", "1..", "..1"])):
            if random.random() < 0.6:
                require.append((key, style.string(random.choice(values))))
        if random.random() < 0.5:
            require.append(("root-types", style.array([style.name() for _ in range(random.choice([0, 1, 2]))])))
    sound = ["0", "1", "+1", "1_000", "0x10", "0xff_ff", "0o17", "0b101"]
    limits = [(name, random.choice(INTEGERS if style.odd else sound)) for name in random.sample(LIMITS, random.choice([0, 0, 1, 2, 3]))]
    severity = [(code, style.string(random.choice(["deny", "warn", "allow"]))) for code in random.sample(CODES, random.choice([0, 0, 1, 2]))]
    for name, pairs in (("require", require), ("limits", limits), ("severity", severity)):
        if not pairs:
            continue
        kind = random.random()
        if kind < 0.2:
            top.append((name, style.table(pairs)))
        elif kind < 0.4:
            # dotted keys
            top += [(f"{name}{style.space()}.{style.space()}{key}", value) for key, value in pairs]
        else:
            tables.append(f"[{style.space()}{style.key(name)}{style.space()}]{style.line()}\n" + "\n".join(style.pairs(pairs)))
    if top and style.strays("a key twice"):
        top.append(random.choice(top))
    if style.strays("an unknown key"):
        top.append((random.choice(["other", "Allow", "allow ", "limits"]), random.choice(["1", "[]", "{}"])))
    random.shuffle(top)
    if tables and style.strays("a table twice"):
        tables.append(random.choice(tables))
    later = tables + arrays
    random.shuffle(later)
    lines = [line + style.space() + random.choice(["", "", " # c"]) for line in style.pairs(top)]
    text = style.line() + "\n" + random.choice(["\n", "\n", "\r\n", "\n\n"]).join(lines + later) + random.choice(["", "\n"])
    data = text.encode("utf-8", "surrogatepass")
    if style.strays("a byte order mark"):
        data = b"\xef\xbb\xbf" + data
    if random.random() < 0.2:
        data = harness.mutate(random, data, 3, b"[]{}=\"'\\\n\r\t .,#_+-0123456789abx")
        style.done.append("bytes")
    return Case(data, made=style.done)


def detail(item):
    return {"name": item} if isinstance(item, str) else item


def protocols(text):
    if text is None:
        return None
    first, dots, last = text.strip().partition("..")
    return [int(first or 0), int(last or 255)] if dots else [int(text), int(text)]


def view(policy):
    """What is said, in the driver's words."""
    require = policy.get("require", {})
    allow = [detail(item) for item in policy.get("allow", [])]
    return {
        "base": policy.get("base", "skops-0.16"),
        "presets": policy.get("presets", []),
        "allow": [[item["name"], item.get("role"), item.get("loader"), item.get("if-verified", False), item.get("reason")] for item in allow],
        "deny": [[item["name"], item.get("reason")] for item in map(detail, policy.get("deny", []))],
        "sklearn-version": require.get("sklearn-version"),
        "skops-version": require.get("skops-version"),
        "protocol": protocols(require.get("protocol")),
        "root-types": require.get("root-types", []),
        "limits": policy.get("limits", {}),
        "severity": policy.get("severity", {}),
    }


def compare(case, answer, tally):
    # The mark that an editor may put first is left out: TOML does not say what it means, and tomllib has others do so.
    data = case.data.removeprefix(b"\xef\xbb\xbf")
    try:
        theirs, error = tomllib.loads(data.decode("utf-8")), None
    except ValueError as failure:
        theirs, error = None, re.sub("[0-9]+", "0", str(failure).split(" (at")[0])
    are_agreed, wrong = harness.agree_on("tomllib", case, answer, error, LATER, tally)
    if wrong:
        yield wrong
    if not are_agreed:
        return
    ours, expected = answer["policy"], view(theirs)
    # what is not said keeps its default
    for key in ("limits", "severity"):
        ours[key] = {name: ours[key][name] for name in expected[key]}
    if ours == expected:
        tally.count("the same in both")
    else:
        differing = [key for key in expected if ours[key] != expected[key]]
        yield f"we have {[ours[key] for key in differing]}, tomllib {[expected[key] for key in differing]}"


if __name__ == "__main__":
    print(f"policy: Python {sys.version.split()[0]}")
    harness.run(sys.modules[__name__])
