// Package fakerun is Cloud Run's Admin API (v2) as far as a rollout uses it, over gRPC in
// this process, for tests and rehearsals: services with revisions, tags and traffic, jobs
// with executions, etags, update masks, long-running operations.
//
// It refuses what the real API refuses: a stale etag is Aborted, a split must add up to
// 100, a revision must exist, a tag must be unique, a changed template makes a revision
// whose name the API chooses.
package fakerun

import (
	"context"
	"fmt"
	"net"
	"sync"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// Server is the API. Its methods may be called concurrently.
type Server struct {
	// Execute runs an execution of a job and says whether its task succeeded; nil
	// lets every one succeed. Set it before the first call.
	Execute func(image string, env map[string]string) bool
	// Start says whether a new revision becomes ready; nil lets every one.
	Start func(service, image string) bool
	// URI is the address of a revision with a tag; nil makes one up.
	URI func(service, revision, tag string) string

	mu         sync.Mutex
	called     func(n int)
	serial     int
	services   map[string]*runpb.Service
	revisions  map[string][]string // by service
	jobs       map[string]*runpb.Job
	operations map[string]*longrunningpb.Operation
	writes     map[string]int // to services, by name
	calls      int
	grpc       *grpc.Server
	addr       string
}

// New starts a server on a free port of the loopback interface; Close ends it.
func New() (*Server, error) {
	s := &Server{
		services: map[string]*runpb.Service{}, revisions: map[string][]string{}, jobs: map[string]*runpb.Job{},
		operations: map[string]*longrunningpb.Operation{}, writes: map[string]int{},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the API: %w", err)
	}
	s.addr = listener.Addr().String()
	s.grpc = grpc.NewServer(grpc.UnaryInterceptor(s.count))
	runpb.RegisterServicesServer(s.grpc, services{Server: s})
	runpb.RegisterJobsServer(s.grpc, jobs{Server: s})
	longrunningpb.RegisterOperationsServer(s.grpc, operations{Server: s})
	go func() { _ = s.grpc.Serve(listener) }() // ends with Close
	return s, nil
}

// Addr is host:port.
func (s *Server) Addr() string { return s.addr }

// Close ends the server.
func (s *Server) Close() { s.grpc.Stop() }

// OnCall has f told the number of every call, from 1, when the call has had its effect and
// is not answered yet.
func (s *Server) OnCall(f func(n int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.called = f
}

// Calls is how many calls were made.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *Server) count(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	s.mu.Lock()
	s.calls++
	n, called := s.calls, s.called
	s.mu.Unlock()
	answer, err := handle(ctx, request)
	if called != nil {
		called(n)
	}
	return answer, err
}

// next makes etags and ids. s.mu is held.
func (s *Server) next() string {
	s.serial++
	return fmt.Sprintf("%05d", s.serial)
}

// finished is an operation that is done. s.mu is held.
func (s *Server) finished(result proto.Message, failure error) (*longrunningpb.Operation, error) {
	op := &longrunningpb.Operation{Name: "operations/" + s.next(), Done: true}
	if failure != nil {
		op.Result = &longrunningpb.Operation_Error{Error: status.Convert(failure).Proto()}
	} else {
		packed, err := anypb.New(result)
		if err != nil {
			return nil, err
		}
		op.Result = &longrunningpb.Operation_Response{Response: packed}
	}
	s.operations[op.GetName()] = op
	// The caller learns of the end by asking, as it does of the real API.
	return &longrunningpb.Operation{Name: op.GetName()}, nil
}

// operations is the API of long-running operations.
type operations struct {
	longrunningpb.UnimplementedOperationsServer
	*Server
}

// GetOperation implements longrunningpb.OperationsServer.
func (s operations) GetOperation(_ context.Context, r *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op := s.Server.operations[r.GetName()]; op != nil {
		return proto.CloneOf(op), nil
	}
	return nil, status.Errorf(codes.NotFound, "no operation %s", r.GetName())
}

func clone[M proto.Message](m M) M { return proto.CloneOf(m) }

// checkEtag compares an etag with the present one; an empty one is not looked at.
func checkEtag(given, present string) error {
	if given != "" && given != present {
		return status.Errorf(codes.Aborted, "conflict: etag %s, now %s", given, present)
	}
	return nil
}
