# SPDX-License-Identifier: Apache-2.0
"""The types of web/src/api/types.ts as JSON schemas: of TypeScript as much as they use."""
import os, re

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "web", "src", "api", "types.ts")
NULL = {"type": "null"}
# Numbers are whole, as far as the API has them.
PLAIN = {"string": {"type": "string"}, "number": {"type": "integer"}, "boolean": {"type": "boolean"}, "null": NULL, "unknown": {}}


class Reader:
    def __init__(self, text):
        text = re.sub(r"//[^\n]*", "", text)
        self.words = re.findall(r"'[^']*'|[A-Za-z_]\w*|\[\]|[{}()\[\]<>|&?:;,=]|\d+", text)
        self.at, self.schemas = 0, {}

    def peek(self):
        return self.words[self.at] if self.at < len(self.words) else None

    def next(self):
        self.at += 1
        return self.words[self.at - 1]

    def eat(self, word):
        if self.peek() == word:
            self.at += 1
            return True
        return False

    def expect(self, *words):
        for word in words:
            if self.next() != word:
                raise SystemExit(f"types.ts: {word} is expected near {' '.join(self.words[self.at - 8:self.at + 4])}")

    def object(self):
        """Behind its `{`."""
        properties, required, more = {}, [], None
        while not self.eat("}"):
            if self.eat(";") or self.eat(","):
                continue
            if self.eat("["):
                self.next()
                self.expect(":", "string", "]", ":")
                more = self.type()
                continue
            name = self.next().strip("'")
            optional = self.eat("?")
            self.expect(":")
            properties[name] = self.type()
            if not optional:
                required.append(name)
        out = {"type": "object"}
        if properties:
            out["properties"] = properties
        if required:
            out["required"] = required
        if more is not None or properties:
            out["additionalProperties"] = more if more is not None else False
        return out

    def one(self):
        word = self.next()
        if word == "{":
            out = self.object()
        elif word == "(":
            out = self.type()
            self.expect(")")
        elif word[0] == "'":
            out = {"const": word[1:-1]}
        elif word in PLAIN:
            out = dict(PLAIN[word])
        elif word == "Record":
            self.expect("<", "string", ",")
            value = self.type()
            self.expect(">")
            out = {"type": "object", **({"additionalProperties": value} if value else {})}
        else:
            out = {"$ref": "#/components/schemas/" + word}
            if self.peek() == "[":
                self.next()
                out["$ref"] += "_" + self.next()[1:-1]
                self.expect("]")
        while self.eat("[]"):
            out = {"type": "array", "items": out}
        return out

    def both(self):
        """A & B: of objects, one with the members of all."""
        parts = [self.one()]
        while self.eat("&"):
            parts.append(self.one())
        if len(parts) == 1:
            return parts[0]
        out = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
        for part in parts:
            if "$ref" in part:
                part = self.schemas[part["$ref"].rsplit("/", 1)[1]]
            out["properties"] |= part["properties"]
            out["required"] = out["required"] + part["required"]
        return out

    def type(self):
        self.eat("|")
        parts = [self.both()]
        while self.eat("|"):
            parts.append(self.both())
        rest = [p for p in parts if p != NULL]
        null = len(rest) < len(parts)
        if len(parts) == 1:
            return parts[0]
        if all("const" in p for p in rest):
            words = [p["const"] for p in rest]
            return {"enum": words + [None]} if null else {"type": "string", "enum": words}
        if null and len(rest) == 1 and rest[0].get("type") in ("string", "integer", "boolean") and "enum" not in rest[0]:
            return {"type": [rest[0]["type"], "null"]}
        return {"anyOf": parts}

    def read(self):
        while self.peek():
            word = self.next()
            if word == "type":
                name = self.next()
                self.expect("=")
                self.schemas[name] = self.type()
            elif word == "interface":
                name, base = self.next(), None
                if self.eat("extends"):
                    base = self.schemas[self.next()]
                self.expect("{")
                made = self.object()
                if base:
                    made["properties"] = base["properties"] | made["properties"]
                    made["required"] = base["required"] + made["required"]
                self.schemas[name] = made
            elif word not in ("export", ";"):
                raise SystemExit(f"types.ts: {word} is not understood")
        return self.schemas


def schemas():
    out = Reader(open(PATH, encoding="utf-8").read()).read()
    # Overview['totals'] has a name of its own, as a description cannot point into another.
    out["Overview_totals"] = out["Overview"]["properties"]["totals"]
    out["Overview"]["properties"]["totals"] = {"$ref": "#/components/schemas/Overview_totals"}
    return out


def plain(schema):
    """Without what is only for people, and in one order."""
    if isinstance(schema, dict):
        return {k: sorted(v) if k == "required" else plain(v) for k, v in sorted(schema.items())
                if k != "description" or isinstance(v, dict)}
    return [plain(v) for v in schema] if isinstance(schema, list) else schema
