// Command deviceplugin advertises Neuron devices and cores that do not exist, so that pods can ask for them on
// a node without Neuron hardware. A pod that gets one finds a harmless device file and the runtime's environment.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

// plugin serves one resource. An inf2 device has coresPerDevice cores; each unit of the resource is unitCores of them.
type plugin struct {
	api.UnimplementedDevicePluginServer
	resource  string
	units     int
	unitCores int
	stop      <-chan struct{}
}

const coresPerDevice = 2

func (p *plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

func (p *plugin) ListAndWatch(_ *api.Empty, stream grpc.ServerStreamingServer[api.ListAndWatchResponse]) error {
	response := &api.ListAndWatchResponse{}
	for unit := range p.units {
		response.Devices = append(response.Devices, &api.Device{ID: strconv.Itoa(unit), Health: api.Healthy})
	}
	if err := stream.Send(response); err != nil {
		return err
	}
	select {
	case <-p.stop:
	case <-stream.Context().Done():
	}
	return nil
}

func (p *plugin) Allocate(_ context.Context, request *api.AllocateRequest) (*api.AllocateResponse, error) {
	response := &api.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		allocated, err := p.container(container.DevicesIds)
		if err != nil {
			return nil, err
		}
		response.ContainerResponses = append(response.ContainerResponses, allocated)
	}
	return response, nil
}

func (p *plugin) container(ids []string) (*api.ContainerAllocateResponse, error) {
	var cores, devices []int
	for _, id := range ids {
		unit, err := strconv.Atoi(id)
		if err != nil {
			return nil, fmt.Errorf("device %q of %s is unknown", id, p.resource)
		}
		for core := unit * p.unitCores; core < (unit+1)*p.unitCores; core++ {
			cores = append(cores, core)
			devices = append(devices, core/coresPerDevice)
		}
	}
	slices.Sort(cores)
	slices.Sort(devices)
	response := &api.ContainerAllocateResponse{
		Envs: map[string]string{"NEURON_RT_VISIBLE_CORES": join(cores)},
	}
	for _, device := range slices.Compact(devices) {
		response.Devices = append(response.Devices, &api.DeviceSpec{
			HostPath:      "/dev/null",
			ContainerPath: fmt.Sprintf("/dev/neuron%d", device),
			Permissions:   "rw",
		})
	}
	return response, nil
}

func join(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, number := range numbers {
		texts[i] = strconv.Itoa(number)
	}
	return strings.Join(texts, ",")
}

// serve opens the resource's socket beside the kubelet's and registers it there.
func (p *plugin) serve(directory string) error {
	socket := "test-" + strings.ReplaceAll(p.resource, "/", "-") + ".sock"
	path := filepath.Join(directory, socket)
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	api.RegisterDevicePluginServer(server, p)
	go func() { log.Fatal(server.Serve(listener)) }()

	kubelet, err := grpc.NewClient("unix://"+filepath.Join(directory, "kubelet.sock"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer kubelet.Close()
	deadline, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err = api.NewRegistrationClient(kubelet).Register(deadline,
		&api.RegisterRequest{Version: api.Version, Endpoint: socket, ResourceName: p.resource})
	return err
}

func main() {
	devices := flag.Int("devices", 1, "Neuron devices that the node advertises, of two cores each")
	directory := flag.String("directory", "/var/lib/kubelet/device-plugins", "directory of the kubelet's socket")
	flag.Parse()
	ended, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	for _, p := range []*plugin{
		{resource: "aws.amazon.com/neuron", units: *devices, unitCores: coresPerDevice, stop: ended.Done()},
		{resource: "aws.amazon.com/neuroncore", units: *devices * coresPerDevice, unitCores: 1, stop: ended.Done()},
	} {
		if err := p.serve(*directory); err != nil {
			log.Fatalf("%s cannot be advertised: %v", p.resource, err)
		}
		log.Printf("%s: %d advertised", p.resource, p.units)
	}
	<-ended.Done()
}
