package cluster

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vegascore/vegascore/services/realtime/engineio"
	"github.com/vegascore/vegascore/shared/redistest"
)

var discard = slog.New(slog.DiscardHandler)

func TestStreamsCarryManyBytesBothWays(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		a, _ := control(t, address, ControlOptions{})
		b, _ := control(t, address, ControlOptions{})
		var wg sync.WaitGroup
		for range 5 {
			here, there := dialTo(t, a, b)
			for _, way := range [][2]net.Conn{{here, there}, {there, here}} {
				sent := make([]byte, 300<<10)
				for i := range sent {
					sent[i] = byte(rand.N(256))
				}
				wg.Go(func() {
					if _, err := way[0].Write(sent); err != nil {
						t.Errorf("write: %v", err)
					}
				})
				wg.Go(func() {
					got := make([]byte, len(sent))
					_ = way[1].SetReadDeadline(time.Now().Add(patience))
					if _, err := io.ReadFull(way[1], got); err != nil || !bytes.Equal(got, sent) {
						t.Errorf("got other bytes: %v", err)
					}
				})
			}
		}
		wg.Wait()
	})
}

func TestAReaderThatWaitsStopsTheWriter(t *testing.T) {
	t.Parallel()
	address := redistest.Server(t).URL
	a, _ := control(t, address, ControlOptions{})
	b, _ := control(t, address, ControlOptions{})
	here, there := dialTo(t, a, b)
	_ = here.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	big := make([]byte, 4*window)
	n, err := here.Write(big)
	if n != window-1 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("wrote %d bytes and %v, want %d and a missed deadline", n, err, window-1)
	}
	if part, err := here.(*stream).WritePart(big); part != 0 || err != nil {
		t.Errorf("WritePart took %d, %v", part, err)
	}
	_ = here.SetWriteDeadline(time.Time{})
	read(t, there, window-1)
	eventually(t, "room", func() (bool, any) {
		part, err := here.(*stream).WritePart([]byte("x"))
		return part == 1, err
	})
	// Another stream was never in the way.
	here, there = dialTo(t, a, b)
	if _, err := there.Write([]byte("free")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, here, 4); got != "free" {
		t.Errorf("got %q", got)
	}
}

func TestTheEndsOfAStream(t *testing.T) {
	t.Parallel()
	address := redistest.Server(t).URL
	a, _ := control(t, address, ControlOptions{})
	b, _ := control(t, address, ControlOptions{})

	here, there := dialTo(t, a, b)
	_, _ = here.Write([]byte("last"))
	_ = here.(*stream).CloseWrite()
	if got := read(t, there, 4); got != "last" {
		t.Errorf("got %q", got)
	}
	if err := ended(t, there); !errors.Is(err, io.EOF) {
		t.Errorf("after CloseWrite: %v, want EOF", err)
	}
	if _, err := here.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write after CloseWrite: %v", err)
	}
	_, _ = there.Write([]byte("answer"))
	if got := read(t, here, 6); got != "answer" {
		t.Errorf("got %q", got)
	}

	_, _ = there.Write([]byte("bye"))
	_ = there.Close()
	var got bytes.Buffer
	_ = here.SetReadDeadline(time.Now().Add(patience))
	if _, err := here.(io.WriterTo).WriteTo(&got); err != nil || got.String() != "bye" {
		t.Errorf("WriteTo gave %q, %v", got.String(), err)
	}
	here, there = dialTo(t, a, b)
	_ = there.Close()
	if err := ended(t, here); !errors.Is(err, io.EOF) {
		t.Errorf("after Close there: %v, want EOF", err)
	}
	if _, err := here.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write after Close there: %v", err)
	}
	_ = here.Close()
	if err := here.SetDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("deadline after Close: %v", err)
	}
	eventually(t, "nothing is open", func() (bool, any) {
		n := a.Status().Streams + b.Status().Streams
		return n == 0, n
	})
}

func TestACloseEndsAWaitingReadAndWrite(t *testing.T) {
	t.Parallel()
	address := redistest.Server(t).URL
	a, _ := control(t, address, ControlOptions{})
	b, _ := control(t, address, ControlOptions{})
	here, _ := dialTo(t, a, b)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := here.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read: %v", err)
		}
	})
	wg.Go(func() {
		if _, err := here.Write(make([]byte, 2*window)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write: %v", err)
		}
	})
	eventually(t, "the writer waits", func() (bool, any) {
		s := here.(*stream)
		s.link.mu.Lock()
		defer s.link.mu.Unlock()
		return s.room == 0, s.room
	})
	_ = here.Close()
	wg.Wait()
}

func TestAListenerThatClosedAcceptsNothing(t *testing.T) {
	t.Parallel()
	address := redistest.Server(t).URL
	a, _ := control(t, address, ControlOptions{})
	b, _ := control(t, address, ControlOptions{})
	here, there := dialTo(t, a, b)
	_ = b.Listen().Close()
	refused := open(t, a, b.Tag())
	_, _ = refused.Write([]byte("x"))
	if err := ended(t, refused); !errors.Is(err, engineio.ErrNoOwner) {
		t.Errorf("a new stream: %v, want that there is no owner", err)
	}
	_, _ = there.Write([]byte("old")) // goes on
	if got := read(t, here, 3); got != "old" {
		t.Errorf("got %q", got)
	}
	if _, err := b.Listen().Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
}

// Whatever is packed comes out for each stream in its order, and what is equal for many
// is written once.
func TestPackedFramesComeOutInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := map[uint32]string{}
		var p packer
		for range rapid.IntRange(0, 40).Draw(t, "frames") {
			id := rapid.Uint32Range(0, 3).Draw(t, "stream")
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				p.credit(id, 77)
				want[id] += "+"
			case 1:
				p.frame(frameFin, id)
				want[id] += "."
			default:
				b := rapid.SampledFrom([]string{"a", "b", "long"}).Draw(t, "bytes")
				p.bytes(id, []byte(b))
				want[id] += b
			}
		}
		got := map[uint32]string{}
		for rest := string(p.out); len(rest) > 0; {
			var f frame
			var err error
			if f, rest, err = nextFrame(rest); err != nil {
				t.Fatal(err)
			}
			switch f.kind {
			case frameCredit:
				if got[f.stream] += "+"; f.credit != 77 {
					t.Errorf("credit %d", f.credit)
				}
			case frameFin:
				got[f.stream] += "."
			case frameData:
				for i := range len(f.group) / 4 {
					got[f.member(i)] += f.data
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	var p packer
	for id := range uint32(maxGroup + 10) {
		p.bytes(id, make([]byte, 1000))
	}
	if want := 2*(1+4+1000+2) + 4*(maxGroup+10); len(p.out) != want {
		t.Errorf("a broadcast to %d streams takes %d bytes, want %d", maxGroup+10, len(p.out), want)
	}
}

// Nothing that arrives breaks a container: at worst the link ends.
func FuzzControlMessage(f *testing.F) {
	var p packer
	p.frame(frameOpen, 1)
	p.bytes(1, []byte("hello"))
	p.bytes(2, []byte("hello"))
	p.credit(1, 100)
	p.frame(frameFin, 1)
	p.frame(frameEnd, 1)
	for _, flags := range []byte{flagDialler, flagDialler | flagBusy, flagUnknown, 0} {
		f.Add(append(header{flags: flags, link: 5, number: 1, tag: "abcd"}.append(nil), p.out...))
	}
	f.Add([]byte{frameData, 255, 255, 255, 255, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := NewControl(nil, nil, ControlOptions{}, discard)
		var here *stream
		if conn, err := c.Dial(t.Context(), "AAAA"); err == nil {
			here = conn.(*stream)
			here.link.key.id = 5
			c.links = map[linkKey]*link{here.link.key: here.link}
		}
		for range 3 {
			c.onMessage("channel", string(raw))
		}
		for _, l := range c.all() {
			l.mu.Lock()
			for _, s := range l.streams {
				if s.unread > window || s.room > window {
					t.Errorf("%d bytes wait, %d may be sent", s.unread, s.room)
				}
			}
			l.mu.Unlock()
		}
		_ = c.incoming.Close()
	})
}

// What is sent again is dropped, and a hole ends the link.
func TestMessagesOfALinkAreCounted(t *testing.T) {
	t.Parallel()
	c := NewControl(nil, nil, ControlOptions{}, discard)
	send := func(number uint64, frames func(*packer)) {
		var p packer
		frames(&p)
		h := header{flags: flagDialler, link: 7, number: number, tag: "abcd"}
		c.onMessage("", string(append(h.append(nil), p.out...)))
	}
	for range 2 {
		send(1, func(p *packer) { p.frame(frameOpen, 1); p.bytes(1, []byte("one ")) })
	}
	for range 2 {
		send(2, func(p *packer) { p.bytes(1, []byte("two")) })
	}
	conn, err := c.Listen().Accept()
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, conn, 7); got != "one two" {
		t.Errorf("got %q", got)
	}
	if s := c.Status(); s.Streams != 1 {
		t.Errorf("%+v", s)
	}
	send(4, func(p *packer) { p.bytes(1, []byte("four")) })
	if err := ended(t, conn); !errors.Is(err, errLost) {
		t.Errorf("after a hole: %v, want errLost", err)
	}
	// The other one is told, now and whenever it goes on.
	send(5, func(p *packer) { p.bytes(1, []byte("five")) })
	if len(c.single) != 2 {
		t.Fatalf("%d answers", len(c.single))
	}
	for _, m := range c.single {
		if h, _, err := decodeHeader(string(m.payload)); err != nil || m.channel != c.channel("abcd") || h.link != 7 || h.flags != flagUnknown {
			t.Errorf("answer to %s: %+v, %v", m.channel, h, err)
		}
	}
	if c.Status() != (ControlStatus{Lost: 1}) {
		t.Errorf("%+v", c.Status())
	}
	_ = conn.Close()
}
