#!/usr/bin/env bash
# Builds Kubeflow's training-operator, which the benchmark of the operator stands beside, from its Go module, once.
# Prints the folder with the program and the CRD of its TFJobs. Five minutes on two cores.
. "$(dirname "$0")/common.sh"

version=v1.9.3
module=github.com/kubeflow/training-operator
folder=$cache/training-operator-$version-$(fingerprint "$here/training-operator.sh")

if [ ! -e "$folder/done" ]; then
  command -v go >/dev/null || export PATH=$PATH:/usr/local/go/bin
  command -v go >/dev/null || { say "installing Go"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq golang-go >&2; }
  export CGO_ENABLED=0 GOTOOLCHAIN=auto
  mkdir -p "$folder"
  say "building $module@$version"
  GOBIN=$folder nice go install -trimpath -ldflags '-s -w' $module/cmd/training-operator.v1@$version >&2
  install -m 644 "$(go env GOMODCACHE)/$module@$version/manifests/base/crds/kubeflow.org_tfjobs.yaml" "$folder/tfjobs.yaml"
  touch "$folder/done"
fi
echo "$folder"
