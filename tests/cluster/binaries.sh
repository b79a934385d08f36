#!/usr/bin/env bash
# Builds what the tests need of Kubernetes from Go modules, once: kind, helm, kwok, coredns, and one binary that is
# etcd, API server, controller manager, scheduler, kubelet and kube-proxy. Prints the folder. Ten minutes on two cores.
. "$(dirname "$0")/common.sh"

if [ ! -e "$bin/done" ]; then
  need_go
  export CGO_ENABLED=0 GOTOOLCHAIN=auto
  work=$(mktemp -d)
  trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
  mkdir -p "$bin"

  for module in sigs.k8s.io/kind@$kind helm.sh/helm/v3/cmd/helm@$helm sigs.k8s.io/kwok/cmd/kwok@$kwok github.com/coredns/coredns@$coredns; do
    say "building $module"
    GOBIN=$bin nice go install -trimpath -ldflags '-s -w' "$module" >&2
  done

  say "building Kubernetes $kubernetes"
  stamp=k8s.io/component-base/version
  flags="-s -w -X $stamp.gitVersion=v$kubernetes -X $stamp.gitMajor=1 -X $stamp.gitMinor=${kubernetes:2:2}"
  cp "$here"/node/main.go "$here"/node/gomod.sh "$work"
  (
    cd "$work"
    ./gomod.sh "$kubernetes" "$etcd" >&2
    for package in .=kube k8s.io/kubernetes/cmd/kubeadm=kubeadm k8s.io/kubernetes/cmd/kubectl=kubectl; do
      nice go build -mod=mod -trimpath -ldflags "$flags" -o "$bin/${package#*=}" "${package%%=*}" >&2
    done
  )
  go build -trimpath -ldflags '-s -w' -o "$bin/pause" "$here/node/pause/main.go"
  for name in etcd kube-apiserver kube-controller-manager kube-scheduler; do ln -sf kube "$bin/$name"; done
  touch "$bin/done"
fi
echo "$bin"
