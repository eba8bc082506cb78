package web_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// framed serves a handler that reads every body, and counts its calls.
func framed(t *testing.T) (*running, *atomic.Int32) {
	calls := new(atomic.Int32)
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = w.Write(body)
	}), nil), calls
}

func TestConflictingLengthsAreRefused(t *testing.T) { // row 70
	t.Parallel()
	r, calls := framed(t)
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, head := range map[string]string{
		"length and chunked":          "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"chunked and length":          "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
		"in other letters":            "cOnTeNt-LeNgTh: 5\r\ntRANSFER-eNCODING: Chunked\r\n",
		"with other headers between":  "Content-Length: 5\r\nX: " + strings.Repeat("y", 5000) + "\r\nTransfer-Encoding: chunked\r\n",
		"coding on a folded line":     "Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n",
		"length on a folded line":     "Transfer-Encoding: chunked\r\nContent-Length:\r\n 5\r\n",
		"length after much space":     "Content-Length:" + strings.Repeat(" ", 100) + "5\r\nTransfer-Encoding: chunked\r\n",
		"much space cuts the length":  "Content-Length:" + strings.Repeat(" ", 48) + "55\r\n",
		"much space, length alone":    "Content-Length:" + strings.Repeat(" ", 100) + "5\r\n",
		"HTTP/1.1 lines with LF only": "Content-Length: 5\nTransfer-Encoding: chunked\n",
		"two lengths":                 "Content-Length: 5\r\nContent-Length: 6\r\n",
		"a list of lengths":           "Content-Length: 5, 6\r\n",
		"length with a sign":          "Content-Length: +5\r\n",
		"negative length":             "Content-Length: -1\r\n",
		"unknown coding":              "Transfer-Encoding: xchunked\r\n",
		"coding twice":                "Transfer-Encoding: chunked, chunked\r\n",
		"space before the colon":      "Transfer-Encoding : chunked\r\n",
	} {
		for _, before := range []string{"", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\n\r\nTransfer-Encoding: chunked"} {
			c := dial(t, r.addr)
			if before != "" {
				c.send(t, before)
				if resp, body := c.answer(t); resp.StatusCode != http.StatusOK || !strings.HasPrefix(body, "Transfer") {
					t.Fatalf("%s: a good request before: %d %q", name, resp.StatusCode, body)
				}
			}
			start := calls.Load()
			c.send(t, "POST / HTTP/1.1\r\nHost: x\r\n"+head+"\r\n0\r\n\r\n"+smuggled)
			resp, body := c.answer(t)
			if resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusNotImplemented {
				t.Errorf("%s: %d %s, want 400 or 501", name, resp.StatusCode, body)
			}
			if rest, _ := io.ReadAll(c.Reader); len(rest) > 0 {
				t.Errorf("%s: what follows was taken for a request: %.60q", name, rest)
			}
			if n := calls.Load() - start; n != 0 {
				t.Errorf("%s: %d calls of the handler", name, n)
			}
		}
	}
}

func TestHonestRequestsPassTheGuard(t *testing.T) {
	t.Parallel()
	r, _ := framed(t)
	for name, requests := range map[string][]string{
		"headers named in bodies": {
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 52\r\n\r\nx\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
		},
		"headers named in values":    {"POST / HTTP/1.1\r\nHost: x\r\nX: Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello"},
		"the same length twice":      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
		"no body between two bodies": {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"},
		"large body":                 {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" + strings.Repeat("Transfer-Encoding: x\r\n\r\n\r\n\r\n", 2500), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
	} {
		c := dial(t, r.addr)
		for i, request := range requests {
			c.send(t, request)
			if resp, body := c.answer(t); resp.StatusCode != http.StatusOK || resp.Close {
				t.Errorf("%s, request %d: %d, close %t, %.60q", name, i, resp.StatusCode, resp.Close, body)
			}
		}
	}
}

func TestTheGuardReadsByteByByte(t *testing.T) {
	t.Parallel()
	r, _ := framed(t)
	for request, want := range map[string]int{
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello":                          200,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n": 400, // answered at the end of the header
	} {
		c := dial(t, r.addr)
		for i := range len(request) {
			c.send(t, request[i:i+1])
		}
		if resp, _ := c.answer(t); resp.StatusCode != want {
			t.Errorf("%q: %d, want %d", request, resp.StatusCode, want)
		}
	}
}

func TestChunkedBodiesEndTheirConnection(t *testing.T) {
	t.Parallel()
	r, _ := framed(t)
	c := dial(t, r.addr)
	c.send(t, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	if resp, body := c.answer(t); resp.StatusCode != http.StatusOK || body != "hello" || !resp.Close {
		t.Errorf("%d %q, close %t; want the answer and a close", resp.StatusCode, body, resp.Close)
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(c.Reader); err != nil || len(rest) > 0 {
		t.Errorf("after it: %q, %v; want the end", rest, err)
	}
}
