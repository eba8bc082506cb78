package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	run "cloud.google.com/go/run/apiv2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/vegascore/vegascore/jobs/rollout/internal/fakerun"
)

const (
	project  = "projects/p/locations/europe-west1"
	job      = project + "/jobs/migrate"
	oldImage = "registry/old@sha256:0"
)

var (
	names = []string{project + "/services/events", project + "/services/actions", project + "/services/realtime"}
	began = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

// world is an API with three services and a job.
func world(t *testing.T) *fakerun.Server {
	t.Helper()
	s, err := fakerun.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, name := range names {
		s.AddService(name, oldImage)
	}
	s.AddJob(job, oldImage)
	return s
}

// connect opens clients. After limit calls none gets through any more, and the last
// one's answer may be lost, as when the process is killed; 0 means no limit.
func connect(t *testing.T, s *fakerun.Server, limit int64) API {
	t.Helper()
	var calls atomic.Int64
	return connectThrough(t, s, func(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		n := calls.Add(1)
		if limit > 0 && n > limit {
			return status.Error(codes.Internal, "killed")
		}
		err := invoke(ctx, method, request, reply, cc, opts...)
		if limit > 0 && n == limit {
			return status.Error(codes.Internal, "killed")
		}
		return err
	})
}

// connectThrough opens clients whose calls go through between.
func connectThrough(t *testing.T, s *fakerun.Server, between grpc.UnaryClientInterceptor) API {
	t.Helper()
	conn, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUnaryInterceptor(between))
	if err != nil {
		t.Fatal(err)
	}
	opts := []option.ClientOption{option.WithGRPCConn(conn)}
	services, err := run.NewServicesClient(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := run.NewJobsClient(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(services.Close(), jobs.Close()) })
	return API{services, jobs}
}

// release is build n; later ones are newer.
func release(n int) Release {
	commit := strings.Repeat(fmt.Sprint(n%10), 40)
	r := Release{
		Build: fmt.Sprintf("build-%d", n), Commit: commit, Created: began.Add(time.Duration(n) * time.Minute),
		Job: job, JobImage: image("migrate", n), Steps: []int32{10, 50}, Lease: time.Hour,
	}
	for _, name := range names {
		r.Services = append(r.Services, Service{name, image(short(name), n)})
	}
	return r
}

func image(name string, n int) string { return fmt.Sprintf("registry/%s@sha256:%d", name, n) }

// verdicts judge as a test says, by service; nil is healthy.
type verdicts struct {
	smoke func(service string) error
	watch func(service string) error
}

func (v verdicts) Smoke(_ context.Context, service, _ string) error {
	if v.smoke == nil {
		return nil
	}
	return v.smoke(service)
}

func (v verdicts) Watch(_ context.Context, service, _ string, _ time.Duration) error {
	if v.watch == nil {
		return nil
	}
	return v.watch(service)
}

func gate(t *testing.T, api API, r Release, judge Judge) *Gate {
	return New(api, r, judge, slog.New(slog.NewTextHandler(t.Output(), nil)))
}

// serving is which build of images has all traffic of every service, or an error.
func serving(t *testing.T, s *fakerun.Server, first map[string]string) (old bool) {
	t.Helper()
	olds := 0
	for _, name := range names {
		service := s.Service(name)
		var whole string
		for _, state := range service.GetTrafficStatuses() {
			if state.GetPercent() == 100 {
				whole = state.GetRevision()
			} else if state.GetPercent() > 0 {
				t.Errorf("%s has %d%%", state.GetRevision(), state.GetPercent())
			}
		}
		if whole == first[name] {
			olds++
		}
	}
	if olds != 0 && olds != len(names) {
		t.Errorf("%d of %d services are on the old revision", olds, len(names))
	}
	return olds == len(names)
}

// revisions are those that have all traffic now.
func revisions(s *fakerun.Server) map[string]string {
	all := map[string]string{}
	for _, name := range names {
		all[name] = s.Service(name).GetTrafficStatuses()[0].GetRevision()
	}
	return all
}

// released reports whether a record says that build 1 has all traffic.
func released(t *testing.T, text string) bool {
	t.Helper()
	var r Record
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return r.Released != nil && r.Released.Commit == release(1).Commit
}
