# Read by the first process of a node. The kubelet wants these settings of the whole machine: it finds them as it wants
# them, and the machine's stay. Argument: a directory for the files that stand in front of them.
show_kernel_settings() {
    mkdir -p "$1"
    while read -r setting value; do
        echo "$value" >"$1/$setting"
        mount --bind "$1/$setting" "/proc/sys/${setting//.//}"
    done <<END
vm.overcommit_memory 1
vm.panic_on_oom 0
kernel.panic 10
kernel.panic_on_oops 1
kernel.keys.root_maxkeys 1000000
kernel.keys.root_maxbytes 25000000
END
}
