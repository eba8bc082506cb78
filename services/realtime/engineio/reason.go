package engineio

import "github.com/gorilla/websocket"

// Reason says why a session ended. The texts are those that Socket.IO clients
// and servers know.
type Reason string

// The reasons a Handler may see. The last three are set by the server's own
// callers through Session.Close and Server.Shutdown.
const (
	TransportClose     Reason = "transport close"      // the connection ended, or the client closed it
	TransportError     Reason = "transport error"      // the client broke the transport's rules, or read too slowly
	PingTimeout        Reason = "ping timeout"         // no pong within PingTimeout
	ParseError         Reason = "parse error"          // a message that is no packet
	ForcedClose        Reason = "forced close"         // closed by the layer above
	ForcedServerClose  Reason = "forced server close"  // closed by the layer above, on its own account
	ServerShuttingDown Reason = "server shutting down" // the server drains
)

// closeCode is the websocket close code (RFC 6455, 7.4.1) sent for a reason.
func (r Reason) closeCode() int {
	switch r {
	case ServerShuttingDown:
		return websocket.CloseGoingAway
	case PingTimeout, ParseError, TransportError:
		return websocket.ClosePolicyViolation
	default:
		return websocket.CloseNormalClosure
	}
}
