#!/usr/bin/env bash
# Puts the project's images into the cluster's nodes.
. "$(dirname "$0")/common.sh"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/pyproject.toml")
say "loading the images"
"$bin/kind" load docker-image -q --name "$cluster" $(printf "flinktf/%s:$version " ${*:-operator flink tensorflow}) >&2

# An operator that is there already goes on with the image that it began with.
if kubectl -n flinktf-system get deployment flinktf-operator >/dev/null 2>&1; then
  kubectl -n flinktf-system rollout restart deployment/flinktf-operator >&2
fi
