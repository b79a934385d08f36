#!/usr/bin/env bash
# Deletes the cluster, and ends the Docker daemon if docker.sh has started it.
. "$(dirname "$0")/common.sh"

if docker version >/dev/null 2>&1; then
  [ -x "$bin/kind" ] && "$bin/kind" delete cluster -q --name "$cluster"
  rm -rf "$state/data"
fi
if [ -e "$state/dockerd.pid" ]; then
  pid=$(cat "$state/dockerd.pid")
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 60); do kill -0 "$pid" 2>/dev/null || break; sleep 0.5; done
  rm -f "$state/dockerd.pid"
fi
