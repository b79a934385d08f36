#!/usr/bin/env bash
# Puts the project's images into the cluster's nodes.
. "$(dirname "$0")/common.sh"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/pyproject.toml")
say "loading the images"
"$bin/kind" load docker-image -q --name "$cluster" $(printf "flinktf/%s:$version " ${*:-operator flink tensorflow}) >&2
