package lobby

import "github.com/vegascore/vegascore/services/realtime/engineio"

// address is where a client's traffic comes from, for the pace of its address; ""
// when that does not tell players apart.
func address(h *engineio.Handshake) string {
	if !h.Address.IsValid() {
		return ""
	}
	return h.Address.String()
}
