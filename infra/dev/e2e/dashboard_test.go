package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/repository"
	"github.com/vegascore/vegascore/infra/dev/stack"
)

// A Prometheus scrapes the platform while players bet.
func TestTheDashboardShowsThePlatform(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, stack.Options{Redis: stack.RedisServer})
	targets := map[string]string{"jobs": jobs(t)}
	for _, s := range p.Services() {
		targets[s.Name] = s.InternalURL
	}
	prom := scrape(t, targets)
	c := platform.NewCrowd(t, p.URL, 4)
	s := newSockets(t)
	for i, player := range c.Players {
		s.connect(player.Name, p.Service([]string{"realtime-1", "realtime-2"}[i%2]).URL, player)
		var joined, said struct{ OK bool }
		s.ask(player.Name, "join", &joined, platform.Room)
		s.ask(player.Name, "chat", &said, platform.Room, "good luck")
		if !joined.OK || !said.OK {
			t.Fatalf("%s: joined %v, chat taken %v", player.Name, joined.OK, said.OK)
		}
	}
	stop := c.Run("k")
	c.More(20)
	ask(t, p, c)
	for _, target := range expressions(t) {
		platform.Await(t, "figures for "+target.panel+": "+target.Expr, func() bool {
			n, err := prom.finite(strings.ReplaceAll(target.Expr, "$__rate_interval", "15s"))
			if err != nil {
				t.Fatalf("%s: %s: %v", target.panel, target.Expr, err)
			}
			return n > 0
		})
	}
	stop()
	c.Judge()
	few(t, prom.series(), c)
}

// ask sends what could end up in a label: ids, invented paths, and invented methods.
func ask(t *testing.T, p *platform.Platform, c *platform.Crowd) {
	t.Helper()
	one, last := c.Players[0].At(p.Service("actions").URL), c.Acked()[0]
	for _, r := range [][2]string{
		{"GET", "/v1/rounds/" + last.Round}, {"GET", "/" + last.Round}, {"GET", "/v1/me?" + last.Key}, {"POST", "/v1/" + one.Name[:1] + last.Round},
		{"BREW", "/v1/bets"}, {"PUT", "/v1/bets"}, {"TRACE", "/" + one.ID},
	} {
		if _, err := one.Do(t.Context(), r[0], r[1], "", nil); err != nil {
			t.Fatal(err)
		}
	}
}

// target is one expression of a panel.
type target struct {
	Expr  string
	panel string
}

// expressions are those of the dashboard.
func expressions(t *testing.T) (all []target) {
	t.Helper()
	root, err := repository.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "infra", "dashboards", "vegascore.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Type, Title string
			Targets     []target
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, e := range p.Targets {
			all = append(all, target{e.Expr, p.Title})
		}
	}
	if len(all) == 0 {
		t.Fatal("no expressions")
	}
	return all
}

// mostSeries of one name and container; a histogram counts with all its buckets.
const mostSeries = 300

// labels are all that a series may have: each has few values, none chosen by a caller.
var labels = map[string]bool{
	"__name__": true, "instance": true, "job": true, // of Prometheus
	"le": true, "quantile": true, "version": true, "path": true, "checksum": true, "code": true, "cause": true, // of the libraries
	"component": true, "status": true, "state": true, "route": true, "method": true, "game": true, "sink": true,
	"function": true, "outcome": true, "result": true, "limit": true,
}

// identity is what no label holds: a UUID, a token, or anything else that is long and
// random.
var identity = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{16,}|eyJ`)

// few fails on labels that grow with players or rounds.
func few(t *testing.T, series []map[string]string, c *platform.Crowd) {
	t.Helper()
	count := map[string]int{}
	ours := 0
	for _, s := range series {
		name := s["__name__"]
		if count[name+" of "+s["instance"]]++; count[name+" of "+s["instance"]] == mostSeries+1 {
			t.Errorf("%s of %s has more than %d series", name, s["instance"], mostSeries)
		}
		if strings.HasPrefix(name, "game_") || strings.HasPrefix(name, "socketio_") {
			ours++
		}
		for label, value := range s {
			if !labels[label] {
				t.Errorf("%s has the label %s, which is not among the known ones", name, label)
			}
			if label != "checksum" && (identity.MatchString(value) || utf8.RuneCountInString(value) > 64) {
				t.Errorf("%s{%s=%q}: an id, or close to one", name, label, value)
			}
			for _, p := range c.Players {
				if value == p.Name || value == p.Token {
					t.Errorf("%s{%s=%q} is a player's", name, label, value)
				}
			}
		}
	}
	if ours == 0 {
		t.Errorf("none of %d series is ours", len(series))
	}
	t.Logf("%d series of 4 containers after %d bets of %d players", len(series), c.Acks(), len(c.Players))
}
