package web_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vegascore/vegascore/shared/web"
)

func TestABodyThatDoesNotComeIsCut(t *testing.T) { // row 71
	t.Parallel()
	for name, h := range map[string]http.Handler{
		"that is read": web.Handle(func(w http.ResponseWriter, r *http.Request) error {
			var b bet
			return web.Decode(w, r, &b)
		}),
		"that is left over": web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
			return web.WriteJSON(w, http.StatusOK, 1)
		}),
	} {
		s := httptest.NewServer(web.Chain(h, web.Body(50*time.Millisecond)))
		c := dial(t, s.Listener.Addr().String())
		c.send(t, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
		if _, err := io.ReadAll(c.Reader); err != nil {
			t.Errorf("a body %s: not cut: %v", name, err)
		}
		s.Close()
	}
}

func TestAReadBodyLeavesTheRequestItsTime(t *testing.T) {
	t.Parallel()
	const limit = 50 * time.Millisecond
	cut := make(chan error, 1)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		select { // the database is slow
		case <-r.Context().Done():
			cut <- errors.New("the body's limit ended the request")
		case <-time.After(4 * limit):
			cut <- nil
		}
		_, _ = io.WriteString(w, "answer")
	})
	s := httptest.NewServer(web.Chain(h, web.Body(limit)))
	defer s.Close()
	c := dial(t, s.Listener.Addr().String())
	for range 2 { // the connection is good for another
		c.send(t, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
		if err := <-cut; err != nil {
			t.Error(err)
		}
		if _, body := c.answer(t); body != "answer" {
			t.Errorf("got %q", body)
		}
	}
}

func TestALongPollIsNotCut(t *testing.T) {
	t.Parallel()
	const limit = 20 * time.Millisecond
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			t.Error("a request without a body was cut")
		case <-time.After(5 * limit):
		}
	})
	s := httptest.NewServer(web.Chain(h, web.Body(limit)))
	defer s.Close()
	c := dial(t, s.Listener.Addr().String())
	c.send(t, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp, _ := c.answer(t); resp.StatusCode != http.StatusOK {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestUnreadBodiesDoNotReachTheNextRequest(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(web.Stack(web.Options{Logger: quiet}, routes()))
	defer s.Close()
	c := dial(t, s.Listener.Addr().String())
	c.send(t, "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nGET /panic HTTP/1.1\r\nHost: x\r\n")
	if resp, _ := c.answer(t); resp.StatusCode != http.StatusNotFound {
		t.Errorf("first: %d", resp.StatusCode)
	}
	c.send(t, "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp, body := c.answer(t); resp.StatusCode != http.StatusOK || !strings.Contains(body, "balance") {
		t.Errorf("second: %d %s", resp.StatusCode, body)
	}
}
