package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// annotation of the migration job holds the Record as JSON.
const annotation = "rollout.vegascore.dev/state"

// Phase is how far a rollout has come.
type Phase string

// The phases. From Deploying on services may have been touched.
const (
	Free      Phase = "" // no rollout
	Leased    Phase = "leased"
	Deploying Phase = "deploying"
	Shifting  Phase = "shifting"
)

// Share is a part of a service's traffic.
type Share struct {
	Revision string `json:"revision"`
	Percent  int32  `json:"percent"`
	Tag      string `json:"tag,omitempty"`
}

// Released is the newest release that took all traffic.
type Released struct {
	Commit  string    `json:"commit"`
	Created time.Time `json:"created"`
	// At is when the release before it went to 0%: connections of that one can hold
	// its code for an hour more.
	At time.Time `json:"at"`
	// Revisions are those that took all traffic then, by service.
	Revisions map[string]string `json:"revisions,omitempty"`
}

// Record is what rollouts remember.
type Record struct {
	Build    string             `json:"build,omitempty"` // holder of the lease
	Commit   string             `json:"commit,omitempty"`
	Created  time.Time          `json:"created,omitzero"`
	Until    time.Time          `json:"until,omitzero"` // the lease ends
	Phase    Phase              `json:"phase,omitempty"`
	Old      map[string][]Share `json:"old,omitempty"` // by service, before the rollout
	Released *Released          `json:"released,omitempty"`
}

// free ends the lease and keeps what was released.
func (r *Record) free() { *r = Record{Released: r.Released} }

// readRecord reads the record of a job.
func readRecord(job *runpb.Job) (Record, error) {
	var r Record
	text := job.GetAnnotations()[annotation]
	if text == "" {
		return r, nil
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, fmt.Errorf("read annotation %s: %w", annotation, err)
	}
	return r, nil
}

// write changes the record of this rollout and renews its lease. It fails with ErrStale
// when somebody else has written since.
func (g *Gate) write(ctx context.Context, change func(*Record)) error {
	job, err := g.job(ctx)
	if err != nil {
		return err
	}
	next := g.record
	next.Until = g.now().Add(g.release.Lease).UTC()
	change(&next)
	return g.save(ctx, job, next)
}

// job reads the job, which must still be this rollout's.
func (g *Gate) job(ctx context.Context) (*runpb.Job, error) {
	job, err := g.api.Jobs.GetJob(ctx, &runpb.GetJobRequest{Name: g.release.Job})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", short(g.release.Job), err)
	}
	r, err := readRecord(job)
	if err != nil {
		return nil, err
	}
	if r.Build != g.release.Build {
		return nil, fmt.Errorf("%w: the lease is %q's", ErrStale, r.Build)
	}
	return job, nil
}

// save writes a record and with it all of the job.
func (g *Gate) save(ctx context.Context, job *runpb.Job, r Record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write annotation %s: %w", annotation, err)
	}
	if job.Annotations == nil {
		job.Annotations = map[string]string{}
	}
	job.Annotations[annotation] = string(text)
	op, err := g.api.Jobs.UpdateJob(ctx, &runpb.UpdateJobRequest{Job: job})
	if err == nil {
		job, err = op.Wait(ctx)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", short(g.release.Job), stale(err))
	}
	g.record, g.etag = r, job.GetEtag()
	return nil
}

// stale marks the error of a write whose etag is old.
func stale(err error) error {
	if status.Code(err) == codes.Aborted {
		return fmt.Errorf("%w: %w", ErrStale, err)
	}
	return err
}
