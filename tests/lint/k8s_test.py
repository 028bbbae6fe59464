"""k8s.py refuses what it must: each case changes one thing of what is rendered, and expects to be told.

k8s_test.py DIRECTORY KUBECTL: as for k8s.py.
"""

import copy
import sys

import k8s
from manifests.stack import Stack

GONE = object()
SHORT = {
    "$P": "spec template spec",
    "$C": "spec template spec containers 0",
    "$FIRST": "topologySpreadConstraints 0",
    "$KEY": "valueFrom secretKeyRef key",
    "$APP": "app.kubernetes.io/name",
    "$NAMESPACE": "namespaceSelector matchLabels kubernetes.io/metadata.name",
}
GATEWAY, SERVICE = "Deployment gateway", "Deployment counter-service"
REDIS, CONSUL = "StatefulSet redis", "Deployment consul"
SCALER, MONITOR = "HorizontalPodAutoscaler gateway", "ServiceMonitor counter-service"
NAMES, CLIENTS = "NetworkPolicy tally-names", "NetworkPolicy clients-to-gateway"
TO_SERVICE, FROM_GATEWAY = "NetworkPolicy gateway-to-counter-service", "NetworkPolicy counter-service-from-gateway"
TO_REDIS, TO_KAFKA = "NetworkPolicy counter-service-to-redis", "NetworkPolicy counter-service-to-kafka"
TO_COLLECTOR, FROM_PROMETHEUS = "NetworkPolicy tally-to-collector", "NetworkPolicy gateway-from-prometheus"
CONFIG, SECRET = "ConfigMap tally-config", "Secret tally-secrets"

# An object, a path into it, the value that is put there, and a part of what must be said. An item of a list is given
# by its name or place; "+" stands before what was not there; "a => b" puts b where a is. Without a path it is the
# object itself that is gone.
EXAMPLE = [
    # what a pod refers to
    (GATEWAY, "$P volumes config configMap name", "tally-confg", "there is no ConfigMap tally-confg"),
    (GATEWAY, "$P volumes config name", "confg", "mounts config, which is no volume of it"),
    (GATEWAY, "$C volumeMounts 0 mountPath", "/etc/taly", "/etc/tally/config.yaml, is not one that is mounted"),
    (GATEWAY, "$C args 1", "/etc/tally/confg.yaml", "/etc/tally/confg.yaml, is not one that is mounted"),
    (CONFIG, "data config.yaml", "port: 8080 => port: 8081", "is not configs/config.yaml"),
    (GATEWAY, "$P serviceAccountName", "gatewy", "there is no ServiceAccount gatewy"),
    ("ServiceAccount gateway", "", GONE, "there is no ServiceAccount gateway"),
    (SERVICE, "$C env TALLY_REDIS_PASSWORD $KEY", "redis-pasword", "has no key redis-pasword"),
    (SERVICE, "$C env TALLY_REDIS_PASSWORD valueFrom secretKeyRef name", "tally-secret", "no Secret tally-secret"),
    (SERVICE, "$C env TALLY_REDIS_PASSWORD name", "TALLY_REDIS_PASWORD", "TALLY_REDIS_PASWORD"),
    (SERVICE, "$C env TALLY_REDIS_PASSWORD", GONE, "its password for Redis is not that of the Secret"),
    (SECRET, "data redis-password", GONE, "has no key redis-password"),
    (GATEWAY, "$C env TALLY_CONSUL_ADVERTISE_HOST valueFrom fieldRef fieldPath", "status.podIp", "status.podIp"),
    (GATEWAY, "$C env TALLY_GRPC_COUNTER_SERVICE_HOST value", "counter-servce:50051", "which is no Service"),
    (GATEWAY, "$C env TALLY_CONSUL_ADDRESS value", "consul:8501", "the Service consul has no port 8501"),
    (GATEWAY, "$C env TALLY_CONSUL_ADDRESS value", "consul.tools:8500", "no NetworkPolicy lets it there"),
    (GATEWAY, "$C env TALLY_DRAIN_DELAY value", "5", "drain.delay"),
    (GATEWAY, "$C env TALLY_DRAIN_DELAY", GONE, "drain.delay is shorter than the 5 s"),
    (GATEWAY, "$C env TALLY_GRPC_COUNTER_SERVICE_HOST", GONE, "names localhost, which is no Service"),
    (GATEWAY, "$C env TALLY_GRPC_COUNTER_SERVICE_RESOLVE_EVERY", GONE, "shorter than gateways need to find a new pod"),
    (GATEWAY, "$C env TALLY_CONSUL_ADDRESS value", "", "lets it to consul:8500, which no key"),
    (GATEWAY, "$C env TALLY_CONSUL_ADVERTISE_HOST", GONE, "consul.advertise_host is not the pod's address"),
    (GATEWAY, "$C env TALLY_SERVER_STATUS_PAGE", GONE, "everybody may see its status page"),
    (SERVICE, "$C env TALLY_REDIS_ADDR", GONE, "names localhost, which is no Service"),
    (SERVICE, "spec minReadySeconds", 30, "shorter than gateways need to find a new pod"),
    (SERVICE, "spec strategy rollingUpdate maxUnavailable", 1, "an old pod ends before a new one is there"),
    (SERVICE, "$P serviceAccountName", "gateway", "its ServiceAccount is not counter-service"),
    (SERVICE, "spec selector matchLabels", {}, "its selector does not find its pods"),
    (GATEWAY, "$P terminationGracePeriodSeconds", 10, "not longer than draining"),
    (GATEWAY, "$P $FIRST labelSelector matchLabels $APP", "gatewy", "a topologySpreadConstraint does not find"),
    (GATEWAY, "$P $FIRST topologyKey", "topology.kubernetes.io/zones", "which no node has"),
    (GATEWAY, "$P securityContext runAsUser", 10002, "runs as another user than its image"),
    (GATEWAY, "$C image", "tally-gateway:0.0.9", "the image is not tally-gateway:"),
    # ports, probes
    (GATEWAY, "$C ports http containerPort", 8081, "its ports are not {8080}"),
    (SERVICE, "$C ports grpc name", "rpc", "counter-service has no port grpc"),
    (GATEWAY, "$C readinessProbe httpGet path", "/health/redy", "/health/redy is no path of gateway"),
    (SERVICE, "$C livenessProbe httpGet path", "/health/alive", "/health/alive is no path of counter-service"),
    (SERVICE, "$C livenessProbe httpGet path", "/health", "asks /health, not /health/live"),
    (SERVICE, "$C startupProbe httpGet port", "http", "startupProbe asks port http"),
    (SERVICE, "$C livenessProbe httpGet port", "grpc", "a port that does not speak HTTP"),
    (SERVICE, "$C readinessProbe grpc port", 50052, "asks another port than counter_service.port"),
    (SERVICE, "$C readinessProbe failureThreshold", 1, "stands still for a second makes it unready"),
    (CONSUL, "$C readinessProbe httpGet path", "/v1/status/leeder", "is no path of Consul"),
    (CONSUL, "$C livenessProbe tcpSocket port", "htp", "livenessProbe asks port htp"),
    (CONSUL, "$C ports http containerPort", 8501, "its ports are not {8500}"),
    (CONSUL, "$C livenessProbe tcpSocket", GONE, "livenessProbe asks in 0 ways"),
    (CONSUL, "$C args 3", "127.0.0.1", "its command is not that of deploy/docker-compose.yml"),
    (CONSUL, "$C image", "hashicorp/consul:1.21.33", "its image is not hashicorp/consul:"),
    (CONSUL, "$P securityContext runAsUser", 101, "its user is not 100:1000"),
    (CONSUL, "spec strategy type", "RollingUpdate", "a new one begins before the old one has ended"),
    (CONSUL, "spec replicas", 2, "consul: is not one pod"),
    # what Redis keeps
    (REDIS, "spec serviceName", "rediss", "serviceName rediss is no headless Service"),
    (REDIS, "$C livenessProbe tcpSocket port", "rediss", "livenessProbe asks port rediss"),
    (REDIS, "$C volumeMounts data mountPath", "/dat", "its --dir on a volume that is claimed"),
    (REDIS, "$C args 0", "--dir /data => --dir /tmp", "its --dir on a volume that is claimed"),
    (REDIS, "spec volumeClaimTemplates 0 metadata name", "dat", "mounts data, which is no volume of it"),
    (REDIS, "$C args 0", "--appendonly yes => --appendonly no", "lacks --appendonly yes"),
    (REDIS, "$C args 0", "--appendfsync everysec => --appendfsync no", "lacks --appendfsync"),
    (REDIS, "$C args 0", "noeviction => allkeys-lru", "lacks --maxmemory-policy noeviction"),
    (REDIS, "$C args 0", "--maxmemory 256mb => --maxmemory 512mb", "lacks memory for twice its --maxmemory"),
    (REDIS, "$C args 0", '"$REDIS_PASSWORD" => ""', "lacks --requirepass"),
    (REDIS, "$C command 1", "-x", "lacks a shell"),
    (REDIS, "$C env REDIS_PASSWORD name", "REDIS_PASWORD", "$REDIS_PASSWORD, which is no variable"),
    (REDIS, "$C env REDIS_PASSWORD $KEY", "redis-pasword", "has no key redis-pasword"),
    (REDIS, "$C readinessProbe exec command 2", "-e ping => ping", "readinessProbe does not ping"),
    (REDIS, "$P securityContext fsGroup", GONE, "a group that may write to its volume"),
    (REDIS, "spec replicas", 2, "redis: is not one pod"),
    # what finds pods
    ("Service gateway", "spec selector $APP", "gatewy", "Service gateway: selects no pod"),
    ("Service gateway", "spec selector $APP", GONE, "selects consul and counter-service and gateway and redis"),
    ("Service gateway", "spec ports http targetPort", "htp", "gateway has no port htp"),
    ("Service gateway", "", GONE, "there is no Service gateway"),
    ("Service counter-service", "spec clusterIP", GONE, "gateways do not find each instance"),
    ("Service counter-service", "spec ports grpc port", 80, "is headless, and its port 80 is 50051"),
    ("Service redis", "spec ports redis targetPort", "rediss", "redis has no port rediss"),
    ("PodDisruptionBudget gateway", "spec selector matchLabels $APP", "counter-service", "not the pods of gateway"),
    ("PodDisruptionBudget gateway", "spec maxUnavailable", 2, "does not say maxUnavailable: 1"),
    ("PodDisruptionBudget gateway", "", GONE, "there is no PodDisruptionBudget gateway"),
    (SCALER, "spec minReplicas", 1, "lets gateway be fewer than 2"),
    (SCALER, "spec metrics 0 resource target type", "Utilisation", "has no target that k8s.py knows"),
    (SCALER, "spec scaleTargetRef name", "gatewy", "scales Deployment gatewy"),
    (SCALER, "spec scaleTargetRef kind", "StatefulSet", "scales StatefulSet gateway"),
    (SCALER, "spec metrics 0 resource name", "cpus", "cpus is not cpu"),
    (GATEWAY, "spec +replicas", 2, "gateway: has replicas"),
    (GATEWAY, "metadata name", "gatewy", "there is no Deployment gateway"),
    (GATEWAY, "$C resources limits memory", "512Mb", "lacks a limit of memory"),
    (GATEWAY, "$C resources requests cpu", "500m", "more than 600m"),
    (GATEWAY, "$C +livnessProbe", {}, "livnessProbe"),
    (GATEWAY, "metadata namespace", "taly", "Deployment gateway: the namespace is taly"),
    ("Namespace tally", "metadata name", "taly", "the namespace is taly"),
    ("Namespace tally", "metadata labels pod-security.kubernetes.io/enforce", "restrictd", "the restricted standard"),
    # who speaks to whom
    (NAMES, "spec egress 0 to 0 $NAMESPACE", "kube-sytem", "gateway to kube-dns.kube-system:53/UDP is missing"),
    (NAMES, "spec egress 0 to 0 podSelector matchLabels k8s-app", "coredns", "kube-dns.kube-system:53/UDP is missing"),
    (NAMES, "spec egress 0 ports 1 protocol", "UDP", "gateway to kube-dns.kube-system:53/TCP is missing"),
    (NAMES, "spec egress 0 to", GONE, "gateway to *:53/UDP is no arrow"),
    (NAMES, "spec podSelector matchLabels app.kubernetes.io/part-of", "taly", "tally-names: selects no pod"),
    (CLIENTS, "spec ingress 0 ports 0 port", "http", "the port http is no number"),
    (CLIENTS, "spec ingress 0 ports", GONE, "the port * is no number"),
    (CLIENTS, "spec ingress 0 ports 0 protocol", "UDP", "* to gateway:8080/TCP is missing"),
    (TO_SERVICE, "spec egress 0 ports 0 port", "grpc", "the port grpc is no number"),
    (TO_SERVICE, "spec egress 0 ports 0 port", 50052, "counter-service:50052/TCP is allowed at one end only"),
    (TO_SERVICE, "spec policyTypes 0", "Ingress", "gateway to counter-service:50051/TCP is missing"),
    (FROM_GATEWAY, "spec ingress 0 from 0 podSelector matchLabels $APP", "gatewy", "service:50051/TCP is missing"),
    (TO_REDIS, "", GONE, "counter-service to redis:6379/TCP is missing"),
    (TO_SERVICE, "spec podSelector matchLabels", {}, "gateway-to-counter-service: selects every pod of the namespace"),
    ("NetworkPolicy tally-nothing-else", "spec policyTypes 0", GONE, "gateway: no NetworkPolicy forbids all that"),
    ("NetworkPolicy redis", "", GONE, "redis: no NetworkPolicy closes its Ingress"),
]
OVERLAY = [
    (SCALER, "spec metrics 1 pods metric name", "tally_http_requests_inflight", "its pods have no metric tally_http"),
    (MONITOR, "spec endpoints 0 path", "/metricz", "counter-service has no metrics at /metricz"),
    (MONITOR, "spec endpoints 0 port", "http", "the port http is not that of the metrics"),
    (MONITOR, "spec endpoints 0 port", "grpc", "the port grpc is not that of the metrics"),
    (MONITOR, "spec selector matchLabels $APP", "counter-servce", "ServiceMonitor counter-service: selects no pod"),
    (FROM_PROMETHEUS, "spec ingress 0 from 0 $NAMESPACE", "monitring", "monitoring to gateway:8080/TCP is missing"),
    (TO_KAFKA, "spec egress 0 ports 0 port", 9093, "kafka.brokers names kafka-1.example.com:9092, and no"),
    (TO_KAFKA, "spec egress 0 to 0 ipBlock cidr", "10.0.0.0/7", "counter-service to 10.0.0.0/7:9092/TCP is no arrow"),
    (TO_COLLECTOR, "spec egress 0 to 0 $NAMESPACE", "tracng", "opentelemetry-collector.tracing:4318/TCP is missing"),
    (GATEWAY, "$C env TALLY_TRACING_ENDPOINT value", "tracing: => tracng:", "opentelemetry-collector.tracng:4318, and"),
    (GATEWAY, "$C env TALLY_TRACING_ENDPOINT value", "4318 => 4317", "tracing:4317, and no NetworkPolicy lets it"),
    (SERVICE, "$C env TALLY_KAFKA_BROKERS value", "com:9092,kafka-2 => com:9092;kafka-2", "kafka.brokers"),
    (SERVICE, "$C env TALLY_KAFKA_BROKERS", GONE, "lets it to 10.0.0.0/8:9092, which no key"),
    (SERVICE, "$C env TALLY_TRACING_ENDPOINT", GONE, "lets it to opentelemetry-collector.tracing:4318, which no key"),
    (SERVICE, "$C env TALLY_REDIS_ADDR value", "6379 => 6380", "no NetworkPolicy lets it there"),
]
CASES = {"example": EXAMPLE, "overlay": OVERLAY}


def step_of(item, name):
    """The key or index behind a step of a path."""
    if isinstance(item, dict):
        return name
    return int(name) if name.isdigit() else [one["name"] for one in item].index(name)


def changed(objects, who, path, value):
    """A copy of the objects, and the one that was changed. A name may have a hash behind it."""
    kind, name = who.split()
    place = next(i for i, one in enumerate(objects) if is_named(one, kind, name))
    if not path:
        return objects[:place] + objects[place + 1 :], []
    for short, long in SHORT.items():
        path = path.replace(short, long)
    *steps, last = path.split()
    one = at = copy.deepcopy(objects[place])
    for step in steps:
        at = at[step_of(at, step)]
    put(at, last, value)
    return [*objects[:place], one, *objects[place + 1 :]], [one]


def put(item, name, value):
    if name.startswith("+"):
        item[name[1:]] = value
        return
    key = step_of(item, name)
    if value is GONE:
        del item[key]
        return
    old = item[key]
    if isinstance(value, str) and " => " in value:
        value = old.replace(*value.split(" => "), 1)
    if value == old:
        raise ValueError(f"{name} is {value} already")
    item[key] = value


def is_named(one, kind, name):
    found = one["metadata"]["name"]
    return one["kind"] == kind and (found == name or kind in ("ConfigMap", "Secret") and found.startswith(f"{name}-"))


def problem_of(overlay, objects, running, case):
    """What k8s.py does wrong about the case; None if nothing."""
    *change, says = case
    try:
        all_objects, some = changed(objects, *change)
    except (LookupError, ValueError, StopIteration) as error:
        return f"{overlay}: {change[:2]} is not there any more: {error!r}"
    found = [*k8s.schema_problems(some), *k8s.problems_of(overlay, Stack(all_objects), running)]
    if not any(says in problem for problem in found):
        return f"k8s.py accepts {change} in {overlay}, or says:\n" + "\n".join(found)
    return None


def main():
    problems = []
    with k8s.running_programs() as running:
        for overlay, cases in CASES.items():
            objects = k8s.rendered(overlay)
            if any(k8s.problems_of(overlay, Stack(objects), running)):
                problems.append(f"k8s.py refuses {overlay} as it is")
            problems += [problem for case in cases if (problem := problem_of(overlay, objects, running, case))]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
