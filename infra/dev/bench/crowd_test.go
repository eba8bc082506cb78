package bench

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vegascore/vegascore/infra/dev/load/latency"
)

// hear has a member receive the numbers of publisher 1, of whom five are sent.
func hear(numbers ...int64) *crowd {
	c := &crowd{rooms: 1, sent: make([]atomic.Int64, 2)}
	c.delays.Store(&latency.Histogram{})
	c.sent[1].Store(5)
	m := &member{crowd: c, from: make([]track, 2), timed: true}
	c.members = append(c.members, m)
	for _, n := range numbers {
		m.raw([]byte(`2["publish","` + body(1, n) + `"]`))
	}
	return c
}

func TestABrokenBroadcastIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                        string
		numbers                     []int64
		lost, duplicated, unordered int64
	}{
		{"whole", []int64{0, 1, 2, 3, 4}, 0, 0, 0},
		{"a hole", []int64{0, 1, 3, 4}, 1, 0, 0},
		{"no end", []int64{0, 1, 2}, 2, 0, 0},
		{"twice", []int64{0, 1, 1, 2, 3, 4}, 0, 1, 0},
		{"late", []int64{0, 2, 1, 3, 4}, 0, 0, 1},
		{"late twice", []int64{0, 2, 1, 1, 3, 4}, 0, 1, 1},
		{"never sent", []int64{0, 1, 2, 3, 4, 5}, 0, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lost, duplicated, unordered := hear(c.numbers...).judge()
			if lost != c.lost || duplicated != c.duplicated || unordered != c.unordered {
				t.Errorf("%d lost, %d duplicated, %d out of order; want %d, %d, %d", lost, duplicated, unordered, c.lost, c.duplicated, c.unordered)
			}
		})
	}
}

func TestAMessageHasItsSizeAndItsTime(t *testing.T) {
	t.Parallel()
	if got := len(`42["publish","` + body(7, 8) + `"]`); got != frameBytes {
		t.Errorf("%d bytes, want %d", got, frameBytes)
	}
	c := hear(0)
	if d := c.delays.Load().Max(); d <= 0 || d > time.Minute {
		t.Errorf("a delay of %s", d)
	}
	m := c.members[0]
	for _, other := range []string{`2["presence",{}]`, `2["publish","short"]`} {
		if m.raw([]byte(other)) {
			t.Errorf("%s was taken for a message", other)
		}
	}
}

func TestTheCPUTimeOfAProcessGrows(t *testing.T) {
	t.Parallel()
	before, err := cpu(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for n := 0; ; n++ {
		_ = fmt.Sprint(n) // some work
		if n%10_000 != 0 {
			continue
		}
		after, err := cpu(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if after > before {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s before and after", before)
		}
	}
}

func TestTheAddressOfAServerIsReadFromWhatItSays(t *testing.T) {
	t.Parallel()
	o := &output{line: make(chan string, 1)}
	for _, part := range []string{"hello\nlisten", "ing on 127.0.0.1:8", "0\nlistening on elsewhere\n", strings.Repeat("x", 10_000)} {
		if n, err := o.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}
	if got := <-o.line; got != "127.0.0.1:80" {
		t.Errorf("got %q", got)
	}
	if n := len(o.String()); n != 4<<10 {
		t.Errorf("kept %d bytes", n)
	}
}

func TestAProgramThatEndsIsAnErrorWithItsWords(t *testing.T) {
	t.Parallel()
	p, err := launch(map[string]string{"WORDS": "no key"}, "/bin/sh", "-c", `echo "$WORDS" >&2; exit 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer p.end()
	if _, err := p.address(t.Context()); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("got %v", err)
	}
	if err := p.ready(t.Context(), "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("got %v", err)
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 9}, 3}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v is %g", c.values, got)
		}
	}
}

func TestRoundsGiveMediansAndKeepWhatWentWrong(t *testing.T) {
	t.Parallel()
	m := middle([]Fanout{
		{PerSecond: 3, CPU: 1, P50: 1, P99: 9, Deliveries: 1, Lost: 1},
		{PerSecond: 1, CPU: 3, P50: 2, P99: 5, Deliveries: 1, Unordered: 2},
		{PerSecond: 2, CPU: 2, P50: 3, P99: 7, Deliveries: 1, Duplicated: 3},
	})
	want := Fanout{PerSecond: 2, CPU: 2, P50: 2, P99: 7, Deliveries: 3, Lost: 1, Duplicated: 3, Unordered: 2}
	if m != want {
		t.Errorf("got %+v, want %+v", m, want)
	}
}
