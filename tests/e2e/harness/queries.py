"""The queries of deploy/prometheus/rules and deploy/grafana/dashboards, and what they are made of."""

import json
import re
from dataclasses import dataclass

import promql_parser as promql
import yaml

from harness.paths import ROOT

_COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")


@dataclass(frozen=True)
class Query:
    where: str
    text: str
    labels: frozenset = frozenset()  # that the result must have

    def __str__(self):
        return self.where


def _rules():
    for path in sorted((ROOT / "deploy/prometheus/rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


def recorded():
    """(name, its query) of the recording rules."""
    return [(rule["record"], Query(rule["record"], rule["expr"])) for rule in _rules() if "record" in rule]


def of_alerts():
    """labels: those that the annotations name."""
    for rule in _rules():
        if "alert" in rule:
            named = re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values()))
            yield Query(rule["alert"], rule["expr"], frozenset(named))


def _shown(text):
    """As Grafana sends it, with all instances chosen."""
    return text.replace("$__rate_interval", "1m").replace("$instance", ".*")


def of_dashboards():
    """labels: those that the legend names."""
    for path in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json")):
        board = json.loads(path.read_text())
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                named = frozenset(re.findall(r"{{(\w+)}}", target["legendFormat"]))
                yield Query(f"{path.stem}/{panel['title']}/{target['refId']}", _shown(target["expr"]), named)
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]).groups()
                yield Query(f"{path.stem}/${variable['name']}", f"count by ({label}) ({metric})", frozenset([label]))


def _children(node):
    for name in ("lhs", "rhs", "expr"):
        child = getattr(node, name, None)
        if child is not None:
            yield child
    yield from getattr(node, "args", [])


def _operator(node):
    """Of two sides; "" else. The parser gives it no name: it is between them."""
    if not isinstance(node, promql.BinaryExpr):
        return ""
    return str(node)[len(str(node.lhs)) :].split()[0]


def quantities(text):
    """What an alert compares, and of absent() what must be there: a query each that has data when all is well."""

    def of(node):
        if isinstance(node, promql.ParenExpr):
            yield from of(node.expr)
        elif isinstance(node, promql.Call) and node.func.name == "absent":
            yield from of(node.args[0])
        elif _operator(node) in _COMPARISONS:
            yield from of(node.lhs)
        elif _operator(node) in ("and", "or", "unless"):
            yield from of(node.lhs)
            yield from of(node.rhs)
        else:
            yield str(node)

    return list(of(promql.parse(text)))


def selectors(text):
    """Of each metric named, (name, the names of labels that its matchers have)."""
    found = set()

    def walk(node):
        if isinstance(node, promql.MatrixSelector):
            node = node.vector_selector
        if isinstance(node, promql.VectorSelector):
            found.add((node.name, frozenset(matcher.name for matcher in node.matchers.matchers)))
        for child in _children(node):
            walk(child)

    walk(promql.parse(text))
    return found


def grouped_labels(text):
    """Those that the outermost `by` names."""
    node = promql.parse(text)
    return set(node.modifier.labels) if isinstance(node, promql.AggregateExpr) and node.modifier else set()
