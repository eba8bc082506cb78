package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vegascore/vegascore/infra/dev/load/latency"
)

// clients bet over HTTP, each on a connection of its own, one bet after another for
// its players in turn. They do as little as they can themselves: they share the
// machine with the server.
type clients struct {
	all     []*bettor
	answers *latency.Histogram

	// refusals is for 503s, after which a client tries again: a busy machine is no error.
	refusals *latency.Histogram
	refused  atomic.Int64
}

// refusalPause is before the next attempt.
const refusalPause = 10 * time.Millisecond

// longIdle is how long a connection may have been silent before a new one is made.
const longIdle = 20 * time.Second

// errRefused is a 503.
var errRefused = errors.New("refused")

// bettor is one client.
type bettor struct {
	host    string
	conn    net.Conn
	read    *bufio.Reader
	players []*guest
	key     string
	bets    int // answered with 201
	used    time.Time
}

// guest is a player and what the balance must be.
type guest struct {
	request string // up to the key
	balance int64
	wrong   int
}

const betBody = `{"game":"dice","table":"dice-1","stake":1,"params":{"direction":"under","target":5000}}`

// newClients signs the players in; keys begin with name.
func newClients(ctx context.Context, name, base string, n, players int) (*clients, error) {
	c := &clients{answers: &latency.Histogram{}, refusals: &latency.Histogram{}}
	host := strings.TrimPrefix(base, "http://")
	for i := range n {
		b := &bettor{host: host, key: fmt.Sprintf("%s-%d", name, i)}
		if err := b.connect(ctx); err != nil {
			c.close()
			return nil, err
		}
		c.all = append(c.all, b)
		for j := range players {
			err := b.signIn(fmt.Sprintf("Bench %d %d", i, j))
			for errors.Is(err, errRefused) && ctx.Err() == nil {
				<-time.After(refusalPause)
				err = b.signIn(fmt.Sprintf("Bench %d %d", i, j))
			}
			if err != nil {
				c.close()
				return nil, fmt.Errorf("sign in: %w", err)
			}
		}
	}
	return c, nil
}

func (c *clients) close() {
	for _, b := range c.all {
		b.conn.Close()
	}
}

// run bets for d and returns bets per second.
func (c *clients) run(ctx context.Context, d time.Duration) (float64, error) {
	for _, b := range c.all {
		if time.Since(b.used) < longIdle {
			continue
		}
		if err := b.connect(ctx); err != nil {
			return 0, err
		}
	}
	before := c.bets()
	errs := make([]error, len(c.all))
	began := time.Now()
	var wg sync.WaitGroup
	for i, b := range c.all {
		wg.Go(func() { // ends after d
			for time.Since(began) < d && ctx.Err() == nil && errs[i] == nil {
				start := time.Now()
				err := b.bet()
				if errors.Is(err, errRefused) {
					c.refusals.Add(time.Since(start))
					c.refused.Add(1)
					<-time.After(refusalPause)
					continue
				}
				errs[i] = err
				c.answers.Add(time.Since(start))
			}
		})
	}
	wg.Wait()
	for _, b := range c.all {
		b.used = time.Now()
	}
	took := time.Since(began).Seconds()
	for _, err := range errs {
		if err != nil {
			return 0, fmt.Errorf("bet over HTTP: %w", err)
		}
	}
	return float64(c.bets()-before) / took, ctx.Err()
}

// alone has one of the clients bet for d, and adds to answers how long each took.
func (c *clients) alone(ctx context.Context, d time.Duration, answers *latency.Histogram) error {
	one := &clients{all: c.all[:1], answers: answers, refusals: &latency.Histogram{}}
	_, err := one.run(ctx, d)
	return err
}

func (c *clients) bets() (n int) {
	for _, b := range c.all {
		n += b.bets
	}
	return n
}

// wrong counts answers whose balance was not the player's own arithmetic.
func (c *clients) wrong() (n int) {
	for _, b := range c.all {
		for _, p := range b.players {
			n += p.wrong
		}
	}
	return n
}

// connect makes a connection, in place of one that the server may have given up by now.
func (b *bettor) connect(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", b.host)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if b.conn != nil {
		b.conn.Close()
	}
	b.conn, b.read, b.used = conn, bufio.NewReader(conn), time.Now()
	return nil
}

func (b *bettor) signIn(name string) error {
	body := fmt.Sprintf(`{"name":%q}`, name)
	var in struct {
		Token   string `json:"token"`
		Balance int64  `json:"balance"`
	}
	request := fmt.Sprintf("POST /v1/guests HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", b.host, len(body), body)
	if err := b.ask(request, &in); err != nil {
		return err
	}
	b.players = append(b.players, &guest{balance: in.Balance, request: fmt.Sprintf(
		"POST /v1/bets HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nIdempotency-Key: ", b.host, in.Token, len(betBody))})
	return nil
}

func (b *bettor) bet() error {
	p := b.players[b.bets%len(b.players)]
	var s struct {
		Round struct {
			Stake   int64 `json:"stake"`
			Payout  int64 `json:"payout"`
			Balance int64 `json:"balance"`
		} `json:"round"`
	}
	if err := b.ask(fmt.Sprintf("%s%s-%d\r\n\r\n%s", p.request, b.key, b.bets, betBody), &s); err != nil {
		return err
	}
	b.bets++
	p.balance += s.Round.Payout - s.Round.Stake
	if s.Round.Balance != p.balance {
		p.wrong++
		p.balance = s.Round.Balance
	}
	return nil
}

// ask sends a request and reads the answer, which must be 201.
func (b *bettor) ask(request string, out any) error {
	if err := b.conn.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(b.conn, request); err != nil {
		return err
	}
	answer, err := http.ReadResponse(b.read, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode == http.StatusServiceUnavailable {
		return fmt.Errorf("%w: %s: %s", errRefused, answer.Status, body)
	}
	if answer.StatusCode != http.StatusCreated {
		return fmt.Errorf("%s: %s", answer.Status, body)
	}
	return json.Unmarshal(body, out)
}
