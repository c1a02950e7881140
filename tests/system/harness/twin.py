# SPDX-License-Identifier: BSD-3-Clause
"""The configuration as it should be: a naive twin of the daemon's.

It applies each operation of an edit by itself (RFC 8072, RFC 8040 4.8.5) to plain dictionaries and
then judges the whole in the most obvious way. `random_edit` makes edits that are good about half
the time: bridges with static addresses, ports of type fake, access lists, the description.
"""

import copy
import random
from typing import Any

ROOT = "/vswitch:vswitch"
LISTS = ("bridge", "port", "acl")
OPS = ("merge", "create", "replace", "delete", "remove")
Tree = dict[str, Any]


class Bad(Exception):
    """The edit is to be refused."""


def empty() -> Tree:
    """What a daemon without a configuration has."""
    return {**{name: {} for name in LISTS}, "system": {}}


def of_config(config: dict[str, Any]) -> Tree:
    """The daemon's answer in the twin's form: lists by key, sets as sets, ordered lists as are."""
    tree = empty()
    tree["system"] = config.get("system", {})
    for name in LISTS:
        for entry in config.get(name, []):
            entry = dict(entry)
            key = entry.pop("name")
            if "trunk" in entry:
                entry["trunk"] = set(entry["trunk"])
            if "static-mac" in entry:
                entry["static-mac"] = {mac["mac"]: {"port": mac["port"]}
                                       for mac in entry["static-mac"]}
            if "ace" in entry:
                entry["ace"] = [(ace["name"], {k: v for k, v in ace.items() if k != "name"})
                                for ace in entry["ace"]]
            tree[name][key] = entry
    return tree


def member(op: str, there: bool) -> bool:
    """Whether the target is there afterwards; Bad if it must, or must not, be there before."""
    if op == "create" and there:
        raise Bad("data-exists")
    if op == "delete" and not there:
        raise Bad("data-missing")
    return op not in ("delete", "remove")


def apply_one(tree: Tree, edit: dict[str, Any]) -> None:
    """One operation; `edit` has, beside what is sent, `at`: the path as a list."""
    op, (kind, key, *inner) = edit["op"], edit["at"]
    if kind == "system":
        if member(op, key in tree["system"]):
            tree["system"][key] = edit["value"]
        else:
            tree["system"].pop(key, None)
        return
    entries = tree[kind]
    if not inner:
        if not member(op, key in entries):
            entries.pop(key, None)
        elif op == "merge":
            entries.setdefault(key, {}).update(copy.deepcopy(edit["value"]))
        else:
            entries[key] = copy.deepcopy(edit["value"])
        return
    if key not in entries:
        if op == "remove":
            return
        raise Bad("no such entry")
    apply_inner(entries[key], op, inner, edit)


def apply_inner(entry: dict[str, Any], op: str, inner: list[str], edit: dict[str, Any]) -> None:
    """An operation on something of an entry: a leaf, or an element of a list in it."""
    name = inner[0]
    if name == "ace":
        apply_ace(entry, op, inner[1], edit)
    elif name == "trunk":
        values = entry.setdefault("trunk", set())
        (values.add if member(op, inner[1] in values) else values.discard)(inner[1])
        if not values:
            del entry["trunk"]
    elif name == "static-mac":
        macs = entry.setdefault("static-mac", {})
        if member(op, inner[1] in macs):
            macs[inner[1]] = dict(edit["value"])
        else:
            macs.pop(inner[1], None)
        if not macs:
            del entry["static-mac"]
    elif member(op, name in entry):
        entry[name] = edit["value"]
    else:
        entry.pop(name, None)


def apply_ace(entry: dict[str, Any], op: str, name: str, edit: dict[str, Any]) -> None:
    """An entry of an access list, whose order counts."""
    aces = entry.setdefault("ace", [])
    at = next((i for i, ace in enumerate(aces) if ace[0] == name), None)
    if op in ("insert", "move"):
        if (at is None) != (op == "insert"):
            raise Bad(op)
        ace = (name, dict(edit["value"])) if at is None else aces.pop(at)
        where, point = edit["where"], edit.get("point_name")
        place = {"first": 0, "last": len(aces)}.get(where)
        if place is None:
            names = [other[0] for other in aces]
            if point not in names:
                raise Bad("point")
            place = names.index(point) + (where == "after")
        aces.insert(place, ace)
    elif not member(op, at is not None):
        if at is not None:
            aces.pop(at)
    elif at is None:
        aces.append((name, dict(edit["value"])))
    else:
        old = aces[at][1] if op == "merge" else {}
        aces[at] = (name, {**old, **edit["value"]})
    if not aces:
        del entry["ace"]


def judge_values(edit: dict[str, Any]) -> None:
    """A value is judged when it is read, even if a later operation takes it away."""
    value = edit.get("value")
    if value is None:
        return
    leaves = value if isinstance(value, dict) else {edit["at"][-1]: value}
    if not 68 <= leaves.get("mtu", 1500) <= 9702 or not 1 <= leaves.get("vlan", 1) <= 4094:
        raise Bad("range")
    if leaves.get("type", "fake") not in ("fake", "af-packet"):
        raise Bad("type")
    if "forwarding" in leaves and leaves["forwarding"] not in ("accept", "drop"):
        raise Bad("forwarding")


def judge(tree: Tree) -> None:
    """The whole as it would be."""
    for port in tree["port"].values():
        if port.get("type") != "fake" or "ifname" in port:
            raise Bad("type: nothing else can be opened here")
        if port.get("bridge", None) not in (None, *tree["bridge"]):
            raise Bad("bridge")
        if port.get("acl-in", None) not in (None, *tree["acl"]):
            raise Bad("acl-in")
    for name, bridge in tree["bridge"].items():
        for mac in bridge.get("static-mac", {}).values():
            if tree["port"].get(mac["port"], {}).get("bridge") != name:
                raise Bad("static-mac")
    for acl in tree["acl"].values():
        if any("forwarding" not in ace for _name, ace in acl.get("ace", [])):
            raise Bad("forwarding")


def apply(tree: Tree, edits: list[dict[str, Any]]) -> Tree:
    """The tree after an edit, a new one. Raises Bad."""
    tree = copy.deepcopy(tree)
    for edit in edits:
        judge_values(edit)
        apply_one(tree, edit)
    judge(tree)
    return tree


def wire(edit: dict[str, Any]) -> dict[str, Any]:
    """An operation as it is sent."""
    return {key: value for key, value in edit.items() if key not in ("at", "point_name")}


class Author:
    """Makes random edits."""

    def __init__(self, seed: int, names: int = 5) -> None:
        self.random = random.Random(seed)
        self.names = names

    def name(self, kind: str) -> str:
        return f"{kind[0]}{self.random.randrange(self.names)}"

    def leaf(self, name: str) -> Any:
        """A value, seldom one that cannot be."""
        pick = self.random.randrange
        return {
            "mtu": lambda: 60 + pick(200) if pick(20) else 9703,
            "vlan": lambda: 1 + pick(4094) if pick(20) else 4095,
            "bridge": lambda: self.name("bridge"),
            "acl-in": lambda: self.name("acl"),
            "type": lambda: "fake" if pick(30) else self.random.choice(("af-packet", "fax")),
            "aging-time": lambda: 10 * (1 + pick(5)),
            "description": lambda: f"text {pick(1000)} \u00e4'\"\\",
            "default-action": lambda: self.random.choice(("accept", "drop")),
        }[name]()

    def entry(self, kind: str) -> dict[str, Any]:
        """A value for an entry of a list."""
        leaves = {"port": ("bridge", "mtu", "vlan", "acl-in", "description"),
                  "bridge": ("aging-time", "description"),
                  "acl": ("default-action", "description")}[kind]
        value = {leaf: self.leaf(leaf) for leaf in leaves if self.random.random() < 0.3}
        if kind == "port" and self.random.random() < 0.95:
            value["type"] = self.leaf("type")
            if value["type"] == "af-packet":
                value["ifname"] = "nosuchif0"
        return value

    def ace(self, path: str) -> dict[str, Any]:
        """An operation on an entry of an access list."""
        name = f"e{self.random.randrange(4)}"
        path = f"{path}/ace[name='{name}']"
        op = self.random.choice((*OPS, "insert", "move"))
        edit: dict[str, Any] = {"op": op, "path": path}
        if op in ("insert", "move"):
            edit["where"] = self.random.choice(("first", "last", "before", "after"))
            if edit["where"] in ("before", "after"):
                point = self.random.choice([f"e{i}" for i in range(4) if f"e{i}" != name])
                edit["point"] = path.replace(name, point)
                edit["point_name"] = point
        if op in ("merge", "create", "replace", "insert"):
            edit["value"] = {"forwarding": self.leaf("default-action")}
        edit["at"] = ["ace", name]
        return edit

    def inner(self, kind: str, path: str) -> dict[str, Any]:
        """An operation on something of an entry."""
        pick = self.random.random()
        op = self.random.choice(OPS)
        if kind == "acl" and pick < 0.7:
            return self.ace(path)
        if kind == "bridge" and pick < 0.5:
            mac = f"52:00:00:00:00:0{self.random.randrange(3)}"
            return {"op": op, "path": f"{path}/static-mac[mac='{mac}'][vlan='0']",
                    "at": ["static-mac", mac], "value": {"port": self.name("port")}}
        if kind == "port" and pick < 0.3:
            vlan = str(1 + self.random.randrange(4))
            return {"op": op, "path": f"{path}/trunk[.='{vlan}']", "at": ["trunk", vlan]}
        leaf = self.random.choice({"port": ("bridge", "mtu", "vlan", "acl-in", "description"),
                                   "bridge": ("aging-time", "description"),
                                   "acl": ("default-action", "description")}[kind])
        return {"op": op, "path": f"{path}/{leaf}", "at": [leaf], "value": self.leaf(leaf)}

    def operation(self) -> dict[str, Any]:
        """One operation somewhere."""
        if self.random.random() < 0.05:
            edit = {"op": self.random.choice(OPS), "path": f"{ROOT}/system/description",
                    "at": ["system", "description"], "value": self.leaf("description")}
        else:
            kind = self.random.choice(("bridge", "port", "port", "acl"))
            name = self.name(kind)
            path = f"{ROOT}/{kind}[name='{name}']"
            if self.random.random() < 0.5:
                edit = self.inner(kind, path)
                edit["at"] = [kind, name, *edit["at"]]
            else:
                edit = {"op": self.random.choice(OPS), "path": path, "at": [kind, name],
                        "value": self.entry(kind)}
        if edit["op"] in ("delete", "remove"):
            edit.pop("value", None)
        return edit

    def edit(self, longest: int = 6) -> list[dict[str, Any]]:
        """Operations of one edit."""
        return [self.operation() for _ in range(1 + self.random.randrange(longest))]
