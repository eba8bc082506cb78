package broadcast

import "fmt"

// Adapter is the adapter of @socket.io/redis-adapter whose wire a cluster speaks. All of
// its servers, and all who emit to them, have to use the same. It is read from text.
type Adapter string

// The adapters. Those other than Classic are the sharded one, which needs Redis 7, by
// their subscriptionMode.
const (
	Classic        Adapter = "classic"
	Static         Adapter = "static"
	Dynamic        Adapter = "dynamic"
	DynamicPrivate Adapter = "dynamic-private"
)

// Sharded says whether messages are published with SPUBLISH.
func (a Adapter) Sharded() bool { return a != Classic && a != "" }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Adapter) UnmarshalText(text []byte) error {
	switch name := Adapter(text); name {
	case Classic, Static, Dynamic, DynamicPrivate:
		*a = name
		return nil
	}
	return fmt.Errorf("adapter %q: must be classic, static, dynamic or dynamic-private", text)
}
