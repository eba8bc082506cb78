package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/shared/event"
	"github.com/vegascore/vegascore/shared/leaderboard"
	"github.com/vegascore/vegascore/shared/money"
	"github.com/vegascore/vegascore/shared/pgtest"
)

// won puts a round on the boards, as its fact does.
func won(t *testing.T, pg *pgtest.Database, p *player, stake, payout money.Amount, at time.Time) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), pg.Pool(t), func(tx pgx.Tx) error {
		_, err := leaderboard.Apply(t.Context(), tx, event.RoundSettled{
			Round: uuid.New(), Player: uuid.MustParse(p.ID), Name: p.Name, Asset: money.Play, Stake: stake, Payout: payout, SettledAt: at,
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// board is an answer of GET /v1/leaderboard as a line: period, measure, day, then the
// names in their order, then the place of the caller.
func board(t *testing.T, r reply) []string {
	t.Helper()
	var body struct {
		Period, By, Day string
		Entries         []struct {
			Player struct{ Name string }
			Best   struct{ Multiplier string }
		}
		Me struct{ Player struct{ Name string } }
	}
	r.into(t, &body)
	line := []string{body.Period, body.By, body.Day}
	for _, e := range body.Entries {
		line = append(line, e.Player.Name+" "+e.Best.Multiplier)
	}
	return append(line, "me "+body.Me.Player.Name)
}

func TestBoardsOfDaysAndWeeks(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada, bob := s.guest("Ada"), s.guest("Bob")
	sunday := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	won(t, pg, ada, 100, 0, sunday)
	won(t, pg, ada, 10, 60, sunday.AddDate(0, 0, -1))
	won(t, pg, bob, 20, 50, sunday)
	for query, want := range map[string][]string{
		"?day=2026-11-22":                                 {"day", "net", "2026-11-22", "Bob 2.5000", "Ada 0.0000", "me "},
		"?day=2026-11-22&by=wagered":                      {"day", "wagered", "2026-11-22", "Ada 0.0000", "Bob 2.5000", "me "},
		"?day=2026-11-22&period=week&by=multiplier":       {"week", "multiplier", "2026-11-16", "Ada 6.0000", "Bob 2.5000", "me "},
		"?day=2026-11-16&period=week&by=wagered":          {"week", "wagered", "2026-11-16", "Ada 6.0000", "Bob 2.5000", "me "},
		"?day=2026-11-23&period=week":                     {"week", "net", "2026-11-23", "me "},
		"?day=2026-11-21&period=day&by=multiplier":        {"day", "multiplier", "2026-11-21", "Ada 6.0000", "me "},
		"?day=2026-11-22&period=week&by=net&limit=1&x=no": {"week", "net", "2026-11-16", "Bob 2.5000", "me "},
	} {
		if diff := cmp.Diff(want, board(t, s.get("/v1/leaderboard"+query))); diff != "" {
			t.Errorf("leaderboard%s (-want +got):\n%s", query, diff)
		}
	}
	mine := ada.send("GET", "/v1/leaderboard?day=2026-11-22&limit=1", "")
	if diff := cmp.Diff([]string{"day", "net", "2026-11-22", "Bob 2.5000", "me Ada"}, board(t, mine)); diff != "" {
		t.Errorf("with a token (-want +got):\n%s", diff)
	}
	if !strings.Contains(mine.body, `"me":{"rank":2,`) {
		t.Errorf("own place: %s; want rank 2", mine.body)
	}
	if r := s.guest("Cy").send("GET", "/v1/leaderboard?day=2026-11-22", ""); strings.Contains(r.body, `"me"`) {
		t.Errorf("a player who is not on the board: %s", r.body)
	}
}

func TestABoardIsNotSentTwice(t *testing.T) {
	t.Parallel()
	s, pg := begin(t)
	ada := s.guest("Ada")
	const path = "/v1/leaderboard?day=2026-11-22"
	tag := s.get(path).header.Get("ETag")
	if r := s.get(path, "If-None-Match", tag); r.status != 304 || r.body != "" {
		t.Errorf("unchanged: %d %q; want 304", r.status, r.body)
	}
	won(t, pg, ada, 100, 0, time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	r := s.get(path, "If-None-Match", tag)
	if r.status != 200 || !strings.Contains(r.body, "Ada") {
		t.Errorf("changed: %d %q; want 200 with the round", r.status, r.body)
	}
	if mine := ada.send("GET", path, "", "If-None-Match", r.header.Get("ETag")); mine.status != 200 {
		t.Errorf("another's answer: %d; want 200", mine.status)
	}
}

func TestBadBoardsAreRefused(t *testing.T) {
	t.Parallel()
	s, _ := begin(t)
	for query, status := range map[string]int{
		"?day=today": 422, "?day=2026-11-31": 422, "?day=2026-11-22T00:00:00Z": 422, "?limit=0": 422, "?limit=101": 422, "?limit=x": 422,
		"?limit=-1": 422, "?limit=1e1": 422, "?limit=99999999999999999999": 422, "?period=month": 422, "?period=DAY": 422, "?by=losses": 422,
		"?by=net'--": 422, "?by=net%00": 422, "?day=2026-11-22&limit=5": 200, "": 200, "?period=&by=&limit=": 200, "?day=9999-12-31&period=week": 200,
		"?day=0001-01-01&period=week": 200,
	} {
		r := s.get("/v1/leaderboard" + query)
		if r.status != status {
			t.Errorf("leaderboard%s: %d %s; want %d", query, r.status, r.body, status)
		}
		if status != 200 {
			checkRefusal(t, query, r)
		}
	}
	if r := s.get("/v1/leaderboard", "Authorization", "Bearer x.y.z"); r.status != 401 || r.code() != "token_invalid" {
		t.Errorf("bad token: %d %s", r.status, r.body)
	}
	if r := s.send("POST", "/v1/leaderboard", "{}"); r.status != 405 {
		t.Errorf("POST: %d %s", r.status, r.body)
	}
}
