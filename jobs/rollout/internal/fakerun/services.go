package fakerun

import (
	"context"
	"fmt"
	"path"
	"slices"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const latest = runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST

// AddService adds a service with one revision that takes all traffic, as Terraform
// leaves it: by "latest".
func (s *Server) AddService(name, image string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	service := &runpb.Service{
		Name: name, Etag: s.next(),
		Template: &runpb.RevisionTemplate{Containers: []*runpb.Container{{Image: image}}},
		Traffic:  []*runpb.TrafficTarget{{Type: latest, Percent: 100}},
	}
	s.services[name] = service
	s.revise(service)
	s.resolve(service)
}

// Service is a copy of a service.
func (s *Server) Service(name string) *runpb.Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	return clone(s.services[name])
}

// Writes is how often a service was written to.
func (s *Server) Writes(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes[name]
}

// Touch changes a service or a job as somebody else would: its etag is another one then.
func (s *Server) Touch(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if service := s.services[name]; service != nil {
		service.Etag = s.next()
	}
	if job := s.jobs[name]; job != nil {
		job.Etag = s.next()
	}
}

// services is the API of services.
type services struct {
	runpb.UnimplementedServicesServer
	*Server
}

// GetService implements runpb.ServicesServer.
func (s services) GetService(_ context.Context, r *runpb.GetServiceRequest) (*runpb.Service, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if service := s.Server.services[r.GetName()]; service != nil {
		return clone(service), nil
	}
	return nil, status.Errorf(codes.NotFound, "no service %s", r.GetName())
}

// UpdateService implements runpb.ServicesServer.
func (s services) UpdateService(_ context.Context, r *runpb.UpdateServiceRequest) (*longrunningpb.Operation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	given := r.GetService()
	present := s.Server.services[given.GetName()]
	if present == nil {
		return nil, status.Errorf(codes.NotFound, "no service %s", given.GetName())
	}
	if err := checkEtag(given.GetEtag(), present.GetEtag()); err != nil {
		return nil, err
	}
	next := clone(present)
	for _, field := range r.GetUpdateMask().GetPaths() {
		switch field {
		case "template":
			next.Template = clone(given.GetTemplate())
		case "traffic":
			next.Traffic = clone(given).GetTraffic()
		case "annotations":
			next.Annotations = given.GetAnnotations()
		default:
			return nil, status.Errorf(codes.InvalidArgument, "update mask: %s", field)
		}
	}
	changed := !proto.Equal(next.GetTemplate(), present.GetTemplate())
	if changed && next.GetTemplate().GetRevision() != "" && slices.Contains(s.revisions[next.GetName()], next.GetTemplate().GetRevision()) {
		return nil, status.Errorf(codes.AlreadyExists, "revision %s exists", next.GetTemplate().GetRevision())
	}
	if err := s.valid(next); err != nil {
		return nil, err
	}
	s.writes[next.GetName()]++
	next.Etag = s.next()
	s.Server.services[next.GetName()] = next
	var failure error
	if changed && !s.revise(next) {
		failure = status.Errorf(codes.FailedPrecondition, "revision %s is not ready", next.GetLatestCreatedRevision())
	}
	s.resolve(next)
	return s.finished(next, failure)
}

// valid checks a split. s.mu is held.
func (s *Server) valid(service *runpb.Service) error {
	var sum int32
	tags := map[string]bool{}
	for _, t := range service.GetTraffic() {
		if sum += t.GetPercent(); t.GetPercent() < 0 {
			return status.Error(codes.InvalidArgument, "a percentage is negative")
		}
		if t.GetTag() != "" && tags[t.GetTag()] {
			return status.Errorf(codes.InvalidArgument, "tag %s is given twice", t.GetTag())
		}
		tags[t.GetTag()] = true
		if t.GetType() != latest && !slices.Contains(s.revisions[service.GetName()], t.GetRevision()) {
			return status.Errorf(codes.InvalidArgument, "no revision %q", t.GetRevision())
		}
	}
	if sum != 100 {
		return status.Errorf(codes.InvalidArgument, "the percentages add up to %d", sum)
	}
	return nil
}

// revise makes a revision of the template and reports whether it is ready. s.mu is held.
func (s *Server) revise(service *runpb.Service) bool {
	n := len(s.revisions[service.GetName()]) + 1
	name := fmt.Sprintf("%s-%05d-%s", path.Base(service.GetName()), n, s.next()[2:])
	s.revisions[service.GetName()] = append(s.revisions[service.GetName()], name)
	full := service.GetName() + "/revisions/" + name
	service.LatestCreatedRevision = full
	if s.Start != nil && !s.Start(service.GetName(), service.GetTemplate().GetContainers()[0].GetImage()) {
		service.TerminalCondition = &runpb.Condition{Type: "Ready", State: runpb.Condition_CONDITION_FAILED, Message: "the container did not start"}
		return false
	}
	service.LatestReadyRevision = full
	service.TerminalCondition = &runpb.Condition{Type: "Ready", State: runpb.Condition_CONDITION_SUCCEEDED}
	return true
}

// resolve fills in the traffic's present state. s.mu is held.
func (s *Server) resolve(service *runpb.Service) {
	service.TrafficStatuses = nil
	for _, t := range service.GetTraffic() {
		revision := t.GetRevision()
		if t.GetType() == latest {
			revision = path.Base(service.GetLatestReadyRevision())
		}
		state := &runpb.TrafficTargetStatus{Type: t.GetType(), Revision: revision, Percent: t.GetPercent(), Tag: t.GetTag()}
		if t.GetTag() != "" {
			state.Uri = "https://" + t.GetTag() + "---" + path.Base(service.GetName()) + ".example"
			if s.URI != nil {
				state.Uri = s.URI(service.GetName(), revision, t.GetTag())
			}
		}
		service.TrafficStatuses = append(service.TrafficStatuses, state)
	}
}
