package chaos

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/shared/ledger/oracle"
)

// Verdict compares what players were told with what is in the database. In a good one,
// Faults returns nothing.
type Verdict struct {
	Acknowledged int // orders
	Stored       int // rounds and actions
	Lost         int // acknowledged, and not stored
	Doubled      int // keys that are stored more than once
	Changed      int // stored with another answer than the player got
	Unasked      int // stored, and never acknowledged
	Balances     int // players who have something else than their last answer said
	Unheard      int // rows of the outbox that nobody heard; only with an Ear
	Odd          []string
}

// Faults are the breaches, one text each.
func (v Verdict) Faults() []string {
	all := v.Odd
	for what, n := range map[string]int{
		"acknowledged orders are lost": v.Lost, "keys are stored more than once": v.Doubled,
		"answers are stored otherwise than they were given": v.Changed, "stored orders were never acknowledged": v.Unasked,
		"players have not what their last answer said": v.Balances, "events were never heard": v.Unheard,
	} {
		if n > 0 {
			all = append(all, fmt.Sprintf("%d %s", n, what))
		}
	}
	return all
}

// Judge waits until the players are done, asks the shared oracle too, and fails t on every
// breach.
func (c *Crowd) Judge(t testing.TB, ear *Ear) Verdict {
	t.Helper()
	<-c.done
	c.floor.awaitDatabase(t)
	v := c.Compare(t)
	if ear != nil {
		v.Unheard = ear.missing(t)
	}
	for _, fault := range v.Faults() {
		t.Error(fault)
	}
	oracle.Judge(t, c.floor.Database)
	return v
}

// Compare looks for what was acknowledged and for what is stored of these players. They
// must be done.
func (c *Crowd) Compare(t testing.TB) Verdict {
	t.Helper()
	v := Verdict{Odd: c.odd}
	players := make(map[string]*player, len(c.players))
	numbers := make(map[string]int)
	for _, p := range c.players {
		players[p.ID] = p
		for n, digest := range p.acks {
			if digest != 0 {
				v.Acknowledged++
			}
			numbers[key(n)] = n
		}
	}
	seen := make(map[*player][]uint8, len(c.players)) // how often each order is stored
	c.stored(t, func(owner, key, answer string) {
		p := players[owner]
		if p == nil {
			return // of somebody else
		}
		v.Stored++
		n, known := numbers[key]
		if !known || n >= len(p.acks) || p.acks[n] == 0 {
			v.Unasked++
			return
		}
		if seen[p] == nil {
			seen[p] = make([]uint8, len(p.acks))
		}
		switch seen[p][n]++; {
		case seen[p][n] == 2:
			v.Doubled++
		case seen[p][n] == 1 && digestOf([]byte(answer)) != p.acks[n]:
			v.Changed++
		}
	})
	for _, p := range c.players {
		for n, digest := range p.acks {
			if digest != 0 && (seen[p] == nil || seen[p][n] == 0) {
				v.Lost++
			}
		}
		v.Balances += c.wrong(t, p)
	}
	return v
}

// stored calls each with every round and every action: the player, the key, the answer.
func (c *Crowd) stored(t testing.TB, each func(owner, key, answer string)) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, c.floor.Database.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, `SELECT player_id::text, key::text, answer FROM rounds UNION ALL SELECT player_id::text, key::text, answer FROM round_steps`)
	if err != nil {
		t.Fatal(err)
	}
	var owner, key, answer string
	if _, err := pgx.ForEachRow(rows, []any{&owner, &key, &answer}, func() error { each(owner, key, answer); return nil }); err != nil {
		t.Fatal(err)
	}
}

// wrong is 1 when the service tells a player another balance than the last answer did.
func (c *Crowd) wrong(t testing.TB, p *player) int {
	t.Helper()
	var balance int64
	platform.Await(t, "a balance", func() (known bool) {
		var err error
		balance, err = c.line.balance(context.Background(), c.floor.Address(), p.guest)
		return err == nil
	})
	if balance != p.balance {
		return 1
	}
	return 0
}
