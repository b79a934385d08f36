#!/usr/bin/env bash
# Makes the worker node say that it has this many GPUs: an extended resource, of which the kubelet takes care as of others.
. "$(dirname "$0")/common.sh"
patch="[{\"op\": \"add\", \"path\": \"/status/capacity/nvidia.com~1gpu\", \"value\": \"$1\"}]"
kubectl patch node "$cluster-worker" --subresource=status --type=json -p "$patch" >&2
