#!/usr/bin/env bash
# A two-node kind cluster: a control plane that takes pods too, and a worker that says it has two NVIDIA L4 GPUs. Both see
# one folder of this machine as /data. Prints the kubeconfig's path.
. "$(dirname "$0")/common.sh"

image=$("$here/node-image.sh")
bin=$("$here/binaries.sh")
export PATH=$bin:$PATH
# Volumes whose claims are gone can be claimed again, empty.
free_volumes() {
  kubectl get pv -o jsonpath='{range .items[?(@.status.phase=="Released")]}{.metadata.name}{"\n"}{end}' | while read -r volume; do
    find "$state/data/${volume#shared-}" -mindepth 1 -delete
    kubectl patch pv "$volume" --type=json -p '[{"op": "remove", "path": "/spec/claimRef"}]' >&2 </dev/null
  done
}
if kind get clusters 2>/dev/null | grep -qx "$cluster"; then
  free_volumes
  echo "$KUBECONFIG"
  exit
fi
say "starting the cluster"
rm -rf "$state/data"
mkdir -p -m 777 "$state/data"
mount="[{hostPath: $state/data, containerPath: /data}]"
kind create cluster -q --name "$cluster" --image "$image" --kubeconfig "$KUBECONFIG" --config - <<C
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {disableDefaultCNI: true}
kubeadmConfigPatches:
- |
  kind: KubeletConfiguration
  failCgroupV1: false
  cgroupDriver: cgroupfs
nodes:
- {role: control-plane, extraMounts: $mount}
- {role: worker, extraMounts: $mount, labels: {accelerator: nvidia-l4, nvidia.com/gpu.product: NVIDIA-L4}}
C

# A bridge on each node, and a route to the other one's pods: all the network that two nodes need.
nodes=$(kubectl get nodes -o custom-columns=N:.metadata.name,C:.spec.podCIDR,A:.status.addresses[0].address --no-headers)
while read -r node cidr _; do
  docker exec -i "$node" tee /etc/cni/net.d/10-bridge.conflist >/dev/null <<C
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$cidr"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
C
  while read -r other range address; do
    [ "$node" = "$other" ] || docker exec "$node" ip route replace "$range" via "$address" </dev/null
  done <<<"$nodes"
done <<<"$nodes"
kubectl wait --for=condition=Ready nodes --all --timeout=120s >&2
kubectl taint node "$cluster-control-plane" node-role.kubernetes.io/control-plane:NoSchedule- >&2 || true
kubectl taint node "$cluster-worker" nvidia.com/gpu=present:NoSchedule >&2
"$here/gpus.sh" 2

# Volumes that both nodes share: folders of this machine, which any pod may write to.
for number in $(seq 1 120); do
  mkdir -p -m 777 "$state/data/$number"
  cat <<C
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: shared-$number}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce, ReadWriteMany]
  storageClassName: standard
  hostPath: {path: /data/$number}
C
done | kubectl apply -f - >/dev/null
echo "$KUBECONFIG"
