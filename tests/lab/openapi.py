# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml as a check uses it: which operation a request is, and whether an answer is what it says."""
import json, os, re
import jsonschema, yaml

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "openapi.yaml")
METHODS = ("get", "post", "put", "patch", "delete")


class Operation:
    def __init__(self, method, path, spec):
        self.method, self.path, self.spec = method.upper(), path, spec
        self.name, self.permission = spec["operationId"], spec["x-permission"]
        self.pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", re.escape(path).replace(r"\{", "{").replace(r"\}", "}")))

    @property
    def body(self):
        """NONE, JSON or FILE, as routes.def has it."""
        content = self.spec.get("requestBody", {}).get("content", {})
        return "JSON" if "application/json" in content else "FILE" if content else "NONE"

    @property
    def body_schema(self):
        return self.spec["requestBody"]["content"]["application/json"]["schema"] if self.body == "JSON" else None


class Description:
    def __init__(self, text=None):
        self.text = text if text is not None else open(PATH, encoding="utf-8").read()
        self.doc = yaml.safe_load(self.text)
        self.operations = [Operation(m, p, item[m]) for p, item in self.doc["paths"].items() for m in METHODS if m in item]
        self.validators = {}

    def find(self, method, path):
        """The operation of a request: one without {…} goes before one with it."""
        path = path.split("?")[0]
        fits = [o for o in self.operations if o.method == ("GET" if method == "HEAD" else method) and o.pattern.fullmatch(path)]
        return min(fits, key=lambda o: o.path.count("{"), default=None)

    def resolve(self, thing):
        while isinstance(thing, dict) and "$ref" in thing:
            at = self.doc
            for word in thing["$ref"][2:].split("/"):
                at = at[word]
            thing = at
        return thing

    def parameters(self, operation):
        return [self.resolve(p) for p in operation.spec.get("parameters", [])]

    def validate(self, schema, value):
        """What is wrong with the value, or None."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator({**schema, "components": self.doc["components"]})
        for error in self.validators[key].iter_errors(value):
            best = jsonschema.exceptions.best_match([error])
            return f"{'/'.join(map(str, best.absolute_path))}: {best.message[:300]}"
        return None

    def judge(self, method, path, answer):
        """What is wrong with an answer to this request (status, headers, body), or None."""
        operation = self.find(method, path)
        kind = (answer.headers.get("Content-Type") or "").split(";")[0]
        responses = operation.spec["responses"] if operation else {}
        response = self.resolve(responses.get(str(answer.status)) or self.doc["components"]["responses"]["problem"])
        problem = answer.status >= 400
        if not problem and str(answer.status) not in responses:
            return f"status {answer.status} is not described"
        if method == "HEAD":
            return "a body to HEAD" if answer.body else None
        content = response.get("content", {})
        if not content:
            return None if not answer.body or answer.status == 303 else f"a body of {len(answer.body)} octets with {answer.status}"
        if kind not in content:
            return f"{answer.status}: a body of the type {kind!r}"
        if "json" not in kind or "schema" not in content[kind]:
            return None
        try:
            value = json.loads(answer.body)
        except ValueError as e:
            return f"no JSON: {e}"
        if problem and value.get("status") != answer.status:
            return f"a problem of status {value.get('status')} with {answer.status}"
        return self.validate(content[kind]["schema"], value)
