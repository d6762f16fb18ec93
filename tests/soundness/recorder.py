"""Loads files with the skops of this environment, in processes that end with them, and tells what was touched.

    python recorder.py FOLDER   (FOLDER is where `custom.py` lies, which some models name)

Reads lines of JSON, each with the files for one process: `[{"path": ..., "trusted": [...], "unasked": [...], "called": [...]}, ...]`, and answers each with
a line: `[{"path": ..., "outcome": ..., "events": [...]}, ...]`. `instrument.py` has skops's own source call the functions below; an audit
hook tells what happens beneath. Events are told at once, so what dies on the way has been told up to there.

The events:

    import   names: the module that skops imports
    get      names: what is read from a module, by a name that is no literal in skops's source
    read     names: what is read from any other object, so
    call     names: what is called and is not skops's own choice
    set      names: attributes that an object is given
    audit    event, argument, within: what Python's audit hooks tell while skops itself is at work

`names` are the ways to call one thing; it has been reported if one of them has.
"""

import importlib
import io
import json
import os
import re
import resource
import select
import signal
import sys
import time
import types
import warnings

import instrument
import numpy

SECONDS = 20
MEMORY = 3 << 30


CHOSEN, IMPORT = "what the file chose", "the import of what the file chose"
# Of that, what nobody is asked to trust, or only as classes of a library that objects are made of: nobody has looked at what it may
# do with the rest of the file.
UNASKED = "what is trusted by default, or made of a library's class"


class Record:
    """What happens in a child."""

    active = False
    pipe = None
    trusted = []
    # The names that skops-rs trusts by default, or that are a library's; and of the others those that may be called.
    unasked, called = set(), set()
    seen = set()
    # What skops itself is calling, the innermost last. CHOSEN or IMPORT: a thing that the file chose and that was trusted for
    # it, so that its doings are its own.
    chosen = []
    # How things came into the world: id -> (the thing, kept alive; names). An instance has the names of its class.
    origins = {}
    # The same for the code of functions: code -> names.
    codes = {}
    # The same for numbers, text and the like, of which there is only one in memory: id -> (the thing, names).
    returned = {}
    # What functions have returned, which may be anything: id -> the thing.
    products = {}
    busy = False


def tell(**event):
    text = json.dumps(event)
    if text not in Record.seen:
        Record.seen.add(text)
        os.write(Record.pipe, text.encode() + b"\n")


# Names ---------------------------------------------------------------------------------------------------------------


def came_from(thing, names):
    Record.origins[id(thing)] = (thing, names)
    if type(thing) is types.FunctionType:
        Record.codes[thing.__code__] = names


def public_names(kind):
    """The name of a class, and any other that was reported under which the very same class is found."""
    names = [f"{kind.__module__}.{kind.__qualname__}"]
    # An attribute is reported with the class before it.
    for reported in {*Record.trusted, *(name.rpartition(".")[0] for name in Record.trusted)}:
        module, _, name = reported.rpartition(".")
        if name == kind.__name__ and vars(sys.modules.get(module, object)).get(name) is kind:
            names.append(reported)
    return names


def was_returned(thing, names):
    _, known = Record.returned.get(id(thing), (thing, []))
    Record.returned[id(thing)] = (thing, [*known, *names])


def names_of(thing):
    """How the file came to this thing; of what skops made by itself, its type."""
    known = Record.origins.get(id(thing))
    if known:
        return known[1]
    if isinstance(thing, types.ModuleType):
        return [thing.__name__]
    if isinstance(thing, numpy.dtype):
        return ["numpy.dtype"]  # numpy makes a subclass for each kind
    return public_names(thing if isinstance(thing, type) else type(thing))


# What `__dict__.update` takes for a name and a value, and for many of them.
PAIRS = (list, tuple, set, frozenset, numpy.ndarray)
# skops's own nodes, and what it reads from JSON and the archive.
PLAIN = (dict, list, tuple, set, str, bytes, int, float, bool, type(None))


def is_own(thing):
    if type(thing) in (types.FunctionType, types.MethodType) or isinstance(thing, type):
        module = getattr(thing, "__module__", None)
    else:
        module = type(thing).__module__
    return str(module).startswith(("skops.", "zipfile", "_io")) and id(thing) not in Record.origins


# What the rewritten source calls -------------------------------------------------------------------------------------


def enter(chosen, function, arguments, keywords):
    Record.chosen.append(chosen)
    if chosen is UNASKED:
        sys.setprofile(watch)
    try:
        return function(*arguments, **keywords)
    finally:
        if chosen is UNASKED:
            sys.setprofile(None)
        Record.chosen.pop()


def watch(frame, event, argument):
    """Tells what is called of the file by what nobody has looked at: functions, not classes, which Python does not tell of."""
    if event == "call":
        names = Record.codes.get(frame.f_code)
    elif event == "c_call":
        _, names = Record.origins.get(id(argument), (None, None))
    else:
        return
    if names and frame.f_back.f_code is not enter.__code__ and frame.f_code is not enter.__code__:
        tell(kind="call", names=names, within=UNASKED)


def sound_call(dynamic, function, /, *arguments, **keywords):
    if not Record.active or is_own(function):
        return function(*arguments, **keywords)
    if not dynamic:
        if function is importlib.import_module:
            return import_module(*arguments, **keywords)
        if function is getattr:
            return get(*arguments)
        return enter(static_name(function), function, arguments, keywords)
    if not callable(function):
        return function(*arguments, **keywords)  # which raises, of course
    names = names_of(function)
    tell(kind="call", names=names)
    result = enter(asked(names), function, arguments, keywords)
    (came_from if type(result) not in PLAIN else was_returned)(result, names)
    if not isinstance(function, type):
        Record.products[id(result)] = result
    return result


def sound_method(thing, name, /, *arguments, **keywords):
    method = getattr(thing, name)
    if not Record.active or is_own(thing):
        return method(*arguments, **keywords)
    if type(thing) in PLAIN and id(thing) not in Record.origins:
        return enter(f"{type(thing).__name__}.{name}", method, arguments, keywords)
    names = names_of(thing)
    tell(kind="call", names=names, method=name)
    if name == "__setstate__" and arguments:
        tell(kind="set", names=text_keys(arguments[0]))
    result = enter(asked(names), method, arguments, keywords)
    if name == "__new__":
        came_from(result, names)
    return result


def asked(names):
    """Whether somebody had to trust what goes by these names."""
    return UNASKED if Record.unasked.intersection(names) else CHOSEN


def text_keys(attributes):
    """The keys that are text. Nothing else is asked for its name: that would be for the file to answer. Nor are those that a
    function has returned, like `globals`: that it was called is judged by its name."""
    if id(attributes) in Record.products:
        keys = ()
    elif isinstance(attributes, dict):
        keys = dict.keys(attributes)
    elif type(attributes) in PAIRS:
        keys = (next(iter(pair), None) for pair in attributes if type(pair) in PAIRS)
    else:
        keys = ()
    return sorted(str.__str__(key) for key in keys if issubclass(type(key), str))


def sound_update(thing, attributes, /):
    if not Record.active or is_own(thing):
        return thing.__dict__.update(attributes)
    tell(kind="call", names=names_of(thing), method="__dict__.update")
    given = text_keys(attributes)
    before = text_keys(thing.__dict__)
    # What is no pair ends the loading here: nobody sees the object.
    thing.__dict__.update(attributes)
    # Names that came out of what cannot be looked at before, too.
    come = set(text_keys(thing.__dict__)).difference(before)
    return tell(kind="set", names=sorted(come.union(given)))


def static_name(function):
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__name__)}"


def import_module(name, package=None):
    tell(kind="import", names=[name])
    module = enter(IMPORT, importlib.import_module, (name, package), {})
    came_from(module, [name])
    return module


def get(thing, name, *default):
    if is_own(thing):
        return getattr(thing, name, *default)
    is_module = isinstance(thing, types.ModuleType)
    owners = list(names_of(thing))
    if not is_module:
        owners += public_names(type(thing)) + Record.returned.get(id(thing), (None, []))[1]
    names = [f"{owner}.{name}" for owner in owners]
    if is_module and id(thing) not in Record.origins:
        # `operator` and `scipy.sparse`, which skops and scipy have imported: any name of the very same class will do.
        found = vars(thing).get(name)
        names += public_names(found) if isinstance(found, type) else []
    tell(kind="get" if is_module else "read", names=names)
    # There may be code behind it, which was reported if the name is one that may be called.
    within = asked(owners) if not Record.called.intersection(names) else CHOSEN
    result = enter(within, getattr, (thing, name, *default), {})
    # What is read from a method is reported as an attribute of the object that it belongs to, by skops, too.
    (came_from if type(result) not in PLAIN else was_returned)(result, names if is_module else owners)
    return result


# What happens beneath ------------------------------------------------------------------------------------------------

# Events that read or change nothing but Python's own bookkeeping.
QUIET = {
    "builtins.id", "object.__getattr__", "sys._getframe", "sys.excepthook", "sys.unraisablehook", "gc.get_objects",
    "sys.setprofile",  # this is `enter`
}
# Whatever a file has called, it does no harm here.
FORBIDDEN = (
    "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "subprocess.Popen",
    "os.kill", "os.killpg", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate",
    "os.chmod", "os.chown", "os.chflags", "os.utime", "os.setxattr", "os.removexattr", "os.putenv", "os.unsetenv",
    "os.lockf", "os.chdir", "shutil.", "socket.", "ftplib.", "http.", "urllib.", "smtplib.", "poplib.", "imaplib.",
    "nntplib.", "telnetlib.", "webbrowser.", "syslog.", "tempfile.", "ctypes.dlopen", "pty.spawn", "resource.",
    "signal.pthread_kill", "mmap.", "fcntl.", "sqlite3.", "pickle.find_class",
)
# lightgbm and xgboost load their libraries, and say where they are, when they are imported.
NEEDED_TO_IMPORT = ("ctypes.dlopen", "os.putenv", "os.unsetenv")


class Forbidden(BaseException):
    """Ends the load of a file that made something happen."""


def is_for_writing(event, arguments):
    return event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")


def audit_hook(event, arguments):
    if not Record.active or Record.busy or event in QUIET:
        return
    Record.busy = True
    try:
        within = Record.chosen[-1] if Record.chosen else "skops"
        if is_in_destructor(sys._getframe(1)):
            within = CHOSEN
        forbidden = event.startswith(FORBIDDEN) or is_for_writing(event, arguments)
        forbidden = forbidden and not (within is IMPORT and event in NEEDED_TO_IMPORT)
        if forbidden or within not in (CHOSEN, IMPORT):
            argument = next((repr(part)[:200] for part in arguments if isinstance(part, (str, bytes))), "")
            if event == "compile":
                argument = sys._getframe(1).f_code.co_qualname
            tell(kind="audit", event=event, argument=argument, within=within)
    finally:
        Record.busy = False
    if forbidden:
        raise Forbidden(f"{event} {arguments!r}")


def is_in_destructor(frame):
    """An object that the file chose can end at any time."""
    while frame:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def harmless(name, original):
    """Tells that it was called from a file. For Python's own libraries, some of which need `eval`, it is what it was."""

    def recorded(*arguments, **keywords):
        is_asked = not Record.chosen or Record.chosen[-1] is not UNASKED
        if is_asked and sys._getframe(1).f_code is not enter.__code__:
            return original(*arguments, **keywords)
        tell(kind="reached", names=[name])

    recorded.__name__ = recorded.__qualname__ = name.rpartition(".")[2]
    recorded.__module__ = name.rpartition(".")[0]
    return recorded


# What attackers reach for. Each is replaced by a function that tells that it was reached.
DANGEROUS = [
    "os.system", "os.popen", "os.remove", "os.unlink", "os.kill", "os._exit", "os.abort", "posix.system",
    "subprocess.check_output", "subprocess.call", "subprocess.run", "subprocess.getoutput", "builtins.eval",
    "builtins.breakpoint", "builtins.input", "shutil.rmtree", "time.sleep", "pickle.loads", "pickle.load",
    "runpy.run_path", "runpy.run_module", "pty.spawn", "webbrowser.open", "code.interact", "pdb.run", "timeit.timeit",
]


def defuse():
    for name in DANGEROUS:
        module, _, attribute = name.rpartition(".")
        module = importlib.import_module(module)
        setattr(module, attribute, harmless(name, getattr(module, attribute)))


# A process for each file ---------------------------------------------------------------------------------------------


def load(request, pipe):
    """In the child: loads a file, and tells how it ended."""
    import skops.io

    with open(request["path"], "rb") as file:
        content = io.BytesIO(file.read())
    Record.pipe, error = pipe, None
    Record.seen, Record.chosen = set(), []
    Record.origins, Record.codes, Record.returned, Record.products = {}, {}, {}, {}
    Record.trusted, Record.unasked, Record.called = request["trusted"], set(request["unasked"]), set(request["called"])
    Record.active = True
    try:
        skops.io.load(content, trusted=request["trusted"])
        Record.active, outcome = False, "loaded"
    except BaseException as caught:  # SystemExit too
        Record.active, error = False, caught
        outcome = type(caught).__name__
    ended = {"outcome": outcome, "error": ascii(str(error))[:400] if error else ""}
    if outcome == "UntrustedTypesFoundException":
        ended["untrusted"] = re.findall("'([^']*)'", str(error))
    os.write(pipe, json.dumps(ended).encode() + b"\n")


def limit_resources():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(requests):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            os.dup2(1, 2)
            limit_resources()
            for request in requests:
                load(request, writing)
        finally:
            os._exit_now(0)
    os.close(writing)
    text, in_time = read_all(reading)
    os.close(reading)
    if not in_time:
        os.kill_now(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return parsed(requests, text, status if in_time else "too slow")


def read_all(pipe):
    pieces, end = [], time.monotonic() + SECONDS
    while True:
        ready, _, _ = select.select([pipe], [], [], max(0, end - time.monotonic()))
        if not ready:
            return b"".join(pieces), False
        piece = os.read(pipe, 1 << 16)
        if not piece:
            return b"".join(pieces), True
        pieces.append(piece)


def parsed(requests, text, status):
    """The answers, as many as the child came to; the last may say that it died."""
    answers, events = [], []
    for line in text.decode(errors="replace").splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue  # the last line of a process that died
        if "outcome" in value:
            answers.append({**value, "events": events})
            events = []
        else:
            events.append(value)
    if len(answers) < len(requests):
        ended = "too slow" if status == "too slow" else "died"
        answers.append({"outcome": ended, "error": f"status {status}", "events": events})
    return [{"path": request["path"], **answer} for request, answer in zip(requests, answers)]


def prepare(folder, modules):
    """Everything that is worth importing once, before anything is recorded."""
    import builtins

    warnings.filterwarnings("ignore")
    sys.path.append(folder)
    sys.modules.pop("scipy.sparse._matrix_io", None)
    instrument.install()
    builtins._sound_call, builtins._sound_method, builtins._sound_update = sound_call, sound_method, sound_update
    import encodings.cp437  # noqa: F401  # zipfile reads names with it

    import skops.io  # noqa: F401

    for module in modules:
        try:
            importlib.import_module(module)
        except BaseException:  # not in this environment
            continue


def main():
    os._exit_now, os.kill_now = os._exit, os.kill
    out = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # models print, too
    prepare(sys.argv[1], json.loads(sys.stdin.readline()))
    defuse()
    sys.addaudithook(audit_hook)
    import gc

    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=out, flush=True)


if __name__ == "__main__":
    main()
