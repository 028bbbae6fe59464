"""The objects of an overlay of deploy/k8s, and how they find each other."""

# The others are in no check.
KINDS = {
    "ConfigMap",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Namespace",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Secret",
    "Service",
    "ServiceAccount",
    "ServiceMonitor",
    "StatefulSet",
}


def selects(wanted, labels):
    return wanted.items() <= labels.items()


def matches(selector, labels):
    """A LabelSelector; the operators that stand in the manifests."""
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions)
    return selects(selector.get("matchLabels", {}), labels) and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )


def finds_all(selector):
    """It says nothing, which means everything."""
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def image_name(image):
    return image.split(":")[0].split("/")[-1]


class Stack:
    """The objects of one overlay."""

    def __init__(self, objects):
        self.objects = objects
        self.workloads = {one["metadata"]["name"]: one for one in self.of("Deployment", "StatefulSet")}
        self.services = self.named("Service")

    def of(self, *kinds):
        return [one for one in self.objects if one["kind"] in kinds]

    def named(self, kind):
        return {one["metadata"]["name"]: one for one in self.of(kind)}

    def keys_of(self, kind):
        """The keys of each ConfigMap or Secret, by its name."""
        return {name: one.get("data", {}) for name, one in self.named(kind).items()}

    def pod(self, name):
        return self.workloads[name]["spec"]["template"]["spec"]

    def labels(self, name):
        return self.workloads[name]["spec"]["template"]["metadata"]["labels"]

    def selected(self, holds):
        """The names of the workloads whose pods' labels the function finds."""
        return {name for name in self.workloads if holds(self.labels(name))}

    def containers(self, name):
        return [*self.pod(name).get("initContainers", []), *self.pod(name)["containers"]]

    def container(self, name):
        """The one that has the work."""
        return self.pod(name)["containers"][0]

    def ports(self, name):
        """By name: the numbers of a pod's ports."""
        return {port["name"]: port["containerPort"] for one in self.containers(name) for port in one.get("ports", [])}

    def number_of(self, name, port):
        """Of a pod's port, given by name or number; None: it has no such port."""
        ports = self.ports(name)
        return ports.get(port) if isinstance(port, str) else port if port in ports.values() else None
