#!/usr/bin/env bash
# Sees to it that Docker has a node image for kind: the public one where it can be pulled, else one from Go modules and
# Debian packages. Prints its name.
. "$(dirname "$0")/common.sh"

base=$("$here/docker.sh")
if [ "$base" = debian:bookworm-slim ] && { docker image inspect "$node_image" >/dev/null 2>&1 || docker pull -q "$node_image" >&2; }; then
  echo "$node_image"
  exit
fi
bin=$("$here/binaries.sh")
node_image=flinktf/node:$(fingerprint "$here/common.sh" "$here/node-image.sh" "$here"/node/{Dockerfile,main.go,gomod.sh,runc-without-sys-resource} "$here"/node/pause/main.go)
if ! docker image inspect "$node_image" >/dev/null 2>&1; then
  say "building the node image"
  export DOCKER_BUILDKIT=0 # Debian 12 has no other builder
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  images=()
  build() { # NAME DOCKERFILE
    printf '%b' "$2" | docker build -q --network host -t "$1" -f - "$work/context" >/dev/null
    images+=("$1")
  }
  mkdir "$work/context"
  cp "$bin"/{kube,coredns,pause} "$work/context"
  registry=registry.k8s.io
  for name in kube-apiserver kube-controller-manager kube-scheduler; do
    build "$registry/$name:v$kubernetes" "FROM $base\nCOPY kube /usr/local/bin/kube\nRUN ln -s kube /usr/local/bin/$name\n"
  done
  packages="apt-get update -qq && apt-get install -y -qq --no-install-recommends iptables conntrack kmod"
  build "$registry/kube-proxy:v$kubernetes" \
    "FROM $base\nRUN $packages\nCOPY kube /usr/local/bin/kube\nRUN ln -s kube /usr/local/bin/kube-proxy\n"
  for image in $("$bin/kubeadm" config images list --kubernetes-version "v$kubernetes" 2>/dev/null); do
    case $image in
      */etcd:*) build "$image" "FROM $base\nCOPY kube /usr/local/bin/kube\nRUN ln -s kube /usr/local/bin/etcd\n" ;;
      */coredns:*) build "$image" "FROM scratch\nCOPY coredns /coredns\nENTRYPOINT [\"/coredns\"]\n" ;;
      */pause:*) build "$image" "FROM scratch\nCOPY pause /pause\nENTRYPOINT [\"/pause\"]\n"
                 build "${image%:*}:3.10" "FROM scratch\nCOPY pause /pause\nENTRYPOINT [\"/pause\"]\n" ;;
    esac
  done

  # kind's own files are taken from its module when the image is built; they are not part of this project.
  need_go
  module=$(cd "$work" && go mod download -json sigs.k8s.io/kind@$kind | jq -r .Dir)
  cp -r "$module/images/base/files" "$work/context/files"
  chmod -R u+w "$work/context/files"
  cp "$bin"/{kubeadm,kubectl} "$here/node/runc-without-sys-resource" "$work/context"
  docker build -q --network host --build-arg "BASE_IMAGE=$base" --build-arg "KUBERNETES=v$kubernetes" \
    -t "$node_image-bare" -f "$here/node/Dockerfile" "$work/context" >/dev/null

  say "putting Kubernetes' images into it"
  docker save "${images[@]}" -o "$work/images.tar"
  container=$(docker run -d --privileged --network none --entrypoint sleep -v "$work:/work:ro" "$node_image-bare" 600)
  docker exec "$container" bash -c '
    containerd >/var/log/containerd.log 2>&1 &
    for _ in $(seq 60); do ctr version >/dev/null 2>&1 && break; sleep 0.5; done
    ctr -n k8s.io images import --all-platforms --no-unpack /work/images.tar >/dev/null
    kill %1; wait; rm -f /var/log/containerd.log'
  docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' "$container" "$node_image" >/dev/null
  docker rm -f "$container" >/dev/null
  docker rmi "$node_image-bare" "${images[@]}" >/dev/null
fi
echo "$node_image"
