#!/usr/bin/env bash
# Writes go.mod for the all-in-one Kubernetes binary of main.go, in the current folder: the staging modules that
# k8s.io/kubernetes replaces by folders are replaced by their published versions.
set -euo pipefail
version=$1 etcd=$2
dir=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
{
  echo "module kube"
  sed -n 's/^go /go /p' "$dir/go.mod"
  echo "require (
	k8s.io/kubernetes v$version
	go.etcd.io/etcd/server/v3 $etcd
)
replace ("
  awk '$1 ~ /^k8s.io\// && $3 ~ /^\.\/staging/ {print $1}' "$dir/go.mod" | while read -r module; do
    echo "	$module => $module v0.${version#1.}"
  done
  echo ")"
} > go.mod
go mod tidy
