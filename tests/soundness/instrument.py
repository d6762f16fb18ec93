"""Rewrites skops's own source, so that every call that it makes goes through a recorder.

Patching the functions that are known to resolve names would only find what is known. So each call expression in
the source is rewritten before it is compiled:

    f(x)            becomes  _sound_call(dynamic, f, x)
    obj.method(x)   becomes  _sound_method(obj, "method", x)
    obj.__dict__.update(x)  becomes  _sound_update(obj, x)

`dynamic` says that `f` is a local variable, or the result of an expression: something that the file may have chosen. A
global name (`isinstance`, `json.loads`, `np.load`) is skops's own choice. `getattr` with a literal name is left alone, as
is `super()`: neither can be told by a file what to do. Imported by `recorder.py`, in the environment that is recorded.
"""

import ast
import importlib.machinery
import sys

# scipy's reader of sparse matrices gets a class by a name from the payload.
INSTRUMENTED = ("skops.io", "scipy.sparse._matrix_io")


class Calls(ast.NodeTransformer):
    """Rewrites the calls of one module."""

    def __init__(self):
        self.scopes = []  # the local names of the functions around a node

    def visit_function(self, node):
        # Decorators and defaults are evaluated outside of the function.
        node.decorator_list = [self.visit(child) for child in node.decorator_list]
        self.visit(node.args)
        self.scopes.append(local_names(node))
        node.body = [self.visit(child) for child in node.body]
        self.scopes.pop()
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_function

    def visit_Lambda(self, node):
        self.scopes.append({argument.arg for argument in arguments(node.args)})
        self.generic_visit(node)
        self.scopes.pop()
        return node

    def is_local(self, name):
        return any(name in scope for scope in self.scopes)

    def visit_Call(self, node):
        function = node.func
        if isinstance(function, ast.Name):
            if function.id == "super" or is_literal_getattr(node):
                self.generic_visit(node)
                return node
            return self.call(node, dynamic=self.is_local(function.id))
        if isinstance(function, ast.Attribute):
            root = function
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and not self.is_local(root.id):
                return self.call(node, dynamic=False)
            if isinstance(root, ast.Call) and getattr(root.func, "id", None) == "super":
                self.generic_visit(node)
                return node
            if function.attr == "update" and getattr(function.value, "attr", None) == "__dict__":
                return self.rewritten(node, "_sound_update", [function.value.value])
            return self.rewritten(node, "_sound_method", [function.value, ast.Constant(function.attr)])
        return self.call(node, dynamic=True)

    def call(self, node, dynamic):
        return self.rewritten(node, "_sound_call", [ast.Constant(dynamic), node.func])

    def rewritten(self, node, recorder, first):
        new = ast.Call(ast.Name(recorder, ast.Load()), first + node.args, node.keywords)
        self.generic_visit(new)
        return ast.copy_location(new, node)


def is_literal_getattr(node):
    name = node.args[1] if len(node.args) > 1 else None
    return node.func.id in ("getattr", "hasattr") and isinstance(name, ast.Constant)


def arguments(args):
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, [args.vararg, args.kwarg])]


def local_names(function):
    """Every name that the function binds: its arguments, and what it assigns, in comprehensions too."""
    names = {argument.arg for argument in arguments(function.args)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


class Loader(importlib.machinery.SourceFileLoader):
    def source_to_code(self, data, path, *, _optimize=-1):
        tree = Calls().visit(ast.parse(data, path))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True, optimize=_optimize)

    # Neither read nor write compiled files: those belong to the source as it is.
    def get_code(self, fullname):
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class Finder:
    """Finds the modules to rewrite, where Python would find them."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if not any(name == known or name.startswith(known + ".") for known in INSTRUMENTED):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


def install():
    sys.meta_path.insert(0, Finder)
