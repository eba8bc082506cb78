package load

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/vegascore/vegascore/infra/dev/load/client"
)

// player is one guest with one socket.
type player struct {
	run   *run
	api   api
	id    string
	ear   ear
	purse purse

	socket   *client.Client
	whole    atomic.Bool  // the socket was there all the time
	rounds   atomic.Int64 // own players' rounds heard, without repetitions
	balances atomic.Int64 // balance events heard
}

func (r *run) signIn(ctx context.Context, i int) (*player, error) {
	p := &player{run: r, ear: ear{table: r.tables[i%len(r.tables)]}}
	p.api = api{base: r.opts.URL, client: r.client, failed: r.failed}
	var g guest
	name := map[string]string{"name": fmt.Sprintf("Load %d", i+1)}
	if err := p.api.call(ctx, http.MethodPost, "/v1/guests", "", name, &g); err != nil {
		return nil, err
	}
	p.id, p.api.token, p.purse.balance = g.Player.ID, g.Token, g.Balance
	p.ear.table.seat(p.id)
	p.whole.Store(true)
	return p, nil
}

// connect opens the socket and joins the table.
func (p *player) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	socket, err := client.Dial(ctx, p.run.opts.URL, client.Options{Auth: map[string]string{"token": p.api.token}, Raw: p.raw, Event: p.event})
	if err != nil {
		p.run.failed("no_socket")
		return err
	}
	answer, err := socket.Ask(ctx, "join", "table:"+p.ear.table.id)
	var acks []struct {
		OK   bool   `json:"ok"`
		Code string `json:"code"`
	}
	if err == nil && (json.Unmarshal(answer, &acks) != nil || len(acks) != 1 || !acks[0].OK) {
		err = fmt.Errorf("join table:%s: %s", p.ear.table.id, answer)
	}
	if err != nil {
		p.run.failed("no_join")
		socket.Close()
		return err
	}
	p.socket = socket
	p.run.sockets.Add(1)
	return nil
}

// stay keeps the socket until ctx ends. A lost one comes back, as a browser's does;
// what it missed meanwhile does not count as lost.
func (p *player) stay(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			p.socket.Close()
			p.run.sockets.Add(-1)
			return
		case <-p.socket.Done():
		}
		p.whole.Store(false)
		p.run.sockets.Add(-1)
		p.run.gaps.Add(1)
		for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
			// Spread, so that a container that comes back is not met by all at once.
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause/2 + mathrand.N(pause)):
			}
			if p.connect(ctx) == nil {
				break
			}
		}
	}
}

var roundPrefix = []byte(`2["round",`)

// raw takes the round events, which are nearly all of the traffic.
func (p *player) raw(packet []byte) bool {
	if !bytes.HasPrefix(packet, roundPrefix) {
		return false
	}
	e := p.ear.table.read(packet[1:])
	if e == nil {
		p.run.failed("bad_round_event")
		return true
	}
	p.run.deliveries.Add(1)
	p.run.lag.Add(time.Since(e.settled))
	if p.ear.heard(e) && e.player >= 0 {
		p.rounds.Add(1)
	}
	return true
}

func (p *player) event(name string, args json.RawMessage) {
	switch name {
	case "balance":
		if !p.purse.tell(args) {
			p.run.failed("bad_balance_event")
			return
		}
		p.run.deliveries.Add(1)
		p.balances.Add(1)
	case "error":
		p.run.failed("socket_error")
	}
}

// play bets until ctx ends, the budget is spent, or the player is out of money.
func (p *player) play(ctx context.Context) {
	var turn <-chan time.Time
	if rate := p.run.opts.Rate; rate > 0 {
		period := time.Duration(float64(time.Second) / rate)
		// Players who start together would bet together for ever.
		select {
		case <-ctx.Done():
			return
		case <-time.After(mathrand.N(period)):
		}
		ticker := time.NewTicker(max(period, time.Microsecond))
		defer ticker.Stop()
		turn = ticker.C
	}
	key := rand.Text()
	for n := 0; ctx.Err() == nil && p.purse.balance >= p.run.opts.Stake && p.run.budget.Add(-1) >= 0; n++ {
		began := time.Now()
		var s settled
		// A bet that has begun is seen through: an answer that nobody waits for could
		// be either.
		err := p.api.call(context.WithoutCancel(ctx), http.MethodPost, "/v1/bets", fmt.Sprintf("%s-%d", key, n), newBet(p.ear.table.id, p.run.opts.Stake), &s)
		if err != nil {
			p.run.failed("bet_given_up")
			p.refresh(ctx)
		} else {
			took := time.Since(began)
			p.run.answers.Add(took)
			p.run.window.Load().Add(took)
			p.purse.bet(s)
			p.run.bets.Add(1)
		}
		if turn == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-turn:
		}
	}
}

// refresh asks for the balance after a bet that may or may not have happened.
func (p *player) refresh(ctx context.Context) {
	var me struct {
		Balance int64 `json:"balance"`
	}
	if err := p.api.call(ctx, http.MethodGet, "/v1/me", "", nil, &me); err == nil {
		p.purse.balance = me.Balance
	}
}

// lookUp compares the balance that the platform has now with the player's own.
func (p *player) lookUp(ctx context.Context) {
	var me struct {
		Balance int64 `json:"balance"`
	}
	if err := p.api.call(ctx, http.MethodGet, "/v1/me", "", nil, &me); err != nil {
		p.run.failed("no_balance")
		return
	}
	if me.Balance != p.purse.balance {
		p.purse.wrong++
	}
}
