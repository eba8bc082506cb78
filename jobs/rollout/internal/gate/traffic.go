package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cloud.google.com/go/run/apiv2/runpb"
)

const byRevision = runpb.TrafficTargetAllocationType_TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION

// split is the traffic of a service by revision: "the latest" is named.
func split(service *runpb.Service) []Share {
	statuses := service.GetTrafficStatuses()
	if len(statuses) == 0 && service.GetLatestReadyRevision() != "" {
		return []Share{{Revision: short(service.GetLatestReadyRevision()), Percent: 100}}
	}
	var shares []Share
	for _, s := range statuses {
		revision := short(s.GetRevision())
		if s.GetRevision() == "" {
			revision = short(service.GetLatestReadyRevision())
		}
		shares = append(shares, Share{Revision: revision, Percent: s.GetPercent(), Tag: s.GetTag()})
	}
	return shares
}

func targets(shares []Share) []*runpb.TrafficTarget {
	all := make([]*runpb.TrafficTarget, 0, len(shares))
	for _, s := range shares {
		all = append(all, &runpb.TrafficTarget{Type: byRevision, Revision: s.Revision, Percent: s.Percent, Tag: s.Tag})
	}
	return all
}

// with adds a share.
func with(shares []Share, s Share) []Share { return append(shares[:len(shares):len(shares)], s) }

// present is the traffic as it is, without the release's tag.
func (g *Gate) present(service *runpb.Service) []Share {
	var shares []Share
	for _, s := range split(service) {
		if s.Tag == g.release.Tag() {
			s.Tag = ""
		}
		if s.Percent > 0 || s.Tag != "" {
			shares = append(shares, s)
		}
	}
	return shares
}

// divide gives the new revision a percentage and the old ones the rest, in proportion.
// Percentages are whole; what rounding leaves goes to the largest. Without old ones the
// new revision has everything.
func divide(old []Share, revision, tag string, percent int32) []Share {
	var rest []Share
	left, largest := 100-percent, 0
	for _, s := range old {
		if s.Revision == revision {
			continue
		}
		s.Percent = s.Percent * (100 - percent) / 100
		left -= s.Percent
		if rest = append(rest, s); s.Percent > rest[largest].Percent {
			largest = len(rest) - 1
		}
	}
	if len(rest) == 0 {
		return []Share{{Revision: revision, Percent: 100, Tag: tag}}
	}
	rest[largest].Percent += left
	rest = slices.DeleteFunc(rest, func(s Share) bool { return s.Percent == 0 && s.Tag == "" })
	return append(rest, Share{Revision: revision, Percent: percent, Tag: tag})
}

// route writes a split, unless it is in force.
func (g *Gate) route(ctx context.Context, service *runpb.Service, shares []Share) (*runpb.Service, error) {
	if same(split(service), shares) && pinned(service) {
		return service, nil
	}
	service.Traffic = targets(shares)
	return g.update(ctx, service, "traffic")
}

// pinned reports whether no part of the traffic follows the latest revision.
func pinned(service *runpb.Service) bool {
	for _, t := range service.GetTraffic() {
		if t.GetType() != byRevision {
			return false
		}
	}
	return len(service.GetTraffic()) > 0
}

func same(a, b []Share) bool {
	if len(a) != len(b) {
		return false
	}
	count := map[Share]int{}
	for i := range a {
		count[a[i]]++
		count[b[i]]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// restore puts the recorded splits back, all that can be.
func (g *Gate) restore(ctx context.Context, old map[string][]Share) error {
	var errs []error
	for _, s := range g.release.Services {
		shares := old[s.Name]
		if len(shares) == 0 {
			continue
		}
		service, err := g.service(ctx, s.Name)
		if err == nil {
			_, err = g.route(ctx, service, shares)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("restore %s: %w", short(s.Name), err))
			continue
		}
		g.log.Warn("traffic restored", "service", short(s.Name), "revision", shares[0].Revision)
	}
	return errors.Join(errs...)
}
