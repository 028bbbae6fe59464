"""NetworkPolicies against the arrows of ARCHITECTURE.md: (who, whom, protocol, port). "*" is everybody; a name with a
dot is that of pods of another namespace, which is behind the dot; one with a slash is a network."""

from manifests.stack import finds_all, matches
from programs import PROGRAMS

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
# By which pods of other namespaces are known.
NAME_LABEL = "app.kubernetes.io/name"
OTHER_NAME_LABELS = {"kube-dns": "k8s-app"}


def outside_name(peer):
    """Of one name in one namespace, each given by its label; a peer that is anything else as it stands there."""
    namespace = peer["namespaceSelector"].get("matchLabels", {}).get(NAMESPACE_LABEL)
    for name in peer.get("podSelector", {}).get("matchLabels", {}).values():
        wanted = {
            "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: namespace}},
            "podSelector": {"matchLabels": {OTHER_NAME_LABELS.get(name, NAME_LABEL): name}},
        }
        if peer == wanted:
            return f"{name}.{namespace}"
    return str(peer)


def peers_of(stack, peers):
    """The names behind a rule's `to` or `from`: pods, a network, or pods of another namespace."""
    if not peers:
        return {"*"}
    found = set()
    for peer in peers:
        if peer.keys() == {"ipBlock"}:
            found.add(peer["ipBlock"]["cidr"])
        elif "namespaceSelector" in peer:
            found.add(outside_name(peer))
        else:
            found |= stack.selected(lambda labels, wanted=peer["podSelector"]: matches(wanted, labels))
    return found


def ports_of_rule(rule):
    """(protocol, port); without `ports` it is every one."""
    for port in rule.get("ports", [{"protocol": "*", "port": "*"}]):
        yield port.get("protocol", "TCP"), f"{port['port']}-{port['endPort']}" if "endPort" in port else port["port"]


def pods_of(stack, policy):
    return stack.selected(lambda labels: matches(policy["spec"]["podSelector"], labels))


def types_of(policy):
    """Without a word Kubernetes would guess them."""
    return policy["spec"].get("policyTypes", [])


def rules_of(stack, direction, other):
    """(pod, peer, protocol, port) for each that a policy allows. Rules for what is none of its types allow nothing."""
    found = set()
    for policy in stack.of("NetworkPolicy"):
        if direction not in types_of(policy):
            continue
        for rule in policy["spec"].get(direction.lower(), []):
            for pod in pods_of(stack, policy):
                for peer in peers_of(stack, rule.get(other)):
                    found |= {(pod, peer, *port) for port in ports_of_rule(rule)}
    return found


def leaving(stack):
    return rules_of(stack, "Egress", "to")


def is_wall(policy):
    """It allows nothing."""
    spec = policy["spec"]
    return set(types_of(policy)) == {"Ingress", "Egress"} and not spec.get("ingress") and not spec.get("egress")


def is_closed(stack, name, direction):
    return any(
        direction in types_of(policy) and name in pods_of(stack, policy)
        for policy in stack.of("NetworkPolicy")
    )


def policy_problems(stack):
    for name, policy in stack.named("NetworkPolicy").items():
        if not pods_of(stack, policy):
            yield f"NetworkPolicy {name}: selects no pod"
        if finds_all(policy["spec"]["podSelector"]):
            yield f"NetworkPolicy {name}: selects every pod of the namespace"
        for rule in [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]:
            for _, port in ports_of_rule(rule):
                if not isinstance(port, int):
                    yield f"NetworkPolicy {name}: the port {port} is no number"
    for name in PROGRAMS:
        if not any(is_wall(policy) and name in pods_of(stack, policy) for policy in stack.of("NetworkPolicy")):
            yield f"{name}: no NetworkPolicy forbids all that others do not allow"
    for name in stack.workloads:
        for direction in ("Ingress", "Egress"):
            if not is_closed(stack, name, direction):
                yield f"{name}: no NetworkPolicy closes its {direction}"


def said(arrow):
    source, target, protocol, port = arrow
    return f"NetworkPolicies: {source} to {target}:{port}/{protocol}"


def arrow_problems(stack, wanted):
    yield from policy_problems(stack)
    leave = leaving(stack)
    come = {(peer, pod, *port) for pod, peer, *port in rules_of(stack, "Ingress", "from")}
    inside = set(stack.workloads)
    # Between two pods both ends must allow it; where one end is elsewhere, the other's word is all there is.
    arrows = {one for one in leave | come if one in leave and one in come or not {one[0], one[1]} <= inside}
    for arrow in sorted((leave | come) - arrows, key=str):
        yield f"{said(arrow)} is allowed at one end only"
    for arrow in sorted(wanted - arrows, key=str):
        yield f"{said(arrow)} is missing"
    for arrow in sorted(arrows - wanted, key=str):
        yield f"{said(arrow)} is no arrow of the architecture"
