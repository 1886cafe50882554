// The peer: grpc-gateway v2 as its manual sets it up, one connection to the backend. Fields that
// are not set stay out of the answer, so that it writes as much as the other gateways do.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	demo "postern.bench/gateway/demo/v1"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: grpc-gateway LISTEN BACKEND")
	}
	most := grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20), grpc.MaxCallSendMsgSize(64<<20))
	backend, err := grpc.NewClient(os.Args[2], grpc.WithTransportCredentials(insecure.NewCredentials()), most)
	if err != nil {
		log.Fatal(err)
	}
	mux := runtime.NewServeMux(runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
		MarshalOptions:   protojson.MarshalOptions{EmitUnpopulated: false},
		UnmarshalOptions: protojson.UnmarshalOptions{},
	}))
	if err := demo.RegisterEchoHandler(context.Background(), mux, backend); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(os.Args[1], mux))
}
