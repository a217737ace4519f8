// placeholder while tidying
package main

import (
	_ "google.golang.org/grpc"
	_ "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

func main() {}
