// Package client is a small Socket.IO 4 client for measuring: websocket only, texts
// only, one namespace, no reconnection.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// ErrClosed says that the connection has ended, by whichever side.
var ErrClosed = errors.New("the connection has ended")

// Options of a connection.
type Options struct {
	// Auth goes to the server with the connect packet; nil sends none.
	Auth any
	// Event is called for each event, one after another, from the goroutine that
	// reads; args is a JSON array and is not kept by the client. It may be nil.
	Event func(name string, args json.RawMessage)
	// Raw, if set, sees each event packet first ("2[...]"), and true keeps it from
	// Event. The bytes are good until it returns.
	Raw func(packet []byte) bool
}

// Client is one connection. Its methods may be called concurrently.
type Client struct {
	conn *websocket.Conn
	opts Options
	idle time.Duration // the longest silence of a server that lives

	write sync.Mutex // one writer at a time

	mu   sync.Mutex // guards what follows
	next uint64     // id of the next ack
	acks map[uint64]func(json.RawMessage)

	done chan struct{}
	err  error // set before done is closed
}

// Dial connects to the server at base (http or https) and returns once the namespace
// is joined. One goroutine reads until the connection ends: call Close.
func Dial(ctx context.Context, base string, opts Options) (*Client, error) {
	address, err := endpoint(base)
	if err != nil {
		return nil, err
	}
	dialer := websocket.Dialer{ReadBufferSize: 32 << 10, WriteBufferSize: 1 << 10, HandshakeTimeout: 10 * time.Second}
	conn, answer, err := dialer.DialContext(ctx, address, nil)
	if err != nil {
		if answer != nil {
			return nil, fmt.Errorf("connect to %s: %w: %s", base, err, answer.Status)
		}
		return nil, fmt.Errorf("connect to %s: %w", base, err)
	}
	c := &Client{conn: conn, opts: opts, acks: map[uint64]func(json.RawMessage){}, done: make(chan struct{})}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err = c.join()
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to %s: %w", base, err)
	}
	go c.read() // ends with the connection
	return c, nil
}

func endpoint(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", fmt.Errorf("read the address: %w", err)
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("read the address %q: want http or https", base)
	}
	u.Path, u.RawQuery = "/socket.io/", "EIO=4&transport=websocket"
	return u.String(), nil
}

// join speaks until the server has accepted the client.
func (c *Client) join() error {
	if err := c.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	open, err := c.expect('0')
	if err != nil {
		return err
	}
	var hello struct{ PingInterval, PingTimeout int64 }
	if err := json.Unmarshal(open, &hello); err != nil {
		return fmt.Errorf("read the handshake: %w", err)
	}
	c.idle = time.Duration(hello.PingInterval+hello.PingTimeout) * time.Millisecond
	packet := []byte("40")
	if c.opts.Auth != nil {
		auth, err := json.Marshal(c.opts.Auth)
		if err != nil {
			return fmt.Errorf("write auth: %w", err)
		}
		packet = append(packet, auth...)
	}
	if err := c.conn.WriteMessage(websocket.TextMessage, packet); err != nil {
		return err
	}
	answer, err := c.expect('4')
	if err != nil {
		return err
	}
	if answer[0] != '0' {
		return fmt.Errorf("the server refused: %s", answer[1:])
	}
	return c.conn.SetReadDeadline(time.Now().Add(c.idle))
}

// expect reads one packet of a kind, with at least one more byte, and returns that.
func (c *Client) expect(kind byte) ([]byte, error) {
	_, packet, err := c.conn.ReadMessage()
	if err != nil {
		return nil, err
	}
	if len(packet) < 2 || packet[0] != kind {
		return nil, fmt.Errorf("unexpected packet %.40q", packet)
	}
	return packet[1:], nil
}

// Send emits an event without an ack. Args are marshalled one by one.
func (c *Client) Send(event string, args ...any) error { return c.emit("42", event, args) }

// Ask emits an event and returns the answer, a JSON array.
func (c *Client) Ask(ctx context.Context, event string, args ...any) (json.RawMessage, error) {
	answer := make(chan json.RawMessage, 1)
	c.mu.Lock()
	id := c.next
	c.next++
	c.acks[id] = func(got json.RawMessage) { answer <- got }
	c.mu.Unlock()
	err := c.emit("42"+strconv.FormatUint(id, 10), event, args)
	if err == nil {
		select {
		case got := <-answer:
			return got, nil
		case <-c.done:
			err = c.err
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	c.mu.Lock()
	delete(c.acks, id)
	c.mu.Unlock()
	return nil, fmt.Errorf("ask %s: %w", event, err)
}

func (c *Client) emit(head, event string, args []any) error {
	body, err := json.Marshal(append([]any{event}, args...))
	if err != nil {
		return fmt.Errorf("emit %s: %w", event, err)
	}
	return c.send(append([]byte(head), body...))
}

func (c *Client) send(packet []byte) error {
	c.write.Lock()
	defer c.write.Unlock()
	if err := c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if err := c.conn.WriteMessage(websocket.TextMessage, packet); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// Done is closed when the connection has ended; Err then says why.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err is why the connection ended. Call it after Done.
func (c *Client) Err() error { return c.err }

// Close ends the connection and waits for the reader.
func (c *Client) Close() {
	_ = c.send([]byte("41")) // a courtesy: the end follows in any case
	c.conn.Close()
	<-c.done
}
