"""What finds pods: Services, budgets, autoscalers and monitors. Each has the name of the workload that it is for."""

from manifests.stack import matches, selects
from programs import PROGRAMS, effective, http_port_of

# The kind of a metric, and of its target.
TARGETS = {"Resource": ("Utilization", "averageUtilization"), "Pods": ("AverageValue", "averageValue")}
REPLICAS_MIN = 2


def found_problems(kind, name, found):
    if found != {name}:
        yield f"{kind} {name}: selects {' and '.join(sorted(found)) or 'no pod'}, not the pods of {name}"


def is_headless(service):
    return service["spec"].get("clusterIP") == "None"


def service_problems(stack):
    for name, service in stack.services.items():
        found = stack.selected(lambda labels, wanted=service["spec"]["selector"]: selects(wanted, labels))
        yield from found_problems("Service", name, found)
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            for pod in found:
                number = stack.number_of(pod, target)
                if number is None:
                    yield f"Service {name}: {pod} has no port {target}"
                # Whoever looks its name up connects to the pod itself.
                elif is_headless(service) and number != port["port"]:
                    yield f"Service {name}: is headless, and its port {port['port']} is {number} of the pod"
    if "counter-service" in stack.services and not is_headless(stack.services["counter-service"]):
        yield "Service counter-service: is not headless, so gateways do not find each instance"


def stateful_problems(stack):
    for one in stack.of("StatefulSet"):
        name, service = one["metadata"]["name"], one["spec"]["serviceName"]
        if service not in stack.services or not is_headless(stack.services[service]):
            yield f"StatefulSet {name}: serviceName {service} is no headless Service"


def budget_problems(stack):
    for name, budget in stack.named("PodDisruptionBudget").items():
        found = stack.selected(lambda labels, wanted=budget["spec"]["selector"]: matches(wanted, labels))
        yield from found_problems("PodDisruptionBudget", name, found)
        if budget["spec"].get("maxUnavailable") != 1:
            yield f"PodDisruptionBudget {name}: does not say maxUnavailable: 1"


def metric_problems(who, metric, program):
    about = metric.get(metric["type"].lower(), {})
    kind, value = TARGETS.get(metric["type"], (None, None))
    target = about.get("target", {})
    if target.get("type") != kind or value not in target:
        yield f"{who}: the metric {metric['type']} has no target that k8s.py knows"
    elif metric["type"] == "Resource" and about["name"] != "cpu":
        yield f"{who}: {about['name']} is not cpu"
    elif metric["type"] == "Pods" and about["metric"]["name"] not in program.metrics():
        yield f"{who}: its pods have no metric {about['metric']['name']}"


def scaler_problems(stack, running):
    for name, scaler in stack.named("HorizontalPodAutoscaler").items():
        who, target = f"HorizontalPodAutoscaler {name}", scaler["spec"]["scaleTargetRef"]
        scaled = stack.workloads.get(name)
        if scaled is None or target != {"apiVersion": scaled["apiVersion"], "kind": scaled["kind"], "name": name}:
            yield f"{who}: scales {target['kind']} {target['name']}, not {name}"
            continue
        if "replicas" in scaled["spec"]:
            yield f"{name}: has replicas, and {who} too says how many"
        if scaler["spec"].get("minReplicas", 1) < REPLICAS_MIN:
            yield f"{who}: lets {name} be fewer than {REPLICAS_MIN}"
        if not any("resource" in metric for metric in scaler["spec"]["metrics"]):
            yield f"{who}: does not look at CPU"
        for metric in scaler["spec"]["metrics"]:
            yield from metric_problems(who, metric, running[name])


def monitor_problems(stack, running):
    for name, monitor in stack.named("ServiceMonitor").items():
        who, selector = f"ServiceMonitor {name}", monitor["spec"]["selector"]
        found = {one for one, it in stack.services.items() if matches(selector, it["metadata"].get("labels", {}))}
        yield from found_problems("ServiceMonitor", name, found)
        if found != {name} or name not in PROGRAMS:
            continue
        ports = {port.get("name"): port.get("targetPort") for port in stack.services[name]["spec"]["ports"]}
        settings, _ = effective(name, {})
        if not monitor["spec"]["endpoints"]:
            yield f"{who}: asks nothing"
        for endpoint in monitor["spec"]["endpoints"]:
            if stack.number_of(name, ports.get(endpoint["port"])) != http_port_of(name, settings):
                yield f"{who}: the port {endpoint['port']} is not that of the metrics of {name}"
            if not running[name].metrics(endpoint["path"]):
                yield f"{who}: {name} has no metrics at {endpoint['path']}"


def missing_problems(stack):
    for kind in ("Service", "PodDisruptionBudget", "HorizontalPodAutoscaler"):
        for name in PROGRAMS:
            if name not in stack.named(kind):
                yield f"there is no {kind} {name}"


def finding_problems(stack, running):
    yield from missing_problems(stack)
    yield from service_problems(stack)
    yield from stateful_problems(stack)
    yield from budget_problems(stack)
    yield from scaler_problems(stack, running)
    yield from monitor_problems(stack, running)
