#!/bin/bash
# The first process of a node, in namespaces of its own. It ends when any part of the node ends, and the kernel
# then ends everything else in the node. Arguments: the node's name, its directory, the directory of the
# Kubernetes programs, the host's directories over which the node mounts its own, and the kubelet's arguments.
set -euo pipefail
name=$1 directory=$2 programs=$3 mount_points=$4
shift 4
. "$directory/kernel-settings.sh"
# The name is this process's alone, not that of what it starts.
unset NEURON_OPERATOR_PROCESS

hostname "$name"
mount --make-rshared /
mount -t tmpfs -o mode=0755 tmpfs /run
for point in $mount_points; do
    mkdir -p "$directory/root$point"
    mount --bind "$directory/root$point" "$point"
done

show_kernel_settings "$directory/sysctl"

until ip link show dev eth0 >/dev/null 2>&1; do sleep 0.05; done
ip -batch "$directory/network"
echo 1 >/proc/sys/net/ipv4/ip_forward

logs=$directory/logs
containerd --config "$directory/containerd.toml" >>"$logs/containerd.log" 2>&1 &
until [ -S /run/containerd/containerd.sock ]; do
    kill -0 $!
    sleep 0.05
done
"$programs/kubelet" "$@" >>"$logs/kubelet.log" 2>&1 &
"$programs/kube-proxy" --config "$directory/kube-proxy.yaml" >>"$logs/kube-proxy.log" 2>&1 &
wait -n
