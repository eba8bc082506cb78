package stack

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// actionsAudience is what the tokens of our own services' calls to actions are for.
const actionsAudience = "https://actions.vegascore.local"

// serveMetadata runs Google's metadata server, as far as it gives identity tokens, until
// the stack ends: services of the stack prove to each other who they are as they do on
// Cloud Run.
func (s *Stack) serveMetadata() error {
	port, err := s.state.port("metadata")
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return fmt.Errorf("serve identity tokens: %w", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(s.metadata), ReadHeaderTimeout: 5 * time.Second}
	s.background.Go(func() { // ends with server.Close
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.screen.say("the server of identity tokens ended: %v", err)
		}
	})
	s.closers = append(s.closers, server.Close)
	s.vars.metadata = l.Addr().String()
	return nil
}

func (s *Stack) metadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Metadata-Flavor", "Google")
	audience := r.URL.Query().Get("audience")
	switch {
	case r.Header.Get("Metadata-Flavor") != "Google":
		w.WriteHeader(http.StatusForbidden)
	case strings.HasSuffix(r.URL.Path, "/identity") && audience != "":
		token, err := s.signer.Token(audience)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, token) // the caller has gone
	case strings.HasSuffix(r.URL.Path, "/project/project-id"):
		_, _ = io.WriteString(w, project)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}
