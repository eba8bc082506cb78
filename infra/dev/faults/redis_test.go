package faults

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/infra/dev/e2e/platform"
	"github.com/vegascore/vegascore/infra/dev/stack"
	"github.com/vegascore/vegascore/shared/child"
	"github.com/vegascore/vegascore/shared/localredis"
)

// healBound is how long the platform may take to be whole after Redis is back.
const healBound = 2 * time.Second

// across waits until a chat message comes through from one container to the other,
// and returns how long that took. Messages that are lost meanwhile are sent again.
func across(t *testing.T, from, to *ear) time.Duration {
	t.Helper()
	began, asked := time.Now(), time.Time{}
	n := 0
	return platform.Await(t, "a chat message from one container to the other", func() bool {
		every := 100 * time.Millisecond
		if n >= 5 {
			every = 600 * time.Millisecond // a player may say two a second, after the first few
		}
		if time.Since(asked) > every {
			n, asked = n+1, time.Now()
			from.ask("chat", platform.Room, fmt.Sprint("across ", began.UnixNano(), " ", n))
		}
		for i := range n {
			if to.hasHeard(fmt.Sprint("across ", began.UnixNano(), " ", i+1)) {
				return true
			}
		}
		return false
	})
}

// status is the status of /health at the front door.
func status(t *testing.T, p *platform.Platform) string {
	t.Helper()
	answer := platform.Get(t, p.URL+"/health")
	var health struct{ Status string }
	answer.Into(t, &health)
	if (answer.Status == http.StatusOK) != (health.Status != "unhealthy") {
		t.Errorf("health: %d with %s", answer.Status, health.Status)
	}
	return health.Status
}

// Fault 1: Redis is down at boot.
func TestRedisDownAtBootIsHealedByItself(t *testing.T) {
	t.Parallel()
	for n := range times(1) {
		// A platform at a time: each holds connections to PostgreSQL.
		t.Run(fmt.Sprint(n+1), downAtBoot)
	}
}

func downAtBoot(t *testing.T) {
	outage := time.Second
	if os.Getenv("VEGAS_SOAK") != "" {
		outage = 8 * time.Second // long enough for every backoff to reach its longest pause
	}
	began := time.Now()
	port, err := child.Port()
	if err != nil {
		t.Fatal(err)
	}
	p := platform.Start(t, stack.Options{RedisURL: "redis://127.0.0.1:" + strconv.Itoa(port) + "/0"})
	crowd := platform.NewCrowd(t, p.URL, 2)
	one := listen(t, p.Service("realtime-1").URL, crowd.Players[0])
	two := listen(t, p.Service("realtime-2").URL, crowd.Players[1])
	stop := crowd.Run("down")
	crowd.More(20)
	platform.Await(t, "health says degraded", func() bool { return status(t, p) == "degraded" })
	platform.Await(t, "the outage is long enough", func() bool { return time.Since(began) > outage })
	for _, s := range p.Services() {
		if err := s.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	}
	redis, err := localredis.Start(t.Context(), localredis.Options{Dir: filepath.Join(t.TempDir(), "redis"), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	heal := across(t, one, two)
	stop()
	judge(t, p, crowd)
	rows := time.Since(began)
	platform.Await(t, "health says healthy", func() bool { return status(t, p) == "healthy" })
	healthy := time.Since(began)
	one.stays()
	two.stays()
	lost, doubled := two.count(crowd.Acked())
	t.Logf("Redis down at boot: sockets across containers after %s, waiting rows out after %s, healthy after %s; of %d rounds a socket did not hear of %d and twice of %d",
		ms(heal), ms(rows), ms(healthy), len(crowd.Acked()), lost, doubled)
	within(t, "healing", max(heal, rows), healBound)
	if lost > 0 {
		t.Errorf("%d events are lost", lost)
	}
	if err := redis.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// Fault 2: Redis is killed in the middle of the game.
func TestRedisKilledMidGameCostsNoBetAndNoSocket(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, stack.Options{Redis: stack.RedisServer, NoHeal: true})
	crowd := platform.NewCrowd(t, p.URL, 3)
	one := listen(t, p.Service("realtime-1").URL, crowd.Players[0])
	two := listen(t, p.Service("realtime-2").URL, crowd.Players[1])
	across(t, one, two)
	stop := crowd.Run("k")
	var heals []time.Duration
	for range times(2) {
		crowd.More(10)
		if err := p.Redis().Kill(); err != nil {
			t.Fatal(err)
		}
		crowd.More(20) // without Redis
		if err := p.Redis().Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		heals = append(heals, max(across(t, one, two), across(t, two, one)))
	}
	stop()
	report := judge(t, p, crowd)
	one.stays()
	two.stays()
	acks := crowd.Acked()
	lost, doubled := two.count(acks)
	t.Logf("Redis killed %d times: healed within %s; bets lost %d of %d; a socket did not hear of %d rounds and twice of %d",
		len(heals), longest(heals), len(report.Lost), len(acks), lost, doubled)
	within(t, "healing", longest(heals), healBound)
	if lost > 0 {
		t.Errorf("%d events are lost", lost)
	}
	if refused, unheard := crowd.Refused(); len(refused)+unheard > 0 {
		t.Errorf("bets without Redis: refused %v, %d without an answer", refused, unheard)
	}
}

// command sends inline commands to Redis and reads one line for each.
func command(t *testing.T, addr string, lines ...string) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(platform.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(strings.Join(lines, "\r\n") + "\r\n")); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewScanner(conn)
	for _, line := range lines {
		if !answers.Scan() || strings.HasPrefix(answers.Text(), "-") {
			t.Fatalf("Redis: %s: %s, %v", line[:min(len(line), 40)], answers.Text(), answers.Err())
		}
	}
}

// Fault 7: Redis is full and evicts what it likes, presence too.
func TestAFullRedisCostsNoMoneyAndPresenceComesBack(t *testing.T) {
	t.Parallel()
	p := platform.Start(t, stack.Options{Redis: stack.RedisServer})
	crowd := platform.NewCrowd(t, p.URL, 3)
	one := listen(t, p.Service("realtime-1").URL, crowd.Players[0])
	two := listen(t, p.Service("realtime-2").URL, crowd.Players[1])
	all := func(e *ear) bool {
		answer := e.ask("join", platform.Room)
		return strings.Contains(answer, crowd.Players[0].ID) && strings.Contains(answer, crowd.Players[1].ID)
	}
	platform.Await(t, "both players are seen", func() bool { return all(one) && all(two) })
	stop := crowd.Run("k")
	crowd.More(10)
	command(t, p.Redis().Addr(), "CONFIG SET maxmemory-policy allkeys-random")
	var back []time.Duration
	for n := range times(1) {
		var fill []string
		for i := range 600 {
			fill = append(fill, fmt.Sprintf("SET filler:%d:%d %s", n, i, strings.Repeat("x", 8<<10)))
		}
		// Below what Redis needs for itself it keeps no key, and refuses new ones.
		command(t, p.Redis().Addr(), append(fill, "CONFIG SET maxmemory 1")...)
		crowd.More(20)
		command(t, p.Redis().Addr(), "CONFIG SET maxmemory 0")
		back = append(back, platform.Await(t, "both players are seen again", func() bool { return all(one) && all(two) }))
		crowd.More(10)
	}
	stop()
	judge(t, p, crowd)
	one.stays()
	two.stays()
	if refused, unheard := crowd.Refused(); len(refused)+unheard > 0 {
		t.Errorf("bets with a full Redis: refused %v, %d without an answer", refused, unheard)
	}
	t.Logf("Redis full %d times: presence complete after at most %s, oracle clean over %d bets", len(back), longest(back), len(crowd.Acked()))
}
