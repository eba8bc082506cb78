package cluster

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vegascore/vegascore/services/realtime/engineio"
	"github.com/vegascore/vegascore/shared/redisconn"
	"github.com/vegascore/vegascore/shared/redistest"
)

// beat is a little shorter than in production, so that tests wait less. A machine
// that stands still for some seconds is no reason to give up yet.
const beat = 400 * time.Millisecond

// control starts a container's control channel and waits until it listens.
func control(t *testing.T, address string, opts ControlOptions) (c *Control, stop func()) {
	t.Helper()
	publish, subscribe, err := redisconn.OpenPair(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = publish.Close(), subscribe.Close() })
	opts.Beat = beat
	c = NewControl(publish, subscribe, opts, testLog(t))
	stop = start(t, c.Run)
	eventually(t, "listening", func() (bool, any) {
		whole, since := c.subscriber.status(&Status{})
		return whole, since
	})
	return c, stop
}

// dialTo opens a stream to a container and returns both ends of it.
func dialTo(t *testing.T, from, to *Control) (here, there net.Conn) {
	t.Helper()
	here = open(t, from, to.Tag())
	if _, err := here.Write([]byte("x")); err != nil { // opens it
		t.Fatal(err)
	}
	there, err := to.Listen().Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = there.Close() })
	if got := read(t, there, 1); got != "x" {
		t.Fatalf("first byte %q", got)
	}
	return here, there
}

func open(t *testing.T, from *Control, tag string) net.Conn {
	t.Helper()
	conn, err := from.Dial(t.Context(), tag)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func read(t *testing.T, c net.Conn, n int) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, n)
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatalf("read %d bytes: %v", n, err)
	}
	return string(b)
}

// ended is the error with which a read ends.
func ended(t *testing.T, c net.Conn) error {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	n, err := c.Read(make([]byte, 1))
	if err == nil {
		t.Fatalf("read %d bytes, want an error", n)
	}
	return err
}

func TestAContainerThatIsNotThereIsKnownAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		c, _ := control(t, address, ControlOptions{})
		for _, tag := range []string{"AAAA", "AAA", "AAAAA", "A%AA"} {
			conn, err := c.Dial(t.Context(), tag)
			if err == nil {
				_, _ = conn.Write([]byte("x"))
				err = ended(t, conn)
				_ = conn.Close()
			}
			if !errors.Is(err, engineio.ErrNoOwner) {
				t.Errorf("tag %q: %v, want ErrNoOwner", tag, err)
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.links) != 0 || c.unmet != 0 {
			t.Errorf("%d links are kept, %d count as unmet", len(c.links), c.unmet)
		}
	})
}

func TestTheStreamsOfAnEndedContainerEnd(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		a, _ := control(t, address, ControlOptions{})
		b, stop := control(t, address, ControlOptions{})
		here, there := dialTo(t, a, b)
		back, _ := dialTo(t, b, a)
		stop()
		if err := ended(t, here); !errors.Is(err, engineio.ErrNoOwner) {
			t.Errorf("the stream to it: %v, want ErrNoOwner", err)
		}
		for _, conn := range []net.Conn{there, back} {
			if err := ended(t, conn); !errors.Is(err, net.ErrClosed) {
				t.Errorf("a stream of its own: %v, want net.ErrClosed", err)
			}
		}
		if _, err := b.Dial(t.Context(), a.Tag()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("it dials: %v, want net.ErrClosed", err)
		}
	})
}

func TestALostMessageEndsTheStreamsOnBothSides(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	cut := newProxy(t, server.URL)
	a, _ := control(t, server.URL, ControlOptions{})
	b, _ := control(t, cut.url(), ControlOptions{})
	here, there := dialTo(t, a, b)
	cut.set(true)
	_, _ = here.Write([]byte("swallowed"))
	for _, conn := range []net.Conn{here, there} {
		if err := ended(t, conn); !errors.Is(err, errLost) && !errors.Is(err, engineio.ErrNoOwner) {
			t.Errorf("a stream of the time before: %v, want that it was lost", err)
		}
	}
	cut.set(false)
	eventually(t, "streams again", func() (bool, any) {
		conn, err := a.Dial(t.Context(), b.Tag())
		if err != nil {
			return false, err
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("x"))
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		accepted := make(chan net.Conn)
		go func() { // ends with the stream that arrives, or with the listener
			c, _ := b.Listen().Accept()
			accepted <- c
		}()
		select {
		case c := <-accepted:
			return c.Close() == nil, nil
		case <-time.After(time.Second):
			return false, "not accepted"
		}
	})
}

func TestStreamsOutliveARedisThatOnlyPauses(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	a, _ := control(t, server.URL, ControlOptions{})
	b, _ := control(t, server.URL, ControlOptions{})
	here, there := dialTo(t, a, b)
	// The connections that publish are killed, those that listen stay.
	if err := a.client.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "no").Err(); err != nil {
		t.Logf("kill: %v", err) // the answer may go with the connection
	}
	for _, end := range []struct{ from, to net.Conn }{{here, there}, {there, here}} {
		if _, err := end.from.Write([]byte("still here")); err != nil {
			t.Fatal(err)
		}
		if got := read(t, end.to, 10); got != "still here" {
			t.Errorf("got %q", got)
		}
	}
}

func TestControlFindsRedisAgain(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	a, _ := control(t, server.URL, ControlOptions{})
	b, _ := control(t, server.URL, ControlOptions{})
	here, _ := dialTo(t, a, b)
	server.Kill()
	if err := ended(t, here); !errors.Is(err, errLost) {
		t.Errorf("a stream without Redis ends with %v, want errLost", err)
	}
	eventually(t, "no stream is opened", func() (bool, any) {
		conn, err := a.Dial(t.Context(), b.Tag())
		if err == nil {
			_ = conn.Close()
		}
		return errors.Is(err, errAway), err
	})
	server.Start()
	eventually(t, "streams again", func() (bool, any) {
		conn, err := a.Dial(t.Context(), b.Tag())
		if err != nil {
			return false, err
		}
		defer conn.Close()
		go func() { // ends with the stream, or with the listener
			if c, err := b.Listen().Accept(); err == nil {
				_, _ = c.Write([]byte("y"))
				_ = c.Close()
			}
		}()
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		got, err := io.ReadAll(conn)
		return string(got) == "y", err
	})
}

func TestTwoContainersWithOneTagDrawAnother(t *testing.T) {
	t.Parallel()
	address := redistest.Server(t).URL
	a, _ := control(t, address, ControlOptions{})
	publish, subscribe, err := redisconn.OpenPair(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = publish.Close(), subscribe.Close() })
	b := NewControl(publish, subscribe, ControlOptions{Beat: beat}, testLog(t))
	was := a.Tag()
	b.subscriber.remove(escapeGlob(b.channel("")), []string{b.channel(b.Tag())})
	b.tag.Store(&was)
	b.subscriber.add(escapeGlob(b.channel("")), b.onShared, []string{b.channel(was)}, b.onMessage)
	start(t, b.Run)
	eventually(t, "another tag", func() (bool, any) { return b.Tag() != was, b.Tag() })
	eventually(t, "listening", func() (bool, any) {
		whole, since := b.subscriber.status(&Status{})
		return whole, since
	})
	here, there := dialTo(t, a, b)
	if _, err := there.Write([]byte("hi")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, here, 2); got != "hi" {
		t.Errorf("got %q", got)
	}
}

func TestADrainMessageReachesAll(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		heard := make(chan Drain, 10)
		opts := ControlOptions{OnDrain: func(d Drain) { heard <- d }}
		a, _ := control(t, address, opts)
		control(t, address, opts)
		for _, bad := range []string{"", "{}", `{"drain":{}}`, `{"drain":{"keep":"v2","over":"-1s"}}`, `{"drain":{"keep":"v2","over":"2h"}}`, `{"drain":{"keep":"","over":"1s"}}`, "[1"} {
			if err := a.client.Publish(t.Context(), a.channel(""), bad).Err(); err != nil {
				t.Fatal(err)
			}
		}
		want := Drain{Keep: "v2", Over: time.Minute}
		n, err := a.Drain(t.Context(), want)
		if err != nil || n != 2 {
			t.Errorf("Drain reached %d, %v", n, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for range 2 {
			select {
			case got := <-heard:
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			case <-ctx.Done():
				t.Fatal("not heard")
			}
		}
	})
}

func TestStreamsGoThroughARedisCluster(t *testing.T) {
	t.Parallel()
	address := redistest.Cluster(t).URL
	a, _ := control(t, address, ControlOptions{})
	b, stop := control(t, address, ControlOptions{})
	here, there := dialTo(t, a, b)
	sent := strings.Repeat("0123456789", 10_000)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := there.Write([]byte(sent)); err != nil {
			t.Errorf("write: %v", err)
		}
	})
	if got := read(t, here, len(sent)); got != sent {
		t.Error("other bytes arrived")
	}
	wg.Wait()
	nobody := open(t, a, "AAAA")
	_, _ = nobody.Write([]byte("x"))
	if err := ended(t, nobody); !errors.Is(err, engineio.ErrNoOwner) {
		t.Errorf("nobody's tag: %v, want ErrNoOwner", err)
	}
	stop()
	if err := ended(t, here); !errors.Is(err, errLost) {
		t.Errorf("a container that has ended: %v, want errLost", err)
	}
}
