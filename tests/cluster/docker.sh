#!/usr/bin/env bash
# Sees to it that a Docker daemon answers and that there is a Debian to build images from. Prints the base image's name.
. "$(dirname "$0")/common.sh"

install_packages() {
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@"; } > "$state/apt.log" 2>&1 \
    || { tail "$state/apt.log" >&2; exit 1; }
}

if ! docker version >/dev/null 2>&1; then
  if ! command -v dockerd >/dev/null || ! command -v jq >/dev/null; then
    say "installing Docker"
    install_packages docker.io iptables jq
  fi
  options=()
  # Where CAP_SYS_RESOURCE (24) is missing, a privileged container asks for more than there is: a wrapper before runc drops it.
  if ! (( (16#$(awk '/^CapBnd/ {print $2}' /proc/self/status) >> 24) & 1 )); then
    install -m 755 "$here/node/runc-without-sys-resource" "$state/runc-without-sys-resource"
    options=(--add-runtime "nores=$state/runc-without-sys-resource" --default-runtime nores)
  fi
  say "starting dockerd"
  setsid dockerd "${options[@]}" > "$state/dockerd.log" 2>&1 < /dev/null &
  echo $! > "$state/dockerd.pid"
  for _ in $(seq 60); do docker version >/dev/null 2>&1 && break; sleep 0.5; done
  docker version >/dev/null || { tail "$state/dockerd.log" >&2; exit 1; }
fi

base=debian:bookworm-slim
if ! docker image inspect "$base" >/dev/null 2>&1 && ! timeout 60 docker pull -q "$base" >/dev/null 2>&1; then
  base=flinktf/base:bookworm
  if ! docker image inspect "$base" >/dev/null 2>&1; then
    command -v debootstrap >/dev/null || install_packages debootstrap
    say "no registry: making $base from Debian's packages"
    folder=$(mktemp -d)
    debootstrap --variant=minbase --include=ca-certificates bookworm "$folder" > "$state/debootstrap.log"
    # The machine's own certificates and package sources: what it reaches, a build must reach too.
    # Split, as update-ca-certificates takes one certificate a file, and writes the bundle anew with each update.
    (cd "$folder/usr/local/share/ca-certificates" && csplit -q -z -b %03d.crt -f machine- /etc/ssl/certs/ca-certificates.crt \
      '/-----BEGIN CERTIFICATE-----/' '{*}')
    chroot "$folder" update-ca-certificates >/dev/null 2>&1
    cp /etc/apt/apt.conf.d/99* "$folder/etc/apt/apt.conf.d/" 2>/dev/null || true
    rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/* "$folder"/var/log/*
    tar -C "$folder" -c . | docker import - "$base" >&2
    rm -rf "$folder"
  fi
fi
echo "$base"
