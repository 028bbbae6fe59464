#!/bin/bash
# The manifests before a real kube-apiserver, which keeps its objects in a real etcd: no node is there, so nothing runs.
# `make test-k8s` calls it. Needs no root.
set -euo pipefail
cd "$(dirname "$0")/../.."

RUN_DIR=build/k8s/run
# shellcheck source=tests/deploy/daemons.sh
source tests/deploy/daemons.sh

CRDS=github.com/prometheus-operator/prometheus-operator@v0.85.0
OVERLAYS=(deploy/k8s/overlays/example tests/k8s/overlay)

stop_all() {
    stop_process apiserver
    stop_process etcd
}

start_etcd() { # port, port
    start_process etcd etcd --data-dir "$RUN_DIR/etcd" --listen-client-urls "http://127.0.0.1:$1" \
        --advertise-client-urls "http://127.0.0.1:$1" --listen-peer-urls "http://127.0.0.1:$2"
}

start_apiserver() { # program, port, etcd's port
    openssl genrsa -out "$RUN_DIR/accounts.key" 2048 2>/dev/null
    echo 'test,admin,admin,system:masters' >"$RUN_DIR/tokens.csv"
    start_process apiserver "$1" --etcd-servers "http://127.0.0.1:$3" --bind-address 127.0.0.1 --secure-port "$2" \
        --cert-dir "$RUN_DIR/certificates" --token-auth-file "$RUN_DIR/tokens.csv" --authorization-mode RBAC \
        --service-cluster-ip-range 10.96.0.0/16 --service-account-issuer https://kubernetes.default.svc \
        --service-account-key-file "$RUN_DIR/accounts.key" --service-account-signing-key-file "$RUN_DIR/accounts.key"
}

kube() {
    KUBECONFIG=/dev/null "$kubectl" --server "https://127.0.0.1:$api_port" --token test \
        --insecure-skip-tls-verify "$@"
}

# The ServiceMonitor of the Prometheus operator, as it is published.
add_crds() {
    local source
    source=$("$go" mod download -json "$CRDS" | sed -nE 's/^\t"Dir": "(.*)",$/\1/p')
    kube apply --server-side \
        -f "$source/example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml" &&
        kube wait --for condition=established --timeout 30s crd/servicemonitors.monitoring.coreos.com
}

# A warning is a failure: the server warns of pods that the namespace's security standard would refuse.
takes() { # kubectl's arguments...
    local output
    output=$(kube "$@" 2>&1) || {
        echo "$output"
        return 1
    }
    echo "$output"
    ! grep -i '^warning' <<<"$output"
}

# The example with one thing changed, as somebody may change it by mistake.
refuses() { # what the server says, sed expression
    local output
    kube kustomize deploy/k8s/overlays/example | sed -E "$2" >"$RUN_DIR/changed.yaml"
    if kube kustomize deploy/k8s/overlays/example | cmp -s - "$RUN_DIR/changed.yaml"; then
        echo "nothing was changed by $2"
        return 1
    fi
    if output=$(kube apply --dry-run=server --validate=strict -f "$RUN_DIR/changed.yaml" 2>&1); then
        echo "it was taken"
        return 1
    fi
    if ! grep -qF -- "$1" <<<"$output"; then
        echo "it was refused for another reason: $output"
        return 1
    fi
}

# Without a controller nothing is deleted in the background, but nothing is needed for it either.
is_unchanged() { # overlay
    kube diff -k "$1"
}

rm -rf "$RUN_DIR"
mkdir -p "$RUN_DIR"
go=$(deploy/local/go.sh)
kubectl=$(tests/k8s/build.sh kubectl)
apiserver=$(tests/k8s/build.sh kube-apiserver)
read -r etcd_port peer_port api_port < <(free_ports 3)
trap stop_all EXIT
start_etcd "$etcd_port" "$peer_port"
start_apiserver "$apiserver" "$api_port" "$etcd_port"
check "a kube-apiserver is ready: $("$apiserver" --version)" wait_until 600 kube get --raw /readyz

check "it knows the Prometheus operator's kinds" add_crds
for overlay in "${OVERLAYS[@]}"; do
    check "$overlay: every object is made, without a warning" takes apply --validate=strict -k "$overlay"
    check "$overlay: and taken by a dry run once more" takes apply --dry-run=server --validate=strict -k "$overlay"
    check "$overlay: to apply it once more changes nothing" is_unchanged "$overlay"
done

check "refused: a misspelt field" refuses 'unknown field "spec.template.spec.containers[0].readinesProbe"' \
    's/readinessProbe:/readinesProbe:/'
check "refused: a selector that does not find its own pods" refuses 'does not match template' \
    '/matchLabels:/{n;s/gateway$/gatewy/}'
check "refused: a probe of a port that is no number and no name" refuses 'readinessProbe.httpGet.port' \
    '/readinessProbe/,/port:/s/port: http$/port: "70000"/'
check "refused: a duration that is none" refuses 'terminationGracePeriodSeconds' \
    's/terminationGracePeriodSeconds: 30/terminationGracePeriodSeconds: 30s/'
check "refused: memory in a unit that there is not" refuses 'quantities must match' 's/memory: 64Mi/memory: 64MiB/'
check "refused: a scaler with fewer pods at most than at least" refuses 'spec.maxReplicas' \
    's/maxReplicas: 4/maxReplicas: 1/'
check "refused: a policy for a network that is none" refuses 'spec.egress[0].ports' 's/protocol: UDP/protocol: UDPX/'
check "refused: a value that is no string" refuses 'env' 's/^( +value: )"1"$/\11/'
check "refused: a budget that lets fewer than none go" refuses 'maxUnavailable' \
    's/maxUnavailable: 1$/maxUnavailable: -1/'

finish
