package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
)

// read handles packets until the connection ends.
func (c *Client) read() {
	defer close(c.done)
	defer c.conn.Close()
	var buffer bytes.Buffer // used again: most packets go to Raw, which keeps nothing
	for {
		_, r, err := c.conn.NextReader()
		if err == nil {
			buffer.Reset()
			_, err = io.Copy(&buffer, r)
		}
		if err == nil {
			err = c.handle(buffer.Bytes())
		}
		if err != nil {
			c.err = fmt.Errorf("%w: %w", ErrClosed, err)
			return
		}
	}
}

func (c *Client) handle(packet []byte) error {
	if len(packet) == 0 {
		return fmt.Errorf("empty packet")
	}
	switch packet[0] {
	case '4':
		return c.message(packet[1:])
	case '2':
		if err := c.conn.SetReadDeadline(time.Now().Add(c.idle)); err != nil {
			return err
		}
		return c.send([]byte("3"))
	case '1':
		return fmt.Errorf("the server closed")
	case '6':
		return nil
	default:
		return fmt.Errorf("unknown packet %.40q", packet)
	}
}

// message handles a Socket.IO packet of the default namespace.
func (c *Client) message(packet []byte) error {
	if len(packet) == 0 {
		return fmt.Errorf("empty message")
	}
	if packet[0] == '2' && c.opts.Raw != nil && c.opts.Raw(packet) {
		return nil
	}
	digits := 1
	for digits < len(packet) && packet[digits] >= '0' && packet[digits] <= '9' {
		digits++
	}
	body := bytes.Clone(packet[digits:])
	switch packet[0] {
	case '2':
		return c.event(body)
	case '3':
		id, err := strconv.ParseUint(string(packet[1:digits]), 10, 64)
		if err != nil {
			return fmt.Errorf("ack without id %.40q", packet)
		}
		c.mu.Lock()
		answer := c.acks[id]
		delete(c.acks, id)
		c.mu.Unlock()
		if answer != nil {
			answer(body)
		}
		return nil
	case '1':
		return fmt.Errorf("the server disconnected the client")
	default:
		return fmt.Errorf("unexpected message %.40q", packet)
	}
}

func (c *Client) event(body []byte) error {
	var all []json.RawMessage
	var name string
	if err := json.Unmarshal(body, &all); err != nil || len(all) == 0 || json.Unmarshal(all[0], &name) != nil {
		return fmt.Errorf("no event: %.40q", body)
	}
	if c.opts.Event == nil {
		return nil
	}
	// The array without its first element, as it was sent.
	rest := body[bytes.Index(body, all[0])+len(all[0]):]
	c.opts.Event(name, append([]byte("["), bytes.TrimLeft(rest, " \t\r\n,")...))
	return nil
}
