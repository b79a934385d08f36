#!/usr/bin/env bash
# Builds the project's images from dist/, tagged with the version of the project.
. "$(dirname "$0")/common.sh"

base=$("$here/docker.sh")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/pyproject.toml")
docker buildx version >/dev/null 2>&1 && export DOCKER_BUILDKIT=1 || export DOCKER_BUILDKIT=0
for target in ${*:-operator flink tensorflow}; do
  say "building flinktf/$target:$version"
  docker build -q --network host --build-arg "BASE_IMAGE=$base" --build-arg "VERSION=$version" --target "$target" -t "flinktf/$target:$version" \
    -f "$root/Dockerfile" "$root/dist" > "$state/build-$target.log" 2>&1 || { tail -40 "$state/build-$target.log" >&2; exit 1; }
done
