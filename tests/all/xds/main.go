// An xDS control plane for one target: tells the clients of xds:///NAME where its endpoints are.
// Lines on standard input, "HOST:PORT [HOST:PORT ...]", are the endpoints from then on.
//
//	control-plane LISTEN NAME
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"strings"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	router "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// NodeID is what the clients call themselves in their bootstrap file.
const NodeID = "postern"

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func packed(m proto.Message) *anypb.Any { return must(anypb.New(m)) }

var fromADS = &core.ConfigSource{
	ResourceApiVersion:    core.ApiVersion_V3,
	ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}},
}

func listenerOf(name string) types.Resource {
	manager := &hcm.HttpConnectionManager{
		RouteSpecifier: &hcm.HttpConnectionManager_Rds{
			Rds: &hcm.Rds{RouteConfigName: name, ConfigSource: fromADS}},
		HttpFilters: []*hcm.HttpFilter{{Name: "router",
			ConfigType: &hcm.HttpFilter_TypedConfig{TypedConfig: packed(&router.Router{})}}},
	}
	return &listener.Listener{Name: name, ApiListener: &listener.ApiListener{ApiListener: packed(manager)}}
}

func routesOf(name string) types.Resource {
	return &route.RouteConfiguration{Name: name, VirtualHosts: []*route.VirtualHost{{
		Name: name, Domains: []string{name},
		Routes: []*route.Route{{
			Match: &route.RouteMatch{PathSpecifier: &route.RouteMatch_Prefix{Prefix: ""}},
			Action: &route.Route_Route{Route: &route.RouteAction{
				ClusterSpecifier: &route.RouteAction_Cluster{Cluster: name}}},
		}},
	}}}
}

func clusterOf(name string) types.Resource {
	return &cluster.Cluster{Name: name,
		ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS},
		EdsClusterConfig:     &cluster.Cluster_EdsClusterConfig{EdsConfig: fromADS},
		LbPolicy:             cluster.Cluster_ROUND_ROBIN}
}

func addressOf(target string) *core.Address {
	host, text, err := net.SplitHostPort(target)
	if err != nil {
		log.Fatal(err)
	}
	port := uint32(must(strconv.ParseUint(text, 10, 16)))
	return &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
		Address: host, PortSpecifier: &core.SocketAddress_PortValue{PortValue: port}}}}
}

func endpointsOf(name string, targets []string) types.Resource {
	all := &endpoint.LocalityLbEndpoints{Locality: &core.Locality{Region: "here"}}
	all.LoadBalancingWeight = wrapperspb.UInt32(1)
	for _, t := range targets {
		all.LbEndpoints = append(all.LbEndpoints, &endpoint.LbEndpoint{
			HealthStatus:   core.HealthStatus_HEALTHY,
			HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{Address: addressOf(t)}}})
	}
	return &endpoint.ClusterLoadAssignment{ClusterName: name, Endpoints: []*endpoint.LocalityLbEndpoints{all}}
}

func serve(snapshots cache.SnapshotCache, address string) {
	s := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(s, server.NewServer(context.Background(), snapshots, nil))
	log.Fatal(s.Serve(must(net.Listen("tcp", address))))
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: control-plane LISTEN NAME")
	}
	name := os.Args[2]
	snapshots := cache.NewSnapshotCache(true, cache.IDHash{}, nil)
	go serve(snapshots, os.Args[1])
	lines := bufio.NewScanner(os.Stdin)
	for version := 1; lines.Scan(); version++ {
		s := must(cache.NewSnapshot(strconv.Itoa(version), map[resource.Type][]types.Resource{
			resource.ListenerType: {listenerOf(name)},
			resource.RouteType:    {routesOf(name)},
			resource.ClusterType:  {clusterOf(name)},
			resource.EndpointType: {endpointsOf(name, strings.Fields(lines.Text()))},
		}))
		if err := snapshots.SetSnapshot(context.Background(), NodeID, s); err != nil {
			log.Fatal(err)
		}
		fmt.Println(version)
	}
}
