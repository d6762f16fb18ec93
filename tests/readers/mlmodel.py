r"""MLflow's `MLmodel`: what we read, beside PyYAML, as MLflow calls it and with libyaml.

The text is YAML, of which PyYAML reads version 1.1, and we read 1.2: mappings and lists in blocks or brackets, text plain,
quoted, literal or folded, comments, anchors, tags, documents, and every line end. Of what we accept, PyYAML must read the
same files that are loaded, the same types that are trusted, the same code and the same formats.

Run it by a Python that has PyYAML, that of the environment `parsers`; see harness.py.
"""

import io
import re
import sys

import harness
import yaml
from harness import Case

KIND = "mlmodel"
FLOOR = 0.3

FILES = ["model.skops", "model.pkl", "sub/model.skops", "./model.skops", "a b.skops", "caf\u00e9.skops", "x: y.skops", "a#b", "it's"]
ODD_FILES = ["", ".", "..", "/a.skops", "a/../b", "a\\b", "- a", "null", "~", "a\nb", "a\tb", " a", "a ", "#a", "a #b", "? a", "[a]", "\u2028", "*a"]
TYPES = ["a.B", "mypackage.transformers.Cleaner", "sklearn.tree._tree.Tree", "functools.partial"]
ODD_TYPES = ["", "a", "null", "~", "true", "1", "a: b", "a #b", "'", '"', "\u00e9.B", "a.B\n", "a.B\u2029", "<<", "=", "2001-01-01", "0x1", "1_0", "---"]
LOADERS = ["mlflow.sklearn", "mlflow.sklearn", "mlflow.lightgbm", "loader"]
FORMATS = ["skops", "skops", "pickle", "cloudpickle"]
CLASSES = ["lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier"]
# What may be written in place of a value that is text.
NOT_TEXT = ["", "null", "~", "Null", "NULL", "nULL", "true", "yes", "1", "1.5", "0x1", "2001-01-01", "[]", "{}", "[a]", "{a: b}"]
# What means something to one of the two, put anywhere.
TOKENS = ["\u2028", "\u2029", "\x85", "\n", "\r", "\r\n", "\t", " ", "  ", "    ", "\ufeff", "#", " #", ": ", ":", "- ", "-", "? ", "?", "|", "|-", ">", "|+", "|2", "'", '"', "\\", "{", "}", "[", "]", ",", "&a ", "*a", "!", "!!str ", "!!binary ", "%YAML 1.1\n", "%TAG ! x:\n", "---", "---\n", "--- ", "...\n", "~", "null", "<<: ", "=", "\0", "\x07", "\x7f", "\xa0", "\u200b", "@", "`", "\n\n", "\n    ", "\n  ", "\n# c\n", "\n...\n---\n", "\n\t", "\t#", "\n \t", "\ud7ff", "\ufffe", "\U0001f600", "    code: c\n", "    pickled_model: z\n", "flavors:\n"]  # fmt: skip
PLAIN = re.compile(r"[A-Za-z/.][^\n\t:#\u2028\u0085\u2029]*(?<! )")


class Style(harness.Style):
    share = 0.02

    def end(self):
        """The end of a line, with what may stand before it and between it and the next."""
        text = self.random.choice(["", "", "", "", " ", " # c", "  # 'c\": {"])
        text += "\r" if self.strays("an old line end", 0.002) else self.breaks
        if self.strays("an odd end of a line"):
            text += self.random.choice(["\n", " \n", "\t\n", "# c\n", "   # c\n", "\t# c\n", "#\n", "---\n", "...\n", "--- \n", "%X\n"])
        return text

    def scalar(self, text, indent, in_flow, is_key=False):
        """Text that is read as `text`, if nothing is odd."""
        if self.strays("a property"):
            return self.random.choice(["&a ", "!!str ", "! ", "!!null ", "!x ", "&a !!str ", "!<tag:yaml.org,2002:null> "]) + self.scalar(text, indent, in_flow, is_key)
        if self.strays("another value"):
            return self.random.choice([*NOT_TEXT, "*a", "|", ">", "'", '"', "@a", "%a", "`a`", "a\tb", "a:b", ":a", "-a", "?a", "a?", "!a", "&a"])
        words = ["null", "Null", "NULL", "true", "null", "~"]
        may_be_plain = PLAIN.fullmatch(text) and text not in words and not (in_flow and set(text) & set(",[]{}?"))
        kind = self.random.random()
        if may_be_plain and kind < 0.6:
            return self.folded(text, indent, is_key)
        is_visible = all(" " <= character <= "~" or character == "\u00e9" for character in text)
        if is_visible and kind < 0.75:
            return "'" + self.folded(text.replace("'", "''"), indent, is_key) + "'"
        if not in_flow and not is_key and is_visible and text.strip() and text[0] != " " and kind < 0.85:
            chomped = self.random.choice(["|-", ">-", "|1-", ">1-", "|-1"])
            deep = " " * (indent + 1 if "1" in chomped else self.random.randint(indent + 1, indent + 4))
            if self.strays("an odd block of text"):
                chomped = self.random.choice(["|", ">", "|+", ">+", "|2-", "|9", "|0", "| # c", "|# c"])
            return chomped + self.random.choice(["", " ", " # c"]) + self.breaks + deep + text
        return '"' + "".join(self.escaped(character, indent, is_key) for character in text) + '"'

    def escaped(self, character, indent, is_key):
        code = ord(character)
        if not is_key and self.strays("a break in quotes", 0.005):
            return "\\" + self.breaks + " " * (indent + 1) + self.escaped(character, indent, True)
        if self.strays("an odd escape", 0.005):
            return self.random.choice(["\\/", "\\x4", "\\N", "\\_", "\\L", "\\P", "\\e", "\\0", "\\a", "\\ ", "\\\t", "\\z", "\\u12", "\\ud800", "\\U00110000", "\\'"])
        short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\x85": "\\N", "\u2028": "\\L", "\u2029": "\\P"}
        if character in short and self.random.random() < 0.8:
            return short[character]
        if not (" " <= character <= "~" or character == "\u00e9") or character in short or self.random.random() < 0.02:
            return f"\\x{code:02x}" if code < 256 and self.random.random() < 0.5 else f"\\u{code:04X}"
        return character

    def folded(self, text, indent, is_key):
        """A space may be the end of a line instead, and white space around it."""
        if " " in text and not is_key and self.strays("text over two lines", 0.2):
            return text.replace(" ", self.random.choice(["", " "]) + self.breaks + " " * self.random.randint(indent + 1, indent + 4), 1)
        return text

    def value(self, value, indent, in_flow):
        """What stands behind a key, with the space before it."""
        if isinstance(value, str):
            return " " + self.scalar(value, indent, in_flow)
        if value is None:
            return self.random.choice(["", " null", " ~"])
        if in_flow or not value or self.random.random() < 0.15:
            return " " + self.flow(value, indent)
        # A list may stand as deep as its key.
        deeper = self.random.choice([0, 2] if isinstance(value, list) else [1, 2, 2, 4])
        return self.end() + self.block(value, indent + deeper)

    def flow(self, value, indent):
        space = lambda: self.random.choice(["", " ", self.breaks + " " * (indent + self.random.randint(1, 3))])  # noqa: E731
        comma = "," if not self.strays("no comma") else self.random.choice(["", ",,", ";"])
        if isinstance(value, list):
            items = [self.value(item, indent, True).strip(" ") for item in value]
        else:
            items = [self.scalar(key, indent, True, True) + self.colon() + self.value(inner, indent, True) for key, inner in value.items()]
            if self.strays("a question mark", 0.1):
                items.append(self.random.choice(["x?code: c", "x?pickled_model: z", "?code: c", "x? code: c", "'x'?code: c", "? code: c"]))
        if items and self.strays("a comma at the end", 0.1):
            items[-1] += ","
        brackets = "[]" if isinstance(value, list) else "{}"
        return brackets[0] + space() + (comma + space()).join(item + space() for item in items) + brackets[1]

    def colon(self):
        return self.random.choice([" :", ":\t", "", " ", ":"]) if self.strays("an odd colon") else ":"

    def block(self, value, indent):
        lines = []
        for item in value if isinstance(value, list) else list(value.items()):
            at = " " * indent
            if self.strays("an odd indent", 0.003):
                at += self.random.choice([" ", "\t", "  "]) if self.random.random() < 0.5 else ""
                at = at[: self.random.randrange(len(at) + 1)]
            if isinstance(value, list):
                lines.append(at + "-" + self.value(item, indent, False))
            elif self.strays("a marked key", 0.01):
                lines.append(at + "? " + self.scalar(item[0], indent, False, True) + self.breaks + at + ":" + self.value(item[1], indent, False))
            else:
                lines.append(at + self.scalar(item[0], indent, False, True) + self.colon() + self.value(item[1], indent, False))
                if self.strays("a merged mapping", 0.003):
                    lines.append(at + self.random.choice(["<<: {code: c}", "<<: *a", "'<<': {}", "<<: [{a: b}]"]))
            if self.strays("a line twice", 0.003):
                lines.append(lines[-1])
        text = lines[0]
        for line in lines[1:]:
            text += self.end() + line
        return text


def flavors(random, style):
    """Flavors, as MLflow writes them, and as it does not."""
    one = lambda usual, odd: random.choice(odd if style.strays("an odd value", 0.05) else usual)  # noqa: E731
    some = lambda share, key, make: {key: make()} if random.random() < share else {}  # noqa: E731
    trusted = lambda: [one(TYPES, ODD_TYPES) for _ in range(random.choice([0, 1, 1, 2, 3]))]  # noqa: E731
    code = lambda: random.choice([None, "code"])  # noqa: E731
    file = lambda: one(FILES, ODD_FILES)  # noqa: E731
    kinds = {
        "sklearn": lambda: {
            **some(0.9, "pickled_model", file),
            **some(0.9, "serialization_format", lambda: random.choice(FORMATS)),
            **some(0.7, "skops_trusted_types", trusted),
            **some(0.5, "code", code),
            "sklearn_version": "1.9.1",
        },
        "python_function": lambda: {
            "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
            **some(0.9, "loader_module", lambda: random.choice(LOADERS)),
            **some(0.7, "model_path", file),
            **some(0.2, "data", file),
            **some(0.1, "python_model", file),
            **some(0.1, "model_code_path", file),
            **some(0.3, "code", code),
        },
        "lightgbm": lambda: {
            **some(0.8, "data", file),
            **some(0.7, "model_class", lambda: random.choice(CLASSES)),
            **some(0.7, "serialization_format", lambda: random.choice(FORMATS)),
            **some(0.4, "skops_trusted_types", trusted),
        },
        "xgboost": lambda: {**some(0.5, "code", code), **some(0.3, "skops_trusted_types", trusted)},
    }
    return {name: kinds[name]() for name in random.sample(list(kinds), random.choice([1, 2, 2, 3]))}


def make(random):
    style = Style(random, random.choice([0, 0, 1, 1, 3]))
    style.breaks = random.choice(["\n", "\n", "\n", "\r\n"])
    model = {"artifact_path": "model", "flavors": flavors(random, style), "mlflow_version": "3.18.0"}
    if random.random() < 0.3:
        model["metadata"] = {"note": "a b  c", "tags": ["x", {"y": "z"}], "flavors": {"sklearn": {"code": "no"}}}
    if random.random() < 0.2:
        model["signature"] = {"inputs": '[{"type": "double", "name": "x"}]', "params": None}
    keys = list(model)
    random.shuffle(keys)
    model = {key: model[key] for key in keys}
    text = style.flow(model, 0) if random.random() < 0.1 else style.block(model, 0)
    if style.strays("a start", 0.1):
        text = random.choice(["---\n", "--- \n", "--- # c\n", "%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "# c\n", "\n", "--- |\n", "...\n", "\ufeff", "%TAG !! x:\n---\n", "\t\n"]) + text
    text += style.end()
    if style.strays("an end", 0.1):
        text += random.choice(["...\n", "---\n", "...\n---\n", "--- a\n", "... # c\n", "# c", "\0", "- a\n", "a\n", "  a: b\n", "\t"])
    if random.random() < 0.3:
        for _ in range(random.choice([1, 1, 1, 2, 3])):
            at = random.randrange(len(text) + 1)
            text = text[:at] + random.choice(TOKENS) + text[at + random.choice([0, 0, 0, 1, 3]) :]
        style.done.append("tokens")
    return Case(text.encode("utf-8", "surrogatepass"), made=style.done)


# What MLflow makes of it: see src/check/mlflow --------------------------------------------------------------------------


class NoText(Exception):
    """A value that MLflow expects to be text is none. It fails, or does with it what it likes."""


class Flavored:
    def __init__(self, model):
        model = model if isinstance(model, dict) else {}
        flavors = model.get("flavors")
        self.flavors = flavors if isinstance(flavors, dict) else {}
        if any(not isinstance(name, str) for name in self.flavors):
            raise NoText("the name of a flavor")

    def get(self, flavor, key):
        found = self.flavors.get(flavor)
        return found.get(key) if isinstance(found, dict) else None

    def text(self, flavor, key):
        found = self.get(flavor, key)
        if found is not None and not isinstance(found, str):
            raise NoText(key)
        return found

    def view(self):
        """What is said, in the driver's words."""
        loader = self.text("python_function", "loader_module")
        boosts = "lightgbm" in self.flavors and self.text("lightgbm", "model_class") not in (None, CLASSES[0])
        by_function = loader == "mlflow.sklearn" or (loader == "mlflow.lightgbm" and (boosts or "lightgbm" not in self.flavors))
        places = [("sklearn", "pickled_model")] if "sklearn" in self.flavors else []
        places += [("python_function", "model_path"), ("python_function", "data")] if by_function else []
        places += [("lightgbm", "data")] if boosts else []
        targets = {"/".join(part for part in found.split("/") if part not in ("", ".")) for place in places if (found := self.text(*place)) is not None}
        trusted = []
        for flavor in sorted(self.flavors):
            names = self.get(flavor, "skops_trusted_types")
            if names is not None and not isinstance(names, list):
                raise NoText("skops_trusted_types")
            if any(name is not None and not isinstance(name, str) for name in names or []):
                raise NoText("a type")
            trusted += ["null" if name is None else shown(name) for name in names or []]
        return {"targets": sorted(targets), "trusted": trusted, "code": sorted(self.code(loader)), "formats": sorted(self.formats(loader, boosts))}

    def code(self, loader):
        said = set()
        for flavor in self.flavors:
            if (folder := self.text(flavor, "code")) is not None:
                said.add(f"MLmodel puts its folder '{shown(folder)}' on the import path")
        if loader not in (None, "mlflow.sklearn", "mlflow.lightgbm"):
            said.add(f"MLmodel has the folder loaded by the module '{shown(loader)}'")
        for key in ("python_model", "model_code_path"):
            if (file := self.text("python_function", key)) is not None:
                said.add(f"MLmodel has '{shown(file)}' run, as {key}")
        return said

    def formats(self, loader, boosts):
        loaded = (["sklearn"] if "sklearn" in self.flavors else []) + (["lightgbm"] if boosts else [])
        formats = {self.text(flavor, "serialization_format") for flavor in loaded}
        if (loader == "mlflow.sklearn" and "sklearn" not in self.flavors) or (loader == "mlflow.lightgbm" and "lightgbm" not in self.flavors):
            formats.add(None)
        names = {"pickle, as none is given" if name is None else shown(name) for name in formats - {"skops"}}
        return {f"MLmodel has the file loaded in the format '{name}', past every check" for name in names}


def shown(text):
    """As in src/text.rs."""
    short = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    escaped = "".join(short.get(character) or (character if " " <= character <= "~" else f"\\u{{{ord(character):x}}}") for character in text[:120])
    rest = len(text[120:].encode())
    return escaped + (f"...({rest} more bytes)" if rest else "")


# MLflow opens `MLmodel` as text and calls the first; some of its other files it reads with the second.
READERS = {
    "PyYAML": lambda data: yaml.load(io.TextIOWrapper(io.BytesIO(data), "utf-8").read(), yaml.SafeLoader),
    "libyaml": lambda data: yaml.load(data.decode("utf-8"), yaml.CSafeLoader),
}


def compare(case, answer, tally):
    is_accepted = "targets" in answer
    if is_accepted:
        tally.count("accepted by us")
        answer = {key: sorted(value) if key != "trusted" else value for key, value in answer.items()}
    else:
        tally.cause("refused", re.sub("line [0-9]+|'.*'", "...", answer["error"].split("; but")[0]))
    for name, read in READERS.items():
        try:
            model = read(case.data)
        except Exception as failure:
            if is_accepted:
                tally.cause(f"accepted by us, and not by {name}", str(failure).split("\n")[0][:60])
            continue
        tally.count(f"accepted by {name}")
        if not is_accepted:
            continue
        try:
            expected = Flavored(model).view()
        except NoText as what:
            tally.cause(f"no text, says {name}", str(what))
            continue
        tally.count(f"compared with {name}")
        differing = [key for key in expected if expected[key] != answer[key]]
        if differing:
            yield f"we have {[answer[key] for key in differing]}, {name} {[expected[key] for key in differing]}"


if __name__ == "__main__":
    print(f"mlmodel: PyYAML {yaml.__version__}, libyaml {'.'.join(map(str, yaml._yaml.get_version()))}")
    harness.run(sys.modules[__name__])
