#!/bin/bash
# Installs the Debian packages that are missing for the groups named: build, man, run, stack, test, lint, load, deb,
# deploy, k8s.
# Does nothing when nothing is missing, and never with NO_DEPS=1. Needs root or sudo only when there is something to
# install. Removes nothing: where a package conflicts with one that is there, apt says so.
set -euo pipefail
cd "$(dirname "$0")/../.."

[ -z "${NO_DEPS:-}" ] || exit 0

packages_of() {
    case $1 in
        build) echo gcc libc6-dev make pkg-config protobuf-compiler protobuf-c-compiler libprotobuf-c-dev \
            libprotobuf-dev libgrpc-dev libmicrohttpd-dev libhiredis-dev libcyaml-dev libyaml-dev libcjson-dev \
            libcurl4-openssl-dev libxxhash-dev librdkafka-dev libjemalloc-dev libdw-dev zlib1g-dev libssl-dev ;;
        man) echo python3 ;;
        run) echo redis-server redis-tools curl ;;
        stack) echo redis-server redis-tools curl openjdk-17-jre-headless maven kcat prometheus \
            prometheus-alertmanager jq python3
            command -v go >/dev/null || echo golang-go ;;
        # libnss-wrapper gives names the addresses that a test wants.
        # `go tool pprof` reads profiles, Go builds a Prometheus; npm fetches TypeScript, which reads dashboards.
        # Chromium shows the status page.
        test) command -v go >/dev/null || echo golang-go
            command -v npm >/dev/null || echo nodejs npm
            echo libcmocka-dev libnss-wrapper redis-server redis-tools curl prometheus prometheus-alertmanager \
            jq python3 python3-venv python3-yaml groff-base docker-compose haproxy nginx spin varnish openssl \
            openjdk-17-jre-headless maven kcat chromium ;;
        lint) echo clang clang-format clang-tidy cppcheck shellcheck python3 ;;
        load) echo redis-server redis-tools curl hey wrk nghttp2-client webdis python3 ;;
        deb) echo debhelper dpkg-dev lintian python3 ;;
        k8s) command -v go >/dev/null || echo golang-go
            echo etcd-server openssl jq curl ;;
        deploy) command -v go >/dev/null || echo golang-go
            echo debootstrap debian-archive-keyring systemd systemd-container buildah docker-compose procps \
            iproute2 redis-server redis-tools curl python3 python3-yaml openjdk-17-jre-headless maven kcat
            # Where Docker's own package puts it; docker.io conflicts with that package.
            [ -x /usr/bin/dockerd ] || echo docker.io ;;
        *)
            echo "deps.sh: unknown group \"$1\"" >&2
            exit 2
            ;;
    esac
}

missing_of() {
    # The installed ones are printed; what is asked and not printed is missing. Virtual packages are not used above.
    dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null | awk '$1 == "ii" { print $2 }' | sort -u |
        comm -13 - <(printf '%s\n' "$@" | sort -u) || true
}

wanted=()
for group in "$@"; do
    read -ra packages <<<"$(packages_of "$group" | tr '\n' ' ')"
    wanted+=("${packages[@]}")
done

if ! command -v dpkg-query >/dev/null; then
    echo "deps.sh: this is no Debian; if the build fails, install what these Debian packages hold: ${wanted[*]}" >&2
    exit 0
fi

mapfile -t missing < <(missing_of "${wanted[@]}")
[ ${#missing[@]} -gt 0 ] || exit 0

# One installation at a time: make may ask for two groups at once.
mkdir -p build
exec 9>build/deps.lock
flock 9
mapfile -t missing < <(missing_of "${wanted[@]}")
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "deps.sh: missing ${missing[*]}; install them as root, or install sudo" >&2
        exit 1
    }
    as_root=(sudo)
fi

# Debian starts daemons when it installs them. The local stack and the tests start their own, on their own ports; a
# policy-rc.d that refuses keeps the machine as it was. One that is already there is left alone.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi

echo "deps.sh: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends --no-remove "${missing[@]}" >/dev/null
