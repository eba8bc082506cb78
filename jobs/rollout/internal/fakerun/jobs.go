package fakerun

import (
	"context"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// AddJob adds a job of one task and one container.
func (s *Server) AddJob(name, image string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs[name] = &runpb.Job{
		Name: name, Etag: s.next(),
		Template: &runpb.ExecutionTemplate{TaskCount: 1, Template: &runpb.TaskTemplate{
			Containers: []*runpb.Container{{Name: "migrate", Image: image}},
		}},
	}
}

// Job is a copy of a job.
func (s *Server) Job(name string) *runpb.Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return clone(s.jobs[name])
}

// jobs is the API of jobs.
type jobs struct {
	runpb.UnimplementedJobsServer
	*Server
}

// GetJob implements runpb.JobsServer.
func (s jobs) GetJob(_ context.Context, r *runpb.GetJobRequest) (*runpb.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if job := s.Server.jobs[r.GetName()]; job != nil {
		return clone(job), nil
	}
	return nil, status.Errorf(codes.NotFound, "no job %s", r.GetName())
}

// UpdateJob implements runpb.JobsServer.
func (s jobs) UpdateJob(_ context.Context, r *runpb.UpdateJobRequest) (*longrunningpb.Operation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	present := s.Server.jobs[r.GetJob().GetName()]
	if present == nil {
		return nil, status.Errorf(codes.NotFound, "no job %s", r.GetJob().GetName())
	}
	if err := checkEtag(r.GetJob().GetEtag(), present.GetEtag()); err != nil {
		return nil, err
	}
	next := clone(r.GetJob())
	next.Etag = s.next()
	s.Server.jobs[next.GetName()] = next
	return s.finished(next, nil)
}

// RunJob implements runpb.JobsServer.
func (s jobs) RunJob(_ context.Context, r *runpb.RunJobRequest) (*longrunningpb.Operation, error) {
	s.mu.Lock()
	job := s.Server.jobs[r.GetName()]
	if job == nil {
		s.mu.Unlock()
		return nil, status.Errorf(codes.NotFound, "no job %s", r.GetName())
	}
	if err := checkEtag(r.GetEtag(), job.GetEtag()); err != nil {
		s.mu.Unlock()
		return nil, err
	}
	image := job.GetTemplate().GetTemplate().GetContainers()[0].GetImage()
	s.mu.Unlock()

	env := map[string]string{}
	for _, o := range r.GetOverrides().GetContainerOverrides() {
		for _, v := range o.GetEnv() {
			env[v.GetName()] = v.GetValue()
		}
	}
	ok := s.Execute == nil || s.Execute(image, env)

	s.mu.Lock()
	defer s.mu.Unlock()
	execution := &runpb.Execution{Name: r.GetName() + "/executions/" + s.next(), TaskCount: 1, LogUri: "https://logs.example"}
	if !ok {
		// The operation of a failed execution ends with an error.
		execution.FailedCount = 1
		return s.finished(execution, status.Error(codes.Aborted, "1 of 1 tasks failed"))
	}
	execution.SucceededCount = 1
	return s.finished(execution, nil)
}
