package localpg

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vegascore/vegascore/shared/child"
)

// prepare makes the folder, the password and, when fresh, the cluster.
func (s *Server) prepare(ctx context.Context, fresh bool) error {
	if err := os.MkdirAll(s.opts.Dir, 0o700); err != nil {
		return fmt.Errorf("make the cluster's folder: %w", err)
	}
	file := filepath.Join(s.opts.Dir, "password")
	if fresh {
		if err := os.WriteFile(file, []byte(rand.Text()), 0o600); err != nil {
			return fmt.Errorf("write the cluster's password: %w", err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the cluster's password: %w", err)
	}
	s.password = strings.TrimSpace(string(b))
	if err := s.identity.own(s.opts.Dir); err != nil {
		return err
	}
	if !fresh {
		return nil
	}
	s.created = true
	return s.initdb(ctx, file)
}

// initdb works in a folder of another name and renames it, so that an interrupted
// one is never taken for a cluster.
func (s *Server) initdb(ctx context.Context, passwordFile string) error {
	unfinished := s.data() + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	auth := "scram-sha-256"
	if s.opts.Trust {
		auth = "trust"
	}
	args := []string{"-D", unfinished, "-U", Superuser, "-E", "UTF8", "--locale=C", "--auth=" + auth, "--pwfile=" + passwordFile, "--no-instructions"}
	if s.opts.NoSync {
		args = append(args, "--no-sync")
	}
	cmd := s.command("initdb", args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("make the cluster: %w: %s", errors.Join(err, context.Cause(ctx)), bytes.TrimSpace(said.Bytes()))
	}
	if err := os.Rename(unfinished, s.data()); err != nil {
		return fmt.Errorf("make the cluster: %w", err)
	}
	return nil
}

// flags are the server's settings. They are given on the command line on every
// start, so that a cluster made by an older version of this code follows.
func (s *Server) flags() []string {
	settings := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"port":                    strconv.Itoa(s.port),
		"unix_socket_directories": "",
		"max_connections":         "200",
		"shared_buffers":          "32MB",
		"min_wal_size":            "32MB",
		"max_wal_size":            "512MB",
		"wal_level":               "minimal",
		"max_wal_senders":         "0",
		"jit":                     "off",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"logging_collector":       "off",
	}
	if s.opts.NoSync {
		settings["fsync"] = "off"
		settings["full_page_writes"] = "off"
	}
	maps.Copy(settings, s.opts.Settings)
	flags := make([]string, 0, 2*len(settings))
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		flags = append(flags, "-c", name+"="+settings[name])
	}
	return flags
}

// choosePort keeps the port of the last start where possible, so that addresses
// that somebody wrote down stay good.
func (s *Server) choosePort() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.port != 0 {
		return nil
	}
	file := filepath.Join(s.opts.Dir, "port")
	if b, err := os.ReadFile(file); err == nil {
		if port, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && child.Free(port) {
			s.port = port
			return nil
		}
	}
	port, err := child.Port()
	if err != nil {
		return err
	}
	s.port = port
	if err := os.WriteFile(file, []byte(strconv.Itoa(s.port)), 0o600); err != nil {
		return fmt.Errorf("write down the port: %w", err)
	}
	return nil
}
