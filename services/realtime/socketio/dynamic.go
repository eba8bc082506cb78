package socketio

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"sync"
)

// Dynamic is the setup of namespaces that exist while somebody is in them: each is
// created when the first client asks for it, and closed when the last one has left. Its
// methods may be called concurrently.
type Dynamic struct {
	server *Server
	match  func(name string) bool

	setup      sync.Mutex
	middleware []func(*Socket) error
	onConnect  []func(*Socket)
}

// OfMatch has a namespace made for every name that match accepts and that Of has not
// made. Names begin with "/". match is called for each unknown name that a client asks
// for, so it must be quick; the first Dynamic that accepts a name gets it. Set it up
// before the first client arrives.
func (srv *Server) OfMatch(match func(name string) bool) *Dynamic {
	d := &Dynamic{server: srv, match: match}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.dynamic = append(srv.dynamic, d)
	return d
}

// OfRegexp is OfMatch with an expression that a whole name has to match.
func (srv *Server) OfRegexp(re *regexp.Regexp) *Dynamic {
	whole := regexp.MustCompile(`\A(?:` + re.String() + `)\z`)
	return srv.OfMatch(whole.MatchString)
}

// Use is Namespace.Use for all of them.
func (d *Dynamic) Use(fn func(*Socket) error) {
	d.setup.Lock()
	defer d.setup.Unlock()
	d.middleware = append(slices.Clip(d.middleware), fn)
}

// OnConnect is Namespace.OnConnect for all of them.
func (d *Dynamic) OnConnect(fn func(*Socket)) {
	d.setup.Lock()
	defer d.setup.Unlock()
	d.onConnect = append(slices.Clip(d.onConnect), fn)
}

// Namespaces are those that exist on this server now.
func (d *Dynamic) Namespaces() []*Namespace {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	var all []*Namespace
	for _, ns := range d.server.namespaces {
		if ns.dynamic == d && ns.gone == nil {
			all = append(all, ns)
		}
	}
	return all
}

// Emit sends an event to the sockets of all namespaces that exist on this server, on
// all servers on which these are open.
func (d *Dynamic) Emit(event string, args ...any) error {
	var errs []error
	for _, ns := range d.Namespaces() {
		errs = append(errs, ns.Emit(event, args...))
	}
	return errors.Join(errs...)
}

var errTooMany = &ConnectError{Message: "Too many namespaces"}

// acquire returns the namespace that a client asks for, making it if it is one that may
// be made, and keeps it until release. While a namespace of that name is being closed it
// waits for the end of that, which Bus.Close bounds.
func (srv *Server) acquire(name string) (*Namespace, *ConnectError) {
	for {
		ns, gone, refusal := srv.reserve(name)
		if gone == nil {
			return ns, refusal
		}
		<-gone
	}
}

func (srv *Server) reserve(name string) (_ *Namespace, gone <-chan struct{}, _ *ConnectError) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	ns := srv.namespaces[name]
	if ns == nil {
		at := slices.IndexFunc(srv.dynamic, func(d *Dynamic) bool { return d.match(name) })
		if at < 0 || srv.ending {
			return nil, nil, errInvalidNamespace
		}
		if srv.children >= srv.maxDynamic {
			return nil, nil, errTooMany
		}
		srv.children++
		ns = newNamespace(srv, name)
		ns.dynamic = srv.dynamic[at]
		srv.namespaces[name] = ns
	}
	if ns.gone != nil {
		return nil, ns.gone, nil
	}
	ns.users++
	return ns, nil, nil
}

// release is called when a socket has nothing to do any more. The last one of a dynamic
// namespace closes it.
func (srv *Server) release(ns *Namespace) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if ns.users--; ns.users > 0 || ns.dynamic == nil || srv.ending {
		return
	}
	ns.gone = make(chan struct{})
	srv.retiring.Go(func() { srv.retire(ns) }) // Bus.Close bounds it
}

// retire closes a dynamic namespace that nobody is in.
func (srv *Server) retire(ns *Namespace) {
	ns.close()
	if err := ns.bus.Close(); err != nil {
		srv.logger.Warn("namespace closed", "namespace", ns.name, "error", err)
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	delete(srv.namespaces, ns.name)
	srv.children--
	close(ns.gone)
}

// retired waits until no namespace is being closed, and keeps further ones open.
func (srv *Server) retired(ctx context.Context) error {
	srv.mu.Lock()
	srv.ending = true
	srv.mu.Unlock()
	done := make(chan struct{})
	go func() { // ends with the namespaces, whose Bus.Close is bounded
		srv.retiring.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
